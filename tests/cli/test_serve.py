"""`serve`: a relay in a process of its own, as a user starts, uses, commands and stops it."""

from __future__ import annotations

import asyncio
import signal
import socket
import ssl
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from cli.saying import Run
from collabkit.errors import ConnectionRefused
from collabkit.ids import SessionId
from collabkit.store.base import Version
from collabkit.store.reader import Reader
from collabkit.sync.client import connect

Start = Callable[..., subprocess.Popen[str]]


def address(relay: subprocess.Popen[str]) -> str:
    """Wait until a relay listens; returns where."""
    assert relay.stdout is not None
    line = relay.stdout.readline()
    if not line.startswith("listening on ws"):
        _, complaint = relay.communicate(timeout=30)
        pytest.fail(f"{line!r} {complaint}")
    return line.removeprefix("listening on ").strip()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_says_where_it_is_and_stops_well(
    start: Start, tmp_path: Path, number: signal.Signals
) -> None:
    """The first line is the address, the next three are what a page needs, and a signal ends it."""
    children = ("--children", 2, "--child-memory", 256, "--child-patience", 10)
    relay = start("serve", tmp_path / "new.db", "--port", 0, *children)
    url = address(relay)
    host, _, port = url.removeprefix("ws://").partition(":")
    assert host == "127.0.0.1"
    with socket.create_connection((host, int(port))):
        pass
    relay.send_signal(number)
    assert relay.stdout is not None
    assert relay.stderr is not None
    assert relay.stdout.read().splitlines() == [
        f'y-websocket\tnew WebsocketProvider("{url}", "NAME", doc)',
        f'Hocuspocus\tnew HocuspocusProvider({{ url: "{url}", name: "NAME", document: doc }})',
        f"browser\thttp://127.0.0.1:{port}/?session=NAME",
    ]
    assert relay.stderr.read() == "stopping: storing what came, telling the clients\n"
    assert relay.wait(timeout=30) == 0
    assert [each.name for each in tmp_path.iterdir()] == ["new.db"]


async def test_a_client_writes_and_the_commands_see_it(
    start: Start, run: Run, tmp_path: Path
) -> None:
    """While a relay serves, every command works: reading beside it, changing through it."""
    db = tmp_path / "team.db"
    url = address(start("serve", db, "--port", 0))
    async with connect(f"{url}/note", name="ada") as replica:
        replica.document.text("body").insert(0, "hello")
        await replica.saved()
        assert run("inspect", db, "note", "--text", "body").out == "hello"
        assert run("log", db, "note", "--rows").lines[1][3] == "anonymous:ada"
        assert run("create", db, "plan").code == 0
        assert run("compact", db, "note").code == 0
        assert run("verify", db).code == 0
        assert run("backup", db, tmp_path / "copy.db").code == 0
        assert await replica.call("create", session="by-call")
        assert run("rm", db, "note", "--yes").code == 0
        replica.document.text("body").append("late")
        with pytest.raises(ConnectionRefused, match="removed"):
            await replica.saved()
    assert [row[1] for row in run("ls", db).lines[1:]] == ["by-call", "plan"]


def test_tokens_open_what_they_say(start: Start, run: Run, tmp_path: Path) -> None:
    """With --auth jwt a client needs a token, and nothing is made by accident."""
    db, key = tmp_path / "team.db", tmp_path / "key"
    assert run("token", "key", key).code == 0
    assert run("create", db, "note").code == 0
    url = address(start("serve", db, "--port", 0, "--auth", "jwt", "--key-file", key))
    options = ("--key-file", key, "--write", "note", "--write", "other")
    token = run("token", "mint", "user:ada", *options).out.strip()
    asyncio.run(_write(f"{url}/note", token))
    assert run("log", db, "note", "--rows").lines[1][3] == "user:ada"
    for room, shown in (("note", None), ("note", "x" * 40), ("other", token), ("third", token)):
        with pytest.raises(ConnectionRefused):
            asyncio.run(_write(f"{url}/{room}", shown))
    assert [row[1] for row in run("ls", db).lines[1:]] == ["note"]


async def _write(url: str, token: str | None) -> None:
    async with connect(url, token=token) as replica:
        await replica.synced()
        replica.document.text("body").insert(0, "hello")
        await replica.saved()


def test_a_second_relay_is_told_who_holds_the_file(start: Start, run: Run, tmp_path: Path) -> None:
    """One process holds a file; the next one says which, in a sentence."""
    db = tmp_path / "team.db"
    first = start("serve", db, "--port", 0)
    address(first)
    said = run("serve", db, "--port", 0)
    assert said.code == 1
    (line,) = said.err.splitlines()
    assert f"is held by process {first.pid}" in line


