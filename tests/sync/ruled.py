"""A hub with a policy, and people who speak to it in every dialect."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from pycrdt import Doc, Text

from collabkit.access.control import AccessControl
from collabkit.access.model import Identity, Knock, Refusal
from collabkit.access.rules import Permission
from collabkit.crdt.inprocess import InProcessEngine
from collabkit.ids import Subject
from collabkit.store.sqlite import SQLiteStore
from collabkit.sync.dialects import Dialect
from collabkit.sync.hocuspocus import Authenticate, write_hocuspocus
from collabkit.sync.hub import Hub
from collabkit.sync.messages import (
    Awareness,
    Edit,
    Message,
    Resume,
    Synced,
    SyncStep1,
    SyncStep2,
    Update,
    read_collabkit,
    write,
)

from .conftest import MemorySocket

SESSION = "/projects/default/sessions/doc"
MAIN = f"{SESSION}/docs/main"
DIALECTS = (Dialect.YWEBSOCKET, Dialect.HOCUSPOCUS, Dialect.COLLABKIT)
HOST = Subject("user:host")


async def authenticate(knock: Knock) -> Identity | Refusal:
    """A token is a name, and when it ends: ``ada``, ``ada 1000``; for readers ``ro ada``."""
    if knock.token is None:
        return Refusal(4401, "a token is needed")
    name, _, ends = knock.token.removeprefix("ro ").partition(" ")
    ends_ms = int(float(ends) * 1000) if ends else None
    can_write = not knock.token.startswith("ro ")
    return Identity(Subject(f"user:{name}"), can_write=can_write, expires_at_ms=ends_ms)


class House:
    """A hub, its access control, and a clock that stands still unless a test moves it."""

    def __init__(self, store: SQLiteStore) -> None:
        self.now = 500.0
        self.store = store
        self.access = AccessControl(store, clock=lambda: self.now)
        self.hub = Hub(
            store,
            InProcessEngine(),
            authenticate=authenticate,
            access=self.access,
            clock=lambda: self.now,
        )

    @classmethod
    @asynccontextmanager
    async def open(cls, path: Path) -> AsyncIterator[House]:
        """A session ``doc``, which its host wrote down rules for."""
        async with SQLiteStore.open(path / "house.db") as store:
            house = cls(store)
            await store.create_session("doc", project="default", kind="collaborative", by=HOST)
            async with house.access, house.hub:
                yield house

    async def allow(self, subject: str, *actions: str, under: str = MAIN, **limits: Any) -> None:
        """Grant somebody actions on all of something; a grant's id is who and what."""
        async with self.access.transaction() as changes:
            for action in actions:
                permission = Permission(f"{under}/**", action)  # type: ignore[arg-type]
                changes.grant(subject, permission=permission, **limits)

    async def quiet(self) -> None:
        """Wait until nothing that the hub has spawned is under way."""
        while self.hub._tasks:
            await asyncio.wait(self.hub._tasks)

    def come(self, dialect: Dialect, token: str) -> Person:
        """Connect, and knock."""
        return Person(self, dialect, token)

    async def written(self, subject: str) -> int:
        """How many rows of somebody's the log has, once all that was taken is in it."""
        await self.hub.settled()
        [session] = await self.store.sessions()
        rows = await self.store.rows(session.id, limit=1000)
        return sum(row.subject == subject for row in rows)


class Person:
    """Somebody at a socket, with a document that is edited letter by letter."""

    def __init__(self, house: House, dialect: Dialect, token: str) -> None:
        self.dialect = dialect
        self.socket = MemorySocket()
        self.doc: Doc[Any] = Doc()
        self.doc["t"] = self.text = Text()
        self.sent = 0
        own = dialect is Dialect.COLLABKIT
        self.socket.link = house.hub.attach(
            self.socket,
            path="doc",
            token=None if dialect is Dialect.HOCUSPOCUS else token,
            subprotocol="collabkit.3" if own else None,
        )
        if dialect is Dialect.HOCUSPOCUS:
            self.socket.say(write_hocuspocus("doc", Authenticate(token)))
        self.say(Resume("", 0, b"\x00") if own else SyncStep1(b"\x00"))

    def say(self, message: Message) -> None:
        """Say something in his dialect."""
        frame = write(message)
        if self.dialect is Dialect.HOCUSPOCUS:
            frame = write_hocuspocus("doc", message)
        self.socket.say(frame)

    def type(self) -> None:
        """Write one more letter, and send it."""
        before = self.doc.get_state()
        self.text += "x"
        update = self.doc.get_update(before)
        self.say(Edit(0, "", update) if self.dialect is Dialect.COLLABKIT else Update(update))
        self.sent += 1

    @property
    def heard(self) -> list[Any]:
        """What he was told, as far as it is in words that all dialects share."""
        told = []
        for frame in self.socket.frames:
            if self.dialect is not Dialect.HOCUSPOCUS:
                told.append(read_collabkit(frame))
            elif frame.startswith(b"\x03doc") and frame[4] <= 3 and frame[4:6] not in AUTH:
                # What is PermissionDenied here is Denied there.
                told.append(read_collabkit(frame[4:].replace(b"\2\1", b"\2\0", frame[4] == 2)))
        return told

    async def in_sync(self) -> None:
        """Wait until he has what there was."""
        await self.socket.until(
            lambda: any(isinstance(one, SyncStep2 | Synced) for one in self.heard)
        )

    @property
    def reads(self) -> str:
        """What he has of the text."""
        doc: Doc[Any] = Doc()
        doc["t"] = text = Text()
        for message in self.heard:
            update = b"" if isinstance(message, Awareness) else getattr(message, "update", b"")
            if update:
                doc.apply_update(update)
        return str(text)


# Auth messages other than PermissionDenied, which is read as Denied.
AUTH = (b"\x02\x00", b"\x02\x02")
