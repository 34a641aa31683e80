"""Rows of a log, told as changes."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collabkit.crdt.document import Document
from collabkit.errors import MomentNotFound
from collabkit.history.timeline import (
    PAUSE_MS,
    SLICE_MS,
    Change,
    Part,
    Seen,
    Wanted,
    changes,
    measured,
    read_address,
    rows_of,
)
from collabkit.ids import Seq, Subject
from collabkit.store.base import Row

ADA, BOB = Subject("user:ada"), Subject("user:bob")


def row(
    seq: int,
    at_ms: int = 0,
    subject: Subject = ADA,
    *,
    origin: str = "relay",
    group: str | None = None,
    body: bytes = b"\0\0",
    kind: str = "update",
) -> Row:
    """A row of a log."""
    return Row(Seq(seq), "main", subject, body, at_ms, kind, (), 0, group, origin)


def told(rows: Sequence[Row], *, versions: Sequence[int] = ()) -> list[str]:
    """The addresses of the changes in rows, span by span."""
    spans = changes(map(measured, rows), versions=[Seq(v) for v in versions])
    return [" ".join(change.address for change in span) for span in spans]


def test_a_pause_ends_a_change() -> None:
    """Rows that follow each other within the pause are one change, and others are not."""
    rows = [row(1, 0), row(2, PAUSE_MS - 1), row(3, 2 * PAUSE_MS - 1), row(4, 2 * PAUSE_MS)]
    assert told(rows) == ["1-2", "3-4"]


def test_a_change_does_not_go_on_for_ever() -> None:
    """Somebody who never pauses has a change each ten minutes."""
    rows = [row(i + 1, i * PAUSE_MS // 2) for i in range(45)]
    assert told(rows) == ["1-20", "21-40", "41-45"]
    assert SLICE_MS // (PAUSE_MS // 2) == 20


def test_a_version_ends_a_change() -> None:
    """What was before a saved version and what came after are never one change."""
    assert told([row(n) for n in range(1, 6)], versions=[3, 9]) == ["1-3", "4-5"]


def test_those_who_work_at_once_have_their_changes_side_by_side() -> None:
    """Rows of others in between do not cut a change to pieces; the newest comes first."""
    rows = [row(1), row(2, subject=BOB), row(4), row(5, subject=BOB), row(6)]
    assert told(rows) == ["1-6 2-5"]


def test_another_way_or_another_name_is_another_change() -> None:
    """What its author named, and what came in otherwise, is told apart."""
    rows = [row(1), row(2, group="rename"), row(3, origin="restore:1"), row(4, group="rename")]
    assert told(rows) == ["2-4 3 1"]


def test_a_change_says_when_and_how_much() -> None:
    """It began with its earliest row and ended with its latest; what each did is added up."""
    title, tags = ("meta", "title"), ("meta", "tags", "[]")
    seen = [
        Seen(row(7, 1000), 3, 0, [Part(title, 3, 0)]),
        Seen(row(9, 3000), 3, 2, [Part(tags, 1, 0), Part(title, 2, 2)]),
    ]
    [[change]] = changes(seen)
    parts = (Part(tags, 1, 0), Part(title, 5, 2))
    assert change == Change("main", Seq(7), Seq(9), 2, ADA, "relay", None, 1000, 3000, 6, 2, parts)
    assert str(change) == "#7-9 user:ada: meta/tags/[] +1 -0, meta/title +5 -2"


@pytest.mark.parametrize(
    ("origin", "way"),
    [
        ("relay", ""),
        ("restore:2", "restore of #2"),
        ("repair", "in part"),
        ("repair:4160000000", "in part"),
        ("revert:3-4", "revert of #3-4"),
        ("revert:3-3", "revert of #3"),
        ("merge:abc", "merge of abc"),
    ],
)
def test_a_change_says_what_it_was_unless_an_edit(origin: str, way: str) -> None:
    """Its origin is read for people, and stands before what it changed."""
    [[change]] = changes([Seen(row(5, origin=origin), 1, 2)])
    assert change.way == way
    assert str(change) == f"#5 user:ada: {way}{': ' if way else ''}+1 -2"


def test_without_touches_the_updates_are_counted() -> None:
    """How much a row did can be read from its update alone; damage counts as nothing."""
    document = Document()
    bodies: list[bytes] = []
    document.on_update(lambda change: bodies.append(change.update))
    document.text("body").insert(0, "hello")
    document.text("body").delete(0, 2)
    seen = [measured(row(n, body=body)) for n, body in enumerate([*bodies, b"damage"], 1)]
    assert [(one.inserted, one.deleted) for one in seen] == [(5, 0), (0, 2), (0, 0)]
    [[change]] = changes(seen)
    assert str(change) == "#1-3 user:ada: +5 -2"


def test_touches_say_it_better_than_an_update() -> None:
    """Where somebody looked, what he saw counts."""
    seen = measured(row(1, body=b"damage"), [Part(("a",), 4, 1), Part(("b",), 1, 0)])
    assert (seen.inserted, seen.deleted) == (5, 1)


def test_changes_are_filtered_by_author_place_and_time() -> None:
    """A change is taken if it fits all that is asked; what only overlaps a time is of it."""
    seen = [Seen(row(1, 1000), 1, 0, [Part(("meta", "title"), 1, 0)]), measured(row(2, 5000))]
    [[change]] = changes(seen)
    wanted = [
        Wanted(),
        Wanted(subject=ADA, path=("meta",), since=Seq(1), until=Seq(1)),
        Wanted(path=("meta", "title")),
    ]
    unwanted = [
        Wanted(subject=BOB),
        Wanted(path=("meta", "title", "x")),
        Wanted(path=("met",)),
        Wanted(since=Seq(2)),
        Wanted(until=Seq(0)),
    ]
    assert all(one.takes(change) for one in wanted)
    assert not any(one.takes(change) for one in unwanted)


def test_an_address_means_the_rows_of_one_author() -> None:
    """The rows of a change are found by its address, without those of others in between."""
    rows = [row(1), row(2, subject=BOB), row(3), row(5, kind="note"), row(6), row(8, subject=BOB)]
    assert [one.seq for one in rows_of("#1-6", rows)] == [1, 3, 6]
    assert [one.seq for one in rows_of("2", rows)] == [2]


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("1-2", "two changes"),
        ("1-7", "no such rows"),
        ("4", "no such rows"),
        ("3-1", "addressed"),
        ("0", "addressed"),
        ("first", "addressed"),
    ],
)
def test_what_is_no_address_of_a_change_is_refused(address: str, why: str) -> None:
    """Rows that are not there, and rows of two authors, are no change."""
    with pytest.raises(MomentNotFound, match=why):
        rows_of(address, [row(1), row(2, subject=BOB), row(3)])


ROWS = st.lists(
    st.tuples(
        st.integers(1, 2),
        st.sampled_from([0, 1000, PAUSE_MS - 1, PAUSE_MS, -5000]),
        st.sampled_from([ADA, BOB]),
        st.sampled_from([None, "move"]),
    ),
    min_size=1,
    max_size=30,
)


@given(ROWS, st.sets(st.integers(1, 60)))
def test_a_log_is_told_in_the_same_changes_from_either_end(
    steps: list[tuple[int, int, Subject, str | None]], versions: set[int]
) -> None:
    """Every row is in one change, and which ones depends neither on the direction nor the start."""
    seq, at_ms, rows = 0, 1_000_000, []
    for step, pause, subject, group in steps:
        seq, at_ms = seq + step, at_ms + pause
        rows.append(row(seq, at_ms, subject, group=group))
    seen, ends = list(map(measured, rows)), [Seq(v) for v in versions]
    forward = list(changes(seen, versions=ends))
    assert list(changes(reversed(seen), versions=ends)) == forward[::-1]
    all_of = [change for span in forward for change in span]
    found = [one.seq for change in all_of for one in rows_of(change.address, rows)]
    assert sorted(found) == [one.seq for one in rows]
    start = min(change.first for change in forward[-1])
    rest = [one for one in seen if one.row.seq >= start]
    assert list(changes(rest, versions=ends)) == forward[-1:]


def test_an_address_can_be_written_with_or_without_its_sign() -> None:
    """A hash may stand before it, as where it is shown."""
    assert read_address(" #4-9 ") == read_address("4-9") == (4, 9)
