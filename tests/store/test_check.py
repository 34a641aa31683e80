"""Verifying a file: every fault is one sentence, and a sound file has none."""

from __future__ import annotations

import random
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from collabkit.errors import Corrupt, NotACollabFile, SchemaTooNew
from collabkit.ids import SessionId
from collabkit.store import rows
from collabkit.store.compaction import Asked
from collabkit.store.ledger import Ledger
from collabkit.store.reader import Reader
from collabkit.testing.store_contract import ADA, checkpoint, draft
from store.processes import finish

# Statement, and the sentences that verifying says after it.
FAULTS = {
    "a body": (
        "UPDATE log SET body = x'00' WHERE place & 0xff = 3",
        ["row 3 of default~notes/main: its check sum is wrong"],
    ),
    "two rows": (
        "UPDATE log SET seen = 9 WHERE place & 0xff IN (2, 4)",
        [
            "row 2 of default~notes/main: its check sum is wrong",
            "row 4 of default~notes/main: its check sum is wrong",
        ],
    ),
    "a missing row": (
        "DELETE FROM log WHERE place & 0xff = 3",
        ["row 4 of default~notes/main: the row before it, 3, is missing"],
    ),
    "a missing end": (
        "DELETE FROM log WHERE place & 0xff = 5",
        ["row 5 of default~notes/main: it is missing"],
    ),
    "a moved row": (
        "UPDATE log SET place = place + 10 WHERE place & 0xff = 5",
        ["row 5 of default~notes/main: it is missing"],
    ),
    "unreadable text": (
        "UPDATE log SET subject = CAST(x'ff' AS TEXT) WHERE place & 0xff = 3",
        ["row 3 of default~notes/main: its check sum is wrong"],
    ),
    "a checkpoint": (
        "UPDATE checkpoints SET body = x'00' WHERE seq = 4",
        ["checkpoint 4 of default~notes/main: its check sum is wrong"],
    ),
    "a value": ("UPDATE named SET value = '2'", ["the value t/k: its check sum is wrong"]),
    "a session": (
        "UPDATE sessions SET kind = 'x'",
        [
            "session 'notes': its check sum is wrong",
            "document 'main': its session is missing",
        ],
    ),
    "a document": (
        "DELETE FROM checkpoints; UPDATE documents SET lineage = 'x'",
        ["document 'main': its check sum is wrong", "default~notes: 1 documents, 0 found"],
    ),
    "a lost document": (
        "DELETE FROM checkpoints; DELETE FROM documents",
        [
            "document number 1 has rows, but is not listed",
            "default~notes: 1 documents, 0 found",
        ],
    ),
}


@pytest.fixture
def sound(path: str) -> str:
    """A file with a bit of everything, closed."""
    with closing(Ledger(path, durability="stored", create=True)) as ledger:
        session = ledger.create_session("notes", "default", "single", ADA).id
        ledger.write([(session, [draft(b"%d" % n) for n in range(1, 6)])])
        for seq in (2, 4):
            ledger.put_checkpoint(session, checkpoint(seq))
        ledger.put("t", "k", 1, None)
    return path


def verify(path: str) -> list[str]:
    """All that is said of a file."""
    with Reader(path) as reader:
        return list(reader.verify())


def test_a_sound_file_has_no_faults(sound: str) -> None:
    """Nothing is said of a file that is as it was written."""
    assert verify(sound) == []


@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault_is_named(sound: str, fault: str) -> None:
    """What is wrong is said in a sentence that names the place, and nothing else is said."""
    statement, sentences = FAULTS[fault]
    with closing(Ledger(sound, durability="stored", create=False)) as ledger:
        ledger.file.connection.executescript(statement)
    assert Counter(verify(sound)) == Counter(sentences)


def test_two_writers_are_found(ledger: Ledger, session: SessionId) -> None:
    """Rows of an older opening after those of a newer one were written behind its back."""
    ledger.write([(session, [draft(b"1")])])
    ledger.file.epoch = 7
    ledger.file.connection.execute("UPDATE file SET epoch = 7")
    ledger.write([(session, [draft(b"2")])])
    ledger.file.epoch = 1
    ledger.file.connection.execute("UPDATE file SET epoch = 1")
    ledger.write([(session, [draft(b"3")])])
    assert verify(ledger.path) == ["row 3 of default~notes/main: two processes wrote at once"]


def test_a_lost_hot_end_is_found_by_the_rows_of_others(ledger: Ledger, session: SessionId) -> None:
    """A log counts over all documents: a number that nobody has is a row that is gone."""
    ledger.write([(session, [draft(b"1", "a"), draft(b"2", "b"), draft(b"3", "a")])])
    ledger.file.connection.execute("DELETE FROM hot WHERE seq = 2")
    assert verify(ledger.path) == ["default~notes: 1 rows are missing"]


