"""Commands reach the process that holds a file, and nobody else's do."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import stat
from pathlib import Path
from typing import Any

import pytest

from collabkit.errors import OperationFailed, SessionNotFound
from collabkit.sessions.holder import Answer, Failure, Request, command, listen, socket_path


async def echo(request: Request) -> Any:
    """A holder that repeats what it is asked."""
    return [request.operation, request.arguments, request.subject, request.key]


async def ask(path: Path, request: Request) -> Answer | None:
    """The asking side blocks, so it asks from another thread."""
    return await asyncio.to_thread(command, path, request)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the file would be."""
    return tmp_path / "notes.db"


async def test_a_request_comes_back_answered(path: Path) -> None:
    """The holder runs what it is asked, with the arguments, the subject and the key of it."""
    asked = Request("rm", {"session": "plän"}, subject="cli:ada", key="k1")
    async with listen(path, echo):
        answer = await ask(path, asked)
    assert answer == Answer(["rm", {"session": "plän"}, "cli:ada", "k1"])


async def test_nobody_answers_where_nobody_holds(path: Path) -> None:
    """Without a holder there is no answer, and no error either."""
    assert await ask(path, Request("ls")) is None
    assert await ask(path / "no" / "such.db", Request("ls")) is None


async def test_an_error_keeps_its_class_and_sentence(path: Path) -> None:
    """What an operation raises arrives as the name of its class and its message."""

    async def refuse(request: Request) -> Any:
        raise SessionNotFound("plan")

    async with listen(path, refuse):
        answer = await ask(path, Request("rm"))
    assert answer == Answer(failure=Failure("SessionNotFound", str(SessionNotFound("plan"))))


async def test_a_bug_in_an_operation_is_answered_and_logged(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """An unforeseen error does not leave the one who asked without an answer."""

    async def stumble(request: Request) -> Any:
        return 1 // len(request.arguments)

    async with listen(path, stumble):
        answer = await ask(path, Request("rm"))
    assert answer is not None
    assert answer.failure is not None
    assert answer.failure.kind == "ZeroDivisionError"
    assert "ZeroDivisionError" in caplog.text


async def test_requests_of_one_connection_are_answered_in_order(path: Path) -> None:
    """A slow operation is not overtaken by a quick one behind it."""
    release = asyncio.Event()
    ran: list[str] = []

    async def run(request: Request) -> Any:
        if request.operation == "slow":
            await release.wait()
        ran.append(request.operation)
        return request.operation

    async with listen(path, run):
        reader, writer = await asyncio.open_unix_connection(socket_path(path))
        for name in ("slow", "quick"):
            body = b'{"operation":"%b"}' % name.encode()
            writer.write(len(body).to_bytes(4, "big") + body)
        await writer.drain()
        release.set()
        answers = []
        for _ in range(2):
            length = int.from_bytes(await reader.readexactly(4), "big")
            answers.append(await reader.readexactly(length))
        writer.close()
    assert ran == ["slow", "quick"]
    assert answers == [b'{"result":"slow"}', b'{"result":"quick"}']


async def test_only_the_same_user_may_command(path: Path) -> None:
    """The socket has mode 0600, whatever the umask of the process."""
    before = os.umask(0)
    try:
        async with listen(path, echo):
            mode = stat.S_IMODE(os.stat(socket_path(path)).st_mode)
    finally:
        os.umask(before)
    assert mode == 0o600


async def test_the_socket_of_a_dead_holder_is_in_nobodys_way(path: Path) -> None:
    """A socket that a killed process left answers nobody, and the next holder replaces it."""
    with contextlib.closing(socket.socket(socket.AF_UNIX)) as left:
        left.bind(socket_path(path))
    assert await ask(path, Request("ls")) is None
    async with listen(path, echo):
        assert await ask(path, Request("ls")) is not None
    assert not os.path.exists(socket_path(path))


async def test_a_holder_that_stops_says_so(path: Path) -> None:
    """Whoever waits for an operation when the holder ends is told, and does not hang."""
    begun = asyncio.Event()

    async def never(request: Request) -> Any:
        begun.set()
        await asyncio.Event().wait()

    async with listen(path, never):
        asking = asyncio.create_task(ask(path, Request("compact")))
        await begun.wait()
    with pytest.raises(OperationFailed, match="look whether it was done"):
        await asking


@pytest.fixture
def deep(tmp_path: Path) -> Path:
    """A folder whose name alone is longer than a socket's address may be."""
    folder = tmp_path / ("d" * 120)
    folder.mkdir()
    return folder / "notes.db"


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="needs /proc")
async def test_a_long_path_is_no_obstacle(deep: Path) -> None:
    """A file whose path does not fit into a socket's address can be commanded too."""
    async with listen(deep, echo):
        assert await ask(deep, Request("ls")) is not None
    assert not os.path.exists(socket_path(deep))


@pytest.mark.parametrize(
    "frame", [b"\xff\xff\xff\xff", b"\x00\x00\x00\x02{]", b"\x00\x00\x00\x02[]", b"\x00\x00"]
)
async def test_nonsense_does_not_stop_the_holder(path: Path, frame: bytes) -> None:
    """A frame that is no request ends or fails, and the next one is answered."""
    async with listen(path, echo):
        reader, writer = await asyncio.open_unix_connection(socket_path(path))
        writer.write(frame)
        writer.write_eof()
        said = await reader.read()
        writer.close()
        assert b"result" not in said
        assert await ask(path, Request("ls")) is not None


async def test_where_no_socket_can_be_there_is_none(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A file whose socket cannot be made is opened all the same, with a word in the log."""
    os.mkdir(socket_path(path))
    async with listen(path, echo):
        pass
    assert "no commands are taken" in caplog.text
