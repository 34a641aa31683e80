"""RFC 6455 §5: frames and messages, over a socket, against the real relay.

Where the RFC has a MUST for a server, there is a row; the number is that of its section.
"""

from __future__ import annotations

import pytest

from collabkit.relay.frames import MAX_FRAGMENTS
from collabkit.relay.limits import Limits
from collabkit.relay.server import Relay
from collabkit.sessions.workspace import Workspace
from relay.peers import BINARY, CLOSE, CONTINUATION, PING, PONG, SYNC_STEP_1, TEXT, frame
from relay.rfc6455 import answer, close, ended, lives, seated

STEP = SYNC_STEP_1
MASK = b"\x12\x34\x56\x78"
LIMIT = 100_000


def masked(opcode: int, payload: bytes, mask: bytes = MASK) -> bytes:
    """A frame under a mask that changes something."""
    body = bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))
    return bytes([0x80 | opcode, 0x80 | len(payload)]) + mask + body


def cut(message: bytes, *sizes: int, opcode: int = BINARY) -> list[bytes]:
    """A message in fragments of these sizes, the rest in a last one."""
    frames, at = [], 0
    for size in sizes:
        frames.append(frame(opcode, message[at : at + size], fin=False))
        at, opcode = at + size, CONTINUATION
    return [*frames, frame(opcode, message[at:])]


# What is wrong, its bytes, and the code that must answer.
BROKEN = [
    ("5.1 a frame without a mask", frame(BINARY, STEP, masked=False), 1002),
    ("5.1 a ping without a mask", frame(PING, masked=False), 1002),
    ("5.1 a close without a mask", b"\x88\x02\x03\xe8", 1002),
    *[
        (f"5.2 reserved bits {bits:03b} of opcode {kind}", frame(kind, reserved=bits), 1002)
        for bits, kind in ((1, BINARY), (2, BINARY), (4, BINARY), (7, PING), (4, CLOSE), (1, PONG))
    ],
    ("5.2 a reserved bit in a continuation", cut(b"ab", 1)[0] + frame(0, reserved=4), 1002),
    *[(f"5.2 opcode {kind}", frame(kind), 1002) for kind in (*range(3, 8), *range(11, 16))],
    ("5.2 opcode 3 in the middle of a message", cut(STEP, 1)[0] + frame(3), 1002),
    ("5.2 16 bits for a length below 126", b"\x82\xfe\x00\x7d" + MASK, 1002),
    ("5.2 64 bits for a length below 65536", b"\x82\xff" + bytes(6) + b"\xff\xff" + MASK, 1002),
    ("5.2 a length with its first bit set", b"\x82\xff\x80" + bytes(7) + MASK, 1002),
    ("5.4 a continuation of nothing", frame(CONTINUATION, b"x"), 1002),
    ("5.4 a last continuation of nothing", frame(CONTINUATION, b"x", fin=False), 1002),
    ("5.4 a continuation after a whole message", frame(BINARY, STEP) + frame(0, b"x"), 1002),
    ("5.4 a message in a message", cut(STEP, 1)[0] + frame(BINARY, STEP), 1002),
    ("5.4 a text in a binary message", cut(STEP, 1)[0] + frame(TEXT, b"x"), 1002),
    ("5.4 a first fragment in a message", cut(STEP, 1)[0] * 2, 1002),
    *[(f"5.5 a fragmented {kind}", frame(kind, fin=False), 1002) for kind in (CLOSE, PING, PONG)],
    *[(f"5.5 126 bytes of {kind}", frame(kind, b"x" * 126), 1002) for kind in (CLOSE, PING, PONG)],
    ("5.5 70,000 bytes of a ping", frame(PING, b"x" * 70_000), 1002),
    ("5.5.1 half a code", frame(CLOSE, b"\x03"), 1002),
    ("5.6 a text message", frame(TEXT, b"hello"), 1003),
    ("5.6 an empty text message", frame(TEXT), 1003),
    ("8.1 a text that is not UTF-8", frame(TEXT, b"\xc3\x28"), 1007),
    ("8.1 a lone surrogate", frame(TEXT, b"\xed\xa0\x80"), 1007),
    ("8.1 an overlong slash", frame(TEXT, b"\xc0\xaf"), 1007),
    ("8.1 beyond Unicode", frame(TEXT, b"\xf4\x90\x80\x80"), 1007),
    ("8.1 half a character at the end", b"".join(cut("ü".encode()[:1], 1, opcode=TEXT)), 1007),
    ("8.1 a text cut inside a character", b"".join(cut("hü".encode(), 2, opcode=TEXT)), 1003),
    ("10.4 a frame that is too long", frame(BINARY, b"x" * (LIMIT + 1)), 1009),
    ("10.4 a frame that would be", b"\x82\xff" + (LIMIT + 1).to_bytes(8, "big"), 1009),
    ("10.4 a text that is too long", frame(TEXT, b"x" * (LIMIT + 1)), 1009),
    ("10.4 a message too long", b"".join(cut(b"x" * (LIMIT + 1), 60_000)), 1009),
    ("10.4 too many fragments", b"".join(cut(STEP, *[0] * (MAX_FRAGMENTS + 1))), 1009),
]


