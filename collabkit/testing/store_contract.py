"""What every store must hold, as a class of tests.

Use it as :mod:`collabkit.testing.contracts` says::

    class TestMyStore(StoreContract):
        @pytest.fixture
        def opening(self, tmp_path):
            return lambda: MyStore.open(tmp_path / "store")

``opening()`` opens one and the same store each time it is entered.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import TypeAlias

from ..errors import (
    Conflict,
    InvalidName,
    LocalProtocolError,
    SessionExists,
    SessionNotFound,
    ValueNotStorable,
)
from ..ids import Seq, SessionId, Subject
from ..store.base import Checkpoint, Draft, Row, SessionRecord, Store
from .contracts import raises

__all__ = ["Opening", "StoreContract"]

Opening: TypeAlias = Callable[[], AbstractAsyncContextManager[Store]]

ADA = Subject("user:ada")


class StoreContract:
    """What :class:`collabkit.store.base.Store` promises. Needs the fixture ``opening``."""

    # Sessions

    async def test_a_session_is_found_by_name_and_by_id(self, opening: Opening) -> None:
        """Whoever knows one of its names finds the same session."""
        async with opening() as store:
            made = await store.create_session("notes", project="acme", kind="single", by=ADA)
            assert await store.find_session("notes", project="acme") == made
            assert await store.find_session(made.id, project="acme") == made
            assert (made.project, made.name, made.kind) == ("acme", "notes", "single")
            assert (made.created_by, made.last_seq, made.documents) == (ADA, 0, ())

    async def test_a_session_is_looked_for_in_its_project_only(self, opening: Opening) -> None:
        """Neither its name nor its id leads to it from another project."""
        async with opening() as store:
            made = await store.create_session("notes", project="acme", kind="single", by=ADA)
            for name in ("notes", made.id):
                with raises(SessionNotFound) as caught:
                    await store.find_session(name, project="default")
                assert caught().name == name

    async def test_a_name_is_taken_once_in_a_project(self, opening: Opening) -> None:
        """Two sessions of a project never have one name; those of two projects may."""
        async with opening() as store:
            await new_session(store)
            await store.create_session("notes", project="acme", kind="single", by=ADA)
            with raises(SessionExists):
                await new_session(store)
            assert [one.project for one in await store.sessions()] == ["acme", "default"]

    async def test_sessions_are_listed_by_project_and_name(self, opening: Opening) -> None:
        """A list has one order, and may be of one project."""
        async with opening() as store:
            for name, project in (("b", "x"), ("a", "x"), ("c", "w")):
                await store.create_session(name, project=project, kind="single", by=ADA)
            assert [one.name for one in await store.sessions()] == ["c", "a", "b"]
            assert [one.name for one in await store.sessions(project="x")] == ["a", "b"]

    async def test_a_name_that_is_no_room_is_refused(self, opening: Opening) -> None:
        """What cannot be written on the wire does not become a session."""
        async with opening() as store:
            for name in ("", "a/b", "a~b", "a?", "..", "a\n"):
                with raises(InvalidName):
                    await store.create_session(name, project="default", kind="single", by=ADA)
            assert await store.sessions() == []

    async def test_a_deleted_session_is_gone(self, opening: Opening) -> None:
        """Nothing of it is left, and its name is free for another session."""
        async with opening() as store:
            session = await new_session(store)
            other = await store.create_session("other", project="default", kind="single", by=ADA)
            await store.append(session, [draft(b"one")])
            await store.append(other.id, [draft(b"other")])
            await store.put("state", session, "active")
            await store.put("state", f"{session}/x", "active")
            await store.put("state", f"{session}x", "another's")
            await store.delete_session(session)
            with raises(SessionNotFound):
                await store.rows(session)
            with raises(SessionNotFound):
                await store.append(session, [draft(b"two")])
            assert await new_session(store) != session
            assert [row.body for row in await store.rows(other.id)] == [b"other"]
            assert [key for key, _, _ in await store.entries("state")] == [f"{session}x"]

    # The log

    async def test_rows_are_read_as_they_were_written(self, opening: Opening) -> None:
        """Every field of a draft comes back, whatever is in it."""
        full = Draft(
            document="päth/to",
            subject=Subject("user:ädá"),
            body=bytes(range(256)) * 40,
            at_ms=1_700_000_000_123,
            kind="session.activated",
            clients=(0, 1, (1 << 53) - 1),
            seen=7,
            group="rename\N{PARTY POPPER}",
            origin="import",
        )
        plain = Draft("main", ADA, b"", 0)
        async with opening() as store:
            session = await new_session(store)
            seqs = await store.append(session, [full, plain])
            assert await store.rows(session) == [placed(full, 1), placed(plain, 2)]
            assert seqs == [1, 2]
        async with opening() as store:
            assert await store.rows(session) == [placed(full, 1), placed(plain, 2)]

    async def test_seq_counts_per_session_over_all_documents(self, opening: Opening) -> None:
        """One cursor replays a session; another session counts for itself."""
        async with opening() as store:
            first = await new_session(store)
            second = (await store.create_session("b", project="x", kind="single", by=ADA)).id
            assert await store.append(first, [draft(b"1", "a"), draft(b"2", "b")]) == [1, 2]
            assert await store.append(second, [draft(b"1", "a")]) == [1]
            assert await store.append(first, [draft(b"3", "a")]) == [3]
            assert [row.body for row in await store.rows(first)] == [b"1", b"2", b"3"]
            assert [row.seq for row in await store.rows(first, document="a")] == [1, 3]

    async def test_a_log_is_read_in_pages(self, opening: Opening) -> None:
        """A page begins after a seq, has at most so many rows, and misses none."""
        async with opening() as store:
            session = await new_session(store)
            drafts = [draft(b"%d" % number, "abc"[number % 3]) for number in range(100)]
            await store.append(session, drafts)
            bodies, after = [], 0
            while page := await store.rows(session, after=after, limit=7):
                assert len(page) <= 7
                bodies += [row.body for row in page]
                after = page[-1].seq
            assert bodies == [draft.body for draft in drafts]
            assert await store.rows(session, document="none") == []

    async def test_the_order_of_calls_is_the_order_of_rows(self, opening: Opening) -> None:
        """Rows queued at one time, awaited or not, land in the order they were queued."""
        async with opening() as store:
            session = await new_session(store)
            waiting = []
            for number in range(50):
                store.enqueue(session, draft(b"e%d" % number))
                waiting.append(store.append(session, [draft(b"a%d" % number)]))
            assert await asyncio.gather(*waiting) == [[2 * n + 2] for n in range(50)]
            expected = [b"%c%d" % (kind, number) for number in range(50) for kind in b"ea"]
            assert [row.body for row in await store.rows(session)] == expected

    async def test_flush_is_done_when_all_is_written(self, opening: Opening) -> None:
        """What was queued before a flush is there after it."""
        async with opening() as store:
            session = await new_session(store)
            for number in range(5000):
                store.enqueue(session, draft(b"%d" % number))
            await store.flush()
            assert (await store.find_session(session, project="default")).last_seq == 5000

    async def test_an_append_to_nothing_fails_alone(self, opening: Opening) -> None:
        """An unknown session, or a value that cannot be kept, spoils no other append."""
        async with opening() as store:
            session = await new_session(store)
            huge = Draft("main", ADA, b"", at_ms=1 << 70)
            results = await asyncio.gather(
                store.append(session, [draft(b"1")]),
                store.append(SessionId("none"), [draft(b"x")]),
                store.append(session, [draft(b"half"), huge]),
                store.append(session, [draft(b"2"), draft(b"3")]),
                return_exceptions=True,
            )
            assert results[0] == [1]
            assert isinstance(results[1], SessionNotFound)
            assert isinstance(results[2], ValueNotStorable)
            assert results[3] == [2, 3]
            assert [row.body for row in await store.rows(session)] == [b"1", b"2", b"3"]

    # Documents and checkpoints

    async def test_a_new_document_is_empty_and_has_its_lineage(self, opening: Opening) -> None:
        """The lineage that its first reader is told is the one it has for ever."""
        async with opening() as store:
            session = await new_session(store)
            new = await store.load(session, "main")
            assert (new.checkpoint, new.rows, new.upto) == (None, (), 0)
            await store.append(session, [draft(b"1"), draft(b"2", "other")])
            loaded = await store.load(session, "main")
            assert loaded.lineage == new.lineage != ""
            assert (loaded.rows, loaded.upto) == ((placed(draft(b"1"), 1),), 2)
            assert (await store.load(session, "other")).lineage != new.lineage
        async with opening() as store:
            assert (await store.load(session, "main")).lineage == new.lineage

    async def test_a_document_is_its_checkpoint_and_what_came_after(self, opening: Opening) -> None:
        """A load begins at the newest checkpoint, and removes nothing from the log."""
        async with opening() as store:
            session = await new_session(store)
            await store.append(session, [draft(b"%d" % number) for number in range(1, 6)])
            for seq in (2, 4):
                await store.put_checkpoint(session, checkpoint(seq))
            loaded = await store.load(session, "main")
            assert loaded.checkpoint == checkpoint(4)
            assert [row.body for row in loaded.rows] == [b"5"]
            assert len(await store.rows(session)) == 5

    async def test_a_checkpoint_that_cannot_be_true_is_refused(self, opening: Opening) -> None:
        """One beyond the log's end would hide edits to come; an empty one, those there are."""
        async with opening() as store:
            session = await new_session(store)
            await store.append(session, [draft(b"1")])
            for wrong in (
                checkpoint(2),
                Checkpoint("none", Seq(1), b"body", "digest", 0),
                Checkpoint("main", Seq(1), b"", "digest", 0),
            ):
                with raises(LocalProtocolError):
                    await store.put_checkpoint(session, wrong)
            assert (await store.load(session, "main")).checkpoint is None

    async def test_compaction_waits_for_two_checkpoints(self, opening: Opening) -> None:
        """No update goes that two checkpoints do not hold."""
        async with opening() as store:
            session = await new_session(store)
            await store.append(session, [draft(b"%d" % number) for number in range(1, 6)])
            with raises(LocalProtocolError):
                await store.compact(session, "main", 1)
            await store.put_checkpoint(session, checkpoint(2))
            with raises(LocalProtocolError):
                await store.compact(session, "main", 2)
            await store.put_checkpoint(session, checkpoint(4))
            with raises(LocalProtocolError):
                await store.compact(session, "main", 4)
            assert (await store.compact(session, "main", 2)).rows == 2
            assert [row.seq for row in await store.rows(session)] == [3, 4, 5]

    async def test_compaction_keeps_the_document_and_what_is_no_update(
        self, opening: Opening
    ) -> None:
        """It loads as before; events stay; other documents are untouched."""
        async with opening() as store:
            session = await new_session(store)
            event = Draft("main", ADA, b"event", 0, kind="version.named")
            drafts = [draft(b"1"), event, draft(b"other", "other"), draft(b"4"), draft(b"5")]
            await store.append(session, drafts)
            for _ in range(2):
                await store.put_checkpoint(session, checkpoint(4))
            before = await store.load(session, "main")
            assert (await store.compact(session, "main", 4)).rows == 2
            assert await store.load(session, "main") == before
            assert [row.body for row in await store.rows(session)] == [b"event", b"other", b"5"]
            assert await store.append(session, [draft(b"6")]) == [6]
            for _ in range(2):
                await store.put_checkpoint(session, checkpoint(6))
            assert (await store.compact(session, "main", 6)).rows == 2
            assert [row.body for row in await store.rows(session)] == [b"event", b"other"]
            assert (await store.load(session, "main")).rows == ()
            assert await store.append(session, [draft(b"7")]) == [7]
            assert list(store.verify()) == []

    # Named values

    async def test_a_value_has_a_version(self, opening: Opening) -> None:
        """A write may insist on the version it has read, and of many who would be first, one is."""
        async with opening() as store:
            assert await store.get("t", "k") is None
            assert await store.put("t", "k", {"a": [1, None, "ä"]}) == 1
            assert await store.get("t", "k") == ({"a": [1, None, "ä"]}, 1)
            assert await store.put("t", "k", 2, expect=1) == 2
            with raises(Conflict) as caught:
                await store.put("t", "k", 3, expect=1)
            assert (caught().expected, caught().actual) == (1, 2)
            assert await store.get("t", "k") == (2, 2)
            results = await asyncio.gather(
                *(store.put("t", "new", number, expect=0) for number in range(10)),
                return_exceptions=True,
            )
            assert results[0] == 1
            assert all(isinstance(result, Conflict) for result in results[1:])

    async def test_values_are_listed_by_table_and_prefix(self, opening: Opening) -> None:
        """A list is in order of keys, and a prefix is letters, not a pattern."""
        async with opening() as store:
            for key in ("b", "a%", "a_", "ab"):
                await store.put("t", key, key)
            await store.put("other", "a", "a")
            assert await store.entries("t", prefix="a") == [
                ("a%", "a%", 1),
                ("a_", "a_", 1),
                ("ab", "ab", 1),
            ]
            assert len(await store.entries("t")) == 4

    # A whole life

    async def test_a_store_that_is_opened_again_is_as_it_was(self, opening: Opening) -> None:
        """Closing and opening changes nothing, and nothing in it is damaged."""
        async with opening() as store:
            session = await new_session(store)
            for number in range(3):
                await store.append(session, [draft(b"%d" % number, "ab"[number % 2])])
            await store.put_checkpoint(session, checkpoint(2, "a"))
            await store.put("t", "k", 1)
            store.enqueue(session, draft(b"last"))
        async with opening() as store:
            record = await store.find_session(session, project="default")
            assert (record.last_seq, record.documents) == (4, ("a", "b", "main"))
            assert (await store.load(session, "a")).checkpoint == checkpoint(2, "a")
            assert await store.get("t", "k") == (1, 1)
            assert await store.append(session, [draft(b"next")]) == [5]
            assert list(store.verify()) == []


def draft(body: bytes, document: str = "main") -> Draft:
    """A row to be, as a relay would make it."""
    return Draft(document, ADA, body, at_ms=1_700_000_000_000, clients=(1,))


def placed(draft: Draft, seq: int) -> Row:
    """The row that a draft becomes."""
    return Row(
        Seq(seq),
        draft.document,
        draft.subject,
        draft.body,
        draft.at_ms,
        draft.kind,
        draft.clients,
        draft.seen,
        draft.group,
        draft.origin,
    )


def checkpoint(seq: int, document: str = "main") -> Checkpoint:
    """A checkpoint of a document."""
    return Checkpoint(document, Seq(seq), b"all up to %d" % seq, f"digest {seq}", 1_700_000_000_000)


async def new_session(store: Store, name: str = "notes") -> SessionId:
    """A session in the default project."""
    record: SessionRecord = await store.create_session(
        name, project="default", kind="single", by=ADA
    )
    return record.id
