"""The bundled server as a whole: its address, its door, its goodbye."""

from __future__ import annotations

import asyncio
import datetime as dt
import ipaddress
import os
import signal
import socket
import ssl
import sys
from pathlib import Path
from urllib.parse import quote

import pytest
import websockets
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from collabkit.access.model import Identity, Knock, Refusal
from collabkit.errors import LocalProtocolError
from collabkit.ids import RoomName, Subject
from collabkit.relay.limits import Limits
from collabkit.relay.server import Relay, tls_context
from collabkit.sessions.workspace import Workspace
from relay.conftest import Metric
from relay.peers import BINARY, CLOSE, SYNC_STEP_1, Peer, Raw, frame


class Book:
    """Lets everybody in, and writes down who knocked."""

    def __init__(self) -> None:
        self.knocks: list[Knock] = []

    async def __call__(self, knock: Knock) -> Identity | Refusal:
        self.knocks.append(knock)
        return Identity(Subject("user:ada"))


# Life


async def test_what_was_written_is_there_after_a_restart(tmp_path: Path) -> None:
    """An edit that reached the others is in the file: the next relay serves it."""
    for text in ("one", "one two"):
        async with (
            Workspace.open(tmp_path / "rooms.db") as workspace,
            Relay(workspace, port=0) as relay,
            websockets.connect(f"{relay.url}/notes") as socket_,
            Peer.joined(socket_) as peer,
        ):
            await peer.write(text.removeprefix(str(peer.text)))
            await peer.reads(text)


async def test_a_relay_may_end_before_its_workspace(workspace: Workspace) -> None:
    """A program can serve for a while, and again; two relays at a time are refused."""
    for _ in range(2):
        async with Relay(workspace, port=0) as relay:
            with pytest.raises(LocalProtocolError):
                await Relay(workspace, port=0).__aenter__()
            async with websockets.connect(f"{relay.url}/notes") as client, Peer.joined(client):
                pass


async def test_it_says_where_it_is(workspace: Workspace) -> None:
    """The port that 0 picked is in the URL, while it serves."""
    relay = Relay(workspace, port=0)
    with pytest.raises(LocalProtocolError):
        assert relay.url
    assert repr(relay) == f"<Relay of {workspace.path}, not serving>"
    async with relay:
        assert relay.url.startswith("ws://127.0.0.1:")
        assert relay.url in repr(relay)


