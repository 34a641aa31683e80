"""Sessions that come in whole, with the log they have had elsewhere."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from collabkit.errors import CannotWrite, SessionExists, ValueNotStorable
from collabkit.ids import Seq, Subject
from collabkit.store import checkpoints, removal
from collabkit.store.arrival import Arriving, Luggage, arrive
from collabkit.store.base import Checkpoint, Deed, Row, Version
from collabkit.store.ledger import Ledger
from collabkit.store.reader import Reader
from collabkit.testing.store_contract import ADA, draft, placed
from store.processes import Start, finish, line

DEED = Deed(ADA, "take-in", {"rows": 2})


def rows(count: int, *, first: int = 1) -> list[Row]:
    """Rows of two documents in turns."""
    names = ("main", "notes")
    return [placed(draft(b"%d" % n, names[n % 2]), n) for n in range(first, first + count)]


def arriving(**fields: object) -> Arriving:
    """A session of two documents, of which one was compacted."""
    base = Checkpoint("main", Seq(10), b"base", "digest", 7)
    newest = Checkpoint("notes", Seq(15), b"newest", "other", 8)
    luggage = (
        Luggage("main", base, {7: ADA}, packed=(checkpoints.pack(b"base"),)),
        Luggage("notes", None, {}, (newest,), (checkpoints.pack(b"newest"),)),
    )
    version = Version("draft", Seq(12), ADA, 9, document="main", authors=(ADA,))
    whole = Arriving("plan", "brought", "single-user", 5, ADA, luggage, (version,))
    return msgspec.structs.replace(whole, **fields)


def tables(ledger: Ledger) -> dict[str, int]:
    """How many rows each table has that sessions have rows in."""
    names = ("sessions", "documents", "log", "hot", "owners", "checkpoints", "versions")
    count = ledger.file.connection.execute
    return {name: count(f"SELECT count(*) FROM {name}").fetchone()[0] for name in names}


def test_it_is_there_as_it_was_elsewhere(ledger: Ledger) -> None:
    """Rows, owners, checkpoints, versions and times are those that came, also once read anew."""
    log = rows(2000, first=11)
    record = finish(arrive(ledger.file, arriving(), iter(log), DEED))
    assert (record.project, record.name, record.kind) == ("plan", "brought", "single-user")
    assert (record.created_at_ms, record.created_by, record.last_seq) == (5, ADA, 2010)
    with Reader(ledger.path) as reader:
        assert list(reader.verify()) == []
        assert reader.sessions() == [record]
        main = reader.chronicle(record.id, "main")
        assert main.base == Checkpoint("main", Seq(10), b"base", "digest", 7)
        assert main.rows == tuple(row for row in log if row.document == "main")
        assert (main.owners, main.floor) == ({7: ADA}, 10)
        assert reader.load(record.id, "notes").checkpoint is not None
        assert reader.versions(record.id) == list(arriving().versions)
        assert reader.audit(session=record.id)[-1].data == {"rows": 2}


def test_it_goes_on(ledger: Ledger) -> None:
    """What is written afterwards comes behind what came."""
    record = finish(arrive(ledger.file, arriving(), iter(rows(5, first=11)), DEED))
    assert ledger.write([(record.id, [draft(b"new")])]) == [[16]]
    with Reader(ledger.path) as reader:
        assert list(reader.verify()) == []
        assert [row.seq for row in reader.rows(record.id, document="main")] == [12, 14, 16]


def test_nobody_sees_it_before_it_is_whole(ledger: Ledger) -> None:
    """Between the slices the file is sound, and has no such session."""
    slices = arrive(ledger.file, arriving(), iter(rows(2500, first=11)), DEED)
    for _ in range(3):
        next(slices)
        assert ledger.sessions(None) == []
        with Reader(ledger.path) as reader:
            assert reader.sessions() == []
            assert list(reader.verify()) == []
    slices.close()


def test_a_name_may_be_taken(ledger: Ledger) -> None:
    """Before it begins, or while it comes in; then nothing of it is left."""
    slices = arrive(ledger.file, arriving(), iter(rows(5, first=11)), DEED)
    next(slices)
    ledger.create_session("brought", "plan", "single", ADA)
    with pytest.raises(SessionExists):
        finish(slices)
    with pytest.raises(SessionExists):
        finish(arrive(ledger.file, arriving(), iter(()), DEED))
    assert tables(ledger) == dict.fromkeys(tables(ledger), 0) | {"sessions": 1}


@pytest.mark.parametrize(
    "wrong",
    [
        msgspec.structs.replace(rows(1)[0], subject=Subject("\ud800")),
        msgspec.structs.replace(rows(1)[0], at_ms=1 << 70),
    ],
)
def test_what_cannot_be_stored_leaves_nothing(ledger: Ledger, wrong: Row) -> None:
    """Nor does a log that cannot be read to its end."""
    with pytest.raises(ValueNotStorable):
        finish(arrive(ledger.file, arriving(), iter([*rows(1500, first=2), wrong]), DEED))

    def torn() -> Iterator[Row]:
        yield from rows(1500)
        raise CannotWrite("elsewhere", "it is torn")

    with pytest.raises(CannotWrite, match="it is torn"):
        finish(arrive(ledger.file, arriving(), torn(), DEED))
    assert tables(ledger) == dict.fromkeys(tables(ledger), 0)


def test_a_full_disk_leaves_nothing_to_be_seen(path: str, ledger: Ledger, full_disk) -> None:  # type: ignore[no-untyped-def]
    """It is not there, and what there is of it goes when the file is opened again."""
    slices = arrive(ledger.file, arriving(), iter(rows(3000, first=11)), DEED)
    next(slices)
    with full_disk(), pytest.raises(CannotWrite):
        finish(slices)
    assert ledger.sessions(None) == []
    ledger.close()
    with closing(Ledger(path, durability="stored", create=False)) as again:
        finish(removal.resume(again.file))
        assert tables(again) == dict.fromkeys(tables(again), 0)


KILLED = """
import sys
sys.path.append(sys.argv[2])
from collabkit.store.ledger import Ledger
from collabkit.store.arrival import arrive
from store.test_arrival import DEED, arriving, rows

def log():
    yield from rows(1500, first=11)
    print("half of it", flush=True)
    sys.stdin.readline()

ledger = Ledger(sys.argv[1], durability="stored", create=False)
for _ in arrive(ledger.file, arriving(), log(), DEED):
    pass
"""


def test_kill_9_leaves_nothing(path: str, ledger: Ledger, start: Start, root: Path) -> None:
    """The next holder finds no session, and removes what there is of one."""
    ledger.close()
    process = start(KILLED, path, str(root / "tests"))
    assert line(process) == "half of it"
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    with closing(Ledger(path, durability="stored", create=False)) as again:
        assert again.sessions(None) == []
        assert tables(again)["log"] == 1000
        finish(removal.resume(again.file))
        assert tables(again) == dict.fromkeys(tables(again), 0)
        record = finish(arrive(again.file, arriving(), iter(rows(5, first=11)), DEED))
        assert again.find_session("brought", "plan") == record
