"""How much is much."""

from __future__ import annotations

from collabkit.sync.limits import Pace


def test_a_pace_is_busy_from_the_bound_on() -> None:
    """The bound itself is busy, one below is not."""
    pace = Pace(per_second=3)
    assert [pace.count(now=5.0 + n / 10) for n in range(4)] == [False, False, True, True]


def test_a_full_second_keeps_the_next_one_busy() -> None:
    """A flood does not fall back into calm at each turn of the second."""
    pace = Pace(per_second=2)
    for now in (1.0, 1.1, 2.0):
        pace.count(now=now)
    assert pace.busy
    pace.count(now=4.0)
    assert not pace.busy
