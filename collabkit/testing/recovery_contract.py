"""What every store must hold of client ids, quarantine and recovery, as a class of tests.

Use it as :class:`collabkit.testing.store_contract.StoreContract`, with the same fixture.
"""

from __future__ import annotations

import asyncio

import msgspec

from ..errors import SessionNotFound
from ..ids import Seq, SessionId, Subject
from ..store.base import Draft, Row, Store
from .contracts import raises
from .store_contract import ADA, Opening, checkpoint, draft, new_session

__all__ = ["RecoveryContract"]

BEN = Subject("user:ben")


class RecoveryContract:
    """What :class:`collabkit.store.base.Store` promises of trouble. Needs ``opening``."""

    async def test_an_id_belongs_to_whom_its_row_says(self, opening: Opening) -> None:
        """A claim is there with its row, in its document only, and the first one stands."""
        async with opening() as store:
            session = await new_session(store)
            await store.append(session, [claim(ADA, 1, 2), draft(b"free")])
            await store.append(session, [claim(BEN, 2, 3), claim(BEN, 1, document="other")])
            expected = {1: ADA, 2: ADA, 3: BEN}
            assert (await store.load(session, "main")).owners == expected
            assert (await store.load(session, "other")).owners == {1: BEN}
        async with opening() as store:
            assert (await store.load(session, "main")).owners == expected

    async def test_a_claim_whose_row_is_refused_is_none(self, opening: Opening) -> None:
        """Nobody owns an id through what is not in the log."""
        async with opening() as store:
            session = await new_session(store)
            with raises(SessionNotFound):
                await store.append(SessionId("none"), [claim(ADA, 1)])
            await store.append(session, [draft(b"1")])
            assert (await store.load(session, "main")).owners == {}

    async def test_a_row_set_aside_is_in_no_load(self, opening: Opening) -> None:
        """The log keeps it, checkpoints that hold it go, and the document is the rest."""
        async with opening() as store:
            session = await three_rows(store)
            for seq in (1, 2):
                await store.put_checkpoint(session, checkpoint(seq))
            number = await set_aside(store, session, 2)
            loaded = await store.load(session, "main")
            assert loaded.checkpoint == checkpoint(1)
            assert bodies(loaded.rows) == [b"3"]
            assert (loaded.quarantined, loaded.upto) == ((b"2",), 3)
            assert bodies(await store.rows(session)) == [b"1", b"2", b"3"]
            assert await set_aside(store, session, 2) == number
        async with opening() as store:
            assert bodies((await store.load(session, "main")).rows) == [b"3"]
            assert list(store.verify()) == []

    async def test_a_released_row_is_loaded_again(self, opening: Opening) -> None:
        """Also if checkpoints were made without it, and never through a compaction."""
        async with opening() as store:
            session = await three_rows(store)
            await store.put_checkpoint(session, checkpoint(1))
            number = await set_aside(store, session, 2)
            for _ in range(3):
                await store.put_checkpoint(session, checkpoint(3))
            assert (await store.load(session, "main")).checkpoint == checkpoint(3)
            assert (await store.compact(session, "main", 3)).rows == 0
            await store.release(number)
            loaded = await store.load(session, "main")
            assert loaded.checkpoint == checkpoint(1)
            assert bodies(loaded.rows) == [b"2", b"3"]
            assert loaded.quarantined == ()
            (again,) = await asyncio.gather(store.release(number), return_exceptions=True)
            assert isinstance(again, LookupError)

    async def test_an_update_is_kept_apart_without_a_row(self, opening: Opening) -> None:
        """It is told at each load, once, until it is released; the log knows nothing of it."""
        async with opening() as store:
            session = await three_rows(store)
            number = await set_aside(store, session, None, b"bad")
            assert await set_aside(store, session, None, b"bad") == number
            await set_aside(store, session, 77, b"of a row that never was")
            loaded = await store.load(session, "main")
            assert loaded.quarantined == (b"bad", b"of a row that never was")
            assert len(loaded.rows) == 3
            await store.release(number)
            assert len((await store.load(session, "main")).quarantined) == 1

    async def test_a_checkpoint_is_set_aside(self, opening: Opening) -> None:
        """The one before it, or the rows, stand in for it until it is released."""
        async with opening() as store:
            session = await three_rows(store)
            for seq in (1, 3):
                await store.put_checkpoint(session, checkpoint(seq))
            number = await set_aside(store, session, 3, b"")
            loaded = await store.load(session, "main")
            assert loaded.checkpoint == checkpoint(1)
            assert (bodies(loaded.rows), loaded.quarantined) == ([b"2", b"3"], ())
            assert await set_aside(store, session, 3, b"") == 0
            (kept,) = await store.quarantined()
            assert (kept.kind, kept.seq, kept.body) == ("checkpoint", 3, checkpoint(3).body)
            await store.release(number)
            loaded = await store.load(session, "main")
            assert loaded.checkpoint is not None
            assert (loaded.checkpoint.body, loaded.rows) == (checkpoint(3).body, ())

    async def test_what_is_kept_apart_is_told(self, opening: Opening) -> None:
        """Of a session or of all: what it was, whose, where, and what became of the engine."""
        async with opening() as store:
            session = await three_rows(store)
            other = await new_session(store, "other")
            row = await set_aside(store, session, 2)
            await set_aside(store, other, None, b"bad")
            (found,) = await store.quarantined(session)
            assert (found.id, found.session, found.document) == (row, session, "main")
            assert (found.subject, found.body, found.seq) == (BEN, b"2", 2)
            assert (found.reason, found.kind) == ("it hung", "update")
            assert [one.session for one in await store.quarantined()] == [session, other]
            await store.delete_session(other)
            assert await store.quarantined() == [found]

    async def test_an_epoch_only_rises(self, opening: Opening) -> None:
        """Of one document, for ten minutes, and for ever after."""
        async with opening() as store:
            session = await new_session(store)
            before = await store.load(session, "main")
            assert before.recovers_until_ms == 0
            first = await store.raise_epoch(session, "main")
            second = await store.raise_epoch(session, "main")
            assert before.epoch < first < second
            after = await store.load(session, "main")
            assert after.epoch == second
            assert after.recovers_until_ms > 0
            assert (await store.load(session, "other")).epoch == before.epoch
        async with opening() as store:
            assert (await store.load(session, "main")).epoch == second


def claim(subject: Subject, *ids: int, document: str = "main") -> Draft:
    """A row that claims client ids."""
    made = draft(b"row", document)
    return msgspec.structs.replace(made, subject=subject, clients=ids, claims=ids)


def bodies(rows: tuple[Row, ...] | list[Row]) -> list[bytes]:
    """What rows hold."""
    return [row.body for row in rows]


async def three_rows(store: Store) -> SessionId:
    """A session whose document has the rows 1, 2 and 3."""
    session = await new_session(store)
    await store.append(session, [draft(b"%d" % number) for number in (1, 2, 3)])
    return session


async def set_aside(
    store: Store, session: SessionId, seq: int | None, body: bytes | None = None
) -> int:
    """Quarantine the row of this number, or something else."""
    return await store.quarantine(
        session,
        "main",
        subject=BEN,
        body=b"%d" % (seq or 0) if body is None else body,
        reason="it hung",
        seq=None if seq is None else Seq(seq),
    )
