"""Changing facts: while a long change is written, others commit between its steps.

Rules:

1. A change of one step is one transaction. A longer one begins its epoch, and writes what is born
   and what dies in it a step at a time: nobody reads that before the last step gives the epoch
   its digest, and tells the audit.
2. One change is made at a time; the next waits, and then finds an epoch that it did not expect.
3. What was begun by a process that died, or could not go on, is swept away before the next change.
4. A fact that is put as it stands is not changed, and what changes nothing makes no epoch.
"""

from __future__ import annotations

import hashlib
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Generator, Sequence
from typing import Any, TypeAlias, TypeVar

import msgspec

from ..errors import Conflict, ValueNotStorable
from . import facts, rows, trail
from .base import Deed
from .batch import check_text
from .charter import Amendment, Epoch, StoredFact
from .openfile import OpenFile

__all__ = ["Slices", "amend", "amend_within", "ordered", "ready", "when_ready"]

T = TypeVar("T")

Slices: TypeAlias = Generator[None, None, int]
"""A change that is made in slices, and gives the epoch that facts are of then."""

# Of a change of no more facts than this the audit tells each; of any, what fits on a screen.
_TOLD_FACTS, _TOLD_BYTES = 32, 8 << 10

# SQLite takes 32,766 values in one statement; a row has seven.
_ROWS = 256


def ordered(amendment: Amendment) -> list[StoredFact]:
    """The changes of an amendment in the order in which they are made.

    Raises:
        ValueNotStorable: One cannot be stored, or two are of one fact.
    """
    check_text(by=amendment.by, reason=amendment.reason)
    changes = sorted(amendment.changes, key=lambda one: (one.kind, one.key))
    before = None
    for one in changes:
        check_text(kind=one.kind, key=one.key)
        if before == (one.kind, one.key):
            raise ValueNotStorable(f"{one.kind} {one.key!r} is changed twice")
        before = one.kind, one.key
        if one.body is not None:
            _check_body(one)
    return changes


def _check_body(fact: StoredFact) -> None:
    try:
        msgspec.json.decode(fact.body or b"", type=dict[str, Any])
    except (UnicodeDecodeError, msgspec.MsgspecError) as error:
        raise ValueNotStorable(f"{fact.kind} {fact.key!r}: {error}") from error


def amend(file: OpenFile, amendment: Amendment, changes: Sequence[StoredFact]) -> Slices:
    """Change facts, in slices, and return the epoch that they are of then.

    Args:
        file: Where they are.
        amendment: What was asked for.
        changes: Its changes in order, see :func:`ordered`.

    Raises:
        Conflict: The facts are not of the epoch that was expected.
    """
    yield from ready(file)
    if len(changes) <= facts.STEP:
        with file.transaction():
            return amend_within(file, amendment, changes)
    file.amending = True
    try:
        change = _Change(file.connection, file.path, amendment)
        with file.transaction():
            change.begin()
        for at in range(0, len(changes) - facts.STEP, facts.STEP):
            with file.transaction():
                change.step(changes[at : at + facts.STEP])
            yield
        with file.transaction():
            change.step(changes[at + facts.STEP :])
            return change.publish().no
    finally:
        file.amending = False


def amend_within(file: OpenFile, amendment: Amendment, changes: Sequence[StoredFact]) -> int:
    """Change some facts inside the caller's transaction, who was :func:`ready` for it."""
    change = _Change(file.connection, file.path, amendment)
    change.step(changes)
    return change.publish().no


def ready(file: OpenFile) -> Generator[None, None, None]:
    """Wait for the change that is being made, and sweep away one that never was published."""
    while file.amending:
        yield
    file.amending = True
    try:
        yield from _sweep(file)
    finally:
        file.amending = False


def when_ready(file: OpenFile, work: Callable[[], T]) -> Generator[None, None, T]:
    """Do something that changes facts with other things, once the file is :func:`ready`."""
    yield from ready(file)
    return work()


