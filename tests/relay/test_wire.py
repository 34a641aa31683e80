"""Single connections of the bundled server, byte by byte."""

from __future__ import annotations

import asyncio
import itertools
import random

import pytest
import websockets

from collabkit.relay.limits import Limits
from collabkit.relay.server import Relay
from collabkit.relay.wire import MAX_CONTROLS
from collabkit.sessions.workspace import Workspace
from collabkit.sync.link import HEAVY_BYTES
from collabkit.sync.seat import HIGH_WATER_BYTES
from collabkit.sync.sendqueue import LIMIT_BYTES
from relay.conftest import Metric
from relay.peers import (
    BINARY,
    CLOSE,
    CONTINUATION,
    PING,
    PONG,
    SYNC_STEP_1,
    TEXT,
    Peer,
    Raw,
    frame,
    noise,
)

SMALL = Limits(max_message_bytes=10_000)


def close(code: int, reason: bytes = b"") -> bytes:
    """A close frame of a client."""
    return frame(CLOSE, code.to_bytes(2, "big") + reason)


# What is wrong, the bytes, the code that answers them, and a word of the reason.
MALFORMED = [
    ("a reserved bit", frame(BINARY, SYNC_STEP_1, reserved=0b100), 1002, "reserved"),
    ("another reserved bit", frame(BINARY, SYNC_STEP_1, reserved=0b001), 1002, "reserved"),
    ("a reserved bit on a ping", frame(PING, reserved=0b010), 1002, "reserved"),
    ("a reserved bit on a fragment", frame(BINARY, fin=False, reserved=0b100), 1002, "reserved"),
    ("an unknown data opcode", frame(3, b"x"), 1002, "opcode"),
    ("an unknown control opcode", frame(11), 1002, "opcode"),
    ("no mask", frame(BINARY, SYNC_STEP_1, masked=False), 1002, "mask"),
    ("a ping in fragments", frame(PING, fin=False), 1002, "fragment"),
    ("a close in fragments", frame(CLOSE, fin=False), 1002, "fragment"),
    ("a long ping", frame(PING, b"x" * 126), 1002, "125"),
    ("a length not in its shortest form", b"\x82\xfe\x00\x05\0\0\0\0hello", 1002, "len"),
    ("a length with its sign bit", b"\x82\xff" + b"\xff" * 8 + b"\0\0\0\0", 1002, "len"),
    ("a continuation of nothing", frame(CONTINUATION, b"x"), 1002, "continuation"),
    ("a message inside another", frame(BINARY, fin=False) + frame(BINARY), 1002, "unfinished"),
    ("half a close code", frame(CLOSE, b"\x03"), 1002, ""),
    ("a close code of 0", close(0), 1002, "close code"),
    ("a close code that never travels", close(1005), 1002, "close code"),
    ("a close code out of range", close(5000), 1002, "close code"),
    ("a close reason not UTF-8", close(1000, b"\xff"), 1007, "UTF-8"),
    ("a text not UTF-8", frame(TEXT, b"\xff"), 1007, "UTF-8"),
    (
        "a text not UTF-8, in fragments",
        frame(TEXT, b"\xc3", fin=False) + frame(CONTINUATION, b"("),
        1007,
        "UTF-8",
    ),
    ("a text", frame(TEXT, b"hello"), 1003, "text"),
    ("a frame too big", frame(BINARY, b"x" * 10_001), 1009, "size"),
    ("a frame that says it will be too big", b"\x82\xff" + (1 << 40).to_bytes(8, "big"), 1009, ""),
    (
        "a message too big",
        frame(BINARY, b"x" * 6000, fin=False) + frame(CONTINUATION, b"x" * 6000),
        1009,
        "10000",
    ),
    ("control frames without end", frame(PONG) * (MAX_CONTROLS + 1), 1008, "control"),
]


