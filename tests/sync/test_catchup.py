"""Bringing up to date who joins: what is shared between many, and what they may compare."""

from __future__ import annotations

from typing import Any

import pytest
from pycrdt import Doc, Text

from collabkit.access.model import Rights
from collabkit.crdt.engine import Bad, Gap, Good
from collabkit.crdt.update import encode_state_vector
from collabkit.ids import Lineage, Seq, Subject
from collabkit.store.base import Checkpoint, Loaded
from collabkit.store.base import Row as LogRow
from collabkit.sync import effects as fx
from collabkit.sync import events as on
from collabkit.sync.catchup import MAX_LATE_BYTES
from collabkit.sync.checkpointing import DIGEST_EVERY
from collabkit.sync.messages import (
    Awareness,
    Digest,
    Message,
    PackedRow,
    Resume,
    Row,
    Synced,
    SyncStep1,
    SyncStep2,
    Update,
    Welcome,
)
from collabkit.sync.packing import pack
from collabkit.sync.reading import KEPT_FOR
from collabkit.sync.room import Room

SUBJECT = Subject("user:a")


class Author:
    """Writes edits that build on each other."""

    def __init__(self, client: int = 7) -> None:
        self.doc: Doc[Any] = Doc(client_id=client)
        self.doc["t"] = self.text = Text()

    def write(self, text: str) -> bytes:
        before = self.doc.get_state()
        self.text.insert(0, text)
        return self.doc.get_update(before)


def commit(room: Room, member: int, update: bytes, seq: int, now: float) -> None:
    """Take an edit all the way to the log."""
    room.handle(on.Said(member, Update(update)), now=now)
    room.handle(on.Woke(soon=False), now=now)
    room.handle(on.Tasted((Good(),)), now=now)
    room.handle(on.Committed((Seq(seq),)), now=now)


def logged(seq: int, body: bytes) -> LogRow:
    return LogRow(Seq(seq), "main", SUBJECT, body, 0, "update", (7,), 0, None, "relay")


def told(effects: list[fx.RoomEffect], member: int) -> list[Message]:
    return [e.message for e in effects if isinstance(e, fx.Send) and member in e.to]


@pytest.fixture
def author() -> Author:
    return Author()


@pytest.fixture
def room(author: Author) -> Room:
    """A room with one row in its log, and its author there."""
    made = Room("main", now=0.0)
    made.start()
    made.handle(on.Opened("L", 0, 0, {}, epoch=5), now=0.0)
    made.handle(on.Joined(1, SUBJECT), now=0.0)
    commit(made, 1, author.write("first"), 1, 0.0)
    return made


def follow(room: Room, member: int, after: int = 0, *, version: int = 2, now: float) -> Any:
    room.handle(on.Joined(member, SUBJECT, Rights(), True, version), now=now)
    lineage = "L" if after else ""
    return room.handle(on.Said(member, Resume(lineage, after, b"\0")), now=now)


def join(room: Room, member: int, vector: bytes, now: float) -> list[fx.RoomEffect]:
    room.handle(on.Joined(member, SUBJECT), now=now)
    return room.handle(on.Said(member, SyncStep1(vector)), now=now)


def test_a_reading_serves_for_some_seconds(room: Room, author: Author) -> None:
    """Who comes a little later gets what was read, and what was stored behind it."""
    first = author.doc.get_update()
    assert join(room, 2, b"\0", 1.0) == [fx.ReadLog()]
    loaded = Loaded(Lineage("L"), None, (logged(1, first),), Seq(1))
    assert told(room.handle(on.LogRead(loaded), now=1.0), 2)[-2:] == [
        Update(first),
        SyncStep2(b"\0\0"),
    ]
    second = author.write("second")
    commit(room, 1, second, 2, 2.0)
    third = author.write("third")
    room.handle(on.Said(1, Update(third)), now=2.0)
    assert told(join(room, 3, b"\0", 3.0), 3)[-4:] == [
        Update(first),
        Update(second),
        Update(third),
        SyncStep2(b"\0\0"),
    ]
    assert [m for m in told(follow(room, 4, now=3.0), 4) if isinstance(m, Row | Synced)] == [
        Row(1, first),
        Row(2, second),
    ]
    assert join(room, 5, b"\0", 1.0 + KEPT_FOR) == [fx.ReadLog()]