async def test_a_taken_port_is_an_oserror(workspace: Workspace) -> None:
    """A port that somebody has is refused by the system, and nothing is left open."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match="in use"):
            await Relay(workspace, port=port).__aenter__()
    async with Relay(workspace, port=port):
        pass


async def test_all_addresses_of_a_name_share_a_port(workspace: Workspace) -> None:
    """`localhost` is served at each of its addresses."""
    async with Relay(workspace, host="localhost", port=0) as relay:
        port = int(relay.url.rpartition(":")[2])
        there = f"ws://127.0.0.1:{port}/notes"
        async with websockets.connect(there) as client, Peer.joined(client):
            pass


@pytest.mark.parametrize("host", ["0.0.0.0", ""])
async def test_a_relay_that_asks_nobody_stays_on_its_machine(
    workspace: Workspace, host: str
) -> None:
    """Others are served only by a relay that was told who decides."""
    with pytest.raises(LocalProtocolError, match="authenticate"):
        await Relay(workspace, host=host, port=0).__aenter__()
    async with Relay(workspace, host=host, port=0, authenticate=Book()) as relay:
        assert relay.url


async def test_names_become_sessions_where_it_was_said(workspace: Workspace) -> None:
    """A relay that asks who comes makes no session of a name, unless it was told to."""
    for create, word in ((None, b"\2\0"), (False, b"\2\0"), (True, b"\0\0")):
        async with (
            Relay(workspace, port=0, authenticate=Book(), create_sessions=create) as relay,
            Raw.connect(relay.url) as client,
        ):
            client.say(frame(BINARY, SYNC_STEP_1))
            assert (await client.hear_only(BINARY))[:2] == word


# Upgrades


async def test_pages_of_others_are_refused_at_the_upgrade(relay: Relay) -> None:
    """A foreign Origin or Host gets 403 and a sentence, and no connection."""
    for headers in ({"Origin": "https://evil.example"}, {"Host": "evil.example"}):
        async with Raw.connect(relay.url, headers=headers) as client:
            assert client.status == 403
            assert b"evil.example" in await client.body()
    async with Raw.connect(relay.url, headers={"Origin": "http://localhost:5173"}) as client:
        assert client.status == 101


async def test_named_origins_are_let_in(workspace: Workspace) -> None:
    """With origins named, pages of exactly those may connect, however they are spelt."""
    async with Relay(
        workspace, port=0, authenticate=Book(), origins=["https://App.example"]
    ) as relay:
        for origin, status in (("https://app.example", 101), ("http://localhost", 403), ("", 101)):
            async with Raw.connect(relay.url, headers={"Origin": origin}) as client:
                assert client.status == status


@pytest.mark.parametrize(
    "connection", ["Upgrade", "keep-alive, Upgrade", "upgrade", "close,UPGRADE"]
)
async def test_every_browser_can_upgrade(relay: Relay, connection: str) -> None:
    """`Connection` is a list: Firefox sends two words."""
    async with Raw.connect(relay.url, headers={"Connection": connection}) as client:
        assert client.status == 101
        client.say(frame(BINARY, SYNC_STEP_1))
        assert await client.hear_only(BINARY)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Connection": "keep-alive"}, 400),
        ({"Connection": ""}, 400),
        ({"Sec-WebSocket-Version": "12"}, 426),
        ({"Sec-WebSocket-Key": "short"}, 400),
        ({"Sec-WebSocket-Key": ""}, 400),
        ({"Content-Length": "5"}, 400),
        ({"Transfer-Encoding": "chunked"}, 411),
    ],
)
async def test_a_malformed_upgrade_is_refused(
    relay: Relay, headers: dict[str, str], status: int
) -> None:
    """An upgrade that is none is told what is wrong with it, and leaves nothing behind."""
    async with Raw.connect(relay.url, headers=headers) as client:
        assert client.status == status
    async with Raw.connect(relay.url, "/healthz", upgrade=False) as client:
        assert b'"connections":0' in await client.body()


@pytest.mark.parametrize(
    ("offered", "agreed"),
    [("collabkit.1", "collabkit.1"), ("chat, yjs", "yjs"), ("chat", None), ("", None)],
)
async def test_a_subprotocol_is_agreed_on(relay: Relay, offered: str, agreed: str | None) -> None:
    """What was chosen of the offer is said in the answer; ours starts with our own greeting."""
    async with Raw.connect(relay.url, headers={"Sec-WebSocket-Protocol": offered}) as client:
        assert client.headers.get("sec-websocket-protocol") == agreed
        if agreed == "collabkit.1":
            assert (await client.hear_only(BINARY))[0] == 64


async def test_a_visitor_is_known_by_what_he_shows(workspace: Workspace) -> None:
    """Room, token, name and address reach whoever decides."""
    book = Book()
    async with Relay(workspace, port=0, authenticate=book, cookie="session") as relay:
        for target, headers in (
            ("/acme~plan/budget?token=t&name=Ada", {}),
            ("/acme~plan/budget?name=Ada", {"Authorization": "Bearer t"}),
            ("/acme~plan/budget?name=Ada", {"Sec-WebSocket-Protocol": "yjs, collabkit.token.t"}),
            ("/acme~plan/budget?name=Ada", {"Cookie": "session=t"}),
        ):
            async with Raw.connect(relay.url, target, headers=headers) as client:
                client.say(frame(BINARY, SYNC_STEP_1))
                await client.hear_only(BINARY)
    room = RoomName.parse("acme~plan/budget")
    assert book.knocks == [Knock(room, "t", "127.0.0.1", "Ada")] * 4


@pytest.mark.parametrize("name", ["a b", "ünï/☃", "50x", "日本語", "x" * 200])
async def test_a_room_is_the_same_however_its_name_is_encoded(relay: Relay, name: str) -> None:
    """A name is decoded once, whatever part of it was encoded."""
    everything = "".join(f"%{byte:02X}" for byte in name.encode())
    async with (
        websockets.connect(f"{relay.url}/{quote(name)}") as one,
        websockets.connect(f"{relay.url}/{everything}") as other,
        Peer.joined(one) as ada,
        Peer.joined(other) as bob,
    ):
        await ada.write("met")
        await bob.reads("met")


async def test_plain_requests_are_answered(relay: Relay, metric: Metric) -> None:
    """Health, metrics and the page share the port with the sockets."""
    async with Raw.connect(relay.url):
        assert await metric(relay, "collabkit_connections") == 1
    async with Raw.connect(relay.url, "/nothing", upgrade=False) as request:
        assert request.status == 404
        assert request.headers["x-content-type-options"] == "nosniff"
        assert len(await request.body()) == int(request.headers["content-length"])


# TLS


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """A certificate of this machine that vouches for itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(hours=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False
        )
        .sign(key, hashes.SHA256())
    )
    folder = tmp_path_factory.mktemp("tls")
    (folder / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return str(folder / "cert.pem"), str(folder / "key.pem")


async def test_tls_carries_the_same(
    workspace: Workspace, certificate: tuple[str, str], metric: Metric
) -> None:
    """Over TLS peers meet as without, and who speaks no TLS is let go without harm."""
    trust = ssl.create_default_context(cafile=certificate[0])
    async with Relay(workspace, port=0, tls=tls_context(*certificate)) as relay:
        assert relay.url.startswith("wss://")
        async with (
            websockets.connect(f"{relay.url}/notes", ssl=trust) as one,
            websockets.connect(f"{relay.url}/notes", ssl=trust) as other,
            Peer.joined(one) as ada,
            Peer.joined(other) as bob,
        ):
            reader, writer = await asyncio.open_connection(*relay.url[6:].split(":"))
            writer.write(b"GET / HTTP/1.1\r\n\r\n")
            await reader.read()
            writer.close()
            await ada.replace("x" * 1_000_000)
            await bob.finds("x" * 1_000_000)
        async with Raw.connect(relay.url, "/healthz", upgrade=False, tls=trust) as request:
            assert request.status == 200


# Goodbye


async def test_it_goes_as_it_came(workspace: Workspace) -> None:
    """What others have seen is stored by the time that everybody is told to come back."""
    async with (
        Relay(workspace, port=0) as relay,
        websockets.connect(f"{relay.url}/notes") as one,
        websockets.connect(f"{relay.url}/notes") as other,
        Peer.joined(one) as ada,
        Peer.joined(other) as bob,
    ):
        for word in ("the ", "last ", "words"):
            await ada.write(word)
        await bob.reads("the last words")
        await relay.__aexit__(None, None, None)
        assert workspace.hub.stats().edits == 3
        for client in (one, other):
            await client.wait_closed()
            assert (client.close_code, client.close_reason) == (1012, "the relay restarts")


async def test_who_does_not_leave_is_cut_off(workspace: Workspace) -> None:
    """A client that does not answer the goodbye does not hold up the end."""
    limits = Limits(drain_timeout=0.1)
    async with (
        Relay(workspace, port=0, limits=limits) as relay,
        Raw.connect(relay.url) as mute,
    ):
        await relay.__aexit__(None, None, None)
        assert (await mute.hear_only(CLOSE))[:2] == (1012).to_bytes(2, "big")
        assert await mute.hear() is None


PROGRAM = """
import asyncio, sys, uvloop
from collabkit.relay.limits import Limits
from collabkit.relay.server import Relay
from collabkit.sessions.workspace import Workspace

async def main():
    async with Workspace.open(sys.argv[1]) as workspace, Relay(workspace, port=0) as relay:
        print(relay.url, flush=True)
        await relay.until_stopped()
    print("gone", flush=True)

with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
    runner.run(main())
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_drains_it(tmp_path: Path, number: signal.Signals) -> None:
    """SIGTERM and SIGINT end a program that waits for them: clients are told, and it exits 0."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-W",
        "error",
        "-c",
        PROGRAM,
        tmp_path / "rooms.db",
        stdout=asyncio.subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert process.stdout is not None
    url = (await process.stdout.readline()).decode().strip()
    async with websockets.connect(f"{url}/notes") as socket_, Peer.joined(socket_) as peer:
        for index in range(50):
            await peer.write(f"{index} ")
        await asyncio.sleep(0)
        process.send_signal(number)
        await socket_.wait_closed()
        assert socket_.close_code == 1012
    assert await process.stdout.readline() == b"gone\n"
    assert await process.wait() == 0
