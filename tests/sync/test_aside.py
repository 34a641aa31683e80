"""Large updates are scanned while others go on, and taken in the order in which they came."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import pytest

from collabkit.crdt.budget import Budget
from collabkit.crdt.scan import scan
from collabkit.errors import UpdateRefused
from collabkit.ids import Subject
from collabkit.sync.aside import Aside
from collabkit.sync.hocuspocus import Authenticate, CloseAddress, write_hocuspocus
from collabkit.sync.hub import Hub
from collabkit.sync.limits import LARGE_BYTES
from collabkit.sync.messages import (
    Ack,
    Edit,
    Resume,
    Row,
    Synced,
    SyncStep1,
    SyncStep2,
    Update,
    write,
)
from crdt.crafting import gc, string, update
from sync.conftest import MemorySocket, Sockets

LARGE = update((9, 0, [gc(1)] * LARGE_BYTES))
ADA = Subject("user:ada")


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


def text(client: int, clock: int) -> bytes:
    """A long string, behind what is there."""
    where = {"origin": (client, clock - 1)} if clock else {"root": str(client)}
    return string("x" * LARGE_BYTES, **where)


@contextmanager
def read_here() -> Iterator[list[int]]:
    """The sizes of what this thread scans, except where the engine does: that may be elsewhere."""
    sizes: list[int] = []

    def note(frame: FrameType, event: str, _: object) -> None:
        if event == "call" and frame.f_code is scan.__code__:
            caller = frame.f_back
            if caller is not None and "/collabkit/crdt/" not in caller.f_code.co_filename:
                sizes.append(len(frame.f_locals["update"]))

    sys.setprofile(note)
    try:
        yield sizes
    finally:
        sys.setprofile(None)


async def test_no_large_update_is_read_on_the_loop(hub: Hub, attach: Sockets) -> None:
    """Not for who writes it, who may not, who is slow, who comes later, nor where it is cut."""
    await hub.store.create_session("room", project="default", kind="collaborative", by=ADA)
    with read_here() as sizes:
        ada, bob, carl = attach("room", name="ada"), attach("room", name="bob"), attach("room")
        reader = attach("room", name="eve", token="ro")
        for socket in (ada, bob, carl, reader):
            await synced(socket)
        carl.buffered_bytes = 1 << 30
        hers = [update((9, at, [text(9, at)])) for at in range(0, 17 * LARGE_BYTES, LARGE_BYTES)]
        ada.say(*(write(Update(each)) for each in hers))
        await bob.until(lambda: write(Update(hers[-1])) in bob.frames)
        theirs = (9, 17 * LARGE_BYTES, [text(9, 17 * LARGE_BYTES)])
        his = update((8, 0, [text(8, 0)]))
        bob.say(write(Update(update(theirs, (8, 0, [text(8, 0)])))))
        await ada.until(lambda: write(Update(his)) in ada.frames)
        reader.say(write(SyncStep2(update((7, 0, [gc(1)] * LARGE_BYTES)))))
        carl.buffered_bytes = 0
        assert carl.link is not None
        carl.link.writable()
        await carl.until(lambda: len(carl.frames[-1]) > sum(map(len, hers)))
        small = update((8, LARGE_BYTES, [gc(1), gc(1)]))
        bob.say(write(Update(small)))
        await ada.until(lambda: write(Update(small)) in ada.frames)
        late = attach("room", name="dora")
        await synced(late)
        await hub.settled()
    assert len(small) in sizes
    assert max(sizes) <= LARGE_BYTES
    assert hub.counts.overflows == 1


async def test_what_a_reader_tells_deleted_is_compared_aside(hub: Hub, attach: Sockets) -> None:
    """He is acknowledged what he knows, and refused the rest."""
    await hub.store.create_session("room", project="default", kind="collaborative", by=ADA)
    half, length = LARGE_BYTES // 2, 2 * LARGE_BYTES
    written = (9, 0, [string("a" * length, root="t")])
    gone = update(written, deletes={9: [(2 * at, 1) for at in range(half)]})
    again = update(deletes={9: [(2 * at, 1) for at in range(half)]})
    fewer = update(deletes={9: [(0, 1)]})
    more = update(deletes={9: [(2 * at, 2) for at in range(half)]})
    assert len(again) > LARGE_BYTES
    with read_here() as sizes:
        ada = attach("room", name="ada")
        await synced(ada)
        reader = attach("room", name="eve", token="ro", subprotocol="collabkit.1")
        reader.say(write(Resume("", 0, b"\0")))
        ada.say(write(Update(gone)))
        await reader.until(lambda: write(Row(1, gone)) in reader.frames)
        reader.say(*(write(Edit(1, "", told)) for told in (again, more, fewer)))
        await reader.until(lambda: reader.frames.count(write(Ack(0))) == 2)
    refused = [at for at, frame in enumerate(reader.frames) if b"read-only" in frame]
    known = [at for at, frame in enumerate(reader.frames) if frame == write(Ack(0))]
    assert known[0] < refused[0] < known[1]
    assert all(size <= LARGE_BYTES for size in sizes)


async def test_those_who_have_large_updates_take_turns(attach: Sockets) -> None:
    """Somebody who has many keeps another waiting for one of them."""
    ada, bob = attach("room", name="ada"), attach("room", name="bob")
    for socket in (ada, bob):
        await synced(socket)
    carl = attach("room", subprotocol="collabkit.1")
    carl.say(write(Resume("", 0, b"\0")))
    await carl.until(lambda: write(Synced(0)) in carl.frames)
    hers = [update((9, at * LARGE_BYTES, [gc(1)] * LARGE_BYTES)) for at in range(3)]
    his = update((8, 0, [gc(1)] * LARGE_BYTES))
    ada.say(*(write(Update(each)) for each in hers))
    bob.say(write(Update(his)))
    await carl.until(lambda: sum(len(frame) > LARGE_BYTES for frame in carl.frames) == 4)
    rows = [frame for frame in carl.frames if len(frame) > LARGE_BYTES]
    in_turn = enumerate((hers[0], his, hers[1], hers[2]), 1)
    assert rows == [write(Row(seq, each)) for seq, each in in_turn]


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
