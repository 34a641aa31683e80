"""Stock Yjs clients, and the page's own, in a Node process; each an object here.

A :class:`Driver` is one process of ``js/driver.mjs``; a :class:`StockClient` is one client in
it. Commands are awaitable and time out; :meth:`StockClient.wait` waits inside Node, on the
client's own events. A client that threw, or complained on the console, fails the driver when it
closes: servers must not make stock clients throw.
"""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Self

import msgspec

from interop.agreement import Content

JS = Path(__file__).parent / "js"

YWS = ("y-websocket@1.5", "y-websocket@2.1", "y-websocket@3.0", "y-websocket@3.1")
HOCUSPOCUS = ("hocuspocus@2", "hocuspocus@3", "hocuspocus@4")
PAGE = "page"
KINDS = (*YWS, *HOCUSPOCUS, PAGE)

TIMEOUT = 30.0
# A line holds whole documents; the trace's end text and its state stay far below.
LINE_LIMIT_BYTES = 64 * 1024 * 1024


class CommandFailed(Exception):
    """The driver's answer was an error: a condition not met, or a client that threw."""


class Closed(msgspec.Struct, frozen=True):
    """How a socket of a client ended."""

    code: int
    reason: str


class State(msgspec.Struct, frozen=True):
    """All that a client knows and went through.

    Attributes:
        edits: State vector and deletions in one canonical string: equal exactly if the
            documents hold the same edits.
        clock: The client's own presence clock; it renews its presence by counting up.
        pending: Whether updates wait for what they build on.
        states: Presence by client id, the client's own included.
        unsynced: Edits not acknowledged; None where the protocol has no acknowledgements.
        scope: What the server allowed; None where the protocol does not say.
        refused: Edits not taken (the page only).
        stateless: Applications' own messages (Hocuspocus only).
        attempts: Sockets opened so far, successful or not.
        lengths_at_synced: Length of the text in the moment of each `synced` event.
    """

    text: str
    map: dict[str, Any]
    array: list[Any]
    edits: str
    vector: dict[str, int]
    pending: bool
    client_id: int
    clock: int | None
    states: dict[str, Any]
    connected: bool
    synced: bool
    unsynced: int | None
    scope: str | None
    attempts: int
    opens: int
    received: int
    closes: list[Closed]
    denied: list[str]
    refused: list[dict[str, str]]
    stateless: list[str]
    lengths_at_synced: list[int]
    revision: int

    @property
    def content(self) -> Content:
        """What the document says, whatever its history."""
        return Content(self.text, self.map, self.array)

    @property
    def others(self) -> set[int]:
        """Client ids of those present, without the client itself."""
        return {int(key) for key in self.states} - {self.client_id}


class StockClient:
    """One stock client. Made by :meth:`Driver.connect`."""

    def __init__(self, driver: Driver, name: str, kind: str, client_id: int) -> None:
        self._driver = driver
        self.name = name
        self.kind = kind
        self.client_id = client_id

    def __repr__(self) -> str:
        return f"<StockClient {self.name} ({self.kind}, {self.client_id})>"

    async def edit(self, *ops: Sequence[Any]) -> State:
        """Apply operations in one transaction: ``("insert", "text", 0, "hi")``."""
        return _state(await self._do("edit", ops=ops))

    async def insert(self, index: int, text: str, *, root: str = "text") -> State:
        """Insert into a text."""
        return await self.edit(("insert", root, index, text))

    async def append(self, text: str, *, root: str = "text") -> State:
        """Insert at the end of a text."""
        return await self.edit(("append", root, text))

    async def wild(self, dice: Sequence[float], mark: str) -> None:
        """Make the edit that dice choose, see ``js/wild.mjs``."""
        await self._do("wild", dice=dice, mark=mark)

    async def show(self) -> dict[str, Any]:
        """All that the document shows, see ``js/wild.mjs``."""
        shown: dict[str, Any] = await self._do("show")
        return shown

    async def presence(self, state: Any) -> None:
        """Set the client's own presence; None takes it away."""
        await self._do("presence", state=state)

    async def read(self) -> State:
        """Everything about the client, now."""
        return _state(await self._do("read"))

    async def wait(self, *, timeout: float = TIMEOUT, **until: Any) -> State:
        """Wait until all conditions of ``js/conditions.mjs`` hold at once.

        Raises:
            CommandFailed: They did not within the timeout; the message holds the state.
        """
        answer = await self._do("wait", until=until, timeout_ms=timeout * 1000, grace=timeout)
        return _state(answer)

    async def changed(self, revision: int, *, timeout: float = TIMEOUT) -> State:
        """Wait for anything to happen after ``revision``."""
        return await self.wait(revision_after=revision, timeout=timeout)

    async def heard(self, text: str) -> bool:
        """Whether a frame that came has this in it, of the first 1,000 on each of its sockets."""
        found: bool = await self._do("heard", text=text)
        return found

    async def cut(self) -> None:
        """Cut the client's socket without a close frame; the client finds its own way back."""
        await self._do("cut")

    async def disconnect(self) -> None:
        """Go offline on purpose."""
        await self._do("disconnect")

    async def reconnect(self) -> None:
        """Go online again after :meth:`disconnect`."""
        await self._do("reconnect")

    async def destroy(self) -> None:
        """End the client, as an editor that is closed does."""
        await self._do("destroy")

    async def _do(self, command: str, **fields: Any) -> Any:
        return await self._driver.do(command, client=self.name, **fields)


