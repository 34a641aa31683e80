"""How much is much: the rate from which on a room changes its behaviour."""

from __future__ import annotations

__all__ = ["Pace"]


class Pace:
    """Tells whether things come faster than ``per_second``, by counting whole seconds.

    Args:
        per_second: From this many in one second on it is busy, until a second has fewer.

    >>> pace = Pace(per_second=2)
    >>> pace.count(now=10.1), pace.count(now=10.2), pace.count(now=12.0)
    (False, True, False)
    """

    __slots__ = ("_in_second", "_per_second", "_second", "busy")

    def __init__(self, *, per_second: int) -> None:
        self.busy = False
        self._per_second = per_second
        self._second = 0
        self._in_second = 0

    def __repr__(self) -> str:
        return f"<Pace {self._in_second}/{self._per_second} in second {self._second}>"

    def count(self, *, now: float) -> bool:
        """Count one, and tell whether it is busy."""
        second = int(now)
        if second != self._second:
            full = self._in_second >= self._per_second
            self.busy = full and second == self._second + 1
            self._second, self._in_second = second, 0
        self._in_second += 1
        if self._in_second >= self._per_second:
            self.busy = True
        return self.busy
