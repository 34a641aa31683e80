"""This program as one of those in a room of its own process: a replica over a channel in memory."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from ..errors import CannotWrite, ConnectionClosed
from ..sync.channel import MemoryChannel, memory_channels, serve_channel
from ..sync.hub import Hub
from ..sync.replica import Replica

__all__ = ["Dialling", "Member"]

# How a room says that it cannot be opened, and how a replica is told not to try again.
_ROOM_FAILED = 1011
_NO_USE = 4422

# A room tries a full disk again after a second; whoever waits for it is told before.
_LOOK_EVERY = 0.1

# Version 1: in one process nothing is worth packing, nor is this the place to compare.
IN_PROCESS = "collabkit.1"


class Member:
    """This program as one of those in a room.

    Attributes:
        document: The document.
        presence: What this program shows, and what the others do.
    """

    def __init__(self, replica: Replica, path: str, stalled: Callable[[], bool]) -> None:
        self.document = replica.document
        self.presence = replica.presence
        self._replica = replica
        self._path = path
        self._stalled = stalled

    def __repr__(self) -> str:
        return f"<Member by {self._replica!r}>"

    async def saved(self) -> None:
        """Wait until every edit so far is on disk.

        Raises:
            CannotWrite: The disk takes nothing. The edits stay, and get there when it does again.
        """
        saving = asyncio.ensure_future(self._replica.saved())
        try:
            while not saving.done():
                await asyncio.wait({saving}, timeout=_LOOK_EVERY)
                if not saving.done() and self._stalled():
                    raise CannotWrite(
                        self._path, "the disk takes nothing; the edits wait in memory"
                    )
        finally:
            saving.cancel()
        await saving

    async def reached(self, row: int) -> None:
        """Wait until a row of the log, that somebody else wrote, is in the document."""
        await self._replica.reached(row)


class Dialling:
    """A replica's way into a room of this process: one channel in memory after another."""

    def __init__(self, hub: Hub, room: str, token: str) -> None:
        self._hub = hub
        self._room = room
        self._token = token
        self._channel: MemoryChannel | None = None
        self._serving: set[asyncio.Task[None]] = set()

    async def dial(self) -> MemoryChannel:
        """Open a channel, as long as the room can be opened."""
        last = self._channel
        if last is not None and last.close_code == _ROOM_FAILED:
            raise ConnectionClosed(_NO_USE, last.close_reason)
        self._channel, theirs = memory_channels(self._room, subprotocol=IN_PROCESS)
        task = asyncio.create_task(serve_channel(self._hub, theirs, token=self._token, peer="host"))
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)
        return self._channel

    def close(self) -> None:
        """End what serves the channels."""
        for task in self._serving:
            task.cancel()
