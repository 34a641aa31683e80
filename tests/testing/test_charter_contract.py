"""The contract of facts and projects finds stores that break it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from collabkit.errors import MomentNotFound
from collabkit.store.charter import Amendment, Epoch, Project, StoredFact
from collabkit.store.sqlite import SQLiteStore
from collabkit.testing.charter_contract import CharterContract
from testing.stores import opening


class Present(SQLiteStore):
    """It knows how things are, and not how they were."""

    async def facts(self, *, at: int | None = None) -> tuple[int, list[StoredFact]]:
        """Read the newest facts."""
        if at is not None and at not in range(3):
            raise MomentNotFound(str(at), "there is none")
        return await super().facts()


class Heedless(SQLiteStore):
    """It changes facts whatever was read of them."""

    async def change_facts(self, amendment: Amendment) -> int:
        """Expect what is there."""
        epoch, _ = await self.facts()
        return await super().change_facts(replace(amendment, expected=epoch))


class Mute(SQLiteStore):
    """It does not say why anything was done."""

    async def epochs(self, *, after: int = 0, limit: int = 1000) -> list[Epoch]:
        """Read epochs without reasons."""
        return [replace(one, reason="") for one in await super().epochs(after=after, limit=limit)]


class Open(SQLiteStore):
    """Its archive is open."""

    async def archive_project(self, name: str, **how: Any) -> Project:
        """Archive nothing."""
        return replace(
            await super().archive_project(name, by=how["by"], undo=True), archived_at_ms=1
        )


class Ownerless(SQLiteStore):
    """What is made belongs to nobody."""

    async def create_project(self, name: str, **how: Any) -> Project:
        """Make it alone."""
        return await super().create_project(name, by=how["by"])


class Sparing(SQLiteStore):
    """It changes as many facts as it likes to."""

    async def change_facts(self, amendment: Amendment) -> int:
        """Change the first thousand."""
        some: Sequence[StoredFact] = amendment.changes[:1000]
        return await super().change_facts(replace(amendment, changes=some))


BROKEN: dict[type[SQLiteStore], str] = {
    Present: "test_facts_of_every_epoch_are_kept",
    Heedless: "test_facts_change_only_as_they_were_read",
    Mute: "test_epochs_tell_who_and_why",
    Open: "test_an_archived_project_takes_nothing_in",
    Ownerless: "test_what_is_made_and_who_owns_it_are_one",
    Sparing: "test_many_facts_change_at_once",
}


@pytest.mark.parametrize("kind", BROKEN)
async def test_a_broken_promise_is_found(kind: type[SQLiteStore], tmp_path: Path) -> None:
    """For each promise broken here there is a test that fails."""
    promise = getattr(CharterContract(), BROKEN[kind])
    with pytest.raises(AssertionError):
        await promise(opening(kind, tmp_path))


def test_every_promise_says_what_it_is() -> None:
    """Whoever runs the contract against a store reads what it lacks."""
    promises = [name for name in vars(CharterContract) if name.startswith("test_")]
    assert len(promises) > 6
    assert all(getattr(CharterContract, name).__doc__ for name in promises)
