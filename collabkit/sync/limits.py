"""How much is much: rates and counts from which on somebody is treated otherwise."""

from __future__ import annotations

from collections import Counter

import msgspec

__all__ = ["LARGE_BYTES", "Census", "Meter", "Pace", "Rate"]

# An update above this is not looked at in passing. The densest of this size is scanned in some
# 16 ms; nearly all are a thousand times smaller.
LARGE_BYTES = 64 * 1024
# A reader that was even for so long has ended what made it flood. As long as the longest rest.
CALM = 5.0
# One rest; so a goodbye, a change of limits and a drain are never far.
LONGEST_REST = 5.0


class Pace:
    """Tells whether things come faster than ``per_second``, by counting whole seconds.

    Args:
        per_second: From this many in one second on it is busy, until a second has fewer.

    >>> pace = Pace(per_second=2)
    >>> pace.count(now=10.1), pace.count(now=10.2), pace.count(now=12.0)
    (False, True, False)
    """

    __slots__ = ("_in_second", "_per_second", "_second", "busy")

    def __init__(self, *, per_second: int) -> None:
        self.busy = False
        self._per_second = per_second
        self._second = 0
        self._in_second = 0

    def __repr__(self) -> str:
        return f"<Pace {self._in_second}/{self._per_second} in second {self._second}>"

    def count(self, *, now: float) -> bool:
        """Count one, and tell whether it is busy."""
        second = int(now)
        if second != self._second:
            full = self._in_second >= self._per_second
            self.busy = full and second == self._second + 1
            self._second, self._in_second = second, 0
        self._in_second += 1
        if self._in_second >= self._per_second:
            self.busy = True
        return self.busy


class Rate(msgspec.Struct, frozen=True):
    """What a connection may send: so much for ever, and a burst beyond it.

    Attributes:
        messages: A second. In a room of 200 whose clients show a cursor each second, stock
            clients say 200 frames a second each: what they hear of others they say again.
        burst_messages: At once: what somebody wrote offline comes in one go.
        bytes: A second.
        burst_bytes: At once: the largest message, and what else a large document brings.
    """

    messages: int = 1_000
    burst_messages: int = 10_000
    bytes: int = 4 << 20
    burst_bytes: int = 64 << 20


class Meter:
    """Two token buckets, of messages and of bytes, that are filled only when they are empty.

    The common path is two subtractions and no look at the clock. When one is below zero,
    :meth:`rest` fills both for the time that went by, and says how long to take nothing.

    >>> meter = Meter(Rate(messages=10, burst_messages=2), now=0.0)
    >>> [meter.spend(5), meter.spend(5), meter.spend(5)]
    [False, False, True]
    >>> meter.rest(now=0.0)
    0.1
    """

    __slots__ = ("_bytes", "_even_until", "_filled_at", "_flooding_since", "_messages", "_rate")

    def __init__(self, rate: Rate, *, now: float) -> None:
        self._rate = rate
        self._messages = float(rate.burst_messages)
        self._bytes = float(rate.burst_bytes)
        self._filled_at = now
        self._flooding_since = now
        self._even_until = now - CALM

    def __repr__(self) -> str:
        return f"<Meter {self._messages:.0f} messages, {self._bytes:.0f} bytes left>"

    def spend(self, size_bytes: int) -> bool:
        """Count a message; True if it is time to ask for a :meth:`rest`."""
        self._messages -= 1
        self._bytes -= size_bytes
        return self._messages < 0 or self._bytes < 0

    def rest(self, *, now: float) -> float:
        """How long to take nothing, in seconds; 0 if what was sent is within the rate."""
        rate, past = self._rate, now - self._filled_at
        self._filled_at = now
        self._messages = min(self._messages + past * rate.messages, rate.burst_messages)
        self._bytes = min(self._bytes + past * rate.bytes, rate.burst_bytes)
        owed = max(-self._messages / rate.messages, -self._bytes / rate.bytes)
        if owed <= 0:
            return 0.0
        if now - self._even_until >= CALM:
            self._flooding_since = now
        owed = min(owed, LONGEST_REST)
        self._even_until = now + owed
        return owed

    def flooding_s(self, *, now: float) -> float:
        """For how long it has been beyond its rate, without five seconds of calm."""
        return now - self._flooding_since if now - self._even_until < CALM else 0.0


class Census:
    """Counts who is there, by a name, and tells when one name has as many as it may.

    >>> census = Census(most=1)
    >>> census.enter("192.0.2.7")
    >>> census.full("192.0.2.7"), census.full("192.0.2.8"), census.full(None)
    (True, False, False)
    >>> census.leave("192.0.2.7")
    >>> len(census)
    0
    """

    __slots__ = ("_counts", "most")

    def __init__(self, *, most: int) -> None:
        self.most = most
        self._counts: Counter[str] = Counter()

    def __repr__(self) -> str:
        return f"<Census of {self._counts.total()} under {len(self)} names, {self.most} each>"

    def __len__(self) -> int:
        return len(self._counts)

    def full(self, name: str | None) -> bool:
        """Whether one more of this name is too many; those without a name are not counted."""
        return name is not None and self._counts[name] >= self.most

    def enter(self, name: str | None) -> None:
        """Count one in."""
        if name is not None:
            self._counts[name] += 1

    def leave(self, name: str | None) -> None:
        """Count one out."""
        if name is not None:
            self._counts[name] -= 1
            if self._counts[name] <= 0:
                del self._counts[name]
