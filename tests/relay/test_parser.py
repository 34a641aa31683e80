"""What is held of messages that are on their way."""

from __future__ import annotations

import asyncio
import gc
import socket
from collections.abc import Iterable
from typing import Any

import picows
import pytest
import websockets

from collabkit.relay.limits import Limits
from collabkit.relay.parser import LONG_BYTES, Below, Deaf, Parser
from collabkit.relay.server import Relay
from collabkit.relay.wire import MAX_UNADMITTED_BYTES
from collabkit.sessions.workspace import Workspace
from collabkit.sync.messages import Update, write
from crdt.crafting import string, update
from relay.conftest import Metric
from relay.peers import BINARY, CLOSE, CONTINUATION, PONG, SYNC_STEP_1, Peer, Raw, frame, noise


def parsers() -> list[Parser]:
    """All that are alive in this process."""
    return [each for each in gc.get_objects() if type(each) is Parser]


async def test_a_parser_that_has_grown_is_replaced(relay: Relay) -> None:
    """A long message leaves no buffer of its size behind, and the connection goes on."""
    async with (
        websockets.connect(f"{relay.url}/notes") as one,
        websockets.connect(f"{relay.url}/notes") as other,
        Peer.joined(one) as ada,
        Peer.joined(other) as bob,
    ):
        for value in (noise(400_000).hex(), "short", noise(100_000).hex(), "shorter"):
            await ada.replace(value)
            await bob.finds(value)
        views = [len(each.get_buffer(-1)) for each in parsers()]
        assert views
        assert max(views) < 4096


async def test_long_messages_share_an_allowance(workspace: Workspace, metric: Metric) -> None:
    """Beyond it, whoever took longest for his is sent away, and the others finish theirs."""
    limits = Limits(max_unfinished_bytes=400_000)
    size = LONG_BYTES * 3
    async with (
        Relay(workspace, port=0, limits=limits) as relay,
        Raw.connect(relay.url) as slow,
        Raw.connect(relay.url) as quick,
        Raw.connect(relay.url) as last,
    ):
        message = frame(BINARY, SYNC_STEP_1 + b"x" * size)
        for client in (slow, quick, last):
            client.say(frame(BINARY, SYNC_STEP_1))
            await client.hear_only(BINARY)
        held = 0.0
        for client in (slow, quick):
            client.say(message[:-1])
            while await metric(relay, "collabkit_unfinished_bytes") < held + size:
                await asyncio.sleep(0.01)
            held += size
        last.say(message[:-1])
        assert await slow.farewell() == (1013, "too many long messages at once")
        assert await metric(relay, "collabkit_overruns_total") == 1
        for client in (quick, last):
            client.say(message[-1:])
            # The message is whole, and no message of any dialect.
            assert (await client.farewell())[0] == 1002
        assert await metric(relay, "collabkit_unfinished_bytes") == 0


class Later(asyncio.Transport):
    """A transport that cannot send anything yet, and keeps what it is given, as uvloop's does."""

    def __init__(self, sock: socket.socket) -> None:
        super().__init__({"socket": sock})
        self.kept: list[bytes | memoryview] = []

    def get_write_buffer_size(self) -> int:
        return 1

    def write(self, data: Any) -> None:
        self.kept.append(data)

    def writelines(self, pieces: Iterable[Any]) -> None:
        self.kept += pieces


class Heard(picows.WSListener):
    """Keeps the transport through which is answered."""

    unread = 0
    swollen = False

    def on_ws_connected(self, transport: picows.WSTransport) -> None:
        self.speaker = transport


async def test_what_waits_is_not_overwritten() -> None:
    """Frames of all sizes leave as they were sent, also if the socket takes them all later."""
    sizes = (10, 10_000, 200, 20_000, 70_000, 0)
    with socket.socket() as sock:
        transport, heard = Later(sock), Heard()
        parser = Parser(heard, max_frame_bytes=1 << 20)
        parser.begin(Below(transport, lambda: None))
        before = len(transport.kept)
        for size in sizes:
            heard.speaker.send(picows.WSMsgType.BINARY, b"x" * size)
    frames = [frame(BINARY, b"x" * size, masked=False) for size in sizes]
    assert b"".join(transport.kept[before:]) == b"".join(frames)


async def test_the_loop_turns_between_reads(relay: Relay, workspace: Workspace) -> None:
    """However much a peer has sent, others are heard after at most one read of it."""
    pieces = (
        update((9, at, [string("x" * 4000, **({"origin": (9, at - 1)} if at else {"root": "t"}))]))
        for at in range(0, 256_000, 4000)
    )
    async with Raw.connect(relay.url) as client:
        client.say(frame(BINARY, SYNC_STEP_1))
        await client.hear_only(BINARY)
        client.say(*(frame(BINARY, write(Update(piece))) for piece in pieces))
        taken, most_at_once = 0, 0
        while workspace.hub.stats().edits < 64:
            await asyncio.sleep(0)
            waiting = workspace.hub.stats().waiting_bytes
            most_at_once = max(most_at_once, waiting - taken)
            taken = waiting
    assert 0 < most_at_once < 2 * LONG_BYTES


@pytest.mark.parametrize(
    "data",
    [
        b"\x82\xff" + (8 << 20).to_bytes(8, "big") + b"\0\0\0\0" + b"x" * MAX_UNADMITTED_BYTES,
        frame(BINARY, b"x" * 65_000, fin=False)
        + frame(CONTINUATION, b"x" * 65_000, fin=False) * 20,
    ],
)
async def test_little_is_held_before_anybody_is_let_in(workspace: Workspace, data: bytes) -> None:
    """Who has not said yet where he wants to go cannot fill a buffer."""
    async with (
        Relay(workspace, port=0, limits=Limits(close_timeout=0.1)) as relay,
        Raw.connect(relay.url) as stranger,
    ):
        stranger.say(data)
        code, reason = await stranger.farewell()
        assert code == 1008
        assert "before anybody was let in" in reason


async def test_a_message_too_big_is_waited_out(workspace: Workspace) -> None:
    """Who is refused for the size of a message is told at once, and let go after a while."""
    limits = Limits(max_message_bytes=100_000, refusal_hold=0.3, close_timeout=0.01)
    for data in (
        frame(BINARY, b"x" * 100_001),
        frame(BINARY, b"x" * 60_000, fin=False) + frame(CONTINUATION, b"x" * 60_000),
    ):
        async with (
            Relay(workspace, port=0, limits=limits) as relay,
            Raw.connect(relay.url) as client,
        ):
            client.say(frame(BINARY, SYNC_STEP_1))
            await client.hear_only(BINARY)
            client.say(data)
            assert (await client.hear_only(8))[:2] == (1009).to_bytes(2, "big")
            client.say(frame(8, b"\x03\xf1"), frame(PONG), b"x" * 1_000_000)
            await client.writer.drain()
            held = [each for each in gc.get_objects() if type(each) is Deaf]
            assert held
            assert await client.hear() is None


async def test_who_ends_his_half_is_waited_out_too(workspace: Workspace, metric: Metric) -> None:
    """A client that answers the goodbye and ends its half of the connection is still held."""
    limits = Limits(max_message_bytes=100_000, refusal_hold=60.0, drain_timeout=0.1)
    async with Relay(workspace, port=0, limits=limits) as relay, Raw.connect(relay.url) as client:
        client.say(frame(BINARY, b"x" * 100_001))
        payload = await client.hear_only(CLOSE)
        client.say(frame(CLOSE, payload[:2]))
        client.writer.write_eof()
        for _ in range(3):
            assert await metric(relay, "collabkit_connections") == 1
    assert await client.hear() is None
