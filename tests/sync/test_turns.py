"""What takes long at a room is done in the thread, and nothing overtakes it."""

from __future__ import annotations

import asyncio
import gc
import threading
from pathlib import Path

import pytest
from pycrdt import Map

from collabkit.sync.aside import OVERHEAD_BYTES, Aside
from collabkit.sync.dialects import Dialect
from collabkit.sync.effects import RoomEffect, Shut, Wake
from collabkit.sync.guarded import PASSING_BYTES
from collabkit.sync.liveroom import LiveRoom
from collabkit.sync.messages import Update
from collabkit.sync.room import Room
from collabkit.sync.turns import Turns
from sync.ruled import MAIN, House, Person


async def test_what_waits_is_taken_in_order_once_the_thread_is_done() -> None:
    """Behind what the core asked for; and what is lent in between keeps the rest waiting."""
    taken: list[object] = []
    aside, turns = Aside(), Turns(taken.extend)

    def work() -> list[RoomEffect]:
        assert not gc.isenabled()
        taken.append(threading.current_thread() is threading.main_thread())
        return [Wake()]

    turns.lend()
    turns.wait(lambda: taken.append("first"), 10)
    turns.wait(turns.lend)
    turns.wait(lambda: taken.append("last"))
    assert turns.waiting_bytes == 3 * OVERHEAD_BYTES + 10
    await turns.pass_by(aside, work)
    assert taken == [False, Wake(), "first"]
    assert turns.away
    await turns.pass_by(aside, lambda: [Shut()])
    assert taken[3:] == [Shut(), "last"]
    assert (turns.away, turns.waiting_bytes, gc.isenabled()) == (False, 0, True)
    aside.close()


async def test_a_mistake_keeps_nothing_waiting(caplog: pytest.LogCaptureFixture) -> None:
    """Neither one in the thread, nor one over what waited; and both are logged."""
    taken: list[object] = []
    aside, turns = Aside(), Turns(taken.extend)

    def wrong() -> list[RoomEffect]:
        raise LookupError

    turns.lend()
    turns.wait(lambda: taken.extend(wrong()))
    turns.wait(lambda: taken.append("last"))
    await turns.pass_by(aside, wrong)
    assert (taken, turns.away) == (["last"], False)
    assert [record.exc_info is not None for record in caplog.records] == [True, True]
    aside.close()


@pytest.fixture
def threads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The threads in which a core took an edit of its room, by name."""
    found: list[str] = []
    plain = Room._edit

    def edit(self: Room, *args: object, **named: object) -> object:
        found.append(threading.current_thread().name)
        return plain(self, *args, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(Room, "_edit", edit)
    return found


def fill(person: Person, root: str, keys: int) -> bytes:
    """Write many keys at once, and return what that is."""
    before = person.doc.get_state()
    found = person.doc.get(root, type=Map)
    with person.doc.transaction():
        for number in range(keys):
            found[f"key{number}"] = number
    update: bytes = person.doc.get_update(before)
    return update


async def test_a_large_edit_is_judged_aside_and_overtaken_by_nothing(
    tmp_path: Path, threads: list[str]
) -> None:
    """What its author and others say meanwhile comes behind it, and all of it is stored."""
    async with House.open(tmp_path) as house:
        await house.allow("user:ada", "read", "write", "delete")
        await house.allow("user:eve", "read")
        await house.allow("user:eve", "write", "delete", under=f"{MAIN}/t")
        ada, eve = (house.come(Dialect.YWEBSOCKET, name) for name in ("ada", "eve"))
        await ada.in_sync()
        await eve.in_sync()
        eve.type()
        await _ready(house)
        threads.clear()
        refused = fill(eve, "locked", 400)
        assert len(refused) > PASSING_BYTES
        eve.say(Update(refused))
        eve.type()
        ada.type()
        [live] = house.hub._rooms.values()
        assert (live.idle, live.waiting_bytes > 0) == (False, True)
        await _ready(house)
        assert await house.written("user:eve") == 3
        assert await house.written("user:ada") == 1
        aside = [name.startswith("collabkit scan") for name in threads]
        assert aside[:3] == [True, False, False]
        assert ada.reads == "xx"


async def _ready(house: House) -> None:
    """Wait until all is stored, and judged members can be judged."""
    [live] = house.hub._rooms.values()
    while not (_is_ready(live) and house.hub.aside.waiting == 0):
        await house.hub.settled()
        await asyncio.sleep(0)


def _is_ready(live: LiveRoom) -> bool:
    return live.idle and live.core.edits.judging.ready