def test_a_port_that_is_taken_is_told(run: Run, tmp_path: Path) -> None:
    """A port that cannot be bound is one sentence."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = run("serve", tmp_path / "team.db", "--port", port)
    assert said.code == 1
    (line,) = said.err.splitlines()
    assert "in use" in line


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--host", "0.0.0.0"), "can be reached from other machines"),
        (("--auth", "jwt"), "needs --key-file"),
        (("--key-file", "x"), "is for --auth jwt"),
        (("--tls-cert", "x"), "go together"),
        (("--auth", "jwt", "--key-file", "nowhere"), "nowhere"),
        (("--durability", "eternal"), "eternal"),
    ],
)
def test_what_makes_no_sense_is_refused(
    run: Run, tmp_path: Path, options: tuple[str, ...], says: str
) -> None:
    """Options that contradict each other, or open the door by accident, are refused at once."""
    said = run("serve", tmp_path / "team.db", "--port", 0, *options)
    assert said.code == 2
    assert says in said.err
    assert len(said.err.splitlines()) == 1
    assert not (tmp_path / "team.db").exists()


def test_anybody_may_come_where_that_was_said(start: Start, run: Run, tmp_path: Path) -> None:
    """--insecure serves other machines without asking who they are, and makes sessions."""
    db = tmp_path / "t.db"
    relay = start("serve", db, "--port", 0, "--host", "0.0.0.0", "--insecure")
    url = address(relay)
    assert url.startswith("ws://0.0.0.0:")
    asyncio.run(_write(f"{url.replace('0.0.0.0', '127.0.0.1')}/note", None))
    assert [row[1] for row in run("ls", db).lines[1:]] == ["note"]


def test_an_address_that_is_none_is_named(run: Run, tmp_path: Path) -> None:
    """A host that nobody knows is told by its name."""
    options = ("--host", "nowhere.invalid", "--port", 4711, "--insecure")
    said = run("serve", tmp_path / "t.db", *options)
    assert said.code == 1
    (line,) = said.err.splitlines()
    assert line.startswith("error: nowhere.invalid:4711: ")


def test_tls(start: Start, tmp_path: Path, require: Callable[[str], str]) -> None:
    """With a certificate the relay serves wss, and says so; one that is none is refused."""
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    words = "req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=localhost -keyout"
    subprocess.run(
        [require("openssl"), *words.split(), str(key), "-out", str(cert)],
        capture_output=True,
        check=True,
    )
    relay = start("serve", tmp_path / "t.db", "--port", 0, "--tls-cert", cert, "--tls-key", key)
    url = address(relay)
    assert url.startswith("wss://127.0.0.1:")
    context = ssl.create_default_context(cafile=str(cert))
    context.check_hostname = False
    port = int(url.rpartition(":")[2])
    with (
        socket.create_connection(("127.0.0.1", port)) as plain,
        context.wrap_socket(plain) as secure,
    ):
        assert secure.version() is not None


def test_a_certificate_that_is_none(run: Run, tmp_path: Path) -> None:
    """Files that hold no certificate are named in a sentence."""
    for name in ("cert.pem", "key.pem"):
        (tmp_path / name).write_text("nothing")
    options = ("--tls-cert", tmp_path / "cert.pem", "--tls-key", tmp_path / "key.pem")
    said = run("serve", tmp_path / "t.db", "--port", 0, *options)
    assert said.code == 2
    assert "cert.pem" in said.err


async def test_versions_are_saved_while_it_serves_and_at_the_end(
    start: Start, tmp_path: Path
) -> None:
    """As often as was said, of a session that changed; and of what came last, when it stops.

    The audit is told what it was said to be told, too.
    """
    db, audited = tmp_path / "team.db", ("--audit", "writes", "--audit", "reads")
    relay = start("serve", db, "--port", 0, "--versions-every", 1, *audited)
    async with connect(f"{address(relay)}/note", name="ada") as replica:
        replica.document.text("body").insert(0, "hello")
        await replica.saved()
        with Reader(db) as reader:
            session = reader.find("note", project="default").id
        async with asyncio.timeout(60):
            while [one.kind for one in await asyncio.to_thread(_versions, db, session)] != ["auto"]:
                await asyncio.sleep(0.05)
        replica.document.text("body").append(" world")
        await replica.saved()
    relay.send_signal(signal.SIGTERM)
    assert relay.wait(timeout=30) == 0
    first, last = _versions(db, session)
    assert (first.authors, first.seq, last.seq) == (("anonymous:ada",), 1, 2)
    with Reader(db) as reader:
        lines = reader.audit(subject="anonymous:ada", actions=("access-*",))
    counted = {line.action: line.data["again"] for line in lines}
    assert (counted["access-write"], counted["access-read"] > 0) == (2, True)


def _versions(db: Path, session: SessionId) -> list[Version]:
    with Reader(db) as reader:
        return reader.versions(session)
