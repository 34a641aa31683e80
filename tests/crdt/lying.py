"""A nursery whose children say of an update what nobody can say of one."""

from __future__ import annotations

from collabkit.crdt import child_loop, nursery_loop


def main(asked: int, memory_bytes: int) -> None:
    """Serve as every nursery does."""
    child_loop.said = lambda _verdicts: b"\x09"  # type: ignore[attr-defined, assignment]
    nursery_loop.main(asked, memory_bytes)
