"""As `unguarded`, but the children's own alarm rings soon."""

from __future__ import annotations

from collabkit.crdt import child_loop
from crdt import unguarded


def main(asked: int, memory_bytes: int) -> None:
    """Serve as every nursery does."""
    child_loop._ALARM_S = 0.3  # type: ignore[misc]
    unguarded.main(asked, memory_bytes)
