"""What somebody may do changes while he is there: at once, and on the moment."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from pycrdt import Doc, Text

from collabkit.access.model import Identity, Knock, Refusal
from collabkit.access.rules import CODES
from collabkit.ids import RoomName, Subject
from collabkit.sync import watch
from collabkit.sync.connection import ANOTHER_SUBJECT
from collabkit.sync.dialects import Dialect
from collabkit.sync.events import Ticked
from collabkit.sync.hocuspocus import Authenticate, Authenticated, TokenRequest, write_hocuspocus
from collabkit.sync.messages import Ack, Denied, Edit, Refresh, Refused, Standing, Update, write

from .ruled import DIALECTS, House, Person

ADA = "user:ada"
HP_READER = write_hocuspocus("doc", Authenticated(can_write=False))
HP_WRITER = write_hocuspocus("doc", Authenticated(can_write=True))
every_dialect = pytest.mark.parametrize("dialect", DIALECTS, ids=lambda d: d.value)


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    """A session that Ada may read and write, and Bob may read."""
    async with House.open(tmp_path) as made:
        await made.allow(ADA, "read")
        await made.allow(ADA, "write", "delete")
        await made.allow("user:bob", "read")
        yield made


async def revoke(house: House, *actions: str) -> None:
    """Take some of what Ada has."""
    async with house.access.transaction() as changes:
        for fact in house.access.policy.facts():
            permission = getattr(fact, "permission", None)
            if permission and permission.action in actions and fact.subject == ADA:  # type: ignore[union-attr]
                changes.revoke(fact.id)  # type: ignore[union-attr]


async def stream(house: House, person: Person, *actions: str) -> int:
    """Type on and on, and have rights revoked meanwhile; returns how much was sent before."""
    before: list[int] = []
    stop = house.access.subscribe(lambda _: before.append(person.sent))
    revoking = asyncio.create_task(revoke(house, *actions))
    while not before or person.sent < before[0] + 20:
        person.type()
        await asyncio.sleep(0.001)  # as fast as somebody types who is fast
    await revoking
    stop()
    return before[0]


@every_dialect
async def test_nothing_lands_after_the_right_to_write_is_gone(
    house: House, dialect: Dialect
) -> None:
    """Of a stream of edits all that came before is stored, and nothing that came after."""
    ada, bob = house.come(dialect, "ada"), house.come(Dialect.YWEBSOCKET, "bob")
    await ada.in_sync()
    await bob.in_sync()
    before = await stream(house, ada, "write", "delete")
    assert await house.written(ADA) == before
    assert bob.reads == "x" * before
    assert ada.socket.closed is None, "he may go on reading"
    if dialect is Dialect.HOCUSPOCUS:
        assert ada.socket.frames.count(HP_READER) == 1
    if dialect is Dialect.COLLABKIT:
        [standing] = [one for one in ada.heard if isinstance(one, Standing)]
        assert standing == Standing(False, f"{CODES['no-match']} to change anything")
        await ada.socket.until(lambda: sum(isinstance(o, Refused) for o in ada.heard) == 20)
        assert sum(isinstance(one, Ack) for one in ada.heard) == before


@every_dialect
async def test_nothing_lands_after_the_right_to_read_is_gone(
    house: House, dialect: Dialect
) -> None:
    """He is told in his dialect that he may not be there, and hears nothing any more."""
    ada, bob = house.come(dialect, "ada"), house.come(Dialect.YWEBSOCKET, "bob")
    await ada.in_sync()
    await bob.in_sync()
    before = await stream(house, ada, "read")
    assert await house.written(ADA) == before
    assert bob.reads == "x" * before
    denied = [one for one in ada.heard if isinstance(one, Denied)]
    assert denied == [Denied(f"user:ada may not enter doc: {CODES['no-match']}")]
    assert house.hub.stats().revoked == 1
    heard = len(ada.socket.frames)
    await house.allow("user:bob", "write")
    bob.type()
    await house.hub.settled()
    assert len(ada.socket.frames) == heard
    if dialect is Dialect.COLLABKIT:
        assert ada.socket.closed is not None
        assert ada.socket.closed[0] == 4403
    if dialect is Dialect.YWEBSOCKET:
        assert ada.socket.closed is None
        house.now += 5.0
        ada.socket.link.feed(Ticked())  # type: ignore[union-attr]
        assert ada.socket.closed == (4403, denied[0].reason)


@every_dialect
async def test_of_many_nothing_lands_either(
    house: House, dialect: Dialect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are asked about in turns of the loop; who says something first, is asked about first."""
    monkeypatch.setattr(watch, "ASKED_AT_ONCE", 1)
    crowd = [house.come(dialect, "ada") for _ in range(5)]
    for ada in crowd:
        await ada.in_sync()
    for ada in crowd:
        ada.type()
    await house.hub.settled()
    await revoke(house, "write", "delete")
    for ada in crowd:
        ada.type()
    assert house.hub.stats().revoked == 0
    await house.hub.settled()
    assert await house.written(ADA) == len(crowd)


