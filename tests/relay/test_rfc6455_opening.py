"""RFC 6455 §4: the opening handshake, over a socket, against the real relay."""

from __future__ import annotations

import base64
import hashlib
import os

import pytest

from collabkit.relay.server import Relay
from relay.peers import BINARY, PONG, SYNC_STEP_1, Raw, frame
from relay.rfc6455 import lives


async def test_the_key_is_answered_with_its_proof(relay: Relay) -> None:
    """§4.2.2: the accept value is that of the RFC's own example, and of any other key."""
    async with Raw.connect(relay.url) as client:
        assert client.status == 101
        assert client.headers["sec-websocket-accept"] == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
        assert client.headers["upgrade"].lower() == "websocket"
        assert client.headers["connection"].lower() == "upgrade"
    key = base64.b64encode(os.urandom(16)).decode()
    proof = hashlib.sha1(f"{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11".encode()).digest()
    async with Raw.connect(relay.url, headers={"Sec-WebSocket-Key": key}) as client:
        assert client.headers["sec-websocket-accept"] == base64.b64encode(proof).decode()


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Connection": ""}, 400),
        ({"Connection": "keep-alive"}, 400),
        ({"Connection": "upgraded"}, 400),
        ({"Sec-WebSocket-Key": ""}, 400),
        ({"Sec-WebSocket-Key": "dGhlIHNhbXBsZQ=="}, 400),
        ({"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZXM9"}, 400),
        ({"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ"}, 400),
        ({"Sec-WebSocket-Key": "!" * 24}, 400),
        ({"Sec-WebSocket-Version": ""}, 426),
        ({"Sec-WebSocket-Version": "8"}, 426),
        ({"Sec-WebSocket-Version": "12, 14"}, 426),
        ({"Sec-WebSocket-Version": "013"}, 426),
        ({"Content-Length": "1"}, 400),
        ({"Upgrade": ""}, 404),
        ({"Upgrade": "h2c"}, 404),
    ],
)
async def test_what_is_no_handshake_is_told_so(
    relay: Relay, headers: dict[str, str], status: int
) -> None:
    """§4.2.1: each part that is missing or wrong has an answer, and no connection comes of it."""
    async with Raw.connect(relay.url, headers=headers) as client:
        assert client.status == status
        assert "sec-websocket-accept" not in client.headers
        if status == 426:
            # §4.4: told which versions there are, a client may try again.
            assert client.headers["sec-websocket-version"] == "13"
            assert client.headers["upgrade"] == "websocket"


@pytest.mark.parametrize(
    "headers",
    [
        {"Connection": "keep-alive, Upgrade"},
        {"Connection": "UPGRADE"},
        {"Connection": "TE,upgrade ,close"},
        {"Upgrade": "WebSocket"},
        {"Upgrade": "h2c, websocket"},
        {"Content-Length": "0"},
    ],
)
async def test_words_are_lists_and_have_no_case(relay: Relay, headers: dict[str, str]) -> None:
    """§4.2.1: `Connection` and `Upgrade` are lists of words that are compared without case."""
    async with Raw.connect(relay.url, headers=headers) as client:
        assert client.status == 101
        assert await lives(client)


@pytest.mark.parametrize("method", ["POST", "HEAD", "PUT", "OPTIONS", "get"])
async def test_a_handshake_is_a_get(relay: Relay, method: str) -> None:
    """§4.1: no other method opens a connection, and the answer says which does."""
    async with Raw.connect(relay.url, method=method) as client:
        assert (client.status, client.headers["allow"]) == (405, "GET")


@pytest.mark.parametrize(
    ("offered", "agreed"),
    [
        ("", None),
        ("yjs", "yjs"),
        ("a, yjs ,b", "yjs"),
        ("yjs, collabkit.1", "collabkit.1"),
        ("chat", None),
        ("YJS", None),
    ],
)
async def test_a_subprotocol_is_one_that_was_offered(
    relay: Relay, offered: str, agreed: str | None
) -> None:
    """§4.2.2: the one that is agreed on is in the offer; without one there is no header."""
    async with Raw.connect(relay.url, headers={"Sec-WebSocket-Protocol": offered}) as client:
        assert client.status == 101
        assert client.headers.get("sec-websocket-protocol") == agreed


@pytest.mark.parametrize("offer", ["permessage-deflate; client_max_window_bits", "x-anything"])
async def test_no_extension_is_agreed_on(relay: Relay, offer: str) -> None:
    """§9.1: what the server does not want it does not name, and then nobody may use it."""
    async with Raw.connect(relay.url, headers={"Sec-WebSocket-Extensions": offer}) as client:
        assert client.status == 101
        assert "sec-websocket-extensions" not in client.headers
        client.say(frame(BINARY, SYNC_STEP_1, reserved=0b100))
        assert (await client.farewell())[0] == 1002


async def test_frames_may_come_with_the_handshake(relay: Relay) -> None:
    """A client that does not wait for the answer is heard all the same."""
    async with Raw.connect(relay.url, behind=frame(9, b"early")) as client:
        assert client.status == 101
        assert await client.hear() == (PONG, b"early")