@pytest.mark.parametrize(
    ("data", "code", "reason"), [row[1:] for row in MALFORMED], ids=[row[0] for row in MALFORMED]
)
async def test_a_broken_frame_ends_its_connection_and_no_other(
    workspace: Workspace, data: bytes, code: int, reason: str
) -> None:
    """Who breaks the protocol is told so with its code, and its room goes on."""
    async with (
        Relay(workspace, port=0, limits=SMALL) as relay,
        websockets.connect(f"{relay.url}/notes") as one,
        websockets.connect(f"{relay.url}/notes") as other,
        Peer.joined(one) as ada,
        Peer.joined(other) as bob,
        Raw.connect(relay.url) as mallory,
    ):
        mallory.say(frame(BINARY, SYNC_STEP_1))
        await mallory.hear_only(BINARY)
        mallory.say(data)
        said = await mallory.farewell()
        assert said[0] == code
        assert reason in said[1]
        await ada.write("on we go")
        await bob.reads("on we go")


@pytest.mark.parametrize("after", [frame(BINARY, b"\xff"), frame(TEXT), frame(BINARY, SYNC_STEP_1)])
async def test_nothing_is_taken_after_a_broken_frame(relay: Relay, after: bytes) -> None:
    """A connection that broke the protocol is over, whatever follows in the same packet."""
    async with Raw.connect(relay.url) as mallory:
        mallory.say(frame(CONTINUATION, b"x") + after)
        assert (await mallory.farewell())[0] == 1002


@pytest.mark.parametrize("payload", [b"", b"\x03\xe8", b"\x03\xe9bye", b"\x0f\xa0", b"\x13\x87"])
async def test_a_goodbye_is_answered_in_kind(relay: Relay, payload: bytes) -> None:
    """A close frame is answered with its code, a bare one with a bare one, and that is all."""
    async with Raw.connect(relay.url) as client:
        client.say(frame(CLOSE, payload))
        assert await client.hear() == (CLOSE, payload[:2])
        assert await client.hear() is None


@pytest.mark.parametrize("payload", [b"", b"still there?", b"x" * 125])
async def test_a_ping_is_answered(relay: Relay, payload: bytes) -> None:
    """A pong carries what the ping did; an unasked pong is passed over."""
    async with Raw.connect(relay.url) as client:
        client.say(frame(PONG, b"nobody asked"), frame(PING, payload))
        assert await client.hear() == (PONG, payload)


async def test_a_message_may_come_in_pieces(relay: Relay) -> None:
    """An edit in fragments, with a ping between them, is an edit."""
    async with (
        websockets.connect(f"{relay.url}/notes") as socket,
        Peer.joined(socket) as bob,
        Raw.connect(relay.url) as client,
    ):
        client.say(frame(BINARY, SYNC_STEP_1[:1], fin=False), frame(PING, b"?"))
        client.say(frame(CONTINUATION, fin=False), frame(CONTINUATION, SYNC_STEP_1[1:]))
        assert await client.hear() == (PONG, b"?")
        await client.hear_only(BINARY)
        edit = Peer(socket).edit("in pieces")
        client.say(frame(BINARY, edit[:5], fin=False))
        client.say(*(frame(CONTINUATION, edit[at : at + 1], fin=False) for at in range(5, 20)))
        client.say(frame(CONTINUATION, edit[20:]))
        await bob.reads("in pieces")


async def test_frames_may_come_byte_by_byte(relay: Relay) -> None:
    """How TCP cuts the stream means nothing."""
    async with Raw.connect(relay.url) as client:
        for byte in frame(BINARY, SYNC_STEP_1) + frame(PING, b"end"):
            client.say(bytes([byte]))
            await client.writer.drain()
            await asyncio.sleep(0)
        assert await client.hear_only(PONG) == b"end"


