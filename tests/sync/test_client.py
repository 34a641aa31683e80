"""Replicas and real servers, in processes of their own: ours, and the y-websocket reference."""

from __future__ import annotations

import asyncio
import itertools
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from collabkit.access.tokens import Claims, mint
from collabkit.errors import (
    ConnectionRefused,
    InvalidToken,
    LocalProtocolError,
    NoAcknowledgements,
    ReadOnlyDocument,
)
from collabkit.store.reader import Reader
from collabkit.sync.client import Replica, Status, connect
from interop.serving import Serving
from sync.network import TIMEOUT, turns, until

KEY = b"k" * 32


@pytest.fixture
def relay(tmp_path: Path) -> Iterator[Serving]:
    with Serving.running(tmp_path / "relay.db") as serving:
        yield serving


@pytest.fixture
def reference(
    root: Path, require: Callable[[str], str], packages: Callable[[str], Path]
) -> Iterator[str]:
    """Address of the server that comes with y-websocket 1.5."""
    packages("tests/interop/js")
    script = root / "tests" / "interop" / "js" / "reference.mjs"
    command = [require("node"), str(script), "y-websocket"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process.stdout.readline().split()[-1]
        process.kill()


def body(replica: Replica) -> str:
    return str(replica.document.text("body"))


# Addresses


@pytest.mark.parametrize("url", ["", "notes", "http://localhost/notes", "ws:///notes"])
def test_no_room(url: str) -> None:
    """What is no address of a room is found out before anything is opened."""
    with pytest.raises(LocalProtocolError):
        connect(url)


async def test_secrets_stay_out_of_sight() -> None:
    """Neither the token nor a password in the URL are in what a replica shows of itself."""
    replica = connect("ws://ada:geheim@localhost/notes?x=1", token="secret")
    assert replica.url == "ws://localhost/notes"
    assert "secret" not in repr(replica)
    assert "geheim" not in repr(replica)


async def test_token_that_cannot_be_shown() -> None:
    """What is wrong for good on this side is not tried again, and told to who waits."""
    async with connect("ws://localhost:1/notes", token="not a token") as replica:
        with pytest.raises(InvalidToken):
            await asyncio.wait_for(replica.synced(), TIMEOUT)
        assert replica.status is Status.REFUSED


# The y-websocket reference server


async def test_reference_server(reference: str) -> None:
    """Replicas meet on a y-websocket server, with their presence, and merge what was offline."""
    url = f"{reference}/room"
    async with connect(url) as ada:
        ada.document.text("body").insert(0, "by Ada. ")
        await asyncio.wait_for(ada.synced(), TIMEOUT)
        async with connect(url) as bob:
            bob.document.text("body").insert(0, "by Bob. ")
            await asyncio.wait_for(bob.synced(), TIMEOUT)
            await until(ada.document, lambda: "Bob" in body(ada))
            assert ada.document.digest() == bob.document.digest()
            arrived = asyncio.Event()
            ada.presence.observe(lambda _: arrived.set())
            bob.presence.set({"name": "Bob"})
            await asyncio.wait_for(arrived.wait(), TIMEOUT)
            assert list(ada.presence.others.values()) == [{"name": "Bob"}]


async def test_reference_server_does_not_acknowledge(reference: str) -> None:
    """Whether a y-websocket server has stored an edit cannot be waited for."""
    async with connect(f"{reference}/room") as replica:
        await asyncio.wait_for(replica.synced(), TIMEOUT)
        with pytest.raises(NoAcknowledgements):
            await replica.saved()


async def test_seed_on_the_reference_server(reference: str) -> None:
    """A seed is there once on servers that know nothing of seeds."""
    url = f"{reference}/room"

    async with connect(url) as ada, connect(url) as bob:
        await asyncio.gather(ada.synced(), bob.synced())
        await asyncio.gather(
            *(each.seed("first", lambda it: it.text("body").append("Title")) for each in (ada, bob))
        )
        async with connect(url) as late:
            await asyncio.wait_for(late.synced(), TIMEOUT)
            assert body(late) == "Title"


# Our relay


async def test_relay_knows_the_name(relay: Serving) -> None:
    """What a replica calls itself is whose edits they are, where nobody is asked to prove it."""
    async with connect(f"{relay.url}/notes", name="Ada Löv") as replica:
        replica.document.text("body").insert(0, "hello")
        await asyncio.wait_for(replica.saved(), TIMEOUT)
    relay.terminate()
    with Reader(str(relay.database)) as reader:
        [session] = reader.sessions()
        [row] = reader.rows(session.id)
    assert row.subject == "anonymous:Ada Löv"


async def test_relay_that_crashes(relay: Serving) -> None:
    """Through a crash of the relay nothing is lost: what was not saved is sent again."""
    async with connect(f"{relay.url}/notes") as ada, connect(f"{relay.url}/notes") as bob:
        for number in range(20):
            ada.document.text("body").append(f"{number} ")
        await asyncio.wait_for(ada.saved(), TIMEOUT)
        for number in range(20, 40):
            ada.document.text("body").append(f"{number} ")
        relay.kill()
        await turns(ada, Status.OFFLINE)
        bob.document.text("more").insert(0, "written while it was down")
        relay.start()
        await asyncio.wait_for(ada.saved(), TIMEOUT)
        await asyncio.wait_for(bob.saved(), TIMEOUT)
        await until(ada.document, lambda: len(ada.document.text("more")))
        await until(bob.document, lambda: body(bob) == body(ada))
        assert body(ada).split() == [str(number) for number in range(40)]


# Tokens


@contextmanager
def locked(tmp_path: Path) -> Iterator[Serving]:
    """A relay that asks for tokens, with one session."""
    key_file, database = tmp_path / "key", tmp_path / "relay.db"
    key_file.write_bytes(KEY)
    create = [sys.executable, "-m", "collabkit", "create", str(database), "notes"]
    subprocess.run(create, check=True, capture_output=True)
    with Serving.running(database, "--auth", "jwt", "--key-file", str(key_file)) as serving:
        yield serving


def token(seconds: int = 3600, write: tuple[str, ...] = ("**",)) -> str:
    now = int(time.time())
    return mint(Claims("user:ada", exp=now + seconds, read=("**",), write=write), KEY, now=now)


async def test_tokens(tmp_path: Path) -> None:
    """A token opens the door, another or none does not, and the answer is final."""
    with locked(tmp_path) as relay:
        url = f"{relay.url}/notes"
        async with connect(url, token=token()) as ada:
            ada.document.text("body").insert(0, "hello")
            await asyncio.wait_for(ada.saved(), TIMEOUT)
        for shown in ("nonsense", None):
            async with connect(url, token=shown) as mallory:
                with pytest.raises(ConnectionRefused) as caught:
                    await asyncio.wait_for(mallory.synced(), TIMEOUT)
                assert caught.value.code == 4401
                assert body(mallory) == ""


async def test_token_is_shown_anew(tmp_path: Path) -> None:
    """Before it ends, on the link there is."""
    asked, shown = itertools.count(1), asyncio.Event()
    seen: list[Status] = []

    async def fresh() -> str:
        if next(asked) == 1:
            return token(seconds=3)
        shown.set()
        return token()

    with locked(tmp_path) as relay:
        async with connect(f"{relay.url}/notes", token=fresh) as replica:
            await asyncio.wait_for(replica.synced(), TIMEOUT)
            replica.observe(seen.append)
            await asyncio.wait_for(shown.wait(), TIMEOUT)
            replica.document.text("body").insert(0, "hello")
            await asyncio.wait_for(replica.saved(), TIMEOUT)
            assert (seen, next(asked)) == ([], 3)


async def test_token_is_refreshed(tmp_path: Path) -> None:
    """When a token expires a fresh one is asked for, until it can be had, and the work goes on."""
    asked, away = itertools.count(1), [True]

    async def fresh() -> str:
        if next(asked) == 2:
            return token(seconds=2)
        if away[0]:
            raise OSError("the service that makes tokens is away")
        return token()

    with locked(tmp_path) as relay:
        async with connect(f"{relay.url}/notes", token=fresh) as replica:
            await asyncio.wait_for(replica.synced(), TIMEOUT)
            await turns(replica, Status.OFFLINE)
            away[0] = False
            replica.document.text("body").insert(0, "hello")
            await asyncio.wait_for(replica.saved(), TIMEOUT)


async def test_another_token_is_shown_on_the_link_there_is(tmp_path: Path) -> None:
    """Who could only read may write, and his connection has not ended."""
    with locked(tmp_path) as relay:
        async with connect(f"{relay.url}/notes", token=token()) as ada:
            await asyncio.wait_for(ada.synced(), TIMEOUT)
        async with connect(f"{relay.url}/notes", token=token(write=())) as replica:
            await asyncio.wait_for(replica.synced(), TIMEOUT)
            seen: list[Status] = []
            replica.observe(seen.append)
            with pytest.raises(ReadOnlyDocument):
                replica.document.text("body").insert(0, "hello")
            replica.refresh(token())
            async with asyncio.timeout(TIMEOUT):
                while not writes(replica, "hello"):
                    await asyncio.sleep(0)
            await asyncio.wait_for(replica.saved(), TIMEOUT)
            assert seen == []


def writes(replica: Replica, word: str) -> bool:
    """Whether the replica may write; it has, then."""
    try:
        replica.document.text("body").insert(0, word)
    except ReadOnlyDocument:
        return False
    return True


# Crashes of our own

OFFLINE = """
    import asyncio, sys
    from collabkit.sync.client import connect

    async def main(url, store):
        async with connect(url, store=store) as replica:
            for number in range(50):
                replica.document.text("body").append(f"{number} ")
            replica.document.text("body").delete(0, 2)
            await replica.kept()
            print("kept", replica.pending, flush=True)
            await asyncio.Event().wait()

    asyncio.run(main(*sys.argv[1:]))
"""

STREAM = """
    import asyncio, itertools, sys
    from collabkit.sync.client import connect

    async def main(url, store):
        async with connect(url, store=store) as replica:
            for number in itertools.count():
                replica.document.text("body").append(f"{number} ")
                await replica.kept()
                print(number, flush=True)

    asyncio.run(main(*sys.argv[1:]))
"""


@contextmanager
def program(source: str, *arguments: object) -> Iterator[subprocess.Popen[str]]:
    """A Python program in a process of its own, which is killed at the end."""
    command = [sys.executable, "-c", textwrap.dedent(source), *map(str, arguments)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.send_signal(signal.SIGKILL)


async def test_killed_with_unsent_edits(tmp_path: Path, relay: Serving) -> None:
    """Edits that a killed program made offline are sent by the next one that opens its file."""
    url, file = f"{relay.url}/notes", tmp_path / "mine.db"
    relay.kill()
    with program(OFFLINE, url, file) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "kept 51\n"
    relay.start()
    async with connect(url, store=file) as replica:
        assert replica.pending == 51
        await asyncio.wait_for(replica.saved(), TIMEOUT)
        async with connect(url) as other:
            await asyncio.wait_for(other.synced(), TIMEOUT)
            assert body(other).split() == [str(number) for number in range(1, 50)]


@pytest.mark.parametrize("edits", [1, 30, 200])
async def test_killed_while_sending(tmp_path: Path, relay: Serving, edits: int) -> None:
    """Whenever a program is killed, the relay ends up with all that its file held, and once."""
    url, file = f"{relay.url}/notes", tmp_path / "mine.db"
    with program(STREAM, url, file) as process:
        assert process.stdout is not None
        told = [int(line) for line in itertools.islice(process.stdout, edits)]
    async with connect(url, store=file) as replica:
        mine = body(replica).split()
        await asyncio.wait_for(replica.saved(), TIMEOUT)
        await asyncio.wait_for(replica.synced(), TIMEOUT)
        async with connect(url) as other:
            await asyncio.wait_for(other.synced(), TIMEOUT)
            numbers = [int(word) for word in body(other).split()]
    assert numbers == list(range(len(numbers)))
    assert len(numbers) >= len(mine) > told[-1]
