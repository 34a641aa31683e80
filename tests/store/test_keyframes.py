"""Which checkpoints of a document are kept."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from collabkit.store.keyframes import KEPT, NEAR_ROWS, SHARE, Mark, chosen, cuts

PLENTY = 1 << 40


def grown(seqs: list[int], *, size_bytes: int = 1, most_bytes: int = PLENTY) -> list[Mark]:
    """What is left of checkpoints that were made one after another; newest first."""
    marks: list[Mark] = []
    for no, seq in enumerate(seqs):
        marks.insert(0, Mark(no, seq, size_bytes))
        kept = chosen(marks, most_bytes=most_bytes)
        marks = [mark for mark in marks if mark.no in kept]
    return marks


@given(st.lists(st.integers(1, 3000), min_size=1, max_size=200))
def test_no_moment_is_far_behind_a_keyframe(steps: list[int]) -> None:
    """No gap is wider than rule 5 says, unless it was made so; and they are not many."""
    seqs = [sum(steps[: count + 1]) for count in range(len(steps))]
    marks = grown(seqs)
    left = [0, *sorted(mark.seq for mark in marks)]
    assert left[-KEPT:] == [0, *seqs][-KEPT:] or len(seqs) < KEPT
    for before, after in pairwise(left):
        between = [seq for seq in seqs if before < seq < after]
        assert not between or after - before <= max(NEAR_ROWS, (seqs[-1] - after) * SHARE)


def test_they_are_dense_lately_and_sparse_long_ago() -> None:
    """A million rows have hardly more of them than 100,000."""
    short, long = (grown(list(range(500, rows, 500))) for rows in (100_000, 1_000_000))
    assert len(short) < 60
    assert len(long) < 120
    gaps = [late.seq - early.seq for late, early in pairwise(long)]
    assert gaps[:10] == [500] * 10
    assert gaps[-1] > 50_000


def test_they_take_no_more_than_they_may() -> None:
    """Where checkpoints are large they are thinned further, down to the newest two."""
    every, half, none = (
        grown(list(range(500, 50_000, 500)), size_bytes=10, most_bytes=most_bytes)
        for most_bytes in (10_000, 200, 0)
    )
    assert len(every) > len(half) > len(none) == KEPT
    assert sum(mark.size_bytes for mark in half[KEPT:]) <= 200


def test_what_is_needed_is_kept_whatever_it_takes() -> None:
    """The newest two, two before a row set aside, the base of history, and versions."""
    marks = [Mark(no, seq, 10) for no, seq in enumerate([9, 9, 8, 7, 6, 5, 5, 4, 3])]

    def seqs(**circumstances: object) -> list[tuple[int, int]]:
        kept = chosen(marks, **circumstances)  # type: ignore[arg-type]
        return [(mark.no, mark.seq) for mark in marks if mark.no in kept]

    newest = [(0, 9), (1, 9)]
    assert seqs() == newest
    assert seqs(aside=7) == [*newest, (4, 6), (5, 5)]
    assert seqs(floor=5) == [*newest, (6, 5)]
    assert seqs(floor=2) == [*newest, (8, 3)]
    assert seqs(versions={5, 7, 2}) == [*newest, (3, 7), (5, 5)]
    assert chosen([]) == set()


@given(st.integers(0, 1_000_000))
def test_a_long_replay_is_cut_so_that_its_keyframes_stay(rows: int) -> None:
    """A handful of them, none where nothing is gained; those behind them do not go at once."""
    seqs = cuts(rows)
    assert len(seqs) <= 1 / SHARE
    assert all(0 < seq < rows for seq in seqs)
    assert all(late - early >= NEAR_ROWS for early, late in pairwise(seqs))
    assert [mark.seq for mark in grown([*seqs, rows])[::-1]] == [*seqs, rows]
