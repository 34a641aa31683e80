"""Templates: roles and grants with slots, filled in as a form is; and those that come with us.

Rules:

1. A slot, ``{project}``, is a whole segment of a pattern or a whole field. What it is filled with
   is quoted there: it can be no wildcard, and no second segment.
2. Each slot has a kind, and a place takes some kinds only:

   =========== ======================== =================================================
   kind        filled with              where it stands
   =========== ======================== =================================================
   ``name``    any text                 a segment of a resource or a scope
   ``subject`` a subject, or a group    a segment, and who a grant is for
   ``role``    the name of a role       the role of a grant, and what a role inherits
   ``time``    Unix seconds             it is called ``not_before`` or ``not_after``, and is
                                        that of all grants of the template
   =========== ======================== =================================================

3. All slots are filled, each with its kind, and no others.
4. What comes of it is named by the template and by what it was filled with:
   ``viewer(project=acme, who=user:ada)/grant``. So filling it in again, after the template was
   edited or until a later time, finds what it made the first time, and nothing else. A role
   without slots keeps its own name, since it is the same however the template is filled.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import TypeAlias

import msgspec

from ..errors import InvalidPolicy
from .facts import place_of
from .paths import pattern, quote
from .rules import Fact, Grant, Permission, Role, Slot, Template

__all__ = ["ROLES", "TEMPLATES", "check_template", "fill", "made_by", "prefix_of"]

Filling: TypeAlias = Mapping[str, str | float]
"""What slots are filled with, by their names."""

# As long as a subject may be in a token, and a name in a pattern.
_MAX_CHARACTERS = 255

_TIMES = ("not_before", "not_after")

_DOCUMENTS = "/projects/*/sessions/*/docs"
_OPERATIONS = "/projects/*/sessions/*/ops"
_TALK = f"{_DOCUMENTS}/_talk/**"


def _may(action: str, *resources: str, conditions: tuple[str, ...] = ()) -> tuple[Permission, ...]:
    return tuple(
        msgspec.convert({"resource": each, "action": action, "conditions": conditions}, Permission)
        for each in resources
    )


def _execute(*operations: str) -> tuple[Permission, ...]:
    return _may("execute", *(f"{_OPERATIONS}/{name}" for name in operations))


ROLES: Mapping[str, Role] = {
    role.name: role
    for role in (
        Role(
            "owner",
            tuple(
                permission
                for action in ("read", "write", "execute", "delete", "admin")
                for permission in _may(action, "/**")
            ),
        ),
        Role(
            "editor",
            (
                *_may("write", f"{_DOCUMENTS}/**"),
                *_may("delete", f"{_DOCUMENTS}/**"),
                *_execute("checkpoint", "version", "restore", "revert"),
            ),
            inherits=("viewer",),
        ),
        Role(
            "commenter",
            (*_may("write", _TALK), *_may("delete", _TALK, conditions=("change.own",))),
            inherits=("viewer",),
        ),
        Role("viewer", _may("read", "/**")),
        Role("guest", _may("read", f"{_DOCUMENTS}/main/**")),
        Role(
            "presenter",
            (
                *_may("write", f"{_DOCUMENTS}/**"),
                *_may("delete", f"{_DOCUMENTS}/**", conditions=("change.own",)),
                *_execute("checkpoint", "version"),
            ),
            inherits=("viewer",),
        ),
        Role("reviewer", _execute("resolve-conflict"), inherits=("commenter",)),
        Role(
            "bot",
            (*_may("write", f"{_DOCUMENTS}/**"), *_execute("*")),
            inherits=("viewer",),
        ),
        Role("temporary-support", _execute("checkpoint", "version"), inherits=("viewer",)),
    )
}
"""The roles that come with collabkit, by name. They name no project: grants say where."""

ABOUT: Mapping[str, str] = {
    "owner": "may do everything, and say who else may",
    "editor": "reads, writes and deletes in documents; saves versions and goes back to them",
    "commenter": "reads all, and writes in the document `_talk` alone; deletes what is his own",
    "viewer": "reads all",
    "guest": "reads the main document of a session, whoever he is: for links that are passed on",
    "presenter": "reads and writes, deletes what is his own, and saves versions",
    "reviewer": "a commenter who may resolve conflicts",
    "bot": "reads, writes and runs operations, and deletes nothing",
    "temporary-support": "reads all and saves versions, until a moment that has to be said",
}
"""What each role, and the template of its name, is for."""

_WHERE: Mapping[str, str] = {
    "session": "/projects/{project}/sessions/{session}",
    "project": "/projects/{project}",
}


def _of(role: str, where: str, slots: dict[str, Slot], *, subject: str = "{who}") -> Template:
    roles, wanted = [], [role]
    while wanted:
        roles.append(ROLES[wanted.pop()])
        wanted.extend(roles[-1].inherits)
    places: dict[str, Slot] = {"project": "name"}
    if where == "session":
        places["session"] = "name"
    grant = Grant("grant", subject, role=role, scope=_WHERE[where], reason=ABOUT[role])
    return Template(role, {**places, **slots}, tuple(roles), (grant,))


TEMPLATES: Mapping[str, Template] = {
    template.name: template
    for template in (
        _of("owner", "project", {"who": "subject"}),
        _of("editor", "project", {"who": "subject"}),
        _of("commenter", "project", {"who": "subject"}),
        _of("viewer", "project", {"who": "subject"}),
        _of("guest", "session", {}, subject="anyone"),
        _of("presenter", "session", {"who": "subject"}),
        _of("reviewer", "project", {"who": "subject"}),
        _of("bot", "project", {"who": "subject"}),
        _of("temporary-support", "project", {"who": "subject", "not_after": "time"}),
    )
}
"""The templates that come with collabkit, by name: each gives a role to somebody, somewhere."""


def check_template(template: Template) -> None:
    """See that a template can be filled in.

    Raises:
        InvalidPolicy: A slot of it is not declared, stands where it cannot, or nowhere.
    """
    used = set()
    itself = place_of("template", template.name)
    for text, kinds, place in _places(template, itself):
        name = _slot(text)
        if name is None:
            if "{" in text or "}" in text:
                why = f"{text!r}: a slot is a whole segment, or a whole field"
                raise InvalidPolicy(place, why)
            continue
        kind = template.slots.get(name)
        if kind is None:
            raise InvalidPolicy(place, f"there is no slot {name!r}")
        if kind not in kinds:
            why = f"the slot {name!r} is a {kind}, and here stands a {' or a '.join(kinds)}"
            raise InvalidPolicy(place, why)
        used.add(name)
    for name, kind in template.slots.items():
        where = f'{itself}, slot "{name}"'
        if kind == "time" and name not in _TIMES:
            raise InvalidPolicy(where, f"it is a time, and so is called {' or '.join(_TIMES)}")
        if kind != "time" and name not in used:
            raise InvalidPolicy(where, "it stands nowhere")


def _places(template: Template, itself: str) -> Iterator[tuple[str, tuple[Slot, ...], str]]:
    """Where slots may stand: what stands there, the kinds that may, and how the place is called."""
    for role in template.roles:
        place = f"{itself}, {place_of('role', role.name)}"
        for number, permission in enumerate(role.permissions, 1):
            yield from _segments(permission.resource, f"{place}, permission {number}, resource")
        for name in role.inherits:
            yield name, ("role",), f"{place}, inherits"
    for grant in template.grants:
        place = f"{itself}, {place_of('grant', grant.id)}"
        yield from _segments(grant.scope, f"{place}, scope")
        yield grant.subject, ("subject",), f"{place}, subject"
        if grant.role is not None:
            yield grant.role, ("role",), f"{place}, role"
        if grant.permission is not None:
            yield from _segments(grant.permission.resource, f"{place}, permission, resource")


def _segments(text: str, place: str) -> Iterator[tuple[str, tuple[Slot, ...], str]]:
    segments = text.split("/")
    for segment in segments:
        yield segment, ("name", "subject"), place
    try:
        pattern("/".join("slot" if _slot(segment) else segment for segment in segments))
    except InvalidPolicy as error:
        raise InvalidPolicy(place, f"{error.where}: {error.reason}") from None


def fill(template: Template, /, **slots: str | float) -> tuple[Fact, ...]:
    """Fill in a template.

    Args:
        template: One of :data:`TEMPLATES`, or another.
        slots: What to fill each of its slots with.

    Returns:
        Roles and grants, ready to be put into a policy.

    Raises:
        InvalidPolicy: A slot is missing, is filled with what it does not take, or is not there.

    >>> role, grant = fill(TEMPLATES["viewer"], project="acme", who="user:ada")
    >>> role.name, grant.subject, grant.scope
    ('viewer', 'user:ada', '/projects/acme')
    >>> grant.id
    'viewer(project=acme, who=user:ada)/grant'
    >>> fill(TEMPLATES["viewer"], project="acme/../*", who="user:ada")[-1].scope
    '/projects/acme%2F..%2F%2A'
    """
    check_template(template)
    _see_filling(template, slots)
    form = _Form(template, slots)
    return (*map(form.role, template.roles), *map(form.grant, template.grants))


def prefix_of(template: Template, /, **slots: str | float) -> str:
    """What the names of all begin with that comes of a template filled in so."""
    filling = ", ".join(
        f"{name}={_quoted(str(slots[name]))}" for name in sorted(slots) if name not in _TIMES
    )
    return f"{_quoted(template.name)}({filling})/"


def _quoted(text: str) -> str:
    # So that no name of one filling begins as those of another do.
    return quote(text).replace(",", "%2C").replace("(", "%28")


def made_by(
    facts: Iterable[Fact], template: Template, /, **slots: str | float
) -> tuple[Role | Grant, ...]:
    """What was made by filling in a template so, at whatever time, as far as it is still there.

    Those of them that :func:`fill` does not give any more are to be dropped.
    """
    prefix = prefix_of(template, **slots)
    return tuple(
        fact
        for fact in facts
        if (isinstance(fact, Role) and fact.name.startswith(prefix))
        or (isinstance(fact, Grant) and fact.id.startswith(prefix))
    )


def _slot(text: str) -> str | None:
    """The slot that a segment or a field is, if it is one."""
    inner = text[1:-1]
    braced = text[:1] == "{" and text[-1:] == "}"
    return inner if braced and inner.isidentifier() else None


def _see_filling(template: Template, slots: Filling) -> None:
    where = place_of("template", template.name)
    for name in slots:
        if name not in template.slots:
            known = ", ".join(template.slots) or "none"
            raise InvalidPolicy(where, f"it has no slot {name!r}; its slots: {known}")
    for name, kind in template.slots.items():
        if name not in slots:
            raise InvalidPolicy(where, f"the slot {name!r} is not filled; it is a {kind}")
        reason = _unfit(slots[name], kind)
        if reason:
            raise InvalidPolicy(f"{where}, slot {name!r}", reason)


def _unfit(value: str | float, kind: Slot) -> str:
    if kind == "time":
        if isinstance(value, bool | str) or not math.isfinite(value):
            return "it is a time in Unix seconds"
    elif not isinstance(value, str):
        return f"it is a {kind}, and so a text"
    elif not value or len(value) > _MAX_CHARACTERS or not value.isprintable():
        return f"it has 1 to {_MAX_CHARACTERS} characters that can be printed"
    return ""


class _Form:
    """A template and what its slots are filled with."""

    def __init__(self, template: Template, slots: Filling) -> None:
        self._slots = slots
        self._prefix = prefix_of(template, **slots)
        self._renamed = {
            role.name: self._prefix + role.name for role in template.roles if _has_slots(role)
        }

    def role(self, role: Role) -> Role:
        return Role(
            self._renamed.get(role.name, role.name),
            tuple(map(self._permission, role.permissions)),
            tuple(map(self._role_name, role.inherits)),
        )

    def grant(self, grant: Grant) -> Grant:
        changes: dict[str, object] = {
            name: float(self._slots[name]) for name in _TIMES if name in self._slots
        }
        return msgspec.structs.replace(
            grant,
            id=self._prefix + grant.id,
            subject=self._field(grant.subject),
            role=None if grant.role is None else self._role_name(grant.role),
            permission=grant.permission and self._permission(grant.permission),
            scope=self._pattern(grant.scope),
            **changes,
        )

    def _permission(self, permission: Permission) -> Permission:
        return msgspec.structs.replace(permission, resource=self._pattern(permission.resource))

    def _role_name(self, name: str) -> str:
        return self._renamed.get(name) or self._field(name)

    def _field(self, text: str) -> str:
        name = _slot(text)
        return text if name is None else str(self._slots[name])

    def _pattern(self, text: str) -> str:
        segments = text.split("/")
        return "/".join(quote(self._field(each)) if _slot(each) else each for each in segments)


def _has_slots(role: Role) -> bool:
    """Whether what comes of a role depends on what it is filled with."""
    patterns = (permission.resource for permission in role.permissions)
    segments = (segment for text in patterns for segment in text.split("/"))
    return any(_slot(text) for text in (*segments, *role.inherits))
