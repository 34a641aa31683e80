"""Somebody who means harm, at one end of a WebSocket.

An attacker speaks either stock dialect and says whatever it is given. How that went shows in
what it is answered:

==========  ===========================================================================
refused     told so in words, with the code, and put out
gap         asked for what is missing; nothing is kept
taken       neither, and an edit of somebody honest behind it is stored
==========  ===========================================================================
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Self

from collabkit.crdt.lib0 import var_string
from collabkit.sync.dialects import SUBPROTOCOL
from collabkit.sync.hocuspocus import Authenticate, write_hocuspocus
from collabkit.sync.messages import (
    Ack,
    Denied,
    Edit,
    Message,
    Refused,
    SyncStep1,
    SyncStep2,
    Update,
    read_body,
    read_collabkit,
    write,
)
from relay.peers import BINARY, CLOSE, PING, PONG, Raw, frame

__all__ = ["DIALECTS", "OWN", "PATIENCE_S", "Attacker"]

DIALECTS = ("y-websocket", "hocuspocus")
OWN = "collabkit"
PATIENCE_S = 30.0


class Attacker:
    """One socket in one room; see :meth:`joined`.

    Attributes:
        heard: Messages that came, in order.
        updates: The updates among them that were no answer.
        refusals: What it was told when it was refused.
        statuses: Whether what it sent was stored, where the dialect says so.
        close_code: With what the socket ended, if it did.
    """

    def __init__(self, raw: Raw, room: str, dialect: str) -> None:
        self.heard: list[Message] = []
        self.updates: list[bytes] = []
        self.refusals: list[str] = []
        self.statuses: list[bool] = []
        self.close_code: int | None = None
        self._raw = raw
        self._room = room
        self._dialect = dialect
        self._pongs = 0
        self._moved = asyncio.Event()

    def __repr__(self) -> str:
        return f"<Attacker in {self._room} by {self._dialect}, refused {self.refusals}>"

    @classmethod
    @asynccontextmanager
    async def joined(
        cls,
        url: str,
        room: str,
        dialect: str,
        *,
        token: str = "",
        narrow: bool = False,
        vector: bytes = b"\0",
    ) -> AsyncIterator[Self]:
        """Take a seat in a room, and have it until the end of the block."""
        target = "/" if dialect == "hocuspocus" else f"/{room}"
        if token and dialect != "hocuspocus":
            target += f"?token={token}"
        headers = {"Sec-WebSocket-Protocol": SUBPROTOCOL} if dialect == OWN else {}
        async with Raw.connect(url, target, headers=headers, narrow=narrow) as raw:
            assert raw.status == 101, raw.status
            attacker = cls(raw, room, dialect)
            if dialect == "hocuspocus":
                raw.say(frame(BINARY, write_hocuspocus(room, Authenticate(token))))
            reading = asyncio.create_task(attacker._read())
            try:
                if dialect != OWN:
                    attacker.say(SyncStep1(vector))
                    await attacker.until(lambda: attacker.refused or attacker.synced)
                else:
                    await attacker.until(lambda: bool(attacker.heard))
                yield attacker
            finally:
                reading.cancel()
                await asyncio.wait({reading})

    @property
    def refused(self) -> bool:
        """It was told that it may not be here."""
        return bool(self.refusals) or self.close_code is not None

    @property
    def synced(self) -> bool:
        """It was sent all there was."""
        return any(isinstance(one, SyncStep2) for one in self.heard)

    @property
    def asked(self) -> int:
        """How often it was asked for what it has."""
        return sum(isinstance(one, SyncStep1) for one in self.heard)

    def say(self, *messages: Message) -> None:
        """Send messages in the socket's dialect."""
        for message in messages:
            said = message
            if self._dialect == OWN and isinstance(message, Update):
                said = Edit(0, "", message.update)
            self.say_bytes(write(said))

    def say_bytes(self, message: bytes) -> None:
        """Send what may be no message, to the address if the dialect has one."""
        prefix = var_string(self._room) if self._dialect == "hocuspocus" else b""
        self._raw.say(frame(BINARY, prefix + message))

    async def heard_out(self) -> None:
        """Wait until the relay has taken all that was said, or has hung up."""
        pongs = self._pongs
        self._raw.say(frame(PING, b"heard?"))
        await self._raw.writer.drain()
        await self.until(lambda: self._pongs > pongs or self.refused)

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait for what the relay says to make a condition true."""
        async with asyncio.timeout(PATIENCE_S):
            while not condition():
                self._moved.clear()
                await self._moved.wait()

    async def _read(self) -> None:
        try:
            while (heard := await self._raw._frame()) is not None:
                self._take(*heard)
                self._moved.set()
        except (asyncio.IncompleteReadError, ConnectionError):
            self.close_code = self.close_code or 1006
            self._moved.set()

    def _take(self, opcode: int, payload: bytes) -> None:
        if opcode == PONG:
            self._pongs += 1
        elif opcode == CLOSE:
            self.close_code = int.from_bytes(payload[:2], "big")
        elif opcode == BINARY:
            self._message(payload)

    def _message(self, payload: bytes) -> None:
        if self._dialect == OWN:
            message = read_collabkit(payload)
        elif self._dialect == "hocuspocus":
            body = payload[len(var_string(self._room)) :]
            match body[0]:
                case 2:
                    if body[1] == 1:
                        self.refusals.append(body[3:].decode(errors="replace"))
                    return
                case 8:
                    self.statuses.append(body[1] == 1)
                    return
            message, _ = read_body(body, body[0], 1)
        else:
            message, _ = read_body(payload, payload[0], 1)
        match message:
            case Denied(reason):
                self.refusals.append(reason)
            case Ack():
                self.statuses.append(True)
            case Refused():
                self.statuses.append(False)
        self.heard.append(message)
        if isinstance(message, Update):
            self.updates.append(message.update)
