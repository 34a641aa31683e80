"""Requests that are no WebSocket, over the relay's own port."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from collabkit.relay.gate import MAX_REQUESTS
from collabkit.relay.head import MAX_BODY_BYTES, MAX_HEAD_BYTES
from collabkit.relay.limits import Limits
from collabkit.relay.server import Relay
from collabkit.sessions.workspace import Workspace
from relay.conftest import Metric
from relay.peers import PATIENCE, SYNC_STEP_1, frame

HOST = b"Host: localhost\r\n"
KEY = b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
UPGRADE = b"Connection: Upgrade\r\nUpgrade: websocket\r\n" + KEY


class Talk:
    """A connection on which requests are written as they are."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def ask(self, line: bytes, *fields: bytes, body: bytes = b"") -> None:
        """Write a request with a Host."""
        self.writer.write(line + b"\r\n" + HOST + b"".join(fields) + b"\r\n" + body)

    async def answer(self, *, body: bool = True) -> tuple[int, dict[str, str], bytes]:
        """Status, fields and body of the next answer."""
        head = await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), PATIENCE)
        first, *lines = head.decode().rstrip().split("\r\n")
        fields = {k.lower(): v for k, _, v in (line.partition(": ") for line in lines)}
        length = int(fields.get("content-length", 0)) if body else 0
        return int(first.split()[1]), fields, await self.reader.readexactly(length)

    async def ended(self) -> bool:
        """Whether nothing more comes."""
        return await asyncio.wait_for(self.reader.read(), PATIENCE) == b""


@asynccontextmanager
async def talk(relay: Relay) -> AsyncIterator[Talk]:
    """Connect."""
    host, port = relay.url.removeprefix("ws://").split(":")
    reader, writer = await asyncio.open_connection(host, port)
    try:
        yield Talk(reader, writer)
    finally:
        writer.transport.abort()


async def test_a_connection_is_kept_for_more(relay: Relay) -> None:
    """Requests follow each other on one connection, also when they are sent ahead."""
    async with talk(relay) as client:
        for _ in range(2):
            client.ask(b"GET /healthz HTTP/1.1")
            status, fields, body = await client.answer()
            assert (status, fields["connection"]) == (200, "keep-alive")
            assert b"ok" in body
            assert fields["date"].endswith(" GMT")
        for path in (b"/healthz", b"/nothing", b"/metrics"):
            client.ask(b"GET " + path + b" HTTP/1.1")
        client.ask(b"\r\nGET /nothing HTTP/1.1", b"Connection: close\r\n")
        assert [(await client.answer())[0] for _ in range(4)] == [200, 404, 200, 404]
        assert await client.ended()


async def test_it_is_not_kept_for_ever(relay: Relay) -> None:
    """After so many requests the client is told to come again."""
    async with talk(relay) as client:
        for _ in range(MAX_REQUESTS + 1):
            client.ask(b"HEAD /healthz HTTP/1.1")
        said = [(await client.answer(body=False))[1]["connection"] for _ in range(MAX_REQUESTS)]
        assert said == ["keep-alive"] * (MAX_REQUESTS - 1) + ["close"]
        assert await client.ended()


async def test_head_is_get_without_its_body(relay: Relay) -> None:
    """HEAD tells the length of what GET would have brought, and brings nothing."""
    async with talk(relay) as client:
        client.ask(b"GET /nothing HTTP/1.1")
        status, _, body = await client.answer()
        client.ask(b"HEAD /nothing HTTP/1.1")
        head = await client.answer(body=False)
        assert (head[0], head[1]["content-length"]) == (status, str(len(body)))
        client.ask(b"OPTIONS * HTTP/1.1", b"Connection: close\r\n")
        status, fields, _ = await client.answer()
        assert (status, fields["allow"]) == (204, "GET, HEAD, OPTIONS")
        assert "content-length" not in fields
        assert await client.ended()


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET /healthz HTTP/1.0\r\n" + HOST + b"\r\n", 200),
        (b"GET /healthz HTTP/1.0\r\nConnection: keep-alive\r\n" + HOST + b"\r\n", 200),
        (b"GET /notes HTTP/1.0\r\n" + HOST + UPGRADE + b"\r\n", 404),
        (b"POST /healthz HTTP/1.1\r\n" + HOST + b"Content-Length: 5\r\n\r\nhello", 405),
        (b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 5\r\n\r\n", 405),
        (b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 65537\r\n\r\n" + b"x" * 65_537, 413),
        (b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 411),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: " + b"a" * MAX_HEAD_BYTES, 431),
        (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\n\r\n", 414),
    ],
)
async def test_the_rest_is_told_and_ends(relay: Relay, request_: bytes, status: int) -> None:
    """What is old, wrong or has a body gets its answer, whole, and the connection ends."""
    async with talk(relay) as client:
        client.writer.write(request_)
        said, fields, _ = await client.answer()
        assert (said, fields["connection"]) == (status, "close")
        assert await client.ended()


async def test_an_answer_is_read_by_who_is_still_sending(relay: Relay) -> None:
    """Whoever is refused in the middle of a large body gets the refusal, not a reset."""
    async with talk(relay) as client:
        client.ask(b"PUT / HTTP/1.1", b"Content-Length: %d\r\n" % (MAX_BODY_BYTES * 32))
        for _ in range(32):
            client.writer.write(b"x" * MAX_BODY_BYTES)
        assert (await client.answer())[0] == 413


async def test_bytes_may_come_one_by_one(relay: Relay) -> None:
    """How the network cuts a request means nothing, nor what comes behind a handshake."""
    request = b"GET /notes HTTP/1.1\r\n" + HOST + UPGRADE + b"\r\n" + frame(2, SYNC_STEP_1)
    async with talk(relay) as client:
        for byte in request:
            client.writer.write(bytes([byte]))
            await client.writer.drain()
            await asyncio.sleep(0)
        assert (await client.answer())[0] == 101
        assert (await client.reader.readexactly(1)) == b"\x82"
    async with talk(relay) as client:
        client.writer.write(request)
        assert (await client.answer())[0] == 101
        assert (await client.reader.readexactly(1)) == b"\x82"


async def test_a_kept_connection_may_become_a_websocket(relay: Relay) -> None:
    """A request before it does not hinder an upgrade."""
    async with talk(relay) as client:
        client.ask(b"GET /healthz HTTP/1.1")
        client.ask(b"GET /notes HTTP/1.1", UPGRADE)
        assert [(await client.answer())[0] for _ in range(2)] == [200, 101]


async def test_traffic_does_not_put_the_deadline_off(workspace: Workspace) -> None:
    """Who sends a byte now and then is out of time all the same."""
    async with (
        Relay(workspace, port=0, limits=Limits(handshake_timeout=0.3)) as relay,
        talk(relay) as client,
    ):
        heard = asyncio.ensure_future(client.reader.read())
        client.writer.write(b"GET / HTTP/1.1\r\nHost: ")
        while not heard.done():
            client.writer.write(b"a")
            await asyncio.sleep(0.02)
        assert (await heard).startswith(b"HTTP/1.1 408 ")


async def test_who_waits_at_a_gate_is_counted(relay: Relay, metric: Metric) -> None:
    """A connection that has not asked for anything shows in the metrics, until it is gone."""
    async with talk(relay) as client:
        client.writer.write(b"GET ")
        # The connection that reads the metric is one of them.
        while await metric(relay, "collabkit_gates") < 2:
            await asyncio.sleep(0.01)
    while await metric(relay, "collabkit_gates") > 1:
        await asyncio.sleep(0.01)
