"""How many repairs everybody has: what is refused costs far more than it takes to write it.

Rules:

1. Everybody has a number of repairs, and gets one more each second. Each edit of which something is
   refused takes one; whoever has none left is put out.
2. One that is **heavy** takes more: for what everybody is sent, and for the places that were looked
   at. Six bytes delete a map of any size, and all of it comes back. What that takes beyond what
   somebody has left he owes, and until it is paid no edit of his is looked at.
3. A subject has them once, by however many connections he comes. Whoever proved nothing has them
   for each, since his name is anybody's; but all of these owe together.
"""

from __future__ import annotations

from typing import TypeAlias

from ..ids import Subject, is_anonymous

__all__ = ["Repairs"]

# What one gets wrong in a session of work, at once and then on and on.
REPAIRS = 20
REPAIRS_PER_SECOND = 1.0
# What is sent to everybody for one repair, and kept: so much a second, of who goes on for ever.
BYTES_A_REPAIR = 64 * 1024
# It takes 10 to 30 ms to judge as many.
PLACES_A_REPAIR = 1000

Who: TypeAlias = Subject | int

_UNPROVEN = Subject("anonymous")


class Repairs:
    """Those that each member of one room has.

    >>> repairs, eve = Repairs(), Subject("user:eve")
    >>> [repairs.take(1, eve, now=0.0) for _ in range(REPAIRS + 1)].count(True)
    20
    >>> repairs.charge(eve, size_bytes=1 << 20, now=0.0)
    >>> repairs.owes(eve, now=10.0), repairs.owes(eve, now=16.0)
    (True, False)
    """

    __slots__ = ("_left",)

    def __init__(self) -> None:
        self._left: dict[Who, tuple[float, float]] = {}

    def __repr__(self) -> str:
        return f"<Repairs of {len(self._left)}>"

    def owes(self, subject: Subject, *, now: float) -> bool:
        """Whether somebody is not to be heard, because of what he had repaired."""
        return self._of(_payer(subject), now) < 0

    def take(self, member: int, subject: Subject, *, now: float) -> bool:
        """Take one repair; False if there is none left."""
        who: Who = member if is_anonymous(subject) else subject
        left = self._of(who, now)
        if left < 1:
            return False
        self._left[who] = left - 1, now
        return True

    def charge(self, subject: Subject, *, size_bytes: int = 0, places: int = 0, now: float) -> None:
        """Take what a repair costs beyond one."""
        weight = size_bytes // BYTES_A_REPAIR + places // PLACES_A_REPAIR
        if weight:
            who = _payer(subject)
            self._left[who] = self._of(who, now) - weight, now

    def left(self, member: int) -> None:
        """A member is gone."""
        self._left.pop(member, None)

    def _of(self, who: Who, now: float) -> float:
        left, at = self._left.get(who, (float(REPAIRS), now))
        return min(left + (now - at) * REPAIRS_PER_SECOND, REPAIRS)


def _payer(subject: Subject) -> Subject:
    return _UNPROVEN if is_anonymous(subject) else subject
