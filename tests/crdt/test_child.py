"""A child has nothing but its pipe, and speaks as it must."""

from __future__ import annotations

import asyncio
import itertools
import os
import re
import signal
import socket
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from collabkit.crdt.child import Child
from collabkit.crdt.engine import Contested
from collabkit.crdt.nursery import Nursery
from collabkit.crdt.pipe import (
    Answer,
    Diff,
    Done,
    Lost,
    Mark,
    Open,
    Opened,
    Piece,
    Ping,
    Request,
    Survey,
    Taste,
    Tasted,
    encode,
    framed,
)
from crdt.processes import until
from crdt.unguarded import FINE, LOOP

linux = pytest.mark.skipif(sys.platform != "linux", reason="what a process has is read in /proc")

MEMORY_BYTES = 1 << 28
# No system has a process of this number, so nobody can tell how long it has run.
NOBODY = 1 << 30


@pytest.fixture
async def child() -> AsyncIterator[Child]:
    """One that is born."""
    async with Nursery(memory_bytes=MEMORY_BYTES) as nursery:
        child = nursery.birth()
        assert await child.ask(Ping()) == Done()
        await until(lambda: child.pid is not None)
        yield child


@pytest.fixture
def secret(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[str]:
    """What this process has, and would not share: a variable, a file, a connection."""
    monkeypatch.setenv("COLLABKIT_TEST_SECRET", "secret")
    here, there = socket.socketpair()
    with (tmp_path / "secret").open("w") as file, here, there:
        os.set_inheritable(file.fileno(), True)
        os.set_inheritable(here.fileno(), True)
        yield "secret"


@linux
async def test_it_holds_one_descriptor(secret: str, child: Child) -> None:
    """Its end of the pipe; whatever this process has open, and would hand down."""
    folder = Path(f"/proc/{child.pid}/fd")
    assert [path.name for path in folder.iterdir()] == ["0"]
    assert os.readlink(folder / "0").startswith("socket:")


@linux
async def test_it_has_no_environment(secret: str, child: Child) -> None:
    """It knows where modules were, and nothing else that this process was told."""
    told = Path(f"/proc/{child.pid}/environ").read_text().split("\0")
    # The latter is set by Python itself, for want of a locale.
    assert {line.partition("=")[0] for line in told if line} <= {"PYTHONPATH", "LC_CTYPE"}
    assert "COLLABKIT_TEST_SECRET" in os.environ


@linux
async def test_it_is_limited(child: Child) -> None:
    """It can open nothing, write no file, leave no core, start nothing, and not grow on."""
    limits = {}
    for line in Path(f"/proc/{child.pid}/limits").read_text().splitlines()[1:]:
        limits[line[:25].strip()] = line[26:68].split()
    for name in ("Max core file size", "Max file size", "Max processes"):
        assert limits[name] == ["0", "0"], name
    assert limits["Max open files"] == ["1", "1"]
    soft, hard = limits["Max address space"]
    # On top of what it was born with, which it shares with the others.
    assert soft == hard
    assert 2 * MEMORY_BYTES < int(hard) < 2 * MEMORY_BYTES + (1 << 30)


@linux
@pytest.mark.parametrize("told", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
async def test_it_ends_when_the_relay_does_and_not_before(
    child: Child, told: signal.Signals
) -> None:
    """Some tell all processes of a relay to end at once; it has things to finish with them."""
    assert child.pid is not None
    assert os.getsid(child.pid) == child.pid
    [parent] = re.findall(r"^PPid:\t(\d+)$", _status(child.pid), re.MULTILINE)
    for pid in (child.pid, int(parent)):
        os.kill(pid, told)
    assert await child.ask(Ping()) == Done()
    assert "Z" not in _status(int(parent)).partition("State:")[2][:5]


@linux
async def test_it_is_as_big_as_the_system_says(child: Child) -> None:
    """Python and the engine, which it shares, are some megabytes."""
    resident_bytes = child.resident_bytes()
    assert resident_bytes is not None
    assert 1 << 20 < resident_bytes < 1 << 30


async def test_it_ends_with_its_pipe(child: Child) -> None:
    """And of itself: nobody kills it."""
    child.end()
    assert await child.fate == "exit 0"
    assert await child.ask(Ping()) == Lost(None, "dead")


async def test_what_was_asked_before_the_end_is_answered(child: Child) -> None:
    """One that is told to end finishes what it was asked."""
    opened, tasted = child.ask(Open(1, [])), child.ask(Taste([(1, [FINE])]))
    child.end()
    assert child.alive
    assert await opened == Opened({})
    assert await tasted == Tasted([b"\0"])
    assert await child.fate == "exit 0"


async def test_a_caller_that_gives_up_disturbs_nobody(child: Child) -> None:
    """Its answer is dropped, and the next one comes to whom it belongs."""
    given_up, wanted = child.ask(Ping()), child.ask(Open(1, [FINE]))
    given_up.cancel()
    assert await wanted == Opened({5: 1})


async def test_a_document_it_does_not_hold_is_lost(child: Child) -> None:
    """It says so, and goes on."""
    [told] = _trips(await child.ask(Taste([(9, [FINE])])))
    assert not isinstance(told, bytes)
    assert told.how == "not held"  # type: ignore[attr-defined]
    child.forget(9)
    assert await child.ask(Ping()) == Done()


async def test_one_that_hangs_by_itself_is_ended_by_its_alarm() -> None:
    """It needs nobody who looks: the system keeps the time."""
    async with Nursery(entry="crdt.alarmed") as nursery:
        child = nursery.birth()
        await child.ask(Open(1, []))
        assert await child.ask(Taste([(1, [LOOP])])) == Lost(0, "died")
        assert await child.fate == "SIGALRM"


@linux
@pytest.mark.parametrize("for_ever", [False, True])
async def test_one_that_is_not_let_run_gets_more_time(for_ever: bool) -> None:
    """A machine that has too much to do is not the fault of an update; within reason."""
    async with Nursery(patience_s=0.5) as nursery:
        child = nursery.birth()
        assert await child.ask(Ping()) == Done()
        await until(lambda: child.pid is not None)
        assert child.pid is not None
        os.kill(child.pid, signal.SIGSTOP)
        answering = child.ask(Ping())
        await asyncio.sleep(0.8)
        assert not answering.done()
        if for_ever:
            assert await answering == Lost(None, "died")
            assert await child.fate == "no answer in 0.5 s"
        else:
            os.kill(child.pid, signal.SIGCONT)
            assert await answering == Done()


class Executioner:
    """A nurse for what is no child at all."""

    def __init__(self) -> None:
        self.killed: list[int] = []

    def kill(self, number: int) -> None:
        """Note who is to be killed."""
        self.killed.append(number)


@pytest.mark.parametrize(
    "said",
    [
        b"\0\0\0\3abc",
        framed(encode([[1, [99]]])),
        framed(encode([[7, [0]]])),
        b"\xff\xff\xff\xff",
        framed(b""),
    ],
)
async def test_one_that_does_not_speak_as_it_must_is_killed(said: bytes) -> None:
    """No message pack, no answer, an answer to nothing, an endless one, an empty one."""
    ours, theirs = socket.socketpair()
    nurse = Executioner()
    fd = Mark.file()
    child = Child(5, ours, Mark(fd), nurse, patience_s=5, answer_bytes=1 << 20)
    os.close(fd)
    with theirs:
        answering = child.ask(Ping())
        theirs.sendall(said)
        assert await answering == Lost(None, "died")
    assert nurse.killed == [5]
    assert not child.alive


async def test_one_that_talks_gets_on() -> None:
    """A long answer may take longer than an update; when it stops in the middle, that is it."""
    ours, theirs = socket.socketpair()
    nurse = Executioner()
    fd = Mark.file()
    child = Child(5, ours, Mark(fd), nurse, patience_s=0.2, answer_bytes=1 << 20)
    os.close(fd)
    child.born(1)
    answer = framed(encode([(1, Piece(bytes(20)))]))
    loop = asyncio.get_running_loop()
    with theirs:
        began = loop.time()
        answering = child.ask(Ping())
        for at in range(0, len(answer), 4):
            theirs.sendall(answer[at : at + 4])
            await asyncio.sleep(0.05)
        assert loop.time() - began > 0.2
        assert await answering == Piece(bytes(20))
        answering = child.ask(Ping())
        theirs.sendall(answer[:10])
        assert await answering == Lost(None, "died")
    assert nurse.killed == [5]


class Restless(Mark):
    """A mark that is elsewhere each time somebody looks."""

    def __init__(self, fd: int) -> None:
        super().__init__(fd)
        self._looks = itertools.count()

    @property
    def index(self) -> int | None:
        """Something new."""
        return next(self._looks)


async def test_one_that_moves_its_mark_for_ever_is_killed() -> None:
    """A call must end, whatever a child that lost its mind says of what it is at."""
    ours, theirs = socket.socketpair()
    nurse = Executioner()
    fd = Mark.file()
    child = Child(5, ours, Restless(fd), nurse, patience_s=0.05, answer_bytes=1 << 20)
    os.close(fd)
    child.born(NOBODY)
    with theirs:
        assert await child.ask(Ping()) == Lost(None, "died")
    assert nurse.killed == [5]
    child.died(signal.SIGKILL)
    assert await child.fate == "no end in 0.6 s"


@pytest.mark.parametrize(
    ("asked", "how"),
    [
        (Taste([(1, [FINE])]), "no answer in 0.05 s"),
        (Taste([(1, [Contested(FINE)])]), "no end in 0.6 s"),
        (Survey(1), "no end in 0.6 s"),
        (Diff(1, b"\0"), "no end in 0.6 s"),
    ],
)
async def test_what_goes_through_all_of_a_document_takes_as_long_as_that(
    asked: Request, how: str
) -> None:
    """So long it is waited for, but for a call as a whole no longer than for any other."""
    ours, theirs = socket.socketpair()
    fd = Mark.file()
    its = Mark(fd)
    child = Child(5, ours, Mark(fd), Executioner(), patience_s=0.05, answer_bytes=1 << 20)
    os.close(fd)
    child.born(NOBODY)
    its.begin(1)
    its.weight_bytes = 1 << 30
    at = its.each([FINE])
    with theirs:
        if isinstance(asked, Taste):
            next(at)
        assert await child.ask(asked) == Lost(0 if isinstance(asked, Taste) else None, "died")
    child.died(signal.SIGKILL)
    assert await child.fate == how
    its.close()


async def test_much_can_wait_in_the_pipe() -> None:
    """What does not fit is kept here, and sent on as soon as it is read there."""
    ours, theirs = socket.socketpair()
    fd = Mark.file()
    child = Child(5, ours, Mark(fd), Executioner(), patience_s=5, answer_bytes=1 << 20)
    os.close(fd)
    theirs.setblocking(False)
    requests = [Open(number, [bytes(3_000_000)]) for number in range(3)]
    loop = asyncio.get_running_loop()
    for request in requests:
        child.ask(request)
        await asyncio.sleep(0)
    wanted = b"".join(
        framed(encode([(ticket, request)])) for ticket, request in enumerate(requests, 1)
    )
    got = bytearray()
    with theirs:
        while len(got) < len(wanted):
            got += await loop.sock_recv(theirs, 1 << 20)
        assert got == wanted
        child.end()
        child.kill("no longer needed")


def _status(pid: int) -> str:
    return Path(f"/proc/{pid}/status").read_text()


def _trips(answer: Answer) -> list[object]:
    assert isinstance(answer, Tasted)
    return list(answer.trips)