class _Change:
    """An amendment on its way into the file; each method is called inside a transaction.

    Call :meth:`step` with the changes in order, at most ``facts.STEP`` at a time, and
    :meth:`publish` in the transaction of the last; before the first, if that is another one,
    :meth:`begin`.
    """

    def __init__(self, connection: sqlite3.Connection, path: str, amendment: Amendment) -> None:
        self._connection = connection
        self._path = path
        self._amendment = amendment
        self._now_ms = time.time_ns() // 1_000_000
        self._before = facts.newest(connection, path)
        self._born, self._died = hashlib.sha256(), hashlib.sha256()
        self._put: Counter[str] = Counter()
        self._dropped: Counter[str] = Counter()
        self._count = self._before.facts
        self._told: list[dict[str, Any]] | None = []
        self._told_bytes = 0
        if self._before.no != amendment.expected:
            raise Conflict("the policy", amendment.expected, self._before.no)

    def __repr__(self) -> str:
        return f"<Change to epoch {self.no} put={self._put} dropped={self._dropped}>"

    @property
    def no(self) -> int:
        """The epoch that is made."""
        return self._before.no + 1

    def begin(self) -> None:
        """Say that the epoch is not whole yet."""
        self._write_epoch(None)

    def step(self, changes: Sequence[StoredFact]) -> None:
        """Make the next changes."""
        alive = self._alive(changes)
        born: list[rows.Values] = []
        died: list[tuple[int, int]] = []
        for one in changes:
            found = alive.get((one.kind, one.key))
            if one.body is None if found is None else one.body == found[3]:
                continue
            if found is not None:
                no, kind, key, body, since = found
                died.append((no, facts.crc(kind, key, body, since, self.no)))
                self._died.update(facts.line(one.kind, one.key))
            if one.body is None:
                self._dropped[one.kind] += 1
            else:
                self._put[one.kind] += 1
                fact = (one.kind, one.key, one.body.decode(), self.no, None)
                born.append((*fact, facts.crc(one.kind, one.key, one.body, self.no, None)))
                self._born.update(facts.line(one.kind, one.key, one.body))
            self._tell(one)
        self._count += len(born) - len(died)
        self._bury(died)
        self._insert(born)

    def publish(self) -> Epoch:
        """Make the epoch the newest, and tell the audit; if nothing changed, it stays as it was."""
        if not (self._put or self._dropped):
            self._connection.execute("DELETE FROM epochs WHERE no = ?", (self.no,))
            return self._before
        digest = hashlib.sha256(self._born.digest() + self._died.digest())
        epoch = self._write_epoch(digest.digest())
        data: dict[str, Any] = {
            "epoch": epoch.no,
            "reason": epoch.reason,
            "put": self._put,
            "dropped": self._dropped,
            "digest": epoch.digest,
        }
        if self._told is not None:
            data["facts"] = self._told
        trail.append(self._connection, None, Deed(epoch.by, "access", data))
        return epoch

    def _alive(self, changes: Sequence[StoredFact]) -> dict[tuple[str, str], tuple[Any, ...]]:
        """The rows that stand where the changes will: number, kind, key, body and birth."""
        keys: dict[str, list[str]] = {}
        for one in changes:
            keys.setdefault(one.kind, []).append(one.key)
        found: dict[tuple[str, str], tuple[Any, ...]] = {}
        for kind, wanted in keys.items():
            for at in range(0, len(wanted), _ROWS):
                some = wanted[at : at + _ROWS]
                marks = ", ".join("?" * len(some))
                for no, *fields, died, crc in self._connection.execute(
                    f"SELECT no, {facts.FIELDS}, crc FROM facts "
                    f"WHERE died IS NULL AND kind = ? AND key IN ({marks})",
                    (kind, *some),
                ).fetchall():
                    fact = facts.checked(self._path, (*fields, died, crc))
                    found[fact.kind, fact.key] = (no, fact.kind, fact.key, fact.body, fields[3])
        return found

    def _bury(self, died: Sequence[tuple[int, int]]) -> None:
        for at in range(0, len(died), _ROWS):
            some = died[at : at + _ROWS]
            marks = ", ".join(["(?, ?)"] * len(some))
            self._connection.execute(
                f"WITH gone (no, crc) AS (VALUES {marks}) "
                "UPDATE facts SET died = ?, crc = gone.crc FROM gone WHERE facts.no = gone.no",
                (*(value for pair in some for value in pair), self.no),
            )

    def _insert(self, born: Sequence[rows.Values]) -> None:
        for at in range(0, len(born), _ROWS):
            some = born[at : at + _ROWS]
            marks = ", ".join(["(?, ?, ?, ?, ?, ?)"] * len(some))
            self._connection.execute(
                f"INSERT INTO facts ({facts.FIELDS}, crc) VALUES {marks}",
                [value for values in some for value in values],
            )

    def _tell(self, change: StoredFact) -> None:
        if self._told is None:
            return
        self._told_bytes += len(change.kind) + len(change.key) + len(change.body or b"")
        if len(self._told) == _TOLD_FACTS or self._told_bytes > _TOLD_BYTES:
            self._told = None
            return
        told: dict[str, Any] = {"kind": change.kind, "key": change.key}
        if change.body is not None:
            told["body"] = msgspec.json.decode(change.body)
        self._told.append(told)

    def _write_epoch(self, digest: bytes | None) -> Epoch:
        by, reason = self._amendment.by, self._amendment.reason
        fields = (self.no, self._now_ms, by, reason, self._count, digest)
        self._connection.execute(
            f"INSERT OR REPLACE INTO epochs ({facts.EPOCH_FIELDS}, crc) "
            "VALUES (?, ?, ?, ?, ?, ?, ?)",
            (*fields, rows.crc(fields)),
        )
        return Epoch(*fields[:5], (digest or b"").hex())


def _sweep(file: OpenFile) -> Generator[None, None, None]:
    connection = file.connection
    (begun,) = connection.execute("SELECT min(no) FROM epochs WHERE digest IS NULL").fetchone()
    if begun is None:
        return
    (last,) = connection.execute("SELECT coalesce(max(no), 0) FROM facts").fetchone()
    # The dead are raised when their successors are gone: only one of a name may be alive.
    for undo in (_unbear, _raise):
        for first in range(0, last + 1, facts.STEP):
            with file.transaction():
                undo(connection, begun, (first, first + facts.STEP - 1))
            yield
    with file.transaction():
        connection.execute("DELETE FROM epochs WHERE no = ?", (begun,))


def _unbear(connection: sqlite3.Connection, begun: int, numbers: tuple[int, int]) -> None:
    connection.execute(
        "DELETE FROM facts WHERE no BETWEEN ? AND ? AND born >= ?", (*numbers, begun)
    )


def _raise(connection: sqlite3.Connection, begun: int, numbers: tuple[int, int]) -> None:
    for no, *fields in connection.execute(
        "SELECT no, kind, key, body, born FROM facts WHERE no BETWEEN ? AND ? AND died >= ?",
        (*numbers, begun),
    ).fetchall():
        kind, key, body, born = fields
        connection.execute(
            "UPDATE facts SET died = NULL, crc = ? WHERE no = ?",
            (facts.crc(kind, key, body.encode(), born, None), no),
        )
