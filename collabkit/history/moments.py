"""★ What people write for a moment of a document, and which row of its log that is.

=========================== ============================================================
written                     means
=========================== ============================================================
``now``                     after the newest row
``start``                   before the first one
``123``, ``#123``           after that row
``12-15``, ``#12-15``       after the change that has this address
``2026-11-25T10:00``        after the last row accepted by then; seconds and a zone
                            (``Z``, ``+02:00``) may follow, and a space may stand for the T
``2026-11-25``              at the end of that day; so ``today`` and ``yesterday``, which
                            may be followed by a time of day
``10:00``                   when it was last ten o'clock
``-90s -5m -1h -2d -1w``    so long ago
anything else               the version of this name
=========================== ============================================================

Rules:

1. A moment is a ``seq``: it means "after that row". Row 0 is the empty document.
2. No name of a version reads as anything else: see :func:`check_version_name`.
3. Times are for people. Which row was the last one by then is what the rows say of themselves.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable, Mapping
from typing import TypeAlias

import msgspec

from ..errors import InvalidName, MomentNotFound
from ..ids import Seq

__all__ = [
    "NOW",
    "START",
    "AtRow",
    "AtTime",
    "AtVersion",
    "Moment",
    "Newest",
    "check_version_name",
    "read_moment",
    "seq_of",
]

NOW = "now"
START = "start"

_DAY_MS = 86_400_000
_UNITS_MS = {"s": 1000, "m": 60_000, "h": 3_600_000, "d": _DAY_MS, "w": 7 * _DAY_MS}
_DAYS = {"today": 0, "yesterday": -1}

# As `MAX_NAME_BYTES`, but that a name of a version is one line of a table.
_LONGEST_NAME = 200

_ROW = re.compile(r"#?(?:(\d{1,18})-)?(\d{1,18})")
_AGO = re.compile(r"-(\d{1,9})([smhdw])")
_CLOCK = r"(\d{1,2}):(\d{2})(?::(\d{2}))?"
_TIME_OF_DAY = re.compile(_CLOCK)
_DATE = re.compile(rf"(\d{{4}})-(\d\d)-(\d\d)(?:[T ]{_CLOCK}(Z|[+-]\d\d:?\d\d)?)?")
_NAMED_DAY = re.compile(rf"(today|yesterday)(?: {_CLOCK})?")


class AtRow(msgspec.Struct, frozen=True):
    """After a row."""

    seq: Seq


class Newest(msgspec.Struct, frozen=True):
    """After the newest row."""


class AtTime(msgspec.Struct, frozen=True):
    """After the last row accepted by a time, in Unix milliseconds."""

    ms: int


class AtVersion(msgspec.Struct, frozen=True):
    """Where a version was saved."""

    name: str


Moment: TypeAlias = AtRow | Newest | AtTime | AtVersion
"""What was meant."""


def read_moment(
    written: str | int, *, now_ms: int, zone: Callable[[int], int] = lambda _: 0
) -> Moment:
    """Read what somebody wrote for a moment.

    Args:
        written: One of the forms above; a number is a row.
        now_ms: What time it is, in Unix milliseconds.
        zone: How many seconds the reader's clock is ahead of UTC at a Unix time in milliseconds.

    Raises:
        MomentNotFound: It looks like a time or the address of a change, and is none.

    >>> read_moment("#12", now_ms=0), read_moment("before the meeting", now_ms=0)
    (AtRow(seq=12), AtVersion(name='before the meeting'))
    >>> read_moment("1970-01-02T01:00", now_ms=0, zone=lambda ms: 3600)
    AtTime(ms=86400000)
    """
    if isinstance(written, int):
        if written < 0:
            raise MomentNotFound(str(written), "rows are counted from 1; 0 is before the first")
        return AtRow(Seq(written))
    text = written.strip()
    if text == NOW:
        return Newest()
    if text == START:
        return AtRow(Seq(0))
    if row := _ROW.fullmatch(text):
        first, last = int(row[1] or row[2]), int(row[2])
        if first > last:
            raise MomentNotFound(text, f"a change's first row comes first: {last}-{first}")
        return AtRow(Seq(last))
    ms = _time(text, now_ms, zone)
    return AtVersion(text) if ms is None else AtTime(ms)


def check_version_name(name: str) -> None:
    """Make sure that a version can be called so.

    Raises:
        InvalidName: It is empty, long, more than one line, or reads as another moment.
    """
    if not name or name != name.strip():
        raise InvalidName(name, "a version's name is not empty, and has no spaces around it")
    if len(name) > _LONGEST_NAME:
        raise InvalidName(name, f"a version's name has at most {_LONGEST_NAME} characters")
    if not name.isprintable():
        raise InvalidName(name, "a version's name is one line of text")
    try:
        meant = read_moment(name, now_ms=0)
    except MomentNotFound:
        meant = AtTime(0)
    if not isinstance(meant, AtVersion):
        raise InvalidName(name, "it reads as a row or a time; call the version something else")


def seq_of(
    moment: Moment,
    written: str | int,
    *,
    upto: Seq,
    versions: Mapping[str, Seq],
    row_by: Callable[[int], Seq],
) -> Seq:
    """Tell which row a moment is after.

    Args:
        moment: What was meant.
        written: What was written, for the error.
        upto: The newest row there is.
        versions: Where each was saved.
        row_by: The last row accepted by a Unix time in milliseconds; 0 if there is none.

    Raises:
        MomentNotFound: There is no such row or version.
    """
    match moment:
        case Newest():
            return upto
        case AtRow(seq):
            if seq > upto:
                raise MomentNotFound(str(written), f"the newest row is {upto}")
            return seq
        case AtTime(ms):
            return row_by(ms)
        case AtVersion(name):
            if name not in versions:
                raise MomentNotFound(name, "no version has this name, and it is no row or time")
            return versions[name]


def _time(text: str, now_ms: int, zone: Callable[[int], int]) -> int | None:
    """Read a time, in Unix milliseconds; None if it is something else."""
    if ago := _AGO.fullmatch(text):
        return now_ms - int(ago[1]) * _UNITS_MS[ago[2]]
    if date := _DATE.fullmatch(text):
        year, month, day = (int(part) for part in date.group(1, 2, 3))
        if not (year >= 1970 and 1 <= month <= 12 and 1 <= day <= _days_of(year, month)):
            raise MomentNotFound(text, "the calendar has no such day")
        midnight = calendar.timegm((year, month, day, 0, 0, 0)) * 1000
        return _in_zone(midnight + _clock(text, date.group(4, 5, 6)), date[7], zone)
    today = (now_ms + zone(now_ms) * 1000) // _DAY_MS * _DAY_MS
    if named := _NAMED_DAY.fullmatch(text):
        midnight = today + _DAYS[named[1]] * _DAY_MS
        return _in_zone(midnight + _clock(text, named.group(2, 3, 4)), None, zone)
    if time := _TIME_OF_DAY.fullmatch(text):
        at = today + _clock(text, time.group(1, 2, 3))
        ms = _in_zone(at, None, zone)
        return ms if ms <= now_ms else _in_zone(at - _DAY_MS, None, zone)
    return None


def _days_of(year: int, month: int) -> int:
    return calendar.monthrange(year, month)[1]


def _clock(text: str, parts: tuple[str | None, ...]) -> int:
    """Milliseconds since midnight; without a time of day, those of the whole day."""
    if parts[0] is None:
        return _DAY_MS - 1
    hour, minute, second = (int(part or 0) for part in parts)
    if hour > 23 or minute > 59 or second > 59:
        raise MomentNotFound(text, "no clock shows this time")
    return ((hour * 60 + minute) * 60 + second) * 1000


def _in_zone(shown_ms: int, said: str | None, zone: Callable[[int], int]) -> int:
    """The Unix time at which a clock shows this."""
    if said == "Z":
        return shown_ms
    if said is not None:
        sign = -1 if said[0] == "-" else 1
        return shown_ms - sign * (int(said[1:3]) * 60 + int(said[-2:])) * 60_000
    # Twice, because the zone is known of a time, and the time of a zone: the second guess is
    # right but for the hour that a clock shows twice, or never.
    guess = shown_ms - zone(shown_ms) * 1000
    return shown_ms - zone(guess) * 1000
