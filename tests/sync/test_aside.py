"""Large updates are scanned while others go on, and taken in the order in which they came."""

from __future__ import annotations

import asyncio
import time

import pytest

from collabkit.crdt.budget import Budget
from collabkit.crdt.scan import scan
from collabkit.errors import UpdateRefused
from collabkit.sync.aside import Aside
from collabkit.sync.hocuspocus import Authenticate, CloseAddress, write_hocuspocus
from collabkit.sync.limits import LARGE_BYTES
from collabkit.sync.messages import SyncStep1, SyncStep2, Update, write
from crdt.crafting import gc, string, update
from sync.conftest import MemorySocket, Sockets

LARGE = update((9, 0, [gc(1)] * LARGE_BYTES))
DENSE = update((9, 0, [gc(1)] * 600_000))


async def synced(socket: MemorySocket) -> None:
    socket.say(write(SyncStep1(b"\0")))
    await socket.until(lambda: write(SyncStep2(b"\0\0")) in socket.frames)


async def test_what_is_refused_is_refused_aside() -> None:
    """With the words of the scan itself."""
    aside = Aside()
    assert await aside.scan(LARGE, Budget()) == scan(LARGE)
    with pytest.raises(UpdateRefused) as refused:
        await aside.scan(LARGE, Budget(structs=10))
    assert refused.value.code == "too-many-structs"
    aside.close()


async def test_the_loop_goes_on_while_a_large_update_is_scanned() -> None:
    """It waits for a turn on the interpreter, and never for the scan."""
    begin = time.perf_counter()
    scan(DENSE)
    alone = time.perf_counter() - begin
    aside, loop = Aside(), asyncio.get_running_loop()
    longest, before = 0.0, loop.time()
    scanning = asyncio.ensure_future(aside.scan(DENSE, Budget()))
    while not scanning.done():
        await asyncio.sleep(0)
        longest, before = max(longest, loop.time() - before), loop.time()
    assert scanning.result().sections[0].structs == 600_000
    assert longest < alone / 2
    aside.close()


async def test_what_is_said_behind_a_large_update_comes_behind_it(attach: Sockets) -> None:
    """It may build on it; and others do not wait for either."""
    ada, bob = attach("room", name="ada"), attach("room", name="bob")
    for socket in (ada, bob):
        await synced(socket)
    behind = update((9, LARGE_BYTES, [string("behind", root="t")]))
    meanwhile = update((8, 0, [string("meanwhile", root="t")]))
    ada.say(write(Update(LARGE)), write(Update(behind)))
    bob.say(write(Update(meanwhile)))
    assert write(Update(meanwhile)) in ada.frames
    assert not any(b"behind" in frame for frame in bob.frames)
    await bob.until(lambda: any(b"behind" in frame for frame in bob.frames))
    assert ada.closed is None


async def test_who_leaves_behind_a_large_update_has_said_it(attach: Sockets) -> None:
    """The socket may be gone before it was looked at: it came whole."""
    ada, bob = attach("room", name="ada"), attach("room", name="bob")
    for socket in (ada, bob):
        await synced(socket)
    assert ada.link is not None
    ada.say(write(Update(LARGE)))
    ada.link.lost()
    await bob.until(lambda: any(len(frame) > LARGE_BYTES for frame in bob.frames))
    assert not ada.link.places


async def test_who_comes_back_meanwhile_does_not_say_it(attach: Sockets) -> None:
    """A place that was left and taken again is another: what was said there came before."""
    bob = attach("room", name="bob")
    await synced(bob)
    ada = attach("", token="t", name="ada")
    begin = [
        write_hocuspocus("room", Authenticate("t")),
        write_hocuspocus("room", SyncStep1(b"\0")),
    ]
    ada.say(*begin)
    await ada.until(lambda: any(b"room\0\1" in frame for frame in ada.frames))
    ada.say(write_hocuspocus("room", Update(LARGE)), write_hocuspocus("room", CloseAddress()))
    ada.say(*begin)
    await bob.until(lambda: any(len(frame) > LARGE_BYTES for frame in bob.frames))
    assert ada.closed is None


async def test_a_large_update_that_is_refused_ends_its_sender(attach: Sockets) -> None:
    """As a small one does; what he said behind it is not heard."""
    ada, bob = attach("room", name="ada"), attach("room", name="bob")
    for socket in (ada, bob):
        await synced(socket)
    behind = write(Update(update((9, 0, [string("behind", root="t")]))))
    ada.say(write(Update(LARGE + b"\0")), behind)
    await ada.until(lambda: any(b"trailing-bytes" in frame for frame in ada.frames))
    assert behind not in bob.frames
