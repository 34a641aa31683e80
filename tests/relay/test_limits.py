"""That each limit is kept to, by a server that has small ones."""

from __future__ import annotations

import asyncio
import resource
from contextlib import AsyncExitStack

import pytest

from collabkit.access.model import Identity, Knock
from collabkit.crdt.budget import DEFAULT_BUDGET, Budget
from collabkit.ids import Subject
from collabkit.relay.limits import DEFAULT_LIMITS, Limits
from collabkit.relay.server import SPARE_FILES, Relay
from collabkit.sessions.workspace import Workspace
from collabkit.sync.limits import Rate
from relay.conftest import Metric
from relay.peers import BINARY, CLOSE, PING, PONG, SYNC_STEP_1, Peer, Raw, frame


async def test_one_connection_too_many_is_told_to_wait(
    workspace: Workspace, metric: Metric
) -> None:
    """Above the limit an upgrade gets 503, and a place that becomes free is given again."""
    async with Relay(workspace, port=0, limits=Limits(max_connections=2)) as relay:
        async with Raw.connect(relay.url) as one, Raw.connect(relay.url) as two:
            assert (one.status, two.status) == (101, 101)
            async with Raw.connect(relay.url) as three:
                assert (three.status, three.headers["retry-after"]) == (503, "5")
            two.say(frame(CLOSE))
            while await two.hear() is not None:
                pass
            async with Raw.connect(relay.url) as three:
                assert three.status == 101
        assert await metric(relay, "collabkit_http_refused_total", status="503") == 1


async def test_connections_are_no_more_than_there_are_files(workspace: Workspace) -> None:
    """Where files are scarce, connections are refused before the last one is gone."""
    files = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (SPARE_FILES + 1, files[1]))
    try:
        async with Relay(workspace, port=0) as relay, Raw.connect(relay.url) as one:
            assert one.status == 101
            async with Raw.connect(relay.url) as two:
                assert two.status == 503
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, files)


def test_every_update_that_a_room_takes_fits_in_a_message() -> None:
    """The largest update passes with what its dialect puts around it."""
    envelope = 3 * 5 + 512 + 512  # lengths; a Hocuspocus address; a group's name
    assert DEFAULT_LIMITS.max_message_bytes >= DEFAULT_BUDGET.message_bytes + envelope


@pytest.mark.parametrize(
    ("begun", "answer"), [(b"", b""), (b"GET /notes HTTP/1.1\r\nHost: ", b"HTTP/1.1 408 ")]
)
async def test_a_handshake_ends_in_time(workspace: Workspace, begun: bytes, answer: bytes) -> None:
    """Who does not finish asking is let go, however much he has said."""
    async with Relay(workspace, port=0, limits=Limits(handshake_timeout=0.1)) as relay:
        host, port = relay.url.removeprefix("ws://").split(":")
        reader, writer = await asyncio.open_connection(host, port)
        writer.write(begun)
        heard = await asyncio.wait_for(reader.read(), 20)
        writer.close()
        assert heard[: len(answer)] == answer
        assert bool(heard) is bool(answer)


async def test_a_goodbye_must_be_answered_in_time(workspace: Workspace) -> None:
    """Who is told goodbye and does not hang up is cut off."""
    async with (
        Relay(workspace, port=0, limits=Limits(close_timeout=0.1)) as relay,
        Raw.connect(relay.url) as mute,
    ):
        mute.say(frame(BINARY, SYNC_STEP_1, reserved=1))
        assert (await mute.hear_only(CLOSE))[:2] == (1002).to_bytes(2, "big")
        assert await mute.hear() is None


async def test_who_only_sends_is_alive(workspace: Workspace) -> None:
    """In the middle of one long frame no pong can come, and nobody is cut off for that."""
    async with (
        Relay(workspace, port=0, limits=Limits(round_s=0.2)) as relay,
        Raw.connect(relay.url) as slow,
    ):
        pinged = asyncio.ensure_future(slow.hear())
        message = frame(BINARY, b"\xff" * 60_000)
        for at in range(0, len(message), 2000):
            slow.say(message[at : at + 2000])
            await asyncio.sleep(0.03)
        assert await pinged == (PING, b"")
        assert (await slow.hear_only(CLOSE))[:2] != b"", "the frame was read, and was no message"


