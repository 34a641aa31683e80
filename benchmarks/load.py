"""Clients that cost the same against every server: raw sockets that send prepared updates."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from urllib.parse import quote

from peers import Server
from picows import WSFrame, WSListener, WSMsgType, WSTransport, ws_connect

from collabkit.crdt.awareness import decode_awareness, encode_awareness
from collabkit.crdt.lib0 import read_var_uint, var_bytes, var_string, var_uint
from collabkit.crdt.update import Scan, StateVector, advance, gap, scan

STEP1_OF_NOBODY = b"\x00\x00\x01\x00"
NOTHING_NEW = b"\x00\x01\x02\x00\x00"


def typing(client: int, clock: int) -> bytes:
    """The update of one keystroke behind the one before."""
    head = b"\x01\x01" + var_uint(client) + var_uint(clock)
    if clock == 0:
        return head + b"\x04\x01\x01t\x01x\x00"
    return head + b"\x84" + var_uint(client) + var_uint(clock - 1) + b"\x01x\x00"


def filled_in(client: int, size_bytes: int) -> Iterator[bytes]:
    """Updates that fill a map with values of a line each: a document of many small pieces."""
    line = b"Say what it is, and for whom it was made."
    clock = written = 0
    while written < size_bytes:
        structs = [
            b"\x28\x01\x01m" + var_string(f"k{number}") + b"\x01\x77" + var_bytes(line)
            for number in range(clock, clock + 500)
        ]
        body = b"".join(structs)
        yield b"\x01" + var_uint(500) + var_uint(client) + var_uint(clock) + body + b"\x00"
        clock += 500
        written += len(body)


@dataclass
class Arrivals:
    """What reached the clients of one room, by the writer's clock."""

    sent_at: list[float] = field(default_factory=list)
    delivered: int = 0
    latencies_s: list[float] = field(default_factory=list)

    def took(self, clock: int, length: int) -> None:
        now = time.perf_counter()
        for n in range(clock, min(clock + length, len(self.sent_at))):
            self.delivered += 1
            self.latencies_s.append(now - self.sent_at[n])


class Client(WSListener):
    """One socket in one room."""

    def __init__(self, server: Server, room: str, arrivals: Arrivals, *, reader: bool) -> None:
        self.prefix = var_string(room) if server.dialect == "hocuspocus" else b""
        self.arrivals = arrivals
        self.reader = reader
        self.synced = asyncio.get_running_loop().create_future()
        self.got = asyncio.Event()
        self.vector: StateVector = {}
        self.bytes_in = 0
        self.frames_in = 0
        self.echoes = False
        self.seen: dict[int, bytes] = {}
        self.own = 0
        self._parts: list[bytes] = []
        self.transport: WSTransport

    @classmethod
    async def join(
        cls, server: Server, room: str, arrivals: Arrivals, *, reader: bool = True
    ) -> Client:
        path = "" if server.dialect == "hocuspocus" else quote(room)
        url = f"ws://127.0.0.1:{server.port}/{path}"
        _, client = await ws_connect(
            lambda: cls(server, room, arrivals, reader=reader),
            url,
            websocket_handshake_timeout=120,  # a server may be busy with those before
        )
        assert isinstance(client, Client)
        return client

    def on_ws_connected(self, transport: WSTransport) -> None:
        self.transport = transport
        if self.prefix:
            self.send(b"\x02\x00" + var_string(""))
        self.send(STEP1_OF_NOBODY)

    def send(self, message: bytes) -> None:
        self.transport.send(WSMsgType.BINARY, self.prefix + message)

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type not in (WSMsgType.BINARY, WSMsgType.CONTINUATION):
            return
        payload = frame.get_payload_as_bytes()
        self.bytes_in += len(payload)
        if self._parts or not frame.fin:
            self._parts.append(payload)
            if not frame.fin:
                return
            payload, self._parts = b"".join(self._parts), []
        self.heard(payload[len(self.prefix) :])

    def heard(self, message: bytes) -> None:
        self.frames_in += 1
        self.got.set()
        if message[:1] == b"\x01":
            self._notice(message)
        elif message[:2] == b"\x00\x02":
            if self.reader:
                self._count(message)
        elif message[:2] == b"\x00\x00":
            self.send(NOTHING_NEW)
        elif message[:2] == b"\x00\x01" and not self.synced.done():
            self.synced.set_result(time.perf_counter())

    def _count(self, message: bytes) -> None:
        at = 2
        while message[at] & 0x80:
            at += 1
        found = scan(message[at + 1 :])
        for section in found.sections:
            self.arrivals.took(section.clock, section.length)
        advance(found, self.vector)
        self.got.set()

    def _notice(self, message: bytes) -> None:
        """Look at presence, and say what was news again, as y-websocket's provider does."""
        _, at = read_var_uint(message, 1)
        news = False
        for client, _, text in decode_awareness(message[at:]):
            news |= self.seen.get(client) != text
            self.seen[client] = text
        if news and self.echoes:
            self.send(message)

    def move(self, client: int, clock: int) -> None:
        """Show something new of oneself."""
        state = b'{"user":{"name":"somebody","color":"#30bced"},"cursor":%d}' % clock
        self.own = client
        self.send(b"\x01" + var_bytes(encode_awareness([(client, clock, state)])))

    def saw_all(self, clock: int, clients: int) -> bool:
        """Whether it has seen the newest of all others."""
        newest = b'"cursor":%d}' % clock
        others = [text for client, text in self.seen.items() if client != self.own]
        return len(others) >= clients - 1 and all(text.endswith(newest) for text in others)

    async def has(self, found: Scan) -> None:
        """Wait until what an update builds on has arrived."""
        while gap(found, self.vector):
            self.got.clear()
            await self.got.wait()

    def write(self, update: bytes) -> None:
        self.arrivals.sent_at.append(time.perf_counter())
        self.send(b"\x00\x02" + var_bytes(update))

    def leave(self) -> None:
        self.transport.disconnect()


async def join_all(server: Server, rooms: int, clients: int) -> list[tuple[Arrivals, list[Client]]]:
    """Fill rooms with clients, the first of each the writer, and wait until all are in sync."""
    filled = []
    for number in range(rooms):
        arrivals = Arrivals()
        room = f"bench-{number}"
        members = [
            await Client.join(server, room, arrivals, reader=place > 0) for place in range(clients)
        ]
        filled.append((arrivals, members))
    everybody = [client for _, members in filled for client in members]
    async with asyncio.timeout(120):
        await asyncio.gather(*(client.synced for client in everybody))
    return filled


async def until(condition: Callable[[], bool], seconds: float) -> bool:
    """Wait for a condition; tells whether it came true."""
    deadline = time.perf_counter() + seconds
    while not condition():
        if time.perf_counter() > deadline:
            return False
        await asyncio.sleep(0.02)
    return True


def percentile(values: list[float], share: float) -> float:
    """Of measured values, the one that ``share`` of them do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else float("nan")
