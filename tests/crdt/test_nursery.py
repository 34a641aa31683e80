"""Children come from a nursery, and none outlives who wanted it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from collabkit.crdt.engine import Good
from collabkit.crdt.nursery import Nursery
from collabkit.crdt.pipe import Done, Lost, Open, Opened, Ping, Taste, Tasted
from collabkit.crdt.sandbox import SandboxEngine
from collabkit.errors import EngineLost
from crdt.processes import gone, until
from crdt.unguarded import FINE

KEY = ("session", "main")

linux = pytest.mark.skipif(sys.platform != "linux", reason="processes are looked up in /proc")

HOST = """
import asyncio
from collabkit.crdt.nursery import Nursery
from collabkit.crdt.pipe import Open, Ping, Taste
from crdt.unguarded import LOOP

async def main():
    async with Nursery(entry="crdt.unguarded") as nursery:
        idle, hanging = nursery.birth(), nursery.birth()
        await idle.ask(Ping())
        await hanging.ask(Open(1, []))
        asking = hanging.ask(Taste([(1, [LOOP])]))
        while hanging._mark.index is None:
            await asyncio.sleep(0.01)
        print(nursery._process.pid, idle.pid, hanging.pid, flush=True)
        await asking

asyncio.run(main())
"""


@linux
async def test_nothing_is_left_when_it_is_closed() -> None:
    """No process, and no zombie; hanging or not."""
    async with Nursery(entry="crdt.unguarded") as nursery:
        children = [nursery.birth() for _ in range(3)]
        for child in children:
            assert await child.ask(Ping()) == Done()
        await until(lambda: all(child.pid for child in children))
        assert nursery._process is not None
        pids = [nursery._process.pid, *(child.pid for child in children if child.pid)]
    assert gone(pids)
    assert [await child.fate for child in children] == ["no longer needed"] * 3


@linux
async def test_nothing_is_left_when_its_host_is_killed() -> None:
    """Not even a child that hangs and will never read that its pipe has ended."""
    environment = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    with subprocess.Popen(
        [sys.executable, "-P", "-c", HOST], stdout=subprocess.PIPE, env=environment
    ) as host:
        assert host.stdout is not None
        pids = [int(pid) for pid in (await asyncio.to_thread(host.stdout.readline)).split()]
        assert len(pids) == 3
        assert not any(gone([pid]) for pid in pids)
        host.kill()
        host.wait()
    await until(lambda: gone(pids))


async def test_its_children_outlive_its_process() -> None:
    """They answer as before; those that come after are made by another process."""
    async with Nursery() as nursery:
        child = nursery.birth()
        assert await child.ask(Open(1, [])) == Opened({})
        assert nursery._process is not None
        nursery._process.kill()
        await until(lambda: nursery._process is None)
        assert await child.ask(Taste([(1, [FINE])])) == Tasted([b"\0"])
        assert await nursery.birth().ask(Ping()) == Done()
        assert nursery.starts == 2
        # Nobody waits for it now; that its pipe ended is all that is known.
        assert child.pid is not None
        os.kill(child.pid, signal.SIGKILL)
        assert await child.fate == "died"


async def test_a_sandbox_outlives_its_nursery() -> None:
    """Whether its process dies before, while or after children are made."""
    async with SandboxEngine(spares=1) as engine:
        for _ in range(3):
            await engine.open(KEY, [])
            assert engine._nursery._process is not None
            engine._nursery._process.kill()
            assert await engine.taste(KEY, [FINE]) == [Good()]
            await until(lambda: engine._nursery._process is None)
            assert (await engine.checkpoint([FINE])).body == FINE
        assert engine.stats().nursery_starts == 4
        # A spare that was ordered of one that is gone was never there.
        assert engine.stats().deaths.keys() <= {"never born"}


async def test_a_nursery_that_cannot_start_is_not_tried_at_every_turn() -> None:
    """Its children are stillborn, and the next attempt is a second away."""
    async with Nursery(entry="collabkit.no_such_module") as nursery:
        for _ in range(20):
            assert await nursery.birth().ask(Ping()) == Lost(None, "died")
        assert nursery.starts == 1


@contextlib.contextmanager
def no_files_left() -> Iterator[None]:
    """This process can open nothing more."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.ExitStack() as stack:
        stack.callback(resource.setrlimit, resource.RLIMIT_NOFILE, before)
        resource.setrlimit(resource.RLIMIT_NOFILE, (200, before[1]))
        with contextlib.suppress(OSError):
            while True:
                stack.callback(os.close, os.open(os.devnull, os.O_RDONLY))
        yield


async def test_it_says_so_if_no_child_can_be_made() -> None:
    """Such as when there are no files left; what there is goes on, and it is tried again."""
    async with SandboxEngine(spares=1) as engine:
        with no_files_left():
            for _ in range(3):
                with pytest.raises(EngineLost, match="no child can be made"):
                    await engine.checkpoint([FINE])
            assert await engine.open(KEY, [FINE]) == {5: 1}
            [spare] = engine._brood.spares
            spare.kill("for this test")
            await asyncio.sleep(0)
            assert engine.stats().spares == 0
        assert (await engine.checkpoint([FINE])).body == FINE
        await until(lambda: engine.stats().spares == 1)


@linux
async def test_a_child_is_killed_on_demand_and_only_once() -> None:
    """And never another process that has got its number since."""
    async with Nursery() as nursery:
        child, other = nursery.birth(), nursery.birth()
        assert await child.ask(Ping()) == Done()
        child.kill("told to")
        assert await child.fate == "told to"
        await until(lambda: gone([child.pid or 0]))
        nursery.kill(child.number)
        assert await other.ask(Ping()) == Done()


async def test_a_nursery_that_was_not_needed_starts_nothing() -> None:
    """It has no process until somebody wants a child."""
    async with Nursery() as nursery:
        pass
    assert nursery.starts == 0
