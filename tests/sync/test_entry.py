"""The way into sessions: who, to which, and what he may do there."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from collabkit.access.model import Identity, Knock, Refusal
from collabkit.access.rules import CODES, Permission
from collabkit.errors import AccessDenied
from collabkit.ids import RoomName, Subject
from collabkit.store.sqlite import SQLiteStore
from collabkit.sync import entry
from collabkit.sync.dialects import Dialect
from collabkit.sync.entry import Admission, Entry

from .ruled import HOST, House, authenticate


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    """A session that Ada may read."""
    async with House.open(tmp_path) as made:
        await made.allow("user:ada", "read", under="/projects/default/sessions/doc")
        yield made


def knock(room: str, token: str | None = "ada") -> Knock:
    return Knock(RoomName.parse(room), token)


async def test_a_room_goes_by_the_name_that_its_session_has(house: House) -> None:
    """Who comes by its id is asked about under its name: an id is no other door."""
    [record] = await house.store.sessions()
    for room in ("doc/side", f"{record.id}/side"):
        found = await house.hub.entry.admit(knock(room))
        assert isinstance(found, Admission)
        assert (found.session, str(found.room)) == (record.id, "doc/side")
        assert found.rights.path == "/projects/default/sessions/doc/docs/side"


async def test_a_reason_tells_why_by_name_only(house: House) -> None:
    """What a rule says of a session is said to who names it, not to who has its id."""
    async with house.access.transaction() as changes:
        denied = Permission("/projects/default/sessions/doc/**", "read", effect="deny")
        changes.grant("user:eve", permission=denied)
    [record] = await house.store.sessions()
    told = [await house.hub.entry.admit(knock(room, "eve")) for room in ("doc", record.id, "no")]
    assert [one.reason.partition(": ")[2] for one in told if isinstance(one, Refusal)] == [
        CODES["explicit-deny"],
        CODES["no-match"],
        CODES["no-match"],
    ]


async def test_who_may_create_makes_what_is_not_there(house: House) -> None:
    """Where a relay makes sessions of names: who may not is told what others are told."""
    entry = house.hub.entry
    await house.allow("user:bob", "execute", under="/projects/default/ops/create")
    await house.allow("user:bob", "read", under="/projects/default/sessions/new")
    entry.create_sessions = False
    assert await entry.admit(knock("new", "bob")) == Refusal(4404, "there is no session 'new'")
    entry.create_sessions = True
    refused = await entry.admit(knock("new", "ada"))
    assert isinstance(refused, Refusal)
    assert refused.code == 4403
    assert isinstance(await entry.admit(knock("new", "bob")), Admission)
    assert [one.name for one in await house.store.sessions()] == ["doc", "new"]


async def test_a_program_that_fails_is_not_the_clients_fault(tmp_path: Path) -> None:
    """He is told to come back; what is raised on purpose is a refusal."""

    async def fail(knock: Knock) -> Identity | Refusal:
        raise ValueError("a bug")

    async def deny(knock: Knock) -> Identity | Refusal:
        raise AccessDenied("user:ada", "enter", "here")

    async with SQLiteStore.open(tmp_path / "a.db") as store:
        for ask, code in ((fail, 4500), (deny, 4403)):
            answer = await Entry(store, ask, create_sessions=True).admit(knock("doc"))
            assert isinstance(answer, Refusal)
            assert answer.code == code


async def test_without_access_control_claims_decide(tmp_path: Path) -> None:
    """As long as the token lasts; who may only read makes nothing."""
    async with SQLiteStore.open(tmp_path / "a.db") as store:
        entry = Entry(store, authenticate, create_sessions=True)
        assert await entry.admit(knock("new", "ro ada")) == Refusal(
            4404, "there is no session 'new'"
        )
        found = await entry.admit(knock("new", "ada 600"))
        assert isinstance(found, Admission)
        assert (found.rights.can_write, found.rights.until) == (True, 600.0)
        assert entry.full(found, 1) is None


async def test_a_session_of_one_program_has_no_door(house: House) -> None:
    """Nor has one that is being emptied."""
    await house.store.create_session("mine", project="default", kind="single-user", by=HOST)
    await house.allow("user:ada", "read", under="/projects/default/sessions/mine")
    refused = await house.hub.entry.admit(knock("mine"))
    assert refused == Refusal(4403, "'mine' is a single-user session")
    [record] = [one for one in await house.store.sessions() if one.name == "doc"]
    busy = Refusal(1013, "later")
    async with house.hub.vacated(record.id, busy):
        assert await house.hub.entry.admit(knock("doc")) == busy
    assert Subject("user:ada") in repr(await house.hub.entry.admit(knock("doc")))


async def test_who_only_looks_is_asked_about_as_well(house: House) -> None:
    """By the policy, not by his token alone; and nothing is made of a name that he looks at."""
    entry = house.hub.entry
    entry.create_sessions = True
    seen = await entry.look(knock("doc"))
    assert not isinstance(seen, Refusal)
    assert not seen.can_write
    for room, token, code in (("doc", "eve", 4403), ("nothing", "eve", 4403), ("doc", None, 4401)):
        refused = await entry.look(knock(room, token))
        assert isinstance(refused, Refusal)
        assert refused.code == code
    await house.allow("user:ada", "read", "execute", under="/projects/default")
    assert not isinstance(await entry.look(knock("nothing")), Refusal)
    assert [one.name for one in await house.store.sessions()] == ["doc"]


async def test_a_session_that_keeps_somebody_out_shows_him_nothing(house: House) -> None:
    """Who may not join it may not look at its past either; who is in it may, and takes no seat."""
    for join, code in (("closed", 4410), ("invited", 4411)):
        await house.access.confine("doc", join=join)  # type: ignore[arg-type]
        await house.allow("user:bob", "read", under="/projects/default")
        refused = await house.hub.entry.look(knock("doc", "bob"))
        assert isinstance(refused, Refusal)
        assert refused.code == code
    await house.access.confine("doc", participants=1)
    ada = house.come(Dialect.COLLABKIT, "ada")
    await ada.in_sync()
    assert not isinstance(await house.hub.entry.look(knock("doc", "bob")), Refusal)
    await house.access.confine("doc", join="closed")
    assert not isinstance(await house.hub.entry.look(knock("doc")), Refusal)


async def test_who_only_reads_brings_few_documents_into_being(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """He may come before whoever writes, but not fill the file with names; who may write may."""
    monkeypatch.setattr(entry, "MAX_UNWRITTEN", 2)
    for name in ("doc/a", "doc/b"):
        assert isinstance(await house.hub.entry.admit(knock(name)), Admission)
        [record] = await house.store.sessions()
        await house.store.load(record.id, name.removeprefix("doc/"))
    refused = await house.hub.entry.admit(knock("doc/c"))
    assert refused == Refusal(4404, "there is no document 'c'")
    assert isinstance(await house.hub.entry.admit(knock("doc/b")), Admission)
    await house.allow("user:ada", "write", under="/projects/default/sessions/doc")
    assert isinstance(await house.hub.entry.admit(knock("doc/c")), Admission)
