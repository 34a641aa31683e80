"""However links come and go, no edit of a replica is forgotten, and none is believed stored."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from copy import copy, deepcopy

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from collabkit.crdt.budget import Budget
from collabkit.crdt.update import advance, decode_state_vector, encode_state_vector, gap, scan
from collabkit.sync import client_effects as do
from collabkit.sync import client_events as on
from collabkit.sync import dialogue
from collabkit.sync import messages as say
from collabkit.sync.client_effects import Status
from collabkit.sync.exchange import Exchange
from collabkit.sync.tally import Standing
from crdt.crafting import string, update


@pytest.fixture(scope="module", autouse=True)
def small_pieces() -> Iterator[None]:
    """Let a handful of edits be more than a relay takes at once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dialogue, "PIECE", Budget(structs=2, delete_ranges=3))
        patch.setattr(dialogue, "LIGHT_BYTES", 0)
        yield


# Edits are numbered. Each odd one inserts a character, and the even one behind it deletes that,
# which no state vector shows.

CLIENT = 7


def written(numbers: list[int]) -> bytes:
    """The update that brings these edits."""
    inserted = [number // 2 for number in numbers if number % 2]
    deleted = [(number // 2 - 1, 1) for number in numbers if not number % 2]
    structs = [string("x", root="t") for _ in inserted]
    sections = [(CLIENT, inserted[0], structs)] if inserted else []
    return update(*sections, deletes={CLIENT: deleted} if deleted else {})


def brought(body: bytes) -> set[int]:
    """The edits that an update brings."""
    found = scan(body)
    inserted = {clock for s in found.sections for clock in range(s.clock, s.clock + s.length)}
    return {2 * clock + 1 for clock in inserted} | {2 * c + 2 for _, c, _ in found.deletes}


def vector(clock: int) -> bytes:
    return encode_state_vector({CLIENT: clock} if clock else {})


class Relay:
    """A model of a relay and its log. It sees a gap as real ones do."""

    def __init__(self, rows: list[bytes]) -> None:
        self.rows: list[bytes] = []
        self.stored: set[int] = set()
        self.reached: dict[int, int] = {}
        for row in rows:
            self.take(row)

    def take(self, body: bytes) -> say.Message:
        found = scan(body)
        if gap(found, self.reached):
            return say.Refused("gap", "it builds on what is not here")
        news = brought(body) - self.stored
        if not news:
            return say.Ack(0)
        advance(found, self.reached)
        self.stored |= news
        self.rows.append(body)
        return say.Ack(len(self.rows))


class World:
    """A replica whose document is a count of edits, a relay, and what is between them."""

    def __init__(self, relay: Relay, standing: Standing, made: int, numbered: list[int]) -> None:
        self.relay = relay
        self.made = made
        self.numbered = numbered  # which edit each number of the tally is; 0: none of them
        self.kept: list[tuple[Standing, int, list[int]]] = []
        self.exchange = Exchange(document="notes", standing=standing)
        self.now = 0.0
        self.dialling = False
        self.connected = False
        self.clogged = False
        self.up: deque[bytes] = deque()
        self.down: deque[say.Message] = deque()
        self.tell(on.Started())

    def twin(self) -> World:
        """The same, with a future of its own."""
        twin = copy(self)
        twin.exchange, twin.relay = deepcopy(self.exchange), deepcopy(self.relay)
        twin.up, twin.down = deque(self.up), deque(self.down)
        twin.numbered, twin.kept = self.numbered[:], []
        return twin

    def tell(self, event: on.Event) -> None:
        if isinstance(event, on.Edited):
            self.numbered.append(self.made)
        effects = self.exchange.handle(event, now=self.now)
        self.numbered += [0] * (self.exchange.tally.made - len(self.numbered))
        for effect in effects:
            match effect:
                case do.Dial():
                    self.dialling = True
                case do.HangUp() if self.connected:
                    self.cut()
                case do.Send(say.Edit(update=body)):
                    self.up.append(body)
                case do.Compare(since):
                    self.compare(since)
                case do.Record():
                    self.kept.append((self.exchange.position.standing, self.made, self.numbered[:]))

    def compare(self, since: bytes) -> None:
        known = decode_state_vector(since).get(CLIENT, 0)
        numbers = [n for n in range(1, self.made + 1) if n > 2 * known or not n % 2]
        self.tell(on.Compared(written(numbers), self.vector))

    @property
    def vector(self) -> bytes:
        """What the document has."""
        return vector((self.made + 1) // 2)

    def edit(self) -> None:
        self.made += 1
        self.tell(on.Edited(written([self.made])))

    def dial(self, *, works: bool) -> None:
        self.dialling = False
        self.tell(on.Dialling())
        if not works:
            self.tell(on.Lost(1006, "", 0.5))
            return
        self.connected, self.clogged = True, False
        self.tell(on.Opened(offered=True))
        self.down.append(say.Welcome(1, "L1", "user:ada", True, len(self.relay.rows)))

    def cut(self) -> None:
        self.connected = False
        self.up.clear()
        self.down.clear()
        self.tell(on.Lost(1006, "", 0.5))

    def replica_reads(self) -> None:
        message = self.down.popleft()
        if isinstance(message, say.SyncStep1):
            self.tell(on.Asked(message.vector, self.vector))
            return
        self.tell(on.Received(message))
        if isinstance(message, say.Welcome):
            self.down.append(say.Synced(len(self.relay.rows)))
            self.down.append(say.SyncStep1(encode_state_vector(self.relay.reached)))

    def relay_reads(self, *, refuse: bool = False) -> None:
        body = self.up.popleft()
        answer = say.Refused("no", "") if refuse else self.relay.take(body)
        self.down.append(answer)
        if isinstance(answer, say.Refused):
            self.down.append(say.SyncStep1(encode_state_vector(self.relay.reached)))

    def settle(self) -> None:
        """Let both sides read until nothing is left to read."""
        while self.up or self.down:
            if self.up:
                self.relay_reads()
            else:
                self.replica_reads()


class Links(RuleBasedStateMachine):
    """A world with a bad network, crashes and backups."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World(Relay([]), Standing(), 0, [])
        self.kept = [(Standing(), 0, list[int]())]
        self.current = True  # the replica lives on the newest standing there was
        self.restored = False

    # What happens

    @rule(count=st.integers(1, 7))
    def edit(self, count: int) -> None:
        for _ in range(count):
            self.world.edit()

    @precondition(lambda self: self.world.dialling)
    @rule(works=st.sampled_from([True, True, True, False]), turns=st.sampled_from([0, 1, 2, 12]))
    def dial(self, works: bool, turns: int) -> None:
        self.world.dial(works=works)
        self.talk(turns, refuse=-1)

    @precondition(lambda self: self.world.up or self.world.down)
    @rule(turns=st.integers(1, 12), refuse=st.integers(-1, 2))
    def talk(self, turns: int, refuse: int) -> None:
        """Both sides read on; the relay refuses one of the edits, for reasons of its own."""
        for _ in range(turns):
            if self.world.up:
                self.world.relay_reads(refuse=refuse == 0)
                refuse -= 1
            elif self.world.down:
                self.world.replica_reads()

    @precondition(lambda self: self.world.down)
    @rule()
    def replica_reads(self) -> None:
        self.world.replica_reads()

    @precondition(lambda self: self.world.connected)
    @rule()
    def clog_or_drain(self) -> None:
        world = self.world
        world.clogged = not world.clogged
        world.tell(on.Clogged(world.vector) if world.clogged else on.Drained())

    @rule(kind=st.sampled_from(["loss", "kill", "restore", "pause"]), count=st.integers(0, 3))
    def trouble(self, kind: str, count: int) -> None:
        match kind:
            case "loss" if self.world.connected:
                self.lose(count)
            case "kill":
                self.kill(count)
            case "restore" if self.current:
                self.restore(count)
            case "pause":
                self.world.now += 11.0 * count
                self.world.tell(on.Ticked())

    def lose(self, reads_on: int) -> None:
        """The link is cut; some of what was under way still arrives, unanswered."""
        for _ in range(min(reads_on, len(self.world.up))):
            self.world.relay.take(self.world.up.popleft())
        self.world.cut()

    def kill(self, age: int) -> None:
        """A new life, from the log of edits and a standing that may be old."""
        world = self.world
        self.kept += world.kept
        kept, edits, numbered = self.kept[-1 - min(age, len(self.kept) - 1)]
        self.current = self.current and kept.cursor == world.exchange.position.standing.cursor
        numbers = [*numbered, *range(edits + 1, world.made + 1)]
        standing = Standing(kept.lineage, kept.cursor, len(numbers), kept.acked)
        self.world = World(world.relay, standing, world.made, numbers)

    def restore(self, rows: int) -> None:
        """The relay goes back to a backup. It was stopped for that, so its links are gone."""
        world = self.world
        if world.connected:
            world.cut()
        world.relay = Relay(world.relay.rows[: len(world.relay.rows) - rows])
        self.restored = True

    # What holds

    @invariant()
    def counts_are_in_order(self) -> None:
        tally = self.world.exchange.tally
        assert 0 <= tally.acked <= tally.sent <= tally.made

    @invariant()
    def nothing_is_believed_stored_that_is_not(self) -> None:
        world = self.world
        believed = set(world.numbered[: world.exchange.tally.acked])
        assert self.restored or believed <= world.relay.stored | {0}

    @invariant()
    def nothing_pending_is_forgotten_when_live(self) -> None:
        """Once live, if nothing more goes wrong, the relay gets everything and says so."""
        if self.world.exchange.status is not Status.LIVE:
            return
        world = self.world.twin()
        if world.clogged:
            world.tell(on.Drained())
        world.settle()
        assert world.relay.stored == set(range(1, world.made + 1))
        assert world.exchange.tally.pending == 0

    def teardown(self) -> None:
        """In the end a good link brings the relay all there is, and the replica knows it."""
        world = self.world
        if world.exchange.status in (Status.REFUSED, Status.CLOSED):
            raise AssertionError(f"this relay breaks no rule, and was left: {world.exchange}")
        if world.connected:
            world.cut()
        world.dial(works=True)
        world.settle()
        assert world.relay.stored == set(range(1, world.made + 1))
        assert world.exchange.tally.pending == 0


Links.TestCase.settings = settings(max_examples=300, stateful_step_count=50)
TestLinks = Links.TestCase