class Driver:
    """A Node process with stock clients in it; open one with :meth:`running`."""

    def __init__(self, commands: asyncio.StreamWriter, answers: asyncio.StreamReader) -> None:
        self._commands = commands
        self._answers = answers
        self._ids = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[Any]] = {}

    @classmethod
    @asynccontextmanager
    async def running(cls) -> AsyncIterator[Self]:
        """Start the process; end it, and with it every client, at the end of the block."""
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            "node", str(JS / "driver.mjs"), stdin=pipe, stdout=pipe, limit=LINE_LIMIT_BYTES
        )
        assert process.stdin is not None
        assert process.stdout is not None
        driver = cls(process.stdin, process.stdout)
        reading = asyncio.create_task(driver._read())
        try:
            yield driver
            faults = await driver.faults()
            assert not faults, "stock clients complained:\n" + "\n".join(faults)
        finally:
            process.stdin.close()
            await process.wait()
            await reading

    async def connect(
        self,
        kind: str,
        url: str,
        room: str,
        *,
        token: str | Sequence[str] | None = None,
        client_id: int | None = None,
        socket: str | None = None,
        twins: bool = False,
    ) -> StockClient:
        """Start a client; await ``client.wait(synced=True)`` for its first exchange.

        Args:
            kind: One of :data:`KINDS`.
            url: The server's, without a room.
            room: Name of the document.
            token: In the URL or in the authentication frame, as the kind does it. Of several, which
                only Hocuspocus takes, the next is shown each time that one is asked for.
            client_id: A fixed Yjs client id instead of a drawn one.
            socket: Name of a socket to share with others (Hocuspocus only).
            twins: Whether others on the socket have the same document (Hocuspocus 4 only).
        """
        name = f"{kind}#{next(self._ids)}"
        answer = await self.do(
            "connect",
            client=name,
            kind=kind,
            url=url,
            room=room,
            token=token,
            client_id=client_id,
            socket=socket,
            twins=twins,
        )
        return StockClient(self, name, kind, _state(answer).client_id)

    async def replay(
        self, clients: Sequence[StockClient], path: Path, *, limit: int | None = None
    ) -> str:
        """Let clients type a concurrent trace; returns the text it ends in."""
        names = [client.name for client in clients]
        end: str = await self.do(
            "replay", clients=names, path=str(path), limit=limit, timeout_ms=30_000, grace=600.0
        )
        return end

    async def faults(self) -> list[str]:
        """Take what clients threw or complained about since the last call."""
        found: list[str] = await self.do("faults")
        return found

    async def do(self, command: str, *, grace: float = 0.0, **fields: Any) -> Any:
        """Carry out one command of ``js/driver.mjs``."""
        identity = next(self._ids)
        answer = asyncio.get_running_loop().create_future()
        self._waiting[identity] = answer
        line = json.dumps({"id": identity, "do": command, **fields})
        self._commands.write(line.encode() + b"\n")
        return await asyncio.wait_for(answer, TIMEOUT + grace)

    async def _read(self) -> None:
        async for line in self._answers:
            message = json.loads(line)
            answer = self._waiting.pop(message["id"])
            if answer.done():
                continue
            if "error" in message:
                answer.set_exception(CommandFailed(message["error"]))
            else:
                answer.set_result(message["result"])
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(CommandFailed("the driver ended"))


def _state(answer: Any) -> State:
    return msgspec.convert(answer, State)
