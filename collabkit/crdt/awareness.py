"""Presence as its clients see it: who is here, and what they show. Never stored.

An awareness update is ``varUint n, n*(varUint client id, varUint clock, varString JSON)``.
A state is any JSON; ``null`` says that the client is gone.

Rules, as in y-protocols:

1. Of each client id the state with the highest clock counts; at the same clock, ``null``
   does. An unknown id starts above clock 0.
2. One's own state is renewed before it is 15 s old; others' are forgotten after 30 s.
3. Nobody else changes one's own state. Who says that this client is gone is contradicted.

The relay's table follows other rules, see `crdt.presence`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, TypeAlias

import msgspec

from ..errors import MalformedBytes, ValueNotStorable
from .lib0 import read_json, read_var_bytes, read_var_uint, var_bytes, var_uint

__all__ = [
    "EXPIRE_AFTER_MS",
    "GHOST_MS",
    "MAX_CLOCK",
    "NULL",
    "RENEW_AFTER_MS",
    "Awareness",
    "Change",
    "Entry",
    "decode_awareness",
    "encode_awareness",
    "is_null",
]

# As in y-protocols: a state lives for 30 s and is renewed at half of that.
EXPIRE_AFTER_MS = 30_000
RENEW_AFTER_MS = 15_000

# How long an issued clock is remembered after its client is gone. An echo comes within a
# round trip; peers that missed the goodbye forget the state themselves after 30 s.
GHOST_MS = 60_000

# Leaves others room to count on; honest clocks are counts or milliseconds, far below.
MAX_CLOCK = 1 << 52

NULL = b"null"

Entry: TypeAlias = tuple[int, int, bytes]
"""Client id, clock, and the state as JSON text."""


def encode_awareness(entries: Iterable[Entry]) -> bytes:
    """Encode an awareness update.

    >>> encode_awareness([(7, 1, b"null")]).hex()
    '010701046e756c6c'
    """
    parts = [b""]
    for client, clock, state in entries:
        parts += (var_uint(client), var_uint(clock), var_bytes(state))
    parts[0] = var_uint(len(parts) // 3)
    return b"".join(parts)


def decode_awareness(update: bytes) -> list[Entry]:
    """Split an awareness update; that the states are JSON is not checked.

    Raises:
        MalformedBytes: This is no awareness update.

    >>> decode_awareness(bytes.fromhex("010701046e756c6c"))
    [(7, 1, b'null')]
    """
    count, at = read_var_uint(update, 0)
    entries: list[Entry] = []
    for _ in range(count):
        client, at = read_var_uint(update, at)
        clock, at = read_var_uint(update, at)
        state, at = read_var_bytes(update, at)
        entries.append((client, clock, state))
    if at != len(update):
        raise MalformedBytes("bytes follow the awareness update", at)
    return entries


def is_null(state: bytes) -> bool:
    """Whether this JSON text says that its client is gone."""
    return state == NULL or state.strip(b" \t\r\n") == NULL


# A relay cannot make a client remember more ids than this.
MAX_KNOWN = 10_000


class Change(msgspec.Struct, frozen=True):
    """What happened to presence.

    Attributes:
        added: Client ids that are new here.
        updated: Those that show something else than before.
        removed: Those that are gone.
        announce: Whether one's own entry has to be sent, see :meth:`Awareness.encode`.
    """

    added: tuple[int, ...] = ()
    updated: tuple[int, ...] = ()
    removed: tuple[int, ...] = ()
    announce: bool = False

    def __bool__(self) -> bool:
        """Whether anything is to be shown anew."""
        return bool(self.added or self.updated or self.removed)


class _Known:
    """What is known of a client id, also when it is gone."""

    __slots__ = ("clock", "seen_ms", "state")

    def __init__(self, clock: int, state: bytes, seen_ms: int) -> None:
        self.clock = clock
        self.state = state
        self.seen_ms = seen_ms


class Awareness:
    """A client's view of who is here.

    Example:
        >>> ada, bob = Awareness(1), Awareness(2)
        >>> ada.set_local({"name": "Ada"}, now_ms=0)
        >>> bob.apply(ada.encode(), now_ms=0).added
        (1,)
        >>> bob.states[1]
        {'name': 'Ada'}
    """

    def __init__(self, client_id: int) -> None:
        self.client_id = client_id
        self._own = _Known(0, NULL, 0)
        self._others: dict[int, _Known] = {}
        self._states: dict[int, Any] = {}

    def __repr__(self) -> str:
        return f"<Awareness of {self.client_id}: {len(self._states)} states>"

    @property
    def states(self) -> Mapping[int, Any]:
        """What everybody shows, by client id; one's own is among them."""
        return MappingProxyType(self._states)

    @property
    def local(self) -> Any:
        """What this client shows; None if nothing."""
        return self._states.get(self.client_id)

    def set_local(self, state: Any, *, now_ms: int) -> None:
        """Show this state, or nothing (None). Send :meth:`encode` next.

        Raises:
            ValueNotStorable: The state is not JSON.
        """
        try:
            text = json.dumps(state, allow_nan=False, separators=(",", ":"))
        except (TypeError, ValueError, RecursionError) as error:
            raise ValueNotStorable(f"presence must be JSON: {error}") from None
        own = read_json(text)  # a copy, which the caller cannot change behind our back
        self._own = _Known(self._own.clock + 1, text.encode(), now_ms)
        if own is None:
            self._states.pop(self.client_id, None)
        else:
            self._states[self.client_id] = own

    def renew(self, *, now_ms: int) -> None:
        """Say again what is shown, with a new clock. Send :meth:`encode` next."""
        self._own = _Known(self._own.clock + 1, self._own.state, now_ms)

    def encode(self, ids: Iterable[int] | None = None) -> bytes:
        """Encode the entries of these client ids; without any, one's own.

        Ids of which nothing was ever known are left out.
        """
        entries = []
        for client in (self.client_id,) if ids is None else ids:
            known = self._own if client == self.client_id else self._others.get(client)
            if known is not None and known.clock:
                entries.append((client, known.clock, known.state))
        return encode_awareness(entries)

    def apply(self, update: bytes, *, now_ms: int) -> Change:
        """Take in what others show. Nobody can change what this client shows.

        Raises:
            MalformedBytes: This is no awareness update; nothing was changed.
        """
        entries = [(*entry, read_json(entry[2])) for entry in decode_awareness(update)]
        added, updated, removed, announce = [], [], [], False
        for client, clock, text, state in entries:
            if client == self.client_id:
                announce |= self._hear_of_self(clock, gone=state is None)
                continue
            known = self._others.get(client)
            if clock >= MAX_CLOCK or (known is None and len(self._others) >= MAX_KNOWN):
                continue
            here = client in self._states
            newest = clock > (known.clock if known else 0)
            if not newest and not (here and state is None and known and clock == known.clock):
                continue
            self._others[client] = _Known(clock, text, now_ms)
            if state is None:
                self._states.pop(client, None)
                if here:
                    removed.append(client)
                continue
            self._states[client] = state
            if not here:
                added.append(client)
            elif known is not None and known.state != text:
                updated.append(client)
        return Change(tuple(added), tuple(updated), tuple(removed), announce)

    def expire(self, *, now_ms: int) -> Change:
        """Renew one's own state at 15 s, forget others' at 30 s. Call every few seconds."""
        removed = []
        for client, known in tuple(self._others.items()):
            age_ms = now_ms - known.seen_ms
            if age_ms >= EXPIRE_AFTER_MS and self._states.pop(client, None) is not None:
                removed.append(client)
            if age_ms >= GHOST_MS:
                del self._others[client]
        due = self.local is not None and now_ms - self._own.seen_ms >= RENEW_AFTER_MS
        if due:
            self.renew(now_ms=now_ms)
        return Change(removed=tuple(removed), announce=due)

    def forget_others(self) -> Change:
        """The link is gone and the others with it; their clocks are forgotten too.

        So whatever the next link tells of them is news, even from a server that
        repeats old clocks.
        """
        removed = tuple(client for client in self._states if client != self.client_id)
        for client in removed:
            del self._states[client]
        self._others.clear()
        return Change(removed=removed)

    def _hear_of_self(self, clock: int, *, gone: bool) -> bool:
        """Outbid what is said of this client; True if it has to be contradicted."""
        own = self._own
        if clock >= MAX_CLOCK or clock < own.clock:
            return False
        # Only a `null` is answered, as in y-protocols: two clients of one id would
        # otherwise outbid each other for ever.
        contradict = gone and self.local is not None
        self._own = _Known(clock + contradict, own.state, own.seen_ms)
        return contradict
