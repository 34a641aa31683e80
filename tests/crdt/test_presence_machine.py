"""Everybody who is in a room sees everybody, whoever comes, goes and echoes."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from collabkit.crdt.awareness import NULL, Awareness, decode_awareness, encode_awareness
from collabkit.crdt.presence import Presence

NOW = 2 * 10**12


class Room(RuleBasedStateMachine):
    """Stock clients that echo everything, in a room where everybody comes and goes."""

    @initialize()
    def open(self) -> None:
        self.room = Presence()
        self.now_ms = NOW
        self.clients: dict[int, Awareness] = {}
        self.members: dict[int, int] = {}  # client id -> member, while connected
        self.next_member = 1

    def spread(self, news: bytes | None, author: int | None = None) -> None:
        """Bring news to all but their author; each sends back what changed, as stock clients do."""
        if news is None:
            return
        for client, member in tuple(self.members.items()):
            if member == author:
                continue
            change = self.clients[client].apply(news, now_ms=self.now_ms)
            changed = (*change.added, *change.updated, *change.removed)
            echo = self.clients[client].encode([*changed, *([client] if change.announce else ())])
            self.say(client, echo)

    def say(self, client: int, words: bytes) -> None:
        member = self.members[client]
        self.spread(self.room.receive(member, "anonymous:", words, now_ms=self.now_ms), member)

    @rule(client=st.integers(1, 4), state=st.sampled_from("abc"))
    def show(self, client: int, state: str) -> None:
        awareness = self.clients.setdefault(client, Awareness(client))
        awareness.set_local(state, now_ms=self.now_ms)
        if client not in self.members:
            self.connect(client)
        else:
            self.say(client, awareness.encode())

    def connect(self, client: int) -> None:
        self.members[client] = self.next_member
        self.next_member += 1
        self.say(client, self.clients[client].encode())
        snapshot = self.room.snapshot(self.members[client], now_ms=self.now_ms)
        if snapshot is not None:
            self.clients[client].apply(snapshot, now_ms=self.now_ms)

    def lose(self, client: int) -> int | None:
        """Cut a client off; like stock ones, it forgets states and keeps their clocks."""
        awareness = self.clients.get(client)
        if awareness is not None:
            others = decode_awareness(awareness.encode(set(awareness.states) - {client}))
            gone = encode_awareness([(other, clock, NULL) for other, clock, _ in others])
            awareness.apply(gone, now_ms=self.now_ms)
        return self.members.pop(client, None)

    @rule(client=st.integers(1, 4), found_dead_first=st.booleans())
    def reconnect(self, client: int, found_dead_first: bool) -> None:
        old = self.lose(client)
        if old is None:
            return
        if found_dead_first:
            self.spread(self.room.leave(old, now_ms=self.now_ms))
        self.connect(client)
        if not found_dead_first:
            self.spread(self.room.leave(old, now_ms=self.now_ms))

    @rule(client=st.integers(1, 4))
    def vanish(self, client: int) -> None:
        member = self.lose(client)
        if member is not None:
            self.spread(self.room.leave(member, now_ms=self.now_ms))

    @rule(client=st.integers(1, 4))
    def clear(self, client: int) -> None:
        if client in self.members:
            self.clients[client].set_local(None, now_ms=self.now_ms)
            self.say(client, self.clients[client].encode())

    @rule(step=st.sampled_from([1, 1_000, 14_000]))
    def pass_time(self, step: int) -> None:
        self.now_ms += step
        for client in tuple(self.members):
            if self.clients[client].expire(now_ms=self.now_ms).announce:
                self.say(client, self.clients[client].encode())
        self.spread(self.room.expire(now_ms=self.now_ms))

    @invariant()
    def everybody_sees_everybody(self) -> None:
        """Who is connected and shows something is seen by all, at once; nobody else is."""
        if not hasattr(self, "room"):
            return
        local = {client: self.clients[client].local for client in self.members}
        shown = {client: state for client, state in local.items() if state is not None}
        assert self.room.states() == shown
        for client in self.members:
            assert dict(self.clients[client].states) == shown


TestRoom = Room.TestCase
