"""A loss of power at any moment costs what was promised at most, and never the file.

A store works through a script: it is made, writes awaited and unawaited rows, settles, keeps
checkpoints, compacts, erases, quarantines, deletes a session, changes facts, closes and opens
again. All that reaches the disk is taken down (:mod:`integration.vfs`), disks that power was cut
from are built out of it (:mod:`integration.crashes`), and each is opened by the store.
"""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from random import Random

import pytest

from collabkit.ids import SessionId, Subject
from collabkit.store import facts
from collabkit.store.base import Deed, Row, Store
from collabkit.store.charter import Amendment
from collabkit.store.database import Durability
from collabkit.store.ledger import Ledger
from collabkit.store.openfile import SETTLE_BYTES
from collabkit.store.reader import Reader
from collabkit.store.sqlite import SQLiteStore
from collabkit.testing.store_contract import ADA, checkpoint, draft
from integration.crashes import Event, Note, Recording, crashes, recording
from integration.vfs import Call
from store.charters import change, fact
from store.processes import finish

# In each CI run, for each durability; soak runs go on for as long as they are asked to.
IMAGES = 100

# Small, so that a change takes some.
FACTS_A_STEP = 8

DOCUMENTS = ("main", "other")

# A document whose two rows are rewritten.
ERASED = "erased"


async def work(path: str, durability: Durability, disk: Recording, dice: Random) -> None:
    """Do everything a store does, twice, and note what was acknowledged."""
    for opening in range(2):
        async with SQLiteStore.open(path, durability=durability) as store:
            if opening == 0:
                record = await store.create_session("notes", project="default", kind="k", by=ADA)
                await store.append(record.id, [draft(b"old", ERASED)] * 2)
            session = (await store.find_session("notes", project="default")).id
            disk.note(0)
            for step in range(8):
                await write(store, session, disk, dice)
                await tend(store, session, dice, step)


async def write(store: Store, session: SessionId, disk: Recording, dice: Random) -> None:
    """Write some rows, awaited, unawaited and at one time, and note how many are acknowledged."""
    for _ in range(dice.randrange(3)):
        store.enqueue(session, draft(dice.randbytes(dice.randrange(200)), dice.choice(DOCUMENTS)))
    appends = [
        store.append(
            session,
            [
                draft(dice.randbytes(dice.choice([10, 300, 9000])), dice.choice(DOCUMENTS))
                for _ in range(dice.randrange(1, 20))
            ],
        )
        for _ in range(dice.randrange(1, 4))
    ]
    disk.note(max(seqs[-1] for seqs in await asyncio.gather(*appends)))


