"""What the worst that can be sent, or not be read, makes a relay hold: peaks, with their reasons.

Each relay is a process of its own, and so are its engine's children. What they held at most is
what Linux says (VmHWM); counted is what they held more than before the attack.
"""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TypeAlias
from urllib.parse import urlsplit

import pytest

from collabkit.crdt.lib0 import var_bytes, var_string, var_uint
from collabkit.sync.messages import Awareness, Message, SyncStep1, Update, write
from crdt.crafting import item, string, update, values
from hostile.attacking import Attacker
from hostile.processes import children_of
from interop.serving import Serving
from relay.peers import BINARY, UPGRADE, Raw, frame

Recorder: TypeAlias = Callable[[str, object], None]

MIB = 1 << 20
WRITERS = 100
JOINERS = 150


class Peak:
    """What a relay and its children held at most since this was made."""

    def __init__(self, relay: Serving) -> None:
        self._relay = relay.pid
        self._before = self._now()

    def _now(self) -> dict[int, int]:
        return {pid: peak_bytes(pid) for pid in (self._relay, *children_of(self._relay))}

    def relay_mib(self) -> float:
        """Of the relay's process."""
        return (peak_bytes(self._relay) - self._before[self._relay]) / MIB

    def children_mib(self) -> float:
        """Of the child that grew most; one that is new counts from what the others began with."""
        first = min(held for pid, held in self._before.items() if pid != self._relay)
        now = self._now().items()
        grown = [held - self._before.get(pid, first) for pid, held in now if pid != self._relay]
        return max(grown) / MIB


def peak_bytes(pid: int) -> int:
    """The most memory that a process had at once."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise AssertionError(f"no peak of {pid}")


def tell(record: Recorder, what: str, peak: Peak) -> None:
    figures = {"relay_mib": round(peak.relay_mib(), 1), "child_mib": round(peak.children_mib(), 1)}
    record(what, json.dumps(figures))
    print(json.dumps({what: figures}))


async def test_a_reader_that_does_not_read(own_relay: Serving, record_property: Recorder) -> None:
    """A hundred write ten megabytes to one who takes nothing: he is owed no more than his queue.

    What waits for him is 1 MiB, and then one resync; 64 KiB and a message are on their way. The
    rest is what a hundred connections and their edits on the way take.
    """
    text = "x" * 2_000
    async with AsyncExitStack() as stack:
        deaf = await stack.enter_async_context(Raw.connect(own_relay.url, "/room", narrow=True))
        deaf.say(frame(BINARY, write(SyncStep1(b"\0"))))
        writers = [
            await stack.enter_async_context(Attacker.joined(own_relay.url, "room", "hocuspocus"))
            for _ in range(WRITERS)
        ]
        peak = Peak(own_relay)
        for turn in range(50):
            for client, writer in enumerate(writers, 1):
                origin = (client, len(text) * turn - 1) if turn else None
                start = len(text) * turn
                edit = update((client, start, [string(text, origin=origin, root="t")]))
                writer.say(Update(edit))
            for writer in writers:
                await writer.until(lambda w=writer, n=turn: len(w.statuses) > n)  # type: ignore[misc]
                writer.heard.clear()
                writer.updates.clear()
        tell(record_property, "closed window", peak)
        assert peak.relay_mib() < 48
        assert peak.children_mib() < 60  # ten megabytes of text are in there


async def test_a_flood_of_presence(own_relay: Serving, record_property: Recorder) -> None:
    """A hundred thousand ids are shown: eight are taken, and none is remembered beyond that."""
    state = var_string('{"user":{"name":"nobody"}}')
    async with Attacker.joined(own_relay.url, "room", "y-websocket") as attacker:
        peak = Peak(own_relay)
        for first in range(1, 100_001, 1_000):
            ids = range(first, first + 1_000)
            entries = b"".join(var_uint(client) + b"\1" + state for client in ids)
            attacker.say(Awareness(var_uint(1_000) + entries))
            await attacker.heard_out()
        tell(record_property, "presence", peak)
        assert not attacker.refused
        assert peak.relay_mib() < 8


BOMBS: dict[str, Message] = {
    "vector": SyncStep1(var_uint(2_000_000_000)),
    "string": Update(b"\x01\x01\x09\x00\x04\x01\x01t" + var_uint((1 << 31) - 5)),
    "values": Update(b"\x01\x01\x09\x00\x08\x01\x01a" + var_uint((1 << 31) - 5)),
    "structs": Update(b"\x01" + var_uint(500_000) + b"\x09\x00"),
    "deletes": Update(b"\x00\x01\x09" + var_uint(100_000)),
    "nested": Update(update((9, 0, [values(b"\x75\x01" * (5 << 20) + b"\x7e", root="t")]))),
    "presence": Awareness(var_uint(1 << 40)),
    "one too many": Update(b"\0" * ((16 << 20) + 1)),
    "all zeros": Update(b"\0" * (16 << 20)),
    "all ones": Update(b"\xff" * (16 << 20)),
}


async def test_bombs(own_relay: Serving, record_property: Recorder) -> None:
    """Five bytes that claim gigabytes, and messages of 16 MiB, cost no more than their own size.

    A message is in memory once as it is received, twice while the buffer grows, and once as it is
    cut out of its frame: 64 MiB of a relay, for the largest there is.
    """
    peak = Peak(own_relay)
    for name, message in BOMBS.items():
        async with Attacker.joined(own_relay.url, "room", "y-websocket") as attacker:
            attacker.say(message)
            await attacker.until(lambda a=attacker: a.refused)  # type: ignore[misc]
            assert attacker.refusals or name == "one too many"
    tell(record_property, "bombs", peak)
    assert peak.relay_mib() < 80
    assert peak.children_mib() < 10  # none of them came so far


@pytest.mark.timeout(200)
async def test_many_join_a_large_document(own_relay: Serving, record_property: Recorder) -> None:
    """A hundred and fifty join a document of six megabytes at once: one copy serves them all.

    In memory are the document as it is read from the file, as it is sent, in one frame, and for
    each joiner what his socket has not taken yet of that same frame.
    """
    block = item(3, var_bytes(b"\x07" * 1_000), root="a")
    whole = update((9, 0, [block] * 6_000))
    async with Attacker.joined(own_relay.url, "room", "hocuspocus") as author:
        author.say(Update(whole))
        await author.until(lambda: bool(author.statuses))
    peak = Peak(own_relay)
    got = await asyncio.gather(*(swallow(own_relay, len(whole)) for _ in range(JOINERS)))
    tell(record_property, "joiners", peak)
    assert min(got) >= len(whole)
    assert peak.relay_mib() < 80
    assert peak.children_mib() < 60


async def swallow(relay: Serving, size: int) -> int:
    """Join, and take bytes until there are that many; what they say is not looked at."""
    loop, taken = asyncio.get_running_loop(), 0
    where = urlsplit(relay.url)
    lines = "".join(f"{name}: {value}\r\n" for name, value in UPGRADE.items())
    hello = f"GET /room HTTP/1.1\r\nHost: {where.netloc}\r\n{lines}\r\n".encode()
    with socket.socket() as sock:
        sock.setblocking(False)
        await loop.sock_connect(sock, (where.hostname, where.port))
        await loop.sock_sendall(sock, hello + frame(BINARY, write(SyncStep1(b"\0"))))
        space = bytearray(1 << 18)
        while taken < size:
            got = await asyncio.wait_for(loop.sock_recv_into(sock, space), 60)
            assert got, "cut off"
            taken += got
    return taken
