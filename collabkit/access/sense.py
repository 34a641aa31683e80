"""Whether facts make sense: each alone, and all together. What does not is refused whole.

========== ===========================================================================
of         is refused
========== ===========================================================================
any        a name that is empty, longer than 255 characters, or cannot be printed
Role       a permission that is none, see :mod:`.clauses`; inheriting what is not there, itself
           by whatever way, or more than 64 roles in a row
Grant      a role that is not there; none or both of role and permission; a scope that is no
           pattern; times that are none or leave no time; uses below 0; a wildcard as the subject,
           or one who proved nothing, since only :data:`~.rules.ANYONE` is for them; a denial of
           reading within a scope that is inside documents
Membership a group with a space in its name, or that is in itself, or more than 64 in a row;
           whoever proved nothing; :data:`~.rules.ANYONE`
Confines   what is not the path of a session; a permission that is none; numbers below 1
Template   a slot that is not declared, or stands where it cannot; a pattern that is none
========== ===========================================================================

What comes of a template is looked at when it was filled in.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from ..errors import InvalidPolicy
from ..ids import is_anonymous
from .clauses import Reader, read_pattern, refuse_inside, scope_of
from .facts import Facts, Touched, place_of
from .graph import Follow, reached, winding
from .paths import ELEMENT, parse
from .rules import ANYONE, Confines, Fact, Grant, Membership, Role, Template
from .templates import check_template

__all__ = ["MAX_CHAIN", "check"]

# Of roles that inherit, and of groups in groups. Organisations have some ten levels.
MAX_CHAIN = 64

# As of a token's subject: names stand in every row of the log and in log lines.
MAX_NAME_CHARACTERS = 255

# The pattern of all that is in a document has so many segments.
_DOCUMENT = 7

_JOINS = ("open", "invited", "closed")


def check(facts: Facts, touched: Touched, reader: Reader) -> None:
    """See that facts make sense where changes were made.

    Raises:
        InvalidPolicy: They do not; it names the fact and the part of it.
    """
    for (kind, key), fact in touched.put.items():
        where = place_of(kind, key)
        for name in key.split(" ", 1) if kind == "membership" else (key,):
            _name(name, where)
        _alone(fact, where, reader)
    if touched.roles:
        _roles(facts)
        _grants(facts, facts.grants.values())
    else:
        _grants(facts, (fact for fact in touched.put.values() if isinstance(fact, Grant)))
    if touched.members:
        _groups(facts)


def _name(name: str, where: str) -> None:
    if not name:
        raise InvalidPolicy(where, "it has no name")
    if len(name) > MAX_NAME_CHARACTERS:
        raise InvalidPolicy(where, f"its name is longer than {MAX_NAME_CHARACTERS} characters")
    if not name.isprintable():
        raise InvalidPolicy(where, f"{name!r} cannot be printed")


def _alone(fact: Fact, where: str, reader: Reader) -> None:
    match fact:
        case Role(name, permissions):
            reader.read_all(permissions, where=where, role=name)
        case Grant():
            _grant(fact, where, reader)
        case Membership():
            _membership(fact, where)
        case Confines():
            _confines(fact, where, reader)
        case Template():
            check_template(fact)


def _grant(grant: Grant, where: str, reader: Reader) -> None:
    _name(grant.subject, f"{where}, subject")
    if "*" in grant.subject:
        raise InvalidPolicy(f"{where}, subject", f"it has no wildcards; everybody is {ANYONE!r}")
    if is_anonymous(grant.subject):
        raise InvalidPolicy(f"{where}, subject", _UNPROVEN)
    scope = read_pattern(grant.scope, where=f"{where}, scope")
    if (grant.role is None) == (grant.permission is None):
        raise InvalidPolicy(where, "it is of a role or of a permission, and of one of them")
    if grant.permission is not None:
        clause = reader.read(grant.permission, where=f"{where}, permission")
        if clause.permission.action == "read":
            refuse_inside(scope, where=f"{where}, scope")
    if grant.not_before is not None or grant.not_after is not None:
        _window(grant, where)
    if grant.uses is not None and grant.uses < 0:
        raise InvalidPolicy(f"{where}, uses", "there cannot be fewer than none")


_UNPROVEN = f"who proved nothing has what {ANYONE!r} has, and nothing else"


def _window(grant: Grant, where: str) -> None:
    for name, time in (("not_before", grant.not_before), ("not_after", grant.not_after)):
        if time is not None and not math.isfinite(time):
            raise InvalidPolicy(f"{where}, {name}", f"{time} is no time")
    if None not in (grant.not_before, grant.not_after) and not (
        grant.not_before < grant.not_after  # type: ignore[operator]
    ):
        raise InvalidPolicy(where, "not_before comes before not_after, or it never holds")


def _membership(membership: Membership, where: str) -> None:
    if any(letter.isspace() for letter in membership.group):
        raise InvalidPolicy(where, "the name of a group has no space")
    if ANYONE in (membership.group, membership.member):
        raise InvalidPolicy(where, f"{ANYONE!r} is everybody, and in no group")
    if is_anonymous(membership.member):
        raise InvalidPolicy(where, _UNPROVEN)


def _confines(confines: Confines, where: str, reader: Reader) -> None:
    try:
        path = parse(confines.session)
    except InvalidPolicy as error:
        raise InvalidPolicy(where, f"{error.where}: {error.reason}") from None
    if len(path) != 4 or path[::2] != ("projects", "sessions") or ELEMENT in path:
        raise InvalidPolicy(where, "a session is /projects/{project}/sessions/{session}")
    reader.read_all(confines.permissions, where=where)
    if confines.join not in _JOINS:
        raise InvalidPolicy(f"{where}, join", f"{confines.join!r} is none of {', '.join(_JOINS)}")
    for name in ("participants", "connections"):
        most = getattr(confines, name)
        if most is not None and most < 1:
            raise InvalidPolicy(f"{where}, {name}", "there cannot be fewer than 1")


def _roles(facts: Facts) -> None:
    for role in facts.roles.values():
        for name in role.inherits:
            if name not in facts.roles:
                raise InvalidPolicy(place_of("role", role.name), f"there is no role {name!r}")
    _straight("role", facts.roles, lambda name: facts.roles[name].inherits)


def _groups(facts: Facts) -> None:
    """Who is no group is the end of a row, and needs no look."""
    _straight("group", facts.members, lambda name: facts.groups.get(name, ()))


def _straight(what: str, starts: Iterable[str], follow: Follow) -> None:
    way = winding(starts, follow, MAX_CHAIN - 1)
    if way is None:
        return
    if way[-1] in way[:-1]:
        shown = " > ".join(way if len(way) <= 9 else (*way[:4], "…", *way[-4:]))
        raise InvalidPolicy(f'{what} "{way[0]}"', f"it leads back to itself: {shown}")
    raise InvalidPolicy(f'{what} "{way[0]}"', f"more than {MAX_CHAIN} {what}s in a row begin here")


def _grants(facts: Facts, grants: Iterable[Grant]) -> None:
    denying: dict[str, bool] = {}
    for grant in grants:
        role = grant.role
        if role is None:
            continue
        if role not in facts.roles:
            raise InvalidPolicy(place_of("grant", grant.id), f"there is no role {role!r}")
        scope = scope_of(grant)
        if len(scope) > _DOCUMENT and _known(denying, role, facts):
            refuse_inside(scope, where=f"{place_of('grant', grant.id)}, scope")


def _known(denying: dict[str, bool], role: str, facts: Facts) -> bool:
    if role not in denying:
        denying[role] = _denies_reading(facts, role)
    return denying[role]


def _denies_reading(facts: Facts, role: str) -> bool:
    return any(
        (permission.action, permission.effect) == ("read", "deny")
        for name in reached((role,), lambda one: facts.roles[one].inherits)
        for permission in facts.roles[name].permissions
    )