def test_in_sync_is_who_has_what_was_on_its_way_when_he_came(room: Room, author: Author) -> None:
    """And not what came later; whatever was refused is waited for no longer."""
    first, second, third = (author.write(text) for text in ("second ", "third ", "fourth "))
    room.handle(on.Said(1, Update(first)), now=1.0)
    room.handle(on.Woke(soon=False), now=1.0)
    room.handle(on.Said(1, Update(second)), now=1.0)
    follow(room, 2, now=1.0)
    effects = room.handle(on.LogRead(Loaded(Lineage("L"), None, (), Seq(1)), None), now=1.0)
    assert told(effects, 2) == []
    room.handle(on.Said(1, Update(third)), now=1.0)
    room.handle(on.Tasted((Good(),)), now=1.0)
    assert told(room.handle(on.Committed((Seq(2),)), now=1.0), 2) == [Row(2, first)]
    room.handle(on.Woke(soon=False), now=1.0)
    refused = room.handle(on.Tasted((Bad("malformed", "it is"), Gap())), now=1.0)
    assert told(refused, 2) == [Synced(2), SyncStep1(encode_state_vector({7: 12}))]


def test_who_comes_again_or_goes_is_told_once_or_not(room: Room, author: Author) -> None:
    """That he is in sync."""
    second = author.write("second ")
    room.handle(on.Said(1, Update(second)), now=1.0)
    room.handle(on.Woke(soon=False), now=1.0)
    for member in (2, 3):
        follow(room, member, now=1.0)
    room.handle(on.LogRead(Loaded(Lineage("L"), None, (), Seq(1)), None), now=1.0)
    room.handle(on.CaughtUp(2, None, after=1, synced=False), now=1.0)
    room.handle(on.Left(3), now=1.0)
    room.handle(on.Tasted((Good(),)), now=1.0)
    effects = room.handle(on.Committed((Seq(2),)), now=1.0)
    assert [m for m in told(effects, 2) if isinstance(m, Row | Synced)] == [
        Row(2, second),
        Synced(2),
    ]
    assert told(effects, 3) == []


def test_a_reading_ends_with_what_was_read(room: Room, author: Author) -> None:
    """Once the document was opened again, or much was stored, the log is read again."""
    loaded = Loaded(Lineage("L"), None, (logged(1, author.doc.get_update()),), Seq(1))
    join(room, 2, b"\0", 1.0)
    room.handle(on.LogRead(loaded), now=1.0)
    commit(room, 1, author.write("x" * MAX_LATE_BYTES), 2, 1.0)
    assert join(room, 3, b"\0", 1.0) == [fx.ReadLog()]
    room.handle(on.LogRead(loaded), now=1.0)
    room.handle(on.EngineDied(), now=1.0)
    room.handle(on.Opened("L", 2, 2, {7: 5 + MAX_LATE_BYTES}), now=1.0)
    assert join(room, 4, b"\0", 1.0) == [fx.ReadLog()]


def test_equal_vectors_share_an_answer_until_something_is_stored(
    room: Room, author: Author
) -> None:
    """A difference is asked for once, however many want it, as long as it is the whole of it."""
    vector = b"\x01\x07\x01"
    assert join(room, 2, vector, 1.0) == [fx.Diff(vector)]
    assert told(room.handle(on.Diffed(vector, b"d"), now=1.0), 2)[-1] == SyncStep2(b"d")
    assert told(join(room, 3, vector, 1.5), 3)[-1] == SyncStep2(b"d")
    commit(room, 1, author.write("second"), 2, 2.0)
    assert join(room, 4, vector, 2.5) == [fx.Diff(vector)]


def test_what_the_engine_said_ends_with_it(room: Room) -> None:
    """An answer may hold what was tasted and then not stored: a new engine is asked anew."""
    vector = b"\x01\x07\x01"
    join(room, 2, vector, 1.0)
    room.handle(on.Diffed(vector, b"d"), now=1.0)
    room.handle(on.EngineDied(), now=1.0)
    room.handle(on.Opened("L", 1, 1, {7: 5}), now=1.0)
    assert join(room, 3, vector, 1.5) == [fx.Diff(vector)]


# Versions of the dialect