async def test_all_of_many_are_asked_about(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also those who say nothing."""
    monkeypatch.setattr(watch, "ASKED_AT_ONCE", 1)
    crowd = [house.come(dialect, "ada") for dialect in DIALECTS for _ in range(3)]
    for ada in crowd:
        await ada.in_sync()
    await revoke(house, "read")
    while house.hub.stats().revoked < len(crowd):
        await asyncio.sleep(0)
    for ada in crowd:
        assert any(isinstance(one, Denied) for one in ada.heard)


async def test_who_may_write_from_now_on_is_told(house: House) -> None:
    """In the dialects that have a word for it; y-websocket has none, and none is needed."""
    people = {dialect: house.come(dialect, "bob") for dialect in DIALECTS}
    for person in people.values():
        await person.in_sync()
    await house.allow("user:bob", "write", "delete")
    assert HP_WRITER in people[Dialect.HOCUSPOCUS].socket.frames
    ours = people[Dialect.COLLABKIT]
    assert [one for one in ours.heard if isinstance(one, Standing)] == [Standing(True, "")]
    for person in people.values():
        person.type()
    assert await house.written("user:bob") == 3


async def test_members_of_a_group_are_asked_about(house: House) -> None:
    """What a group loses, its members have lost; others are not disturbed."""
    async with house.access.transaction() as changes:
        changes.add_member("group:staff", "user:eve")
    await house.allow("group:staff", "read")
    eve, ada = house.come(Dialect.COLLABKIT, "eve"), house.come(Dialect.COLLABKIT, "ada")
    await eve.in_sync()
    await ada.in_sync()
    async with house.access.transaction() as changes:
        changes.remove_member("group:staff", "user:eve")
    assert eve.socket.closed is not None
    assert ada.socket.closed is None


@every_dialect
async def test_a_window_closes_on_the_moment(house: House, dialect: Dialect) -> None:
    """A frame that comes at its end finds it closed, be the timer late."""
    await house.allow("user:eve", "read", "write", "delete", not_after=600.0)
    eve = house.come(dialect, "eve")
    await eve.in_sync()
    house.now = 599.999
    eve.type()
    house.now = 600.0
    eve.type()
    assert await house.written("user:eve") == 1
    assert [type(one) for one in eve.heard].count(Denied) == 1


@every_dialect
async def test_a_token_ends_on_the_moment(house: House, dialect: Dialect) -> None:
    """Also for what had come before, and was still being looked at."""
    ada = house.come(dialect, "ada 600")
    await ada.in_sync()
    house.now = 599.999
    ada.type()
    before = ada.doc.get_state()
    ada.text += "y" * 100_000
    ada.say(Update(ada.doc.get_update(before)))
    house.now = 600.0
    ada.type()
    await house.quiet()
    assert await house.written(ADA) == 1
    assert Denied("the token has expired") in ada.heard


def told_of_the_end(person: Person) -> bool:
    """Whether somebody heard that his token has ended."""
    return Denied("the token has expired") in person.heard


async def test_the_alarm_needs_no_frame(tmp_path: Path) -> None:
    """Who says nothing is put out by the loop's clock alone."""
    async with House.open(tmp_path) as house:
        loop = asyncio.get_running_loop()
        start = house.now - loop.time()
        house.hub.now = lambda: start + loop.time()
        await house.allow(ADA, "read")
        ends_at = house.hub.now() + 0.05
        for person in [house.come(dialect, f"ada {ends_at}") for dialect in DIALECTS]:
            await person.socket.until(partial(told_of_the_end, person))


async def test_hocuspocus_is_asked_for_a_token_and_shows_another(house: House) -> None:
    """Half a minute before the end; with the new one he stays beyond it."""
    ada = house.come(Dialect.HOCUSPOCUS, "ada 600")
    await ada.in_sync()
    wanted = write_hocuspocus("doc", TokenRequest())
    assert wanted.hex() == "03646f630200"
    house.now = 569.9
    ada.type()
    assert wanted not in ada.socket.frames
    house.now = 570.0
    ada.type()
    assert ada.socket.frames.count(wanted) == 1
    ada.socket.say(write_hocuspocus("doc", Authenticate("ada 900")))
    await house.quiet()
    house.now = 600.0
    ada.type()
    assert await house.written(ADA) == 3
    house.now = 900.0
    ada.type()
    assert await house.written(ADA) == 3


async def test_our_own_client_shows_another_token(house: House) -> None:
    """On the same socket; one that says less makes him a reader at once."""
    ada = house.come(Dialect.COLLABKIT, "ada 600")
    await ada.in_sync()
    ada.say(Refresh("ada 900"))
    await house.quiet()
    house.now = 600.0
    ada.type()
    assert await house.written(ADA) == 1
    ada.say(Refresh("ro ada 900"))
    await house.quiet()
    ada.type()
    assert await house.written(ADA) == 1
    assert ada.socket.closed is None
    ada.say(Refresh("eve 900"))
    await ada.socket.until(lambda: ada.socket.closed)
    why = f"user:eve may not enter doc: {CODES['no-match']}"
    assert ada.socket.frames[-1] == write(Denied(why))


async def test_a_token_that_forwards_no_more_brings_no_words_of_others(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a token says of its bearer is gone with it, also beyond what he may write."""

    async def bridging(knock: Knock) -> Identity | Refusal:
        token = knock.token or ""
        return Identity(Subject(ADA), can_forward=token.startswith("bridge"))

    await house.allow("user:bob", "write", "delete")
    bob = house.come(Dialect.COLLABKIT, "bob")
    await bob.in_sync()
    bob.type()
    await house.hub.settled()
    forged: Doc[Any] = Doc(client_id=bob.doc.client_id)
    forged.apply_update(bob.doc.get_update())
    monkeypatch.setattr(house.hub.entry, "_authenticate", bridging)
    ada = house.come(Dialect.COLLABKIT, "bridge")
    await ada.in_sync()
    for token in ("bridge", "plain"):
        ada.say(Refresh(token))
        await house.quiet()
        before = forged.get_state()
        forged.get("t", type=Text).insert(0, "y")
        ada.say(Edit(0, "", forged.get_update(before)))
        assert await house.written(ADA) == 1, token


async def test_who_is_another_now_connects_anew(house: House) -> None:
    """A token of somebody else, who may come in too, ends the connection and says what to do."""
    ada = house.come(Dialect.COLLABKIT, "ada")
    await ada.in_sync()
    ada.say(Refresh("bob"))
    await ada.socket.until(lambda: ada.socket.closed)
    assert ada.socket.frames[-1] == write(Denied(ANOTHER_SUBJECT))
    assert ada.socket.closed == (4401, ANOTHER_SUBJECT)
    bob = house.come(Dialect.COLLABKIT, "bob")
    await bob.in_sync()


async def test_a_session_takes_so_many(house: House) -> None:
    """Of people, and of connections of each; who is refused hears why, and who is in stays."""
    ada = house.come(Dialect.COLLABKIT, "ada")
    await ada.in_sync()
    await house.access.confine("doc", participants=1, connections=2)
    bob, second = house.come(Dialect.COLLABKIT, "bob"), house.come(Dialect.HOCUSPOCUS, "ada")
    await second.in_sync()
    third = house.come(Dialect.COLLABKIT, "ada")
    await house.quiet()
    assert bob.socket.closed == (4412, CODES["too-many-participants"])
    assert third.socket.closed == (4413, CODES["too-many-connections"])
    assert ada.socket.closed is None
    second.socket.link.lost()  # type: ignore[union-attr]
    ada.socket.link.lost()  # type: ignore[union-attr]
    await house.access.confine("doc", join="invited")
    bob = house.come(Dialect.COLLABKIT, "bob")
    await bob.in_sync()
    await house.allow("user:eve", "read", under="/projects/default")
    eve = house.come(Dialect.COLLABKIT, "eve")
    await house.quiet()
    assert eve.socket.closed == (4411, CODES["join-invited"])
    await house.access.confine("doc", join="closed")
    ada = house.come(Dialect.COLLABKIT, "ada")
    await house.quiet()
    assert ada.socket.closed == (4410, CODES["join-closed"])
    assert bob.socket.closed is None
    assert dict(house.hub.stats().refused) == {4410: 1, 4411: 1, 4412: 1, 4413: 1}


async def test_an_archived_project_is_for_readers(house: House) -> None:
    """From the moment on at which it is archived."""
    ada = house.come(Dialect.COLLABKIT, "ada")
    await ada.in_sync()
    ada.type()
    await house.access.archive_project("default", by=house.access._host)
    ada.type()
    assert await house.written(ADA) == 1
    assert Standing(False, CODES["archived"]) in ada.heard
    await house.access.archive_project("default", by=house.access._host, undo=True)
    ada.doc, ada.text = type(ada.doc)(), type(ada.text)()
    ada.doc["t"] = ada.text
    ada.type()
    assert await house.written(ADA) == 2


async def test_what_is_denied_looks_like_what_is_not_there(house: House) -> None:
    """Who may not enter learns from no answer what there is."""
    [record] = await house.store.sessions()
    told = []
    for room in ("doc", "nothing", record.id, "doc/side"):
        answer = await house.hub.entry.admit(Knock(RoomName.parse(room), "eve"))
        told.append((answer.code, answer.reason.replace(room, "ROOM")))  # type: ignore[union-attr]
    assert set(told) == {(4403, f"user:eve may not enter ROOM: {CODES['no-match']}")}
