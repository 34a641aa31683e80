"""What members said that cannot be heard yet, in order and within bounds."""

from __future__ import annotations

import msgspec

from .events import Said

__all__ = ["Backlog"]

# Of everybody together.
MAX_BYTES = 64 * 1024 * 1024
OVERHEAD_BYTES = 256


class Backlog:
    """What waits to be heard.

    >>> from collabkit.sync.messages import QueryAwareness
    >>> backlog = Backlog()
    >>> backlog.keep(Said(1, QueryAwareness())), backlog.holds(1), backlog.holds(2)
    (True, True, False)
    >>> backlog.take()
    [Said(member=1, message=QueryAwareness(), scan=None)]
    """

    __slots__ = ("_bytes", "_said")

    def __init__(self) -> None:
        self._said: list[Said] = []
        self._bytes = 0

    def __repr__(self) -> str:
        return f"<Backlog of {len(self._said)} messages, {self._bytes} bytes>"

    def __bool__(self) -> bool:
        return bool(self._said)

    def keep(self, said: Said) -> bool:
        """Keep one; False if there is too much already."""
        fields = msgspec.structs.astuple(said.message)
        size = OVERHEAD_BYTES + sum(len(f) for f in fields if isinstance(f, bytes | str))
        if self._bytes + size > MAX_BYTES:
            return False
        self._bytes += size
        self._said.append(said)
        return True

    def holds(self, member: int) -> bool:
        """Whether something of a member's waits."""
        return any(said.member == member for said in self._said)

    def take(self, member: int | None = None) -> list[Said]:
        """All that waits, or all of one member; it waits no more."""
        taken = [said for said in self._said if member in (None, said.member)]
        rest = [] if member is None else [said for said in self._said if said.member != member]
        self._said, self._bytes = [], 0
        for said in rest:
            self.keep(said)
        return taken