def test_checkpoints_leave_packed_for_who_reads_them(room: Room) -> None:
    """Version 2 gets the checkpoint compressed, version 1 as it is, from one reading."""
    body = bytes(100_000)
    packed = pack(Row(1, body))
    checkpoint = Checkpoint("main", Seq(1), body, "digest", 0)
    assert follow(room, 2, now=1.0) == [fx.ReadLog(packed=True)]
    follow(room, 3, version=1, now=1.0)
    effects = room.handle(on.LogRead(Loaded(Lineage("L"), checkpoint, (), Seq(1)), packed), now=1.0)
    rows = Row | PackedRow
    assert [m for m in told(effects, 2) if isinstance(m, rows)] == [packed]
    assert [m for m in told(effects, 3) if isinstance(m, rows)] == [Row(1, body)]


@pytest.mark.parametrize("version", [1, 2])
def test_a_welcome_tells_the_epoch(room: Room, version: int) -> None:
    """Each version is welcomed in its own words."""
    [welcome] = told(room.handle(on.Joined(2, SUBJECT, Rights(), True, version), now=1.0), 2)
    assert welcome == Welcome(version, "L", SUBJECT, True, 1, 5)


# Digests


def caught_up(room: Room, member: int, *, version: int = 2, now: float = 1.0) -> list[Message]:
    follow(room, member, 1, version=version, now=now)
    loaded = Loaded(Lineage("L"), None, (), Seq(1))
    return told(room.handle(on.LogRead(loaded), now=now), member)


def test_a_digest_is_told_behind_its_rows(room: Room) -> None:
    """When a checkpoint is made and nothing moved, those who follow are told its digest."""
    caught_up(room, 2)
    caught_up(room, 3, version=1)
    effects = room.handle(on.CheckpointKept(1, "digest"), now=2.0)
    assert effects == [fx.Send((2,), Digest(1, "digest"))]


def test_a_joiner_is_told_the_last_digest(room: Room) -> None:
    """As long as nothing was stored since, it holds for who comes later."""
    room.handle(on.CheckpointKept(1, "digest"), now=1.0)
    assert caught_up(room, 2)[-1] == Digest(1, "digest")


def test_no_digest_while_something_is_on_its_way(room: Room, author: Author) -> None:
    """A digest of what is not all there is would accuse the innocent."""
    caught_up(room, 2)
    room.handle(on.Said(1, Update(author.write("second"))), now=2.0)
    assert room.handle(on.CheckpointKept(1, "digest"), now=2.0) == []
    room.handle(on.Woke(soon=False), now=2.0)
    room.handle(on.Tasted((Good(),)), now=2.0)
    room.handle(on.Committed((Seq(2),)), now=2.0)
    assert room.handle(on.CheckpointKept(1, "digest"), now=2.0) == []


def test_an_idle_room_has_its_digest_made(room: Room) -> None:
    """Now and then, if somebody can compare and something was stored since the last time."""
    assert fx.MakeCheckpoint() not in room.handle(on.Ticked(), now=DIGEST_EVERY)
    caught_up(room, 2, now=DIGEST_EVERY)
    assert fx.MakeCheckpoint() in room.handle(on.Ticked(), now=DIGEST_EVERY)
    assert fx.MakeCheckpoint() not in room.handle(on.Ticked(), now=DIGEST_EVERY + 1)
    room.handle(on.CheckpointKept(1, "digest"), now=DIGEST_EVERY + 1)
    assert fx.MakeCheckpoint() not in room.handle(on.Ticked(), now=3 * DIGEST_EVERY)


# Copies of other documents


def test_a_copy_of_another_document_is_refused(room: Room) -> None:
    """Who shares no edit is put out with 4409; who was seen here before is not."""
    stranger = b"\x01\x09\x03"
    [out] = join(room, 2, stranger, 1.0)
    assert isinstance(out, fx.Dismiss)
    assert out.code == 4409
    room.handle(on.Joined(3, SUBJECT), now=1.0)
    room.handle(on.Said(3, Awareness(bytes.fromhex("010901027b7d"))), now=1.0)
    room.handle(on.Left(3), now=1.0)
    assert join(room, 4, stranger, 1.0) == [fx.Diff(stranger)]


def test_who_is_in_is_not_asked_again(author: Author) -> None:
    """Two who began in an empty document stay, whoever was first."""
    room = Room("main", now=0.0)
    room.start()
    room.handle(on.Opened("L", 0, 0, {}), now=0.0)
    for member in (1, 2):
        join(room, member, b"\0", 0.0)
    commit(room, 1, author.write("first"), 1, 0.0)
    assert room.handle(on.Said(2, SyncStep1(b"\x01\x09\x03")), now=1.0)[0] == fx.Diff(
        b"\x01\x09\x03"
    )
