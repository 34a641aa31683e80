"""The contract of trouble finds stores that break it."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from collabkit.ids import Seq, SessionId
from collabkit.store.base import Draft, Loaded, Quarantined
from collabkit.store.sqlite import SQLiteStore
from collabkit.testing.recovery_contract import RecoveryContract
from testing.stores import opening


class Unowned(SQLiteStore):
    """It forgets whose ids are."""

    def append(self, session: SessionId, drafts: Sequence[Draft]) -> Awaitable[list[Seq]]:
        """Write without claims."""
        return super().append(session, [replace(one, claims=()) for one in drafts])


class Merciful(SQLiteStore):
    """It sets nothing aside."""

    async def quarantine(self, *where: Any, seq: Seq | None = None, **what: Any) -> int:
        """Keep the update, and leave its row where it is."""
        return await super().quarantine(*where, **what)


class Silent(SQLiteStore):
    """It says nothing of what it keeps apart."""

    async def quarantined(self, session: SessionId | None = None) -> list[Quarantined]:
        """List nothing."""
        return []


class Unforgiving(SQLiteStore):
    """What is quarantined once is so for ever."""

    async def release(self, id: int) -> None:
        """Do nothing."""


class Timeless(SQLiteStore):
    """Its documents are always in their first epoch."""

    async def load(self, session: SessionId, document: str) -> Loaded:
        """Load without an epoch."""
        return replace(await super().load(session, document), epoch=0)


BROKEN: dict[type[SQLiteStore], str] = {
    Unowned: "test_an_id_belongs_to_whom_its_row_says",
    Merciful: "test_a_row_set_aside_is_in_no_load",
    Silent: "test_what_is_kept_apart_is_told",
    Unforgiving: "test_a_released_row_is_loaded_again",
    Timeless: "test_an_epoch_only_rises",
}


@pytest.mark.parametrize("kind", BROKEN)
async def test_a_broken_promise_is_found(kind: type[SQLiteStore], tmp_path: Path) -> None:
    """For each promise broken here there is a test that fails."""
    promise = getattr(RecoveryContract(), BROKEN[kind])
    with pytest.raises((AssertionError, ValueError)):
        await promise(opening(kind, tmp_path))
    (tmp_path / "sound").mkdir()
    await promise(opening(SQLiteStore, tmp_path / "sound"))


def test_every_promise_says_what_it_is() -> None:
    """Whoever runs the contract against a store reads what it lacks."""
    promises = [name for name in vars(RecoveryContract) if name.startswith("test_")]
    assert len(promises) > 6
    assert all(getattr(RecoveryContract, name).__doc__ for name in promises)