@pytest.mark.parametrize(("data", "code"), [row[1:] for row in BROKEN], ids=[r[0] for r in BROKEN])
async def test_what_must_not_be_sent_ends_the_connection(
    workspace: Workspace, data: bytes, code: int
) -> None:
    """The connection fails with the code that the RFC has for it, and nothing comes after."""
    limits = Limits(max_message_bytes=LIMIT, refusal_hold=0.05, close_timeout=0.05)
    async with Relay(workspace, port=0, limits=limits) as relay, seated(relay) as client:
        client.say(data, frame(BINARY, STEP), frame(PING, b"after"))
        said, before = await ended(client)
        assert said == code
        assert PONG not in before


# What is unusual and right, and how often a SyncStep2 answers it.
FINE = [
    ("5.1 a mask of zeros", [frame(BINARY, STEP)], 1),
    ("5.3 a mask of something", [masked(BINARY, STEP)], 1),
    ("5.3 a mask of ones", [masked(BINARY, STEP, b"\xff" * 4)], 1),
    ("5.4 two fragments", cut(STEP, 2), 1),
    ("5.4 a fragment for each byte", cut(STEP, 1, 1, 1), 1),
    ("5.4 empty fragments", cut(STEP, 0, 2, 0, 0), 1),
    ("5.4 all in the first of two", cut(STEP, 4), 1),
    ("5.4 a ping between fragments", [cut(STEP, 2)[0], frame(PING), cut(STEP, 2)[1]], 1),
    ("5.4 a pong between fragments", [cut(STEP, 2)[0], frame(PONG), cut(STEP, 2)[1]], 1),
    ("5.4 one message after another", [*cut(STEP, 1), *cut(STEP, 3)], 2),
    ("5.5 a pong that nobody asked for", [frame(PONG, b"x" * 125), frame(BINARY, STEP)], 1),
    ("5.5.2 a ping before a message", [frame(PING, b"x" * 125), frame(BINARY, STEP)], 1),
]


@pytest.mark.parametrize(("frames", "answers"), [row[1:] for row in FINE], ids=[r[0] for r in FINE])
@pytest.mark.parametrize("apart", [False, True], ids=["at once", "byte by byte"])
async def test_what_may_be_sent_is_understood(
    relay: Relay, frames: list[bytes], answers: int, apart: bool
) -> None:
    """Fragments, masks and pings in between change nothing of what is said."""
    async with seated(relay) as client:
        data = b"".join(frames)
        for piece in [data[at : at + 1] for at in range(len(data))] if apart else [data]:
            client.say(piece)
            await client.writer.drain()
        for _ in range(answers):
            await answer(client)
        assert await lives(client)


@pytest.mark.parametrize("payload", [b"", b"x", b"x" * 125, bytes(range(125))])
async def test_a_pong_says_what_the_ping_did(relay: Relay, payload: bytes) -> None:
    """§5.5.3: the same application data, whatever it is."""
    async with seated(relay) as client:
        client.say(masked(PING, payload))
        assert await client.hear_only(PONG) == payload


async def test_pings_are_answered_in_the_middle_of_a_message(relay: Relay) -> None:
    """§5.4, §5.5.2: a control frame is taken between fragments, and answered before the end."""
    first, last = cut(STEP, 2)
    async with seated(relay) as client:
        client.say(first, frame(PING, b"1"))
        assert await client.hear_only(PONG) == b"1"
        client.say(frame(PING, b"2"))
        assert await client.hear_only(PONG) == b"2"
        client.say(last)
        await answer(client)


async def test_a_close_in_the_middle_of_a_message_is_a_close(relay: Relay) -> None:
    """§5.4, §5.5.1: a message that is not finished never will be."""
    async with seated(relay) as client:
        client.say(cut(STEP, 2)[0], close(1000), cut(STEP, 2)[1])
        assert await ended(client) == (1000, [])


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 65_535, 65_536, LIMIT])
async def test_each_way_to_write_a_length_is_read(relay: Relay, size: int) -> None:
    """§5.2: 7, 16 and 64 bits, at their borders, are read: what such a frame says is no message."""
    async with seated(relay) as client:
        client.say(frame(BINARY, b"\xff" * size))
        assert (await ended(client))[0] == 1007
