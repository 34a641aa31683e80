"""What people write for a moment."""

from __future__ import annotations

import pytest

from collabkit.errors import InvalidName, MomentNotFound
from collabkit.history.moments import (
    AtRow,
    AtTime,
    AtVersion,
    Newest,
    check_version_name,
    read_moment,
    seq_of,
)
from collabkit.ids import Seq

HOUR = 3_600_000
DAY = 24 * HOUR
# 2026-11-25T09:30:00Z
NOW = 1_795_599_000_000
MIDNIGHT = NOW - int(9.5 * HOUR)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("now", Newest()),
        ("start", AtRow(Seq(0))),
        (0, AtRow(Seq(0))),
        (17, AtRow(Seq(17))),
        ("17", AtRow(Seq(17))),
        (" #17 ", AtRow(Seq(17))),
        ("12-15", AtRow(Seq(15))),
        ("#12-15", AtRow(Seq(15))),
        ("before the meeting", AtVersion("before the meeting")),
        ("v1-2", AtVersion("v1-2")),
        ("-90s", AtTime(NOW - 90_000)),
        ("-5m", AtTime(NOW - 300_000)),
        ("-1h", AtTime(NOW - HOUR)),
        ("-2d", AtTime(NOW - 2 * DAY)),
        ("-1w", AtTime(NOW - 7 * DAY)),
        ("2026-11-25T09:00", AtTime(MIDNIGHT + 9 * HOUR)),
        ("2026-11-25 9:00:01", AtTime(MIDNIGHT + 9 * HOUR + 1000)),
        ("2026-11-25T09:00Z", AtTime(MIDNIGHT + 9 * HOUR)),
        ("2026-11-25T09:00+02:00", AtTime(MIDNIGHT + 7 * HOUR)),
        ("2026-11-25T09:00-0130", AtTime(MIDNIGHT + int(10.5 * HOUR))),
        ("2026-11-25", AtTime(MIDNIGHT + DAY - 1)),
        ("2024-02-29", AtTime(1_709_251_199_999)),
        ("today", AtTime(MIDNIGHT + DAY - 1)),
        ("yesterday", AtTime(MIDNIGHT - 1)),
        ("yesterday 10:00", AtTime(MIDNIGHT - 14 * HOUR)),
        ("today 23:59", AtTime(MIDNIGHT + DAY - 60_000)),
        ("09:00", AtTime(MIDNIGHT + 9 * HOUR)),
        ("10:00", AtTime(MIDNIGHT - 14 * HOUR)),
    ],
)
def test_each_form_means_one_thing(written: str | int, meant: object) -> None:
    """The table at the head of the module is what is read."""
    assert read_moment(written, now_ms=NOW) == meant


def test_times_are_those_of_the_readers_clock() -> None:
    """What a clock on a wall shows is told from UTC, also across a change of the hour."""

    def berlin(ms: int) -> int:
        return 7200 if ms < MIDNIGHT - 10 * DAY else 3600

    assert read_moment("09:00", now_ms=NOW, zone=berlin) == AtTime(MIDNIGHT + 8 * HOUR)
    assert read_moment("2026-11-01T09:00", now_ms=NOW, zone=berlin) == AtTime(
        MIDNIGHT - 24 * DAY + 7 * HOUR
    )
    assert read_moment("yesterday", now_ms=NOW, zone=berlin) == AtTime(MIDNIGHT - HOUR - 1)


@pytest.mark.parametrize(
    "written", ["2026-13-01", "2026-02-29", "1969-01-01", "25:00", "10:61", "2026-01-01T10:00:60"]
)
def test_a_time_that_is_none_is_not_taken_for_a_name(written: str) -> None:
    """What looks like a time and is none is a mistake, and is told as one."""
    with pytest.raises(MomentNotFound, match=r"no such day|no clock"):
        read_moment(written, now_ms=NOW)


def test_a_reversed_address_is_no_row() -> None:
    """Rows are named in their order; the sentence says how."""
    with pytest.raises(MomentNotFound, match="first row comes first: 1-3"):
        read_moment("3-1", now_ms=NOW)


def test_there_is_nothing_before_the_start() -> None:
    """A negative number is no row."""
    with pytest.raises(MomentNotFound, match="counted from 1"):
        read_moment(-1, now_ms=NOW)


@pytest.mark.parametrize(
    "name",
    ["", " a", "a\nb", "x" * 201, "now", "start", "12", "#3", "4-9", "-1h", "10:00", "2026-02-30"],
)
def test_a_version_is_not_called_what_reads_as_something_else(name: str) -> None:
    """Names of versions leave no moment ambiguous."""
    with pytest.raises(InvalidName):
        check_version_name(name)


@pytest.mark.parametrize("name", ["v1", "before the meeting", "entwurf ü", "10:00 sharp"])
def test_a_version_may_be_called_anything_else(name: str) -> None:
    """What reads as nothing else is a name."""
    check_version_name(name)


def _seq(written: str | int) -> Seq:
    return seq_of(
        read_moment(written, now_ms=NOW),
        written,
        upto=Seq(20),
        versions={"draft": Seq(7)},
        row_by=lambda ms: Seq(11) if ms > MIDNIGHT else Seq(0),
    )


def test_a_moment_is_the_row_that_it_is_after() -> None:
    """Names, times and rows come down to a number of the log."""
    found = [_seq(at) for at in ("now", "start", 20, "draft", "09:00", "2020-01-01")]
    assert found == [20, 0, 20, 7, 11, 0]


@pytest.mark.parametrize(("written", "why"), [(21, "newest row is 20"), ("drft", "no version")])
def test_what_there_is_not_cannot_be_gone_to(written: str | int, why: str) -> None:
    """A row that was not written yet and a name that nobody gave are told as such."""
    with pytest.raises(MomentNotFound, match=why):
        _seq(written)
