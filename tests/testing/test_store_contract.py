"""The contract of stores finds stores that break it."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from pathlib import Path
from typing import Any

import pytest

from collabkit.ids import Lineage, Seq, SessionId
from collabkit.store.base import Checkpoint, Draft, Loaded, Row
from collabkit.store.sqlite import SQLiteStore
from collabkit.testing.store_contract import StoreContract
from testing.stores import opening


class Reversed(SQLiteStore):
    """Its log runs backwards."""

    async def rows(self, session: SessionId, **options: Any) -> list[Row]:
        """Read a page, last row first."""
        return (await super().rows(session, **options))[::-1]


class Halving(SQLiteStore):
    """It writes half of a write that cannot be stored."""

    def append(self, session: SessionId, drafts: Sequence[Draft]) -> Awaitable[list[Seq]]:
        """Write draft by draft."""

        async def one_by_one() -> list[Seq]:
            seqs: list[Seq] = []
            for draft in drafts:
                seqs += await super(Halving, self).append(session, [draft])
            return seqs

        return one_by_one()


class Forgetful(SQLiteStore):
    """It makes up a new lineage each time."""

    async def load(self, session: SessionId, document: str) -> Loaded:
        """Load a document under another name."""
        loaded = await super().load(session, document)
        return Loaded(Lineage(str(id(loaded))), loaded.checkpoint, loaded.rows, loaded.upto)


class Credulous(SQLiteStore):
    """It takes any checkpoint."""

    async def put_checkpoint(self, session: SessionId, checkpoint: Checkpoint) -> None:
        """Say nothing of one that cannot be true."""
        if checkpoint.document != "none" and checkpoint.body:
            await super().put_checkpoint(session, checkpoint)


class Overwriting(SQLiteStore):
    """Whoever writes last has written."""

    async def put(self, table: str, key: str, value: Any, *, expect: int | None = None) -> int:
        """Write, whatever is there."""
        return await super().put(table, key, value, expect=None if expect else expect)


BROKEN: dict[type[SQLiteStore], str] = {
    Reversed: "test_a_log_is_read_in_pages",
    Halving: "test_an_append_to_nothing_fails_alone",
    Forgetful: "test_a_new_document_is_empty_and_has_its_lineage",
    Credulous: "test_a_checkpoint_that_cannot_be_true_is_refused",
    Overwriting: "test_a_value_has_a_version",
}


@pytest.mark.parametrize("kind", BROKEN)
async def test_a_broken_promise_is_found(kind: type[SQLiteStore], tmp_path: Path) -> None:
    """For each promise broken here there is a test that fails, and passes with a sound store."""
    promise = getattr(StoreContract(), BROKEN[kind])
    with pytest.raises(AssertionError):
        await promise(opening(kind, tmp_path))
    (tmp_path / "sound").mkdir()
    await promise(opening(SQLiteStore, tmp_path / "sound"))


def test_every_promise_says_what_it_is() -> None:
    """Whoever runs the contract against a store reads what it lacks."""
    promises = [name for name in vars(StoreContract) if name.startswith("test_")]
    assert len(promises) > 15
    assert all(getattr(StoreContract, name).__doc__ for name in promises)
