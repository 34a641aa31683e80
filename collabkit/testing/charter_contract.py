"""What every store must hold of facts and projects, as a class of tests.

Use it as :class:`collabkit.testing.store_contract.StoreContract`, with the same fixture; the store
is a :class:`collabkit.store.charter.Charter` too.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Protocol, TypeAlias

from ..errors import (
    Conflict,
    InvalidName,
    MomentNotFound,
    ProjectArchived,
    ProjectExists,
    ProjectNotFound,
    SessionNotFound,
    ValueNotStorable,
)
from ..ids import Subject
from ..store.archive import Archive
from ..store.charter import Amendment, Charter, StoredFact
from .contracts import raises
from .store_contract import ADA

__all__ = ["CharterContract", "Chartered", "OpeningChartered"]

BEN = Subject("user:ben")


class Chartered(Archive, Charter, Protocol):
    """A store that has sessions, facts and projects."""


OpeningChartered: TypeAlias = Callable[[], AbstractAsyncContextManager[Chartered]]

ONE, TWO = b'{"value":1}', b'{"value":2}'


class CharterContract:
    """What :class:`collabkit.store.charter.Charter` promises. Needs ``opening``."""

    async def test_facts_of_every_epoch_are_kept(self, opening: OpeningChartered) -> None:
        """What is put takes the place of what was there; no epoch changes afterwards."""
        async with opening() as store:
            assert await change(store, 0, fact("a", ONE), fact("b", ONE)) == 1
            assert await change(store, 1, fact("a", TWO), fact("b", None)) == 2
        async with opening() as store:
            assert [await facts_at(store, epoch) for epoch in (0, 1, 2, None)] == [
                {},
                {"a": ONE, "b": ONE},
                {"a": TWO},
                {"a": TWO},
            ]
            for epoch in (-1, 3):
                with raises(MomentNotFound):
                    await store.facts(at=epoch)

    async def test_many_facts_change_at_once(self, opening: OpeningChartered) -> None:
        """However many there are, all are of one epoch."""
        many = [fact(f"{number:05}", ONE) for number in range(5000)]
        async with opening() as store:
            assert await change(store, 0, *many) == 1
            assert await change(store, 1, *(fact(one.key, None) for one in many[1:])) == 2
            assert (len(await facts_at(store, 1)), len(await facts_at(store, 2))) == (5000, 1)

    async def test_facts_change_only_as_they_were_read(self, opening: OpeningChartered) -> None:
        """Who has not read the newest epoch changes nothing, and is told."""
        async with opening() as store:
            await change(store, 0, fact("a", ONE))
            for expected in (0, 2):
                with raises(Conflict) as caught:
                    await change(store, expected, fact("a", TWO))
                assert (caught().expected, caught().actual) == (expected, 1)
            assert await facts_at(store, None) == {"a": ONE}

    async def test_no_change_is_no_epoch(self, opening: OpeningChartered) -> None:
        """To put what is there, or drop what is not."""
        async with opening() as store:
            await change(store, 0, fact("a", ONE))
            assert await change(store, 1, fact("a", ONE), fact("b", None)) == 1
            assert [one.no for one in await store.epochs()] == [1]

    async def test_what_is_no_fact_changes_nothing(self, opening: OpeningChartered) -> None:
        """A body is a JSON object, and there is one change of a fact."""
        async with opening() as store:
            for bad in ((fact("a", b"[]"),), (fact("a", ONE), fact("a", TWO))):
                with raises(ValueNotStorable):
                    await change(store, 0, fact("b", ONE), *bad)
            assert await store.facts() == (0, [])

    async def test_epochs_tell_who_and_why(self, opening: OpeningChartered) -> None:
        """In order, a page at a time, with how many facts there were."""
        async with opening() as store:
            await change(store, 0, fact("a", ONE), fact("b", ONE))
            await store.change_facts(Amendment(1, (fact("b", None),), BEN, "a reason"))
            first, second = await store.epochs()
            assert (first.no, first.by, first.facts) == (1, ADA, 2)
            assert (second.no, second.by, second.reason, second.facts) == (2, BEN, "a reason", 1)
            assert await store.epochs(after=1, limit=1) == [second]

    async def test_sessions_are_in_projects(self, opening: OpeningChartered) -> None:
        """One is made with the first session in it; the one of plain names is there."""
        async with opening() as store:
            assert [one.name for one in await store.projects()] == ["default"]
            await store.create_session("plan", project="acme", kind="single", by=ADA)
            made = await store.create_project("other", by=BEN)
            with raises(ProjectExists):
                await store.create_project("acme", by=BEN)
            with raises(InvalidName):
                await store.create_project("a/b", by=BEN)
        async with opening() as store:
            found = await store.projects()
            assert [one.name for one in found] == ["acme", "default", "other"]
            assert (found[0].created_by, found[2]) == (ADA, made)

    async def test_an_archived_project_takes_nothing_in(self, opening: OpeningChartered) -> None:
        """Until that is undone."""
        async with opening() as store:
            await store.create_project("acme", by=ADA)
            archived = await store.archive_project("acme", by=ADA)
            assert archived.archived_at_ms is not None
        async with opening() as store:
            with raises(ProjectArchived):
                await store.create_session("plan", project="acme", kind="single", by=ADA)
            assert (await store.archive_project("acme", by=ADA, undo=True)).archived_at_ms is None
            await store.create_session("plan", project="acme", kind="single", by=ADA)
            with raises(ProjectNotFound):
                await store.archive_project("none", by=ADA)

    async def test_what_is_made_and_who_owns_it_are_one(self, opening: OpeningChartered) -> None:
        """Both are there, or neither is."""
        owning = Amendment(0, (fact("owner", ONE),), ADA)
        async with opening() as store:
            await store.create_project("acme", by=ADA, amendment=owning)
            assert await facts_at(store, None) == {"owner": ONE}
            with raises(Conflict):
                await store.create_project("late", by=ADA, amendment=owning)
            with raises(Conflict):
                await store.create_session(
                    "plan", project="late", kind="single", by=ADA, amendment=owning
                )
            with raises(SessionNotFound):
                await store.find_session("plan", project="late")
            assert [one.name for one in await store.projects()] == ["acme", "default"]


def fact(key: str, body: bytes | None) -> StoredFact:
    """A fact, or without a body that it is dropped."""
    return StoredFact("grant", key, body)


async def change(store: Charter, expected: int, *changes: StoredFact) -> int:
    """Change facts; returns their epoch."""
    return await store.change_facts(Amendment(expected, changes, ADA))


async def facts_at(store: Charter, epoch: int | None) -> dict[str, bytes | None]:
    """The facts of an epoch by their keys."""
    return {one.key: one.body for one in (await store.facts(at=epoch))[1]}