async def test_a_peer_that_vanishes_is_let_go(relay: Relay, workspace: Workspace) -> None:
    """A connection that is reset leaves nothing behind, whatever it was in the middle of."""
    for last in (b"", frame(BINARY, SYNC_STEP_1), frame(BINARY, b"xyz", fin=False), b"\x82"):
        async with Raw.connect(relay.url) as client:
            client.say(last)
            await client.writer.drain()
    async with Raw.connect(relay.url) as client:
        client.say(frame(CLOSE))
        while await client.hear() is not None:
            pass
    async with asyncio.timeout(20):
        while workspace.hub.stats().links:
            await asyncio.sleep(0.01)


async def test_a_silent_peer_is_asked_and_then_cut_off(workspace: Workspace) -> None:
    """Who answers no ping is gone within three rounds; who answers stays."""
    limits = Limits(round_s=0.2)
    async with (
        Relay(workspace, port=0, limits=limits) as relay,
        Raw.connect(relay.url) as dead,
        Raw.connect(relay.url) as alive,
    ):
        pings = 0
        while (heard := await dead.hear()) is not None:
            assert heard == (PING, b"")
            pings += 1
        assert pings == 1
        for _ in range(3):
            assert await alive.hear() == (PING, b"")
            alive.say(frame(PONG))
        alive.say(frame(PING, b"alive"))
        assert await alive.hear_only(PONG) == b"alive"


async def test_a_slow_reader_costs_no_more_than_its_share(
    workspace: Workspace, metric: Metric
) -> None:
    """What waits for one who does not read is bounded; when he reads on, he is in sync."""
    async with (
        Relay(workspace, port=0) as relay,
        websockets.connect(f"{relay.url}/notes") as socket,
        Peer.joined(socket) as writer,
        Raw.connect(relay.url, narrow=True) as slow,
    ):
        slow.say(frame(BINARY, SYNC_STEP_1))
        await slow.hear_only(BINARY)
        most = 0.0
        for _ in range(100):
            for _ in range(5):
                await writer.replace(noise(25_000).hex())
                slow.say(frame(PING, b"x" * 125))
            most = max(most, await metric(relay, "collabkit_unsent_bytes"))
        await writer.replace("the last")
        # What a busy room has on its way leaves spliced into one message, and the first may wait.
        assert 0 < most <= HIGH_WATER_BYTES + LIMIT_BYTES + 2 * HEAVY_BYTES
        async with Peer.joined(slow) as reader:
            await reader.finds("the last")


def scribble(dice: random.Random) -> bytes:
    """Frames as no client writes them: mostly well formed, then bent."""
    out = bytearray()
    for _ in range(dice.randint(1, 8)):
        payload = dice.randbytes(dice.choice([0, 1, 2, 5, 30, 125, 126, 300, 70_000]))
        if dice.random() < 0.5:
            payload = SYNC_STEP_1[: dice.randint(1, 4)] + payload
        out += frame(
            dice.choice([BINARY, BINARY, TEXT, CONTINUATION, PING, PONG, CLOSE, 3, 11]),
            payload,
            fin=dice.random() < 0.8,
            reserved=dice.choice([0, 0, 0, 0, 1, 4]),
            masked=dice.random() < 0.95,
        )
    for _ in range(dice.choice([0, 0, 1, 3])):
        out[dice.randrange(len(out))] = dice.randrange(256)
    return bytes(out[: dice.randint(1, len(out))])


@pytest.mark.fuzz
async def test_no_bytes_reach_beyond_their_connection(
    relay: Relay, seed: int, for_s: float
) -> None:
    """Whatever one socket says, the neighbours in its room go on, and nothing of it stays."""
    dice = random.Random(seed)
    async with (
        websockets.connect(f"{relay.url}/notes") as one,
        websockets.connect(f"{relay.url}/notes") as other,
        Peer.joined(one) as ada,
        Peer.joined(other) as bob,
    ):
        clock = asyncio.get_running_loop().time
        end = clock() + for_s
        for turn in itertools.takewhile(lambda _: clock() < end, itertools.count()):
            async with Raw.connect(relay.url) as mallory:
                for _ in range(dice.randint(1, 3)):
                    mallory.say(scribble(dice))
                await ada.replace(str(turn))
                await bob.finds(str(turn))
