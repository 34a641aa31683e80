"""Refused is refused: nothing of it is in the log, in the document, or on anybody's screen.

Before and after each refusal the room is asked for all there is to ask: the rows of the log, the
digest of the document, the state vector by which a joiner asks back, and what peers were sent.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import msgspec
import pytest

from collabkit.access.tokens import Claims, mint
from collabkit.crdt.lib0 import var_uint
from collabkit.relay.auth import jwt
from collabkit.relay.server import Relay
from collabkit.sessions.workspace import Workspace
from collabkit.sync.client import connect
from collabkit.sync.messages import Message, SyncStep1, SyncStep2, Update
from crdt.crafting import gc, shared, string, update, values
from hostile.attacking import DIALECTS, OWN, Attacker

KEY = secrets.token_bytes(32)
ADA, EVE, BEN = 7, 9, 11
GIVEN = update((ADA, 0, [string("hello", root="t"), values(b"\x7d\x01", root="m", key="k")]))


def token_for(subject: str, *, write: bool = True) -> str:
    """Somebody's token."""
    now = int(time.time())
    rooms = ("room",)
    claims = Claims(subject, now + 600, read=rooms, write=rooms if write else ())
    return mint(claims, KEY, now=now)


class Standing(msgspec.Struct, frozen=True):
    """All that a refusal must leave as it was."""

    rows: tuple[tuple[int, bytes], ...]
    digest: str
    vector: bytes
    shown: tuple[bytes, ...]
    content: str


class Scene:
    """A room with a writer, a reader, and somebody about to be refused."""

    def __init__(self, workspace: Workspace, relay: Relay) -> None:
        self.workspace = workspace
        self.url = relay.url

    @classmethod
    @asynccontextmanager
    async def set(cls, path: Path) -> AsyncIterator[Scene]:
        async with (
            Workspace.open(path) as workspace,
            Relay(workspace, port=0, authenticate=jwt(KEY), create_sessions=True) as relay,
        ):
            yield cls(workspace, relay)

    def joined(
        self, who: str, dialect: str = "y-websocket", *, write: bool = True
    ) -> AbstractAsyncContextManager[Attacker]:
        """Let somebody in."""
        return Attacker.joined(
            self.url, "room", dialect, token=token_for(f"user:{who}", write=write)
        )

    @asynccontextmanager
    async def before(self) -> AsyncIterator[tuple[Attacker, Standing]]:
        """Ada has written, Ben sees it: yields Ben, and how things stand."""
        async with self.joined("ada", OWN) as ada, self.joined("ben") as ben:
            ada.say(Update(GIVEN))
            await ada.until(lambda: bool(ada.statuses))
            await ben.until(lambda: GIVEN in ben.updates)
            yield ben, await self.standing(ben)

    async def standing(self, witness: Attacker) -> Standing:
        """What there is now, asked for in all ways."""
        store = self.workspace.store
        session = await store.find_session("room", project="default")
        loaded = await store.load(session.id, "main")
        async with (
            connect(f"{self.url}/room", token=token_for("user:late")) as late,
            self.joined("asks") as asks,
        ):
            await late.synced()
            await witness.heard_out()
            return Standing(
                rows=tuple((row.seq, row.body) for row in loaded.rows),
                digest=late.document.digest(),
                vector=next(m.vector for m in asks.heard if isinstance(m, SyncStep1)),
                shown=tuple(witness.updates),
                content=json.dumps(late.document.to_dict(), sort_keys=True),
            )


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    """A relay in this process that asks who people are."""
    async with Scene.set(tmp_path / "rooms.db") as made:
        yield made


def eves(*structs: bytes) -> bytes:
    """An update that begins well."""
    return update((EVE, 0, [string("bad", root="t"), *structs]))


HOSTILE: dict[str, tuple[str, Message]] = {
    "scan": ("zero-length", Update(eves(gc(0)))),
    "malformed": ("ends early", Update(GIVEN[:-3])),
    "too large": ("too-large", Update(b"\x01\x01\x09\x00" + b"\x00" * (16 << 20))),
    "too deep": ("nest deeper", Update(eves(values(b"\x75\x01" * 70 + b"\x7e", root="a")))),
    "vector": ("too-many-clients", SyncStep1(var_uint(1 << 31))),
    "answer": ("misread-content", SyncStep2(eves(b"\x07\x01\x01x\x05\x00"))),
    "engine": ("unbearable", Update(eves(shared(1, parent=(ADA, 0), key="k")))),
}


