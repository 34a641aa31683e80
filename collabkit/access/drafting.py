"""★ Changes of the policy that are put together, to be made at once.

Rules:

1. What was said last of a fact counts.
2. What is to be struck out *where* something holds is looked for when the changes are made, in the
   policy that they change: so they can be tried again after another change.
3. A template that comes with us brings its roles, but never in place of one that the policy has by
   that name: whoever has that role has what the policy's owner meant by it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol, TypeAlias

from ..errors import InvalidPolicy
from .facts import Change, Drop, Kind, Put, name_of
from .paths import covers, pattern
from .rules import Fact, Grant, Membership, Permission, Role, Template
from .templates import TEMPLATES, fill, made_by

__all__ = ["Draft", "Written"]


class Written(Protocol):
    """What a draft asks of the policy that it changes."""

    def facts(self) -> tuple[Fact, ...]:
        """All that is written down."""
        ...

    def fact(self, kind: Kind, key: str) -> Fact | None:
        """One of them, by its name."""
        ...


_Part: TypeAlias = Callable[[Written], Iterable[Change]]


class Draft:
    """Changes that are put together; :meth:`changes` says what they are for a policy.

    Args:
        new_id: Names grants.
        by: Who they say made them.

    >>> draft = Draft(iter("ab").__next__, by="user:ada")
    >>> draft.grant("user:bob", "editor", scope="/projects/acme").id
    'a'
    """

    def __init__(self, new_id: Callable[[], str], *, by: str) -> None:
        self._new_id = new_id
        self._by = by
        self._parts: list[_Part] = []

    def __repr__(self) -> str:
        return f"<Draft by {self._by} parts={len(self._parts)}>"

    def changes(self, policy: Written) -> tuple[Change, ...]:
        """What changes in a policy, one change a fact. Raises InvalidPolicy."""
        found: dict[tuple[str, str], Change] = {}
        for part in self._parts:
            for change in part(policy):
                found[_name(change)] = change
        return tuple(found.values())

    def change(self, *changes: Change) -> None:
        """Make some changes."""
        self._parts.append(lambda _: changes)

    def put(self, *facts: Fact) -> None:
        """Write facts down, each in place of the one of its name."""
        self.change(*map(Put, facts))

    def put_role(self, role: Role) -> None:
        """Write a role down."""
        self.put(role)

    def drop_role(self, name: str) -> None:
        """Strike a role out."""
        self.change(Drop("role", name))

    def grant(
        self,
        subject: str,
        role: str | None = None,
        *,
        permission: Permission | None = None,
        scope: str = "/**",
        not_before: float | None = None,
        not_after: float | None = None,
        uses: int | None = None,
        reason: str = "",
    ) -> Grant:
        """Give somebody a role, or a permission; the fields are those of a :class:`Grant`."""
        made = Grant(
            self._new_id(),
            subject,
            role=role,
            permission=permission,
            scope=scope,
            not_before=not_before,
            not_after=not_after,
            uses=uses,
            granted_by=self._by,
            reason=reason,
        )
        self.put(made)
        return made

    def grant_many(self, grants: Iterable[Grant]) -> None:
        """Write grants down as they are."""
        self.put(*grants)

    def revoke(self, id: str) -> None:
        """Strike a grant out."""
        self.change(Drop("grant", id))

    def revoke_where(
        self, *, subject: str | None = None, scope: str | None = None, role: str | None = None
    ) -> None:
        """Strike out all grants of a subject, or of a role, or that say nothing outside a scope.

        Args:
            subject: Whose.
            scope: A pattern: those whose own scope is named by it, or is beneath.
            role: Of which role.

        Raises:
            InvalidPolicy: Nothing says which.
        """
        if subject is None and scope is None and role is None:
            raise InvalidPolicy("revoke_where", "say of whom, where, or which role")
        within = None if scope is None else _beneath(scope)

        def found(policy: Written) -> Iterator[Change]:
            for fact in policy.facts():
                if (
                    isinstance(fact, Grant)
                    and subject in (None, fact.subject)
                    and role in (None, fact.role)
                    and (within is None or covers(within, pattern(fact.scope)))
                ):
                    yield Drop("grant", fact.id)

        self._parts.append(found)

    def add_member(self, group: str, member: str) -> None:
        """Put a subject, or a group, into a group."""
        self.put(Membership(group, member))

    def remove_member(self, group: str, member: str) -> None:
        """Take a subject, or a group, out of a group."""
        self.change(Drop(*name_of(Membership(group, member))))

    def apply_template(self, template: str | Template, /, **slots: Any) -> None:
        """Fill a template in, and strike out what it gave before and does not give any more.

        Args:
            template: It, or the name of one of the policy, or of one that comes with us.
            slots: What its slots are filled with.

        Raises:
            InvalidPolicy: When the changes are made: there is none, or it cannot be filled so.
        """

        def filled(policy: Written) -> Iterator[Change]:
            own = policy.fact("template", template) if isinstance(template, str) else template
            shipped = None if isinstance(own, Template) else TEMPLATES.get(str(template))
            found = own if isinstance(own, Template) else shipped
            if found is None:
                raise InvalidPolicy(f"template {template!r}", "there is none of this name")
            made = fill(found, **slots)
            left = {name_of(fact) for fact in made}
            for old in made_by(policy.facts(), found, **slots):
                if name_of(old) not in left:
                    yield Drop(*name_of(old))
            for fact in made:
                kind, key = name_of(fact)
                if shipped is None or kind != "role" or policy.fact(kind, key) is None:
                    yield Put(fact)

        self._parts.append(filled)


def _name(change: Change) -> tuple[str, str]:
    return name_of(change.fact) if isinstance(change, Put) else (change.kind, change.key)


def _beneath(scope: str) -> tuple[str, ...]:
    path = pattern(scope)
    return path if path[-1:] == ("**",) else (*path, "**")
