"""All connections of a server together."""

from __future__ import annotations

import asyncio
import gc

import pytest

from collabkit.relay.farewell import GROUP
from collabkit.relay.limits import Limits
from collabkit.relay.server import Relay
from collabkit.relay.wire import Wire
from collabkit.sessions.workspace import Workspace
from relay.conftest import Metric
from relay.peers import BINARY, CLOSE, PING, PONG, SYNC_STEP_1, Raw, frame


def wires() -> set[Wire]:
    """All that are alive in this process."""
    return {each for each in gc.get_objects() if type(each) is Wire}


async def test_everybody_is_looked_after_in_a_round(workspace: Workspace) -> None:
    """More connections than there are slices of a round are all pinged, and all stay."""
    async with Relay(workspace, port=0, limits=Limits(round_s=0.2)) as relay:

        async def live() -> None:
            async with Raw.connect(relay.url) as client:
                for _ in range(2):
                    assert await client.hear() == (PING, b"")
                    client.say(frame(PONG))

        await asyncio.gather(*(live() for _ in range(45)))


async def test_who_leaves_is_forgotten(relay: Relay, metric: Metric) -> None:
    """However a connection ends, nothing of it is kept, and the count is right."""
    gc.collect()
    others = wires()
    for last in (frame(CLOSE), b"", frame(BINARY, reserved=7), frame(BINARY, b"\xff")):
        async with Raw.connect(relay.url) as client:
            client.say(frame(BINARY, SYNC_STEP_1), last)
            if last:
                await client.farewell()
    async with asyncio.timeout(20):
        while await metric(relay, "collabkit_connections"):
            await asyncio.sleep(0.01)
        # The loop lets go of a closed handle a turn or two later.
        while not wires() <= others:
            gc.collect()
            await asyncio.sleep(0.01)
    assert wires() <= others


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (frame(3), "1002"),
        (frame(BINARY, reserved=1), "1002"),
        (b"\x82\xff" + (1 << 40).to_bytes(8, "big"), "1009"),
        (frame(1, b"text"), "1003"),
    ],
)
async def test_closes_are_counted_by_their_code(
    workspace: Workspace, metric: Metric, data: bytes, code: str
) -> None:
    """Frames that picows refuses, that the wire refuses, and that the hub refuses, are counted."""
    limits = Limits(refusal_hold=0.05)
    async with Relay(workspace, port=0, limits=limits) as relay, Raw.connect(relay.url) as client:
        client.say(data)
        await client.farewell()
        async with asyncio.timeout(20):
            while await metric(relay, "collabkit_closed_total", code=code) != 1:
                await asyncio.sleep(0.01)


@pytest.mark.parametrize("clients", [0, 1, 25])
async def test_all_are_sent_home(workspace: Workspace, clients: int) -> None:
    """At the end everybody is told the same, once."""
    async with Relay(workspace, port=0) as relay:
        raws = [Raw.connect(relay.url) for _ in range(clients)]
        joined = [await each.__aenter__() for each in raws]
        leaving = asyncio.gather(*(each.farewell() for each in joined))
        await relay.__aexit__(None, None, None)
        assert await leaving == [(1012, "the relay restarts")] * clients
        for each in raws:
            await each.__aexit__(None, None, None)


async def test_not_all_are_sent_home_at_once(workspace: Workspace) -> None:
    """The first to be told are gone while others are not told yet, so that they come back apart."""
    limits = Limits(max_connections=100, close_timeout=60.0, drain_timeout=60.0)
    async with Relay(workspace, port=0, limits=limits) as relay:
        raws = [Raw.connect(relay.url) for _ in range(2 * GROUP + 1)]
        joined = [await each.__aenter__() for each in raws]
        untold: list[int] = []

        async def leave(client: Raw) -> None:
            assert (await client.farewell())[0] == 1012
            untold.append(sum("closing" not in repr(wire) for wire in wires()))

        leaving = asyncio.gather(*map(leave, joined))
        await relay.__aexit__(None, None, None)
        await leaving
        assert untold[0] >= 1
        assert untold[-1] == 0
        for each in raws:
            await each.__aexit__(None, None, None)
