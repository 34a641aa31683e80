"""Who is accepted at all."""

from __future__ import annotations

import asyncio
import contextlib
import resource
import socket
from contextlib import AbstractAsyncContextManager

import pytest

from collabkit.access.model import Identity, Knock
from collabkit.ids import Subject
from collabkit.relay import porch
from collabkit.relay.limits import Limits
from collabkit.relay.server import Relay
from collabkit.sessions.workspace import Workspace
from relay.conftest import Metric
from relay.peers import BINARY, CLOSE, PATIENCE, SYNC_STEP_1, Raw, frame


async def anybody(knock: Knock) -> Identity:
    """Let everybody in."""
    return Identity(Subject(f"user:{knock.peer}"))


async def test_an_address_has_its_share(workspace: Workspace, metric: Metric) -> None:
    """One connection too many from one address gets 429, others get in, and places come free."""
    limits = Limits(max_per_address=2)
    async with Relay(
        workspace,
        port=0,
        authenticate=anybody,
        trusted_proxies=["127.0.0.0/8"],
        limits=limits,
    ) as relay:

        def connect(peer: str) -> AbstractAsyncContextManager[Raw]:
            return Raw.connect(relay.url, headers={"X-Forwarded-For": peer})

        async with connect("192.0.2.1") as one, connect("192.0.2.1") as two:
            assert (one.status, two.status) == (101, 101)
            async with connect("192.0.2.1") as three, connect("192.0.2.2") as other:
                assert (three.status, three.headers["retry-after"]) == (429, "5")
                assert other.status == 101
            two.say(frame(CLOSE))
            while await two.hear() is not None:
                pass
            async with connect("192.0.2.1") as three:
                assert three.status == 101
        assert await metric(relay, "collabkit_http_refused_total", status="429") == 1


async def test_who_decides_is_told_the_address(workspace: Workspace) -> None:
    """The address that reaches whoever decides is the client's, not the proxy's."""
    knocks: list[Knock] = []

    async def admit(knock: Knock) -> Identity:
        knocks.append(knock)
        return await anybody(knock)

    async with Relay(workspace, port=0, authenticate=admit, trusted_proxies=["127.0.0.1"]) as relay:
        for headers in ({}, {"X-Forwarded-For": "192.0.2.7"}):
            async with Raw.connect(relay.url, headers=headers) as client:
                client.say(frame(BINARY, SYNC_STEP_1))
                await client.hear_only(BINARY)
    assert [knock.peer for knock in knocks] == ["127.0.0.1", "192.0.2.7"]


async def test_a_crowd_at_the_gates_is_thinned(workspace: Workspace, metric: Metric) -> None:
    """More connections than there are places are let go, and those inside do not notice."""
    limits = Limits(max_connections=1)
    async with Relay(workspace, port=0, limits=limits) as relay, Raw.connect(relay.url) as inside:
        inside.say(frame(BINARY, SYNC_STEP_1))
        await inside.hear_only(BINARY)
        host, port = relay.url.removeprefix("ws://").split(":")
        crowd = [await asyncio.open_connection(host, port) for _ in range(60)]
        reads = [asyncio.ensure_future(reader.read()) for reader, _ in crowd]
        done, waiting = await asyncio.wait(
            reads, timeout=PATIENCE, return_when=asyncio.FIRST_COMPLETED
        )
        assert done
        for _, writer in crowd:
            writer.transport.abort()
        await asyncio.gather(*waiting, return_exceptions=True)
        while await metric(relay, "collabkit_gates") > 1:
            await asyncio.sleep(0.01)
        assert await metric(relay, "collabkit_dropped_total") >= 20
        inside.say(frame(BINARY, SYNC_STEP_1))
        await inside.hear_only(BINARY)


async def test_running_out_of_files_is_survived(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a file left nobody is accepted for a moment, and then those who waited are."""
    monkeypatch.setattr(porch, "WAIT_FOR_FILES", 0.05)
    async with Relay(workspace, port=0) as relay:
        host, port = relay.url.removeprefix("ws://").split(":")
        waiting = [socket.socket() for _ in range(4)]
        files = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (waiting[-1].fileno() + 1, files[1]))
        try:
            for each in waiting:
                each.connect((host, int(port)))
            await asyncio.sleep(0.2)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, files)
        for each in waiting:
            each.setblocking(False)
            reader, writer = await asyncio.open_connection(sock=each)
            writer.write(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            assert (await asyncio.wait_for(reader.read(), PATIENCE)).startswith(b"HTTP/1.1 200 ")
            writer.close()


async def test_an_end_does_not_wait_for_the_gates(workspace: Workspace) -> None:
    """Who has not asked yet when the relay goes is let go with it."""
    async with Relay(workspace, port=0) as relay:
        host, port = relay.url.removeprefix("ws://").split(":")
        reader, writer = await asyncio.open_connection(host, port)
        writer.write(b"GET ")
        async with Raw.connect(relay.url, "/healthz", upgrade=False) as request:
            await request.body()
    with contextlib.suppress(ConnectionResetError):
        assert await asyncio.wait_for(reader.read(), PATIENCE) == b""
    writer.transport.abort()
