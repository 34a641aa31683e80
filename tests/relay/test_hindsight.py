"""Looking back through the relay: who may, how many at a time, and what becomes of trouble."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, MutableMapping
from pathlib import Path
from typing import Any

import pytest

from collabkit.access.model import Identity, Knock, Refusal
from collabkit.ids import Subject
from collabkit.relay import hindsight
from collabkit.relay.asgi import app
from collabkit.relay.hindsight import MAX_WAITING, MAX_WAITING_OF_ADDRESS, PREFIX, Hindsight
from collabkit.relay.http import Request, Response
from collabkit.relay.server import Relay
from collabkit.relay.upgrade import Door
from collabkit.sessions.session import Kind
from collabkit.sessions.workspace import Workspace
from relay.test_gate import talk

# Programs that stand in for the one that looks back; none reads a file.
PROGRAMS = {
    "echo": "sys.stdout.buffer.write(struct.pack('>HI', 200, len(line)) + line)",
    "dies": "sys.exit(1)",
    "silent": "pass",
    "boasts": "sys.stdout.buffer.write(struct.pack('>HI', 200, 1 << 31))",
}
MAIN = """
import os, struct, sys
def main(path):
    for line in sys.stdin.buffer:
        {}
        sys.stdout.buffer.flush()
"""


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make them modules that a process finds."""
    for name, body in PROGRAMS.items():
        (tmp_path / f"{name}.py").write_text(MAIN.format(body))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))


async def guard(knock: Knock) -> Identity | Refusal:
    """Wants a token, and that it is the room's own."""
    if knock.token is None:
        return Refusal(4401, "a token is needed to enter")
    if knock.token != knock.room.session:
        return Refusal(4403, "this is not your room")
    return Identity(Subject("user:ada"), can_write=False)


def looking(program: str) -> Hindsight:
    """Look back with one of them."""
    return Hindsight("/nowhere", guard, Door(asks=True), program=program)


async def ask(there: Hindsight, target: str = "note?token=note", peer: str = "") -> Response:
    """Ask something."""
    return await there.answer(Request.of("GET", f"{PREFIX}{target}".encode(), (), peer=peer))


@pytest.mark.usefixtures("programs")
async def test_who_may_read_may_look_back() -> None:
    """A token is shown as at the room, and what is asked goes on."""
    async with looking("echo") as there:
        assert (await ask(there, "note")).status == 401
        assert (await ask(there, "note?token=other")).status == 403
        answer = await ask(there, "note/side?token=note&at=3&until=9")
        assert answer.status == 200
        assert dict(answer.headers)["Cache-Control"] == "no-store"
        asked = {"name": "note/side", "at": 3, "until": 9}
        assert json.loads(answer.body) == asked


@pytest.mark.usefixtures("programs")
@pytest.mark.parametrize(
    "target", ["?at=1", "..", "note?at=-1", "note?at=x", "note?until=" + "9" * 20]
)
async def test_what_cannot_be_meant_is_400(target: str) -> None:
    """It gets no further."""
    async with looking("dies") as there:
        assert (await ask(there, target)).status == 400


@pytest.mark.usefixtures("programs")
async def test_what_it_dies_of_it_dies_of_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asked is told, and the next question finds another process."""
    for program, patience_s in (("dies", 30.0), ("boasts", 30.0), ("silent", 0.1)):
        monkeypatch.setattr(hindsight, "PATIENCE_S", patience_s)
        async with looking(program) as there:
            for _ in range(2):
                assert (await ask(there)).status == 503


@pytest.mark.usefixtures("programs")
async def test_few_wait() -> None:
    """One address has its share, and all together no more than can be answered soon."""
    async with looking("silent") as there, contextlib.AsyncExitStack() as stack:

        async def come(peer: str, many: int) -> None:
            for number in range(1, many + 1):
                stack.callback(asyncio.create_task(ask(there, peer=peer)).cancel)
                while len(there._looking) < number:
                    await asyncio.sleep(0)

        await come("192.0.2.1", MAX_WAITING_OF_ADDRESS)
        assert (await ask(there, peer="192.0.2.1")).status == 429
        await come("", MAX_WAITING)
        assert (await ask(there, peer="192.0.2.2")).status == 503


@pytest.mark.usefixtures("programs")
async def test_it_rests_when_nobody_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    """The process ends after a pause, and comes back."""
    monkeypatch.setattr(hindsight, "IDLE_S", 0.0)
    async with looking("echo") as there:
        for _ in range(2):
            assert (await ask(there)).status == 200
            while there._looker is not None:
                await asyncio.sleep(0)


@pytest.fixture
async def noted(workspace: Workspace) -> AsyncIterator[Relay]:
    """A relay with a note."""
    async with Relay(workspace, port=0) as relay:
        async with workspace.open("note", create=Kind.COLLABORATIVE) as note:
            note.document.text("body").append("hello")
        yield relay


async def test_the_relay_tells(noted: Relay) -> None:
    """At `/history/` and a name; what was asked behind it is answered behind it."""
    async with talk(noted) as client:
        client.ask(b"GET /history/note?at=1 HTTP/1.1")
        client.ask(b"GET /healthz HTTP/1.1")
        client.ask(b"HEAD /history/none HTTP/1.1")
        status, fields, body = await client.answer()
        assert (status, fields["content-type"]) == (200, "application/json")
        assert json.loads(body)["roots"] == [{"name": "body", "text": "hello"}]
        assert b"ok" in (await client.answer())[2]
        assert (await client.answer(body=False))[0] == 404
        client.ask(b"GET /history/note HTTP/1.1")  # and not waited for
    async with talk(noted) as client:
        client.ask(b"GET /healthz HTTP/1.1")
        assert (await client.answer())[0] == 200


async def test_an_application_tells(workspace: Workspace) -> None:
    """As the relay does, below where it is mounted."""
    said: list[MutableMapping[str, Any]] = []

    async def send(message: MutableMapping[str, Any]) -> None:
        said.append(message)

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.request"}

    scope = {
        "type": "http",
        "method": "GET",
        "path": "/notes/history/..",
        "headers": [(b"host", b"localhost")],
        "client": ("127.0.0.1", 1),
    }
    async with app(workspace, prefix="/notes") as serving:
        await serving(scope, receive, send)
    assert said[0]["status"] == 400
    assert b"invalid name" in said[1]["body"]
