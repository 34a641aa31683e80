"""When anybody who may write may bring back what others wrote, because the log may have lost it."""

from __future__ import annotations

from ..store.base import RECOVERY_MS

__all__ = ["Recovery"]


class Recovery:
    """The end of the last recovery of one document.

    It begins with what the file says (an unclean stop, a restored backup, an import), or with a
    commit that failed: then others may have been sent what is not on disk.

    >>> recovery = Recovery()
    >>> recovery.begin(now=100.0)
    >>> recovery.runs(now=699.9), recovery.runs(now=700.0)
    (True, False)
    """

    __slots__ = ("_until",)

    def __init__(self) -> None:
        self._until = float("-inf")

    def __repr__(self) -> str:
        return f"<Recovery until {self._until}>"

    def opened(self, until_ms: int) -> None:
        """The file says until when."""
        self._until = max(self._until, until_ms / 1000)

    def begin(self, *, now: float) -> None:
        """Edits that others were sent did not reach the log."""
        self._until = max(self._until, now + RECOVERY_MS / 1000)

    def runs(self, *, now: float) -> bool:
        """Whether there is one at the moment."""
        return now < self._until
