"""Which versions are thinned out."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from collabkit.ids import Seq
from collabkit.store.base import Version
from collabkit.store.thinning import thinned
from collabkit.testing.store_contract import ADA

MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
NOW = 20_000 * DAY


def auto(ago: int, **fields: Any) -> Version:
    """A version kept by policy so long ago."""
    made = Version(str(ago), Seq(NOW - ago), ADA, NOW - ago, kind="auto")
    return replace(made, **fields)


def left(versions: list[Version], *, now: int = NOW) -> list[int]:
    """How long ago those were kept that stay."""
    gone = {one.name for one in thinned(versions, now_ms=now)}
    return [NOW - one.at_ms for one in versions if one.name not in gone]


def test_dense_lately_and_sparse_long_ago() -> None:
    """All of an hour, hourly for a day, daily for 30 days, and one of 30 days before."""
    every = [auto(ago) for ago in range(0, 400 * DAY, 20 * MINUTE)]
    ages = left(every)
    assert len([ago for ago in ages if ago < HOUR]) == 3
    assert 22 <= len([ago for ago in ages if HOUR <= ago < DAY]) <= 24
    assert 28 <= len([ago for ago in ages if DAY <= ago < 30 * DAY]) <= 30
    assert 12 <= len([ago for ago in ages if ago >= 30 * DAY]) <= 13


def test_of_each_hour_the_last_one_stays() -> None:
    """Whatever the order they come in."""
    late, early = auto(5 * HOUR - 2 * MINUTE), auto(5 * HOUR - MINUTE)
    assert thinned([late, early], now_ms=NOW) == thinned([early, late], now_ms=NOW) == [early]


def test_what_is_pinned_or_kept_by_hand_stays() -> None:
    """It also fills its hour; what was kept by hand goes only if that is asked for."""
    pinned, manual, other = (
        auto(5 * HOUR - 1, pinned=True),
        auto(5 * HOUR - 2, kind="manual"),
        auto(5 * HOUR - 3),
    )
    every = [pinned, manual, other]
    assert thinned(every, now_ms=NOW) == [other]
    assert thinned(every, now_ms=NOW, manual=True) == [other, manual]
    assert thinned([replace(pinned, kind="manual"), manual], now_ms=NOW, manual=True) == [manual]


def test_documents_are_thinned_apart() -> None:
    """And the versions of all of a session from those of one document."""
    every = [auto(5 * HOUR - 1, document=document) for document in ("a", "b", None)]
    assert thinned(every, now_ms=NOW) == []


@given(st.lists(st.integers(0, 3 * DAY // MINUTE), unique=True), st.integers(0, 3 * DAY))
def test_thinning_often_leaves_as_much_as_thinning_once(ages: list[int], later: int) -> None:
    """What stays after each hour is there for the next: no time loses its last version."""
    every = sorted((auto(age * MINUTE) for age in ages), key=lambda one: one.at_ms)
    often = every
    for now in range(NOW, NOW + later, 6 * HOUR):
        gone = thinned(often, now_ms=now)
        often = [one for one in often if one not in gone]
    end = NOW + later
    assert left(often, now=end) == left(every, now=end)
