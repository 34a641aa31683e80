"""Sending many home apart."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from collabkit.relay.farewell import GROUP, PAUSE, SHARE, groups, spread


@given(st.integers(0, 20_000), st.floats(0, 60))
def test_everybody_is_told_once_and_in_time(count: int, within: float) -> None:
    """Groups are small if there is time, and never take more than half of it."""
    made = groups(range(count), within=within)
    assert [each for group in made for each in group] == list(range(count))
    assert (len(made) - 1) * PAUSE <= max(within * SHARE, 0) or len(made) <= 1
    if count * PAUSE / GROUP < within * SHARE - PAUSE:
        assert all(len(group) <= GROUP for group in made)


async def test_a_few_are_told_without_a_pause() -> None:
    """Where there are few, or nobody, nothing is waited for."""
    for count in (0, 1, GROUP):
        told = [group async for group in spread(range(count), within=5.0)]
        assert [len(group) for group in told] == [count] * bool(count)
