"""The connected clients of one server, and the rounds that are made among them."""

from __future__ import annotations

import asyncio
import logging

from ..sync.hub import Hub
from ..sync.limits import Census
from .addresses import counted_as
from .farewell import spread
from .hoard import Hoard
from .limits import Limits
from .metrics import Traffic
from .wire import Wire

__all__ = ["Ward"]

log = logging.getLogger(__name__)

# Parts in which a round is made: with 10,000 clients, 500 pings each second and no stall.
SLICES = 20


class Ward:
    """Holds the wires of a server from their first to their last moment.

    Args:
        hub: Where they are attached.
        traffic: Where they are counted.
        addresses: Where they are counted by what they come from.
        limits: What they may cost.
    """

    def __init__(self, hub: Hub, traffic: Traffic, addresses: Census, limits: Limits) -> None:
        self.hub = hub
        self.traffic = traffic
        self.limits = limits
        self.hoard = traffic.hoard = Hoard(most_bytes=limits.max_unfinished_bytes)
        self._addresses = addresses
        self._slices: list[set[Wire]] = [set() for _ in range(SLICES)]
        self._admitted = 0
        self._empty = asyncio.Event()
        self._empty.set()
        traffic.unsent_bytes = self._unsent_bytes

    def __repr__(self) -> str:
        return f"<Ward of {sum(map(len, self._slices))} wires>"

    def opened(self, wire: Wire) -> int:
        """Take a wire in; returns the slice it is in."""
        self._admitted += 1
        self.traffic.connections += 1
        self._addresses.enter(counted_as(wire.visit.peer))
        self._empty.clear()
        mine = self._admitted % SLICES
        self._slices[mine].add(wire)
        log.info("connected from %s", wire.visit.peer, extra={"connection": wire.name})
        return mine

    def closed(self, wire: Wire, mine: int) -> None:
        """Let a wire go."""
        self._slices[mine].discard(wire)
        self.traffic.connections -= 1
        self._addresses.leave(counted_as(wire.visit.peer))
        log.info("disconnected", extra={"connection": wire.name})
        if not self.traffic.connections:
            self._empty.set()

    async def rounds(self) -> None:
        """Look after everybody, for ever."""
        while True:
            for wires in self._slices:
                await asyncio.sleep(self.limits.round_s / SLICES)
                for wire in list(wires):
                    try:
                        wire.look_after()
                    except Exception:
                        log.exception("%s cannot be looked after", wire)
                        wire.cut()

    def hold(self) -> None:
        """Take no more from anybody, so that what was taken can settle."""
        for wire in self._wires():
            wire.hold()

    async def send_home(self, code: int, reason: str) -> None:
        """Say goodbye to all, a few at a time, and cut off who has not left in time."""
        within = self.limits.drain_timeout
        try:
            async with asyncio.timeout(within):
                async for group in spread(self._wires(), within=within):
                    for wire in group:
                        wire.close(code, reason)
                await self._empty.wait()
        except TimeoutError:
            for wire in self._wires():
                wire.cut()
            await self._empty.wait()

    def _unsent_bytes(self) -> int:
        return sum(wire.buffered_bytes for wire in self._wires())

    def _wires(self) -> list[Wire]:
        return [wire for wires in self._slices for wire in wires]