BRISK = Rate(messages=50, burst_messages=20)


async def test_who_sends_too_fast_is_slowed_and_loses_nothing(
    workspace: Workspace, metric: Metric
) -> None:
    """Beyond its rate a connection is read more slowly: all arrives, and it stays."""
    async with (
        Relay(workspace, port=0, limits=Limits(rate=BRISK)) as relay,
        Raw.connect(relay.url) as quick,
    ):
        quick.say(*[frame(PING, b"%d" % number) for number in range(60)])
        heard = [await quick.hear_only(PONG) for _ in range(60)]
        assert heard == [b"%d" % number for number in range(60)]
        assert await metric(relay, "collabkit_rests_total") >= 1


async def test_a_flood_that_goes_on_is_ended(workspace: Workspace) -> None:
    """Who does not heed being slowed down is sent away, with a code that says to come later."""
    limits = Limits(rate=BRISK, flood_timeout=0.2)
    async with Relay(workspace, port=0, limits=limits) as relay, Raw.connect(relay.url) as flood:
        told = asyncio.ensure_future(flood.farewell())
        while not told.done():
            flood.say(*[frame(PONG)] * 30)
            await asyncio.sleep(0.02)
        assert (await told)[0] == 4429


async def test_a_subject_has_its_share(workspace: Workspace, metric: Metric) -> None:
    """One who proved who he is has so many connections; who proved nothing is not counted."""

    async def admit(knock: Knock) -> Identity:
        return Identity(Subject(knock.token or "anonymous:somebody"))

    limits = Limits(max_per_subject=2)
    async with Relay(
        workspace, port=0, authenticate=admit, create_sessions=True, limits=limits
    ) as relay:

        async def join(stack: AsyncExitStack, token: str) -> bytes:
            client = await stack.enter_async_context(
                Raw.connect(relay.url, f"/notes?token={token}")
            )
            client.say(frame(BINARY, SYNC_STEP_1))
            return await client.hear_only(BINARY)

        async with AsyncExitStack() as stack:
            for _ in range(2):
                assert (await join(stack, "user:ada"))[0] == 0
            assert b"connections already" in await join(stack, "user:ada")
            assert (await join(stack, "user:bob"))[0] == 0
            for _ in range(3):
                assert (await join(stack, ""))[0] == 0
        assert await metric(relay, "collabkit_refused_total", code="4429") == 1
        async with asyncio.timeout(20):
            while await metric(relay, "collabkit_links"):
                await asyncio.sleep(0.01)
        async with AsyncExitStack() as stack:
            assert (await join(stack, "user:ada"))[0] == 0


async def test_a_socket_has_so_many_documents(workspace: Workspace) -> None:
    """A Hocuspocus socket that opens one too many is ended."""
    async with (
        Relay(workspace, port=0, limits=Limits(max_documents=2)) as relay,
        Raw.connect(relay.url, "/") as client,
    ):
        for name in (b"a", b"b", b"c"):
            client.say(frame(BINARY, bytes([1]) + name + SYNC_STEP_1))
        code, reason = await client.farewell()
        assert (code, "documents" in reason) == (1008, True)


async def test_a_relay_may_have_a_budget_of_its_own(workspace: Workspace) -> None:
    """What an update may hold is the relay's to say; what it refuses is told in words."""
    async with (
        Relay(workspace, port=0, budget=Budget(message_bytes=100)) as relay,
        Raw.connect(relay.url) as client,
    ):
        client.say(frame(BINARY, SYNC_STEP_1))
        writer = Peer(client)
        await writer.write("fits")
        await writer.write("x" * 101)
        while (heard := await client.hear_only(BINARY))[:2] != b"\2\0":
            pass
        assert b"larger than 100 bytes" in heard
    assert workspace.hub.stats().edits == 1