def test_what_is_written_meanwhile_is_no_fault(ledger: Ledger, session: SessionId) -> None:
    """Appends, moves, compaction and deletion beside a running check are none of its business."""
    other = ledger.create_session("other", "default", "single", ADA).id
    for each in (session, other):
        ledger.write([(each, [draft(b"x", name)] * 2 * rows.PAGE_ROWS) for name in "ab"])
        for _ in range(2):
            ledger.put_checkpoint(each, checkpoint(2 * rows.PAGE_ROWS, "a"))
    # The last session has a fault, so that the check gives way before it is done.
    last = ledger.create_session("z", "default", "single", ADA).id
    ledger.write([(last, [draft(b"x")])])
    ledger.file.connection.execute("UPDATE hot SET body = x'00' WHERE document = 5")
    with Reader(ledger.path) as reader:
        sentences = reader.verify()
        ledger.write([(session, [draft(b"more", "a")])])
        assert next(sentences).startswith("row 1 of default~z/main")
        ledger.file.settle()
        finish(ledger.compact(session, "a", Asked(100)))
        finish(ledger.delete_session(other))
        assert list(sentences) == []
    assert len(verify(ledger.path)) == 1


def test_a_log_that_nobody_reads_again_is_told(path: str) -> None:
    """Before a holder opens it, a file whose write-ahead log is damaged says so."""
    with closing(Ledger(path, durability="stored", create=True)) as ledger:
        session = ledger.create_session("notes", "default", "single", ADA).id
        ledger.write([(session, [draft(b"1")])])
        file, log = Path(path).read_bytes(), bytearray(Path(f"{path}-wal").read_bytes())
    log[5000] ^= 1
    Path(path).write_bytes(file)
    Path(f"{path}-wal").write_bytes(log)
    (sentence,) = verify(path)
    assert sentence.startswith("its write-ahead log: ")


Question = tuple[str, SessionId | None, str]


def answer(reader: Reader, question: Question, truth: dict[Question, object]) -> object:
    """What a file says; of a document, whether it is all of it, by whichever checkpoint."""
    what, session, name = question
    if session is None:
        return [(it.id, it.name, it.documents, it.last_seq) for it in reader.sessions()]
    match what:
        case "find":
            return reader.find(session, project="p").last_seq
        case "rows":
            return reader.rows(session, document=name or None)
        case "value":
            return reader.get("t", session)
    loaded = reader.load(session, name)
    base = loaded.checkpoint.seq if loaded.checkpoint else 0
    rows_after = truth.get(("rows", session, name), loaded.rows)
    assert isinstance(rows_after, list | tuple)
    return (
        loaded.lineage,
        loaded.checkpoint in (None, checkpoint(base, name)),
        list(loaded.rows) == [row for row in rows_after if row.seq > base],
    )


def test_no_flipped_bit_is_read_as_nothing_there(path: str, tmp_path: Path) -> None:
    """Of 600 files with one bit wrong each, all are read as they were, or not at all."""
    questions: list[Question] = [("sessions", None, "")]
    with closing(Ledger(path, durability="stored", create=True)) as ledger:
        for each in "ab":
            session = ledger.create_session(each, "p", "k", ADA).id
            for n in range(30):
                ledger.write([(session, [draft(b"%d" % n * 20, "xy"[n % 3 == 0])])])
            for seq in (10, 20):
                ledger.put_checkpoint(session, checkpoint(seq, "x"))
            ledger.put("t", session, {"a": 1}, None)
            questions += [(what, session, "") for what in ("find", "rows", "value")]
            questions += [(what, session, name) for name in "xy" for what in ("rows", "load")]
    truth: dict[Question, object] = {}
    with Reader(path) as reader:
        for question in questions:
            truth[question] = answer(reader, question, truth)
        assert list(reader.verify()) == []
    file, dice, seen = Path(path).read_bytes(), random.Random(1), Counter[str]()
    for number in range(600):
        at, bit = dice.randrange(len(file)), dice.randrange(8)
        damaged = tmp_path / f"{number}.db"
        damaged.write_bytes(file[:at] + bytes([file[at] ^ 1 << bit]) + file[at + 1 :])
        try:
            reader = Reader(damaged)
        except (Corrupt, NotACollabFile, SchemaTooNew):
            seen["not opened"] += 1
            continue
        with reader:
            errors = 0
            for question in questions:
                try:
                    said = answer(reader, question, truth)
                except Corrupt:
                    errors += 1
                else:
                    assert said == truth[question], f"byte {at} bit {bit}: {question}"
            told = list(reader.verify())
        assert told or not errors, f"byte {at} bit {bit}: damage that verifying does not find"
        seen["told" if told else "harmless"] += 1
    assert min(seen["not opened"], seen["told"], seen["harmless"]) > 0