async def tend(store: SQLiteStore, session: SessionId, dice: Random, step: int) -> None:
    """Do one of the other things that change a file."""
    last = (await store.find_session(session, project="default")).last_seq
    if step == 4:
        await store.append(session, [draft(dice.randbytes(SETTLE_BYTES))])
    elif step == 5:
        await store.rewrite(
            session,
            ERASED,
            {1: b"gone", 2: b"gone"},
            checkpoints=[],
            subject_from=ADA,
            subject_to=Subject("nobody"),
            upto=2,
            audit=Deed(ADA, "erase"),
        )
    elif step % 3 == 0:
        for _ in range(2):
            await store.put_checkpoint(session, checkpoint(last))
        await store.compact(session, "main", last // 2)
    elif step % 3 == 1:
        other = await store.create_session("other", project="default", kind="k", by=ADA)
        await store.append(other.id, [draft(dice.randbytes(20_000))])
        await store.delete_session(other.id)
        await govern(store)
    else:
        number = await store.quarantine(session, "other", subject=ADA, body=b"x", reason="died")
        await store.release(number)
        await store.raise_epoch(session, "other")


async def govern(store: SQLiteStore) -> None:
    """Change so many facts that it takes several steps; each says of which epoch it is."""
    epoch, _ = await store.facts()
    changes = [fact(str(number), epoch + 1) for number in range(3 * FACTS_A_STEP)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(facts, "STEP", FACTS_A_STEP)
        await store.change_facts(Amendment(epoch, changes, ADA))


def is_whole(ledger: Ledger) -> bool:
    """Whether all facts are of one epoch, and can be changed again."""
    epoch, found = finish(facts.read(ledger.file.connection, ledger.path, at=None))
    whole = {one.body for one in found} == ({fact("", epoch).body} if epoch else set())
    return whole and change(ledger, epoch, fact("next", epoch + 1)) == epoch + 1


def recorded(path: str, durability: Durability, seed: int) -> tuple[list[Event], list[Row]]:
    """What was done to the disk, and all rows that were to be written."""
    with recording() as disk:
        asyncio.run(work(path, durability, disk, Random(seed)))
    with Reader(path) as reader:
        (record,) = reader.sessions()
        return disk.events, reader.rows(record.id, limit=100_000)


def owed(events: Sequence[Event], durability: Durability) -> int:
    """Up to which row the log must go on a disk that lost its power after these events."""
    if durability == "stored":
        synced = [
            index
            for index, event in enumerate(events)
            if isinstance(event, Call) and event.kind == "sync" and event.path.endswith("-wal")
        ]
        events = events[: synced[-1]] if synced else []
    return acknowledged(events)


def acknowledged(events: Sequence[Event]) -> int:
    """Up to which row the log was acknowledged; -1 if not even the session was."""
    return max((event.what for event in events if isinstance(event, Note)), default=-1)


def survives(path: Path, events: list[Event], rows: list[Row], durability: Durability) -> None:
    """Open a file that power was cut from, and hold it to what is owed."""
    must = owed(events, durability)
    if not path.exists():
        assert must == -1
        return
    with closing(Ledger(str(path), durability="stored", create=False)) as ledger:
        records = [one for one in ledger.sessions(None) if one.name == "notes"]
        if not records:
            assert must == -1
            return
        (record,) = records
        assert record.last_seq >= must
        found = finish(ledger.rows(record.id, after=0, document=None, limit=100_000))
        known = {row.seq: row for row in rows}
        erased = {(row.body, row.subject) for row in found if row.document == ERASED}
        with Reader(path) as reader:
            told = "erase" in {line.action for line in reader.audit(record.id)}
        assert erased <= {(b"gone", "nobody") if told else (b"old", ADA)}
        found = [row for row in found if row.document != ERASED]
        # What was compacted away in the end may still be there; nothing else may differ.
        assert all(known.get(row.seq, row) == row for row in found)
        assert {seq for seq in known if 2 < seq <= record.last_seq} <= {row.seq for row in found}
        for name in record.documents:
            loaded = finish(ledger.load(record.id, name))
            assert loaded.epoch > 0 or record.last_seq >= acknowledged(events)
        assert ledger.write([(record.id, [draft(b"next")])]) == [[record.last_seq + 1]]
        assert is_whole(ledger)
    with Reader(path) as reader:
        assert list(reader.verify()) == []


def cut_often(
    folder: Path, durability: Durability, dice: Random, images: int
) -> Iterator[tuple[Path, list[Event], list[Row]]]:
    """Do the work once, cut its power so many times, and give each file that is left."""
    events, rows = recorded(str(folder / "test.db"), durability, dice.randrange(1 << 30))
    for number, (moment, image) in enumerate(crashes(events, dice, images)):
        left = folder / f"image-{number}"
        left.mkdir()
        for path, content in image.items():
            (left / Path(path).name).write_bytes(content)
        yield left / "test.db", events[:moment], rows
        shutil.rmtree(left)


@pytest.mark.parametrize("durability", ["durable", "stored"])
def test_a_loss_of_power_costs_what_is_promised_at_most(
    folder: Path, durability: Durability, seed: int
) -> None:
    """Durable: nothing acknowledged. Stored: what came after the last sync. Never the file."""
    for path, events, rows in cut_often(folder, durability, Random(seed), IMAGES):
        survives(path, events, rows, durability)


@pytest.mark.soak
@pytest.mark.parametrize("durability", ["durable", "stored"])
def test_many_losses_of_power(
    folder: Path, durability: Durability, seed: int, for_s: float
) -> None:
    """The same for other scripts and many more moments: 1,000 of each at the least."""
    end, done = time.monotonic() + for_s, 0
    dice = Random(seed)
    while done < 1000 or time.monotonic() < end:
        script = folder / f"script-{done}"
        script.mkdir()
        for path, events, rows in cut_often(script, durability, dice, 250):
            survives(path, events, rows, durability)
            done += 1


def test_a_store_that_never_syncs_is_found_out(folder: Path, seed: int) -> None:
    """The images can tell: of a `stored` store a cut takes rows that a `durable` one owes."""
    lost = 0
    for path, events, rows in cut_often(folder, "stored", Random(seed), 20):
        try:
            survives(path, events, rows, "durable")
        except AssertionError:
            lost += 1
    assert lost > 0
