"""What is counted, and how durations are sorted."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from collabkit.sync.counts import BOUNDS, Counts, Durations


@given(st.lists(st.floats(0, 10)))
def test_each_duration_is_below_its_bound(seconds: list[float]) -> None:
    """A duration is counted at the first bound that it does not exceed; the total is theirs."""
    durations = Durations()
    for each in seconds:
        durations.observe(each)
    seen = durations.seen()
    for at, bound in enumerate(seen.bounds):
        assert sum(seen.counts[: at + 1]) == sum(each <= bound for each in seconds)
    assert sum(seen.counts) == len(seconds)
    assert abs(seen.total_s - sum(seconds)) < 1e-6


def test_what_was_seen_stays_as_it_was() -> None:
    """A reading does not change with what is counted after it."""
    durations = Durations()
    before = durations.seen()
    durations.observe(0.1)
    assert sum(before.counts) == 0
    assert repr(durations) == "<Durations: 1 of 0.100 s>"


def test_bounds_rise() -> None:
    """The bounds are sorted, as a search among them needs."""
    assert list(BOUNDS) == sorted(set(BOUNDS))


def test_a_hub_starts_at_nothing() -> None:
    """Counts begin at zero."""
    counts = Counts()
    assert (counts.edits, counts.pending_rows, counts.dismissed) == (0, 0, {})
    assert repr(counts) == "<Counts: 0 edits, 0 deliveries>"
