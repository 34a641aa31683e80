"""Permissions as the policy reads them: a pattern, a bit, and conditions that can be asked.

Rules:

1. A permission is refused, with its place, if its action, effect, pattern or one of its conditions
   is none.
2. ``read`` is of whole documents: whoever gets a document gets all of it. So a rule about reading
   whose pattern can only name what is inside one is refused, be it a denial, which would hide
   nothing.
3. All conditions of a permission must hold. One that is false decides, whether others fail or not;
   if none is, one that fails is a failure: the order in which they are written does not matter.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from ..errors import InvalidPolicy
from .conditions import Attributes, Condition, ConditionError, Values, compile_conditions
from .paths import Path, meet, pattern
from .rules import ACTIONS, Grant, Permission

__all__ = ["ALL", "BITS", "Clause", "Reader", "narrowed", "rule_name", "scope_of"]

BITS: dict[str, int] = {action: 1 << place for place, action in enumerate(ACTIONS)}
ALL = (1 << len(ACTIONS)) - 1

_INSIDE = ("projects", "*", "sessions", "*", "docs", "*", "*", "**")

# Conditions that were made, of a policy. Beyond it they are made again when they are met again.
_MADE = 65_536


class Clause(msgspec.Struct, frozen=True, eq=False):
    """A permission, read.

    Attributes:
        role: The role that has it; None if it was granted alone, or is what a session confines.
        number: Its place there, from 1.
    """

    permission: Permission
    pattern: Path
    bit: int
    deny: bool
    conditions: tuple[Condition, ...] = ()
    role: str | None = None
    number: int = 1

    def holds(self, values: Values) -> bool | None:
        """Whether its conditions hold; None if that cannot be said."""
        worth: bool | None = True
        for condition in self.conditions:
            try:
                if not condition.holds(values):
                    return False
            except ConditionError:
                worth = None
        return worth

    @property
    def asks_for_now(self) -> bool:
        """Whether a condition may change its mind at any time."""
        return any("now" in condition.names for condition in self.conditions)


class Reader:
    """Reads permissions, and remembers their conditions.

    Args:
        attributes: What conditions may ask for.
    """

    __slots__ = ("_made", "attributes")

    def __init__(self, attributes: Attributes) -> None:
        self.attributes = attributes
        self._made: dict[tuple[str, ...], tuple[Condition, ...]] = {}

    def __repr__(self) -> str:
        return f"<Reader of {len(self.attributes)} attributes>"

    def read(
        self, permission: Permission, *, where: str, role: str | None = None, number: int = 1
    ) -> Clause:
        """Read a permission. Raises InvalidPolicy, which names ``where`` as the place."""
        bit = BITS.get(permission.action)
        if bit is None:
            reason = f"there is no action {permission.action!r}; {', '.join(ACTIONS)}"
            raise InvalidPolicy(where, reason)
        if permission.effect not in ("allow", "deny"):
            raise InvalidPolicy(where, f"effect is allow or deny, not {permission.effect!r}")
        named = read_pattern(permission.resource, where=f"{where}, resource")
        if permission.action == "read":
            refuse_inside(named, where=f"{where}, resource")
        return Clause(
            permission,
            named,
            bit,
            permission.effect == "deny",
            self._conditions(permission.conditions, where) if permission.conditions else (),
            role,
            number,
        )

    def read_all(
        self, permissions: Sequence[Permission], *, where: str, role: str | None = None
    ) -> list[Clause]:
        """Read the permissions of a role, or of what a session confines."""
        return [
            self.read(each, where=f"{where}, permission {number}", role=role, number=number)
            for number, each in enumerate(permissions, 1)
        ]

    def _conditions(self, texts: tuple[str, ...], where: str) -> tuple[Condition, ...]:
        found = self._made.get(texts)
        if found is None:
            found = compile_conditions(texts, self.attributes, where=f"{where}, condition")
            if len(self._made) >= _MADE:
                self._made.clear()
            self._made[texts] = found
        return found


def read_pattern(text: str, *, where: str) -> Path:
    """Read a pattern. Raises InvalidPolicy, which names ``where`` as the place."""
    try:
        return pattern(text)
    except InvalidPolicy as error:
        raise InvalidPolicy(where, f"{error.where}: {error.reason}") from None


def refuse_inside(named: Path, *, where: str) -> None:
    """See that a pattern of ``read`` can name more than what is inside documents."""
    bare = named[:-1] if named[-1:] == ("**",) else named
    if len(bare) >= len(_INSIDE) - 1 and meet(named, _INSIDE) is not None:
        reason = "read is of whole documents; what is read alone is put into one of its own"
        raise InvalidPolicy(where, reason)


def scope_of(grant: Grant) -> Path:
    """The pattern of all that a grant may say something of."""
    scope = pattern(grant.scope)
    return scope if scope[-1:] == ("**",) else (*scope, "**")


def narrowed(grant: Grant | None, clause: Clause) -> Path | None:
    """What a permission names within the scope of the grant of it, if there is such a thing."""
    return clause.pattern if grant is None else meet(scope_of(grant), clause.pattern)


def rule_name(grant: Grant | None, clause: Clause, confines: str = "") -> str:
    """How decisions name a rule."""
    if grant is None:
        return f"confines {confines}, permission {clause.number}"
    if clause.role is None:
        return f"grant {grant.id}"
    return f"grant {grant.id}, role {clause.role}, permission {clause.number}"