@pytest.mark.parametrize("dialect", [*DIALECTS, OWN])
@pytest.mark.parametrize("kind", HOSTILE)
async def test_who_is_put_out_leaves_no_trace(scene: Scene, kind: str, dialect: str) -> None:
    """Whatever was wrong with it, and however well it began."""
    code, message = HOSTILE[kind]
    async with scene.before() as (ben, before):
        async with scene.joined("eve", dialect) as eve:
            eve.say(message)
            await eve.until(lambda: eve.refused)
            assert code in " ".join(eve.refusals), eve
        assert await scene.standing(ben) == before


@pytest.mark.parametrize("dialect", [*DIALECTS, OWN])
async def test_who_may_only_read_leaves_no_trace(scene: Scene, dialect: str) -> None:
    """A reader's updates, and his answers to a SyncStep1, are refused, and he may stay."""
    async with scene.before() as (ben, before):
        async with scene.joined("eve", dialect, write=False) as eve:
            for make in (Update, SyncStep2):
                eve.say(make(update((EVE, 0, [string("mine", root="t")]))))
                eve.say(make(update(deletes={ADA: [(0, 3)]})))
            await eve.heard_out()
            assert not eve.refused
            assert True not in eve.statuses
        assert await scene.standing(ben) == before


@pytest.mark.parametrize("dialect", [*DIALECTS, OWN])
async def test_what_builds_on_nothing_leaves_no_trace(scene: Scene, dialect: str) -> None:
    """A gap is asked about, and not kept."""
    async with scene.before() as (ben, before):
        async with scene.joined("eve", dialect) as eve:
            asked = eve.asked
            eve.say(Update(update((EVE, 5, [string("later", root="t")]))))
            await eve.until(lambda: eve.asked > asked)
            assert True not in eve.statuses
        assert await scene.standing(ben) == before


@pytest.mark.parametrize("dialect", ["hocuspocus", OWN])
async def test_what_is_banned_leaves_no_trace(scene: Scene, dialect: str) -> None:
    """A plain edit goes ahead of its verdict; refused, it is nowhere, nor is what builds on it."""
    smile = update((ADA, 6, [string("\U0001f600", origin=(ADA, 4))]))
    parting = update((EVE, 0, [string("-", origin=(ADA, 6), right=(ADA, 7))]))
    behind = update((BEN, 0, [string("!", origin=(EVE, 0))]))
    async with scene.before() as (ben, _), scene.joined("ada", dialect) as ada:
        ada.say(Update(smile))
        await ada.until(lambda: bool(ada.statuses))
        before = await scene.standing(ben)
        async with scene.joined("eve", dialect) as eve:
            eve.say(Update(parting))
            await eve.until(lambda: eve.refused)
            assert "parted-character" in " ".join(eve.refusals)
        for said in (parting, behind):
            ada.say(Update(said))
        await ada.until(lambda: len(ada.statuses) == 3)
        assert ada.statuses == [True, False, False]
        assert not ada.refused
        after = await scene.standing(ben)
        assert msgspec.structs.replace(after, shown=before.shown) == before
        assert behind not in after.shown


@pytest.mark.parametrize("dialect", ["hocuspocus", OWN])
@pytest.mark.parametrize("structs", [[gc(4_000_000)], [string("never said", origin=(ADA, 4))]])
async def test_what_is_anothers_leaves_no_trace(
    scene: Scene, structs: list[bytes], dialect: str
) -> None:
    """Nobody writes under Ada's id, or uses up her clocks; what Eve says herself is taken."""
    forged = (ADA, 6, structs)
    async with scene.before() as (ben, before):
        async with scene.joined("eve", dialect) as eve:
            eve.say(Update(update(forged)))
            await eve.until(lambda: eve.statuses == [False])
            assert not eve.refused
            assert await scene.standing(ben) == before
            own = update((EVE, 0, [string("so there", root="t")]))
            eve.say(SyncStep2(update(forged, (EVE, 0, [string("so there", root="t")]))))
            await eve.until(lambda: eve.statuses == [False, True])
        await ben.until(lambda: own in ben.updates)
        async with scene.joined("ada", OWN) as ada:
            later = update((ADA, 6, [string("!", origin=(ADA, 4))]))
            ada.say(Update(later))
            await ada.until(lambda: ada.statuses == [True])
        await ben.until(lambda: later in ben.updates)
    assert scene.workspace.hub.stats().foreign_refused == 2
