"""Differences: empty or not."""

from __future__ import annotations

from collabkit.history.difference import Difference


def test_no_difference_is_false() -> None:
    """Where nothing is different, there is nothing."""
    assert not Difference({})
    assert Difference({}).parts == ()
