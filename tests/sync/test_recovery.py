"""A recovery ends once, and no later beginning shortens it."""

from __future__ import annotations

from collabkit.store.base import RECOVERY_MS
from collabkit.sync.recovery import Recovery


def test_none_runs_unless_one_began() -> None:
    """A document that was closed well has nothing to get back."""
    recovery = Recovery()
    assert not recovery.runs(now=0.0)
    recovery.opened(0)
    assert not recovery.runs(now=0.0)


def test_the_later_end_counts() -> None:
    """What the file says and what failed here, in either order."""
    late, early = RECOVERY_MS * 3, RECOVERY_MS
    for ends in ((late, early), (early, late)):
        recovery = Recovery()
        for end in ends:
            recovery.opened(end)
        recovery.begin(now=0.0)
        assert recovery.runs(now=late / 1000 - 1)
        assert not recovery.runs(now=late / 1000)
