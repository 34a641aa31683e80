"""What is long goes from one seat to the next, and what is said meanwhile comes behind it."""

from __future__ import annotations

from collabkit.sync.delivery import TURN_BYTES
from collabkit.sync.hub import Hub
from collabkit.sync.messages import SyncStep1, SyncStep2, Update, write
from crdt.crafting import string, update
from sync.conftest import MemorySocket, Sockets

LONG = write(Update(update((9, 0, [string("a" * TURN_BYTES, root="t")]))))
BEHIND = write(Update(update((8, 0, [string("behind", root="t")]))))


async def heard(socket: MemorySocket, frame: bytes) -> None:
    await socket.until(lambda: frame in socket.frames)


async def test_what_is_long_goes_to_one_after_the_other(attach: Sockets, hub: Hub) -> None:
    """The loop is free in between. All get the same frame, in its order; who left does not."""
    ada, bob, carl, dora, eve = crowd = [attach("room") for _ in range(5)]
    for socket in crowd:
        socket.say(write(SyncStep1(b"\0")))
        await heard(socket, write(SyncStep2(b"\0\0")))
    readers = (bob, carl, dora)
    ada.say(LONG)
    await heard(bob, LONG)
    assert LONG not in dora.frames
    ada.say(BEHIND)
    assert eve.link is not None
    eve.link.lost()
    for socket in readers:
        await heard(socket, BEHIND)
        assert socket.frames[-2:] == [LONG, BEHIND]
        assert socket.frames[-2] is bob.frames[-2]
    assert LONG not in eve.frames
    assert hub.counts.deliveries == 2 * len(readers)
