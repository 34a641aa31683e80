"""RFC 6455 §7: how connections end, over a socket, against the real relay."""

from __future__ import annotations

import asyncio

import pytest

from collabkit.relay.limits import Limits
from collabkit.relay.server import Relay
from collabkit.sessions.workspace import Workspace
from relay.conftest import Metric
from relay.peers import BINARY, CLOSE, PING, PONG, SYNC_STEP_1, Raw, frame
from relay.rfc6455 import BYE, close, ended, seated

# §7.4: who may send what. 1004 to 1006 and 1015 are for reports, not for the wire; what is not
# registered below 3000 belongs to nobody; from 3000 on codes are the libraries' and programs'.
MAY = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014]
MAY += [3000, 3999, 4000, BYE, 4999]
MAY_NOT = [0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 9999, 65535]


@pytest.mark.parametrize("code", MAY)
async def test_a_code_is_answered_with_itself(relay: Relay, code: int) -> None:
    """§5.5.1: the answer to a close frame carries its code, and the connection ends."""
    async with seated(relay) as client:
        client.say(close(code))
        assert await ended(client) == (code, [])


@pytest.mark.parametrize("code", MAY_NOT)
async def test_a_code_that_nobody_may_send_is_an_error(relay: Relay, code: int) -> None:
    """§7.4: it is answered with 1002, and never repeated."""
    async with seated(relay) as client:
        client.say(close(code))
        assert await ended(client) == (1002, [])


async def test_no_code_is_answered_with_none(relay: Relay) -> None:
    """§7.1.5: an empty close frame has an empty answer, so that nobody reads a failure in it."""
    async with seated(relay) as client:
        client.say(frame(CLOSE))
        assert await client.hear() == (CLOSE, b"")
        assert await client.hear() is None


@pytest.mark.parametrize(
    ("reason", "code"),
    [
        (b"", BYE),
        (b"so long", BYE),
        ("auf später ☃".encode(), BYE),
        (b"x" * 123, BYE),
        (b"\xff", 1007),
        (b"\xc3", 1007),
        (b"\xed\xa0\x80", 1007),
        (b"so long\xc0\xaf", 1007),
    ],
)
async def test_a_reason_is_utf_8(relay: Relay, reason: bytes, code: int) -> None:
    """§5.5.1, §8.1: a reason that is none is 1007; one that is need not be repeated."""
    async with seated(relay) as client:
        client.say(close(BYE, reason))
        assert await ended(client) == (code, [])


async def test_nothing_is_taken_after_a_close(relay: Relay) -> None:
    """§5.5.1: whatever follows a close frame is not read, and the close is not answered twice."""
    async with seated(relay) as client:
        client.say(close(BYE), frame(BINARY, SYNC_STEP_1), frame(PING, b"?"), close(1000), b"\xff")
        assert await ended(client) == (BYE, [])


async def test_pings_are_not_answered_while_closing(relay: Relay) -> None:
    """§5.5.2: after its own goodbye the relay says no more, and waits for the answer."""
    async with seated(relay) as client:
        client.say(frame(1, b"a text"))
        assert (await client.hear_only(CLOSE))[:2] == (1003).to_bytes(2, "big")
        client.say(frame(PING, b"?"), frame(BINARY, SYNC_STEP_1), close(1003))
        assert await client.hear() is None


async def test_a_goodbye_from_here_waits_for_the_answer(workspace: Workspace) -> None:
    """§7.1.1: the server ends the connection, but not before the client has answered."""
    async with Relay(workspace, port=0) as relay, seated(relay) as client:
        leaving = asyncio.ensure_future(relay.__aexit__(None, None, None))
        assert (await client.hear_only(CLOSE))[:2] == (1012).to_bytes(2, "big")
        waiting = asyncio.ensure_future(client.hear())
        done, _ = await asyncio.wait({waiting, leaving}, timeout=0.1)
        assert not done
        client.say(close(1012))
        assert await waiting is None
        await leaving


async def test_both_may_say_goodbye_at_once(workspace: Workspace) -> None:
    """§7.1.2: a client whose own goodbye crosses the relay's has answered it."""
    async with (
        Relay(workspace, port=0, limits=Limits(drain_timeout=60.0)) as relay,
        seated(relay) as client,
    ):
        leaving = asyncio.ensure_future(relay.__aexit__(None, None, None))
        await client.hear_only(CLOSE)
        client.say(close(BYE))
        assert await client.hear() is None
        await leaving


async def test_a_connection_may_just_end(relay: Relay, workspace: Workspace) -> None:
    """§7.1.7: without a goodbye nobody is left in the room."""
    async with seated(relay) as client:
        client.writer.write_eof()
        assert await client.hear() is None
    async with seated(relay):
        pass
    async with asyncio.timeout(20):
        while workspace.hub.stats().links:
            await asyncio.sleep(0.01)


async def test_a_failure_is_told_with_its_reason(relay: Relay, metric: Metric) -> None:
    """§7.1.7: a client that broke a rule reads which; it is counted under the code."""
    async with Raw.connect(relay.url) as client:
        client.say(frame(BINARY, reserved=1))
        code, reason = await client.farewell()
        assert code == 1002
        assert "reserved" in reason
    while await metric(relay, "collabkit_closed_total", code="1002") != 1:
        await asyncio.sleep(0.01)


async def test_a_close_is_not_a_pong() -> None:
    """The opcodes of these tests are those of §11.8."""
    assert (BINARY, CLOSE, PING, PONG) == (2, 8, 9, 10)
