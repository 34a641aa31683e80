"""Somebody honest, cheap enough to have thousands of, who knows what was acknowledged.

A typist has a client id and types one letter at a time. He says again what a relay asks him for,
as every client does, and comes back when he was cut off, with all he had.
"""

from __future__ import annotations

import asyncio
import functools
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from collabkit.crdt.update import encode_state_vector
from collabkit.sync.messages import SyncStep2, Update
from crdt.crafting import string, update
from hostile.attacking import Attacker

__all__ = ["Typist"]


class Typist:
    """One author in one room.

    Attributes:
        typed: How many letters there are.
        stored: How many of them the relay has acknowledged.
        refused: One of them was not taken.
        gap_s: The longest time without an acknowledgement, while one was owed.
    """

    def __init__(self, client: int, room: str, dialect: str) -> None:
        self.client = client
        self.room = room
        self.typed = 0
        self.stored = 0
        self.gap_s = 0.0
        self.refused = False
        self._dialect = dialect
        self._moved = asyncio.Event()

    def __repr__(self) -> str:
        return f"<Typist {self.client} in {self.room}: {self.stored} of {self.typed}>"

    @property
    def acknowledged(self) -> bool:
        """Whether his dialect tells him what is stored."""
        return self._dialect != "y-websocket"

    @property
    def vector(self) -> bytes:
        """What he has: his own, nobody else's."""
        return encode_state_vector({self.client: self.typed} if self.typed else {})

    @asynccontextmanager
    async def present(self, url: str) -> AsyncIterator[None]:
        """Be in the room, and answer what is asked, until the end of the block."""
        async with AsyncExitStack() as stack:
            there = Attacker.joined(url, self.room, self._dialect, vector=self.vector)
            self._seat = await stack.enter_async_context(there)
            self._owed: list[int] = []
            answering = asyncio.create_task(self._answer())
            stack.callback(answering.cancel)
            yield

    def type(self) -> None:
        """Type a letter, and send it."""
        clock = self.typed
        self.typed += 1
        self._owed.append(self.typed)
        self._seat.say(Update(self._letters(clock)))

    def _letters(self, start: int) -> bytes:
        """The letters from this clock on."""
        letters = "x" * (self.typed - start)
        origin = (self.client, start - 1) if start else None
        return update((self.client, start, [string(letters, origin=origin, root="t")]))

    async def all_stored(self) -> None:
        """Wait until every letter is acknowledged."""
        while self.stored < self.typed:
            assert not self.refused, f"an honest edit was refused: {self}"
            self._moved.clear()
            await self._moved.wait()

    async def heard_out(self) -> None:
        """Wait until the relay has taken all that was said."""
        await self._seat.heard_out()

    async def _answer(self) -> None:
        seat = self._seat
        seen = (0, 0)  # how often it was asked, and how much was acknowledged
        at = time.perf_counter()
        while not seat.refused:
            before = seen
            await seat.until(functools.partial(_differs, seat, before))
            seen = (seat.asked, len(seat.statuses))
            if seen[0] > before[0] and self.typed:
                self._owed.append(self.typed)
                seat.say(SyncStep2(self._letters(0)))
            now = time.perf_counter()
            for told in seat.statuses[before[1] : seen[1]]:
                self.refused = self.refused or not told
                self.stored = max(self.stored, self._owed.pop(0))
                self.gap_s, at = max(self.gap_s, now - at), now
            if not self._owed:
                at = now
            self._moved.set()


def _differs(seat: Attacker, before: tuple[int, int]) -> bool:
    return (seat.asked, len(seat.statuses)) != before or seat.refused
