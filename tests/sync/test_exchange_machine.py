"""However links come and go, no edit of a replica is forgotten, and none is believed stored."""

from __future__ import annotations

from collections import deque
from copy import deepcopy

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from collabkit.crdt.update import encode_state_vector
from collabkit.sync import client_effects as do
from collabkit.sync import client_events as on
from collabkit.sync import messages as say
from collabkit.sync.client_effects import Status
from collabkit.sync.exchange import Exchange
from collabkit.sync.tally import Standing


class Relay:
    """A model of a relay and its log: which of this replica's edits it has.

    It sees a gap as real ones do: an edit that builds on an insertion it does not have. That a
    deletion is missing it cannot see.
    """

    def __init__(self) -> None:
        self.stored: set[int] = set()
        self.rows: list[set[int]] = []

    def clock(self) -> int:
        """How many insertions it has, without a hole."""
        return max((n for n in self.stored if inserts(n)), default=0)

    def take(self, upto: int, *, whole: bool) -> say.Message:
        earlier = {n for n in range(1, upto) if inserts(n)}
        if not whole and not earlier <= self.stored:
            return say.Refused("gap", "it builds on what is not here")
        news = (set(range(1, upto + 1)) if whole else {upto}) - self.stored
        if not news:
            return say.Ack(0)
        self.stored |= news
        self.rows.append(news)
        return say.Ack(len(self.rows))

    def restore(self, rows: int) -> None:
        """Go back to a backup that has some rows less."""
        self.rows = self.rows[: len(self.rows) - rows]
        self.stored = set().union(*self.rows)


def inserts(number: int) -> bool:
    """Every second edit is a deletion, which no state vector shows."""
    return number % 2 == 1


def vector(clock: int) -> bytes:
    return encode_state_vector({7: clock} if clock else {})


class Links(RuleBasedStateMachine):
    """A replica whose document is a count of edits, a relay, and a bad network between them."""

    def __init__(self) -> None:
        super().__init__()
        self.relay = Relay()
        self.made = 0
        self.now = 0.0
        self.kept = [(Standing(), 0, list[int]())]
        self.numbered: list[int] = []  # which edit each number of the tally is; 0: none of them
        self.current = True  # the replica lives on the newest standing there was
        self.restored = False
        self.begin(Standing())

    def begin(self, standing: Standing) -> None:
        self.exchange = Exchange(document="notes", standing=standing)
        self.dialling = False
        self.connected = False
        self.up: deque[tuple[int, bool]] = deque()  # what the relay will read: upto, all of it
        self.down: deque[say.Message] = deque()
        self.clogged = False
        self.tell(on.Started())

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
                case do.Send(say.Edit(update=update)):
                    self.up.append((int.from_bytes(update), False))
                case do.Answer():
                    self.up.append((self.made, True))
                case do.Record():
                    self.kept.append((self.exchange.position.standing, self.made, self.numbered[:]))

    def cut(self) -> None:
        self.connected = False
        self.up.clear()
        self.down.clear()
        self.tell(on.Lost(1006, "", 0.5))

    # What happens

    @rule(count=st.integers(1, 4))
    def edit(self, count: int) -> None:
        for _ in range(count):
            self.made += 1
            self.tell(on.Edited(self.made.to_bytes(4)))

    @precondition(lambda self: self.dialling)
    @rule(works=st.sampled_from([True, True, True, False]), turns=st.sampled_from([0, 1, 2, 12]))
    def dial(self, works: bool, turns: int) -> None:
        self.dialling = False
        self.tell(on.Dialling())
        if not works:
            self.tell(on.Lost(1006, "", 0.5))
            return
        self.connected, self.clogged = True, False
        self.tell(on.Opened(offered=True))
        self.down.append(say.Welcome(1, "L1", "user:ada", True, len(self.relay.rows)))
        self.talk(turns, refuse=-1)

    @precondition(lambda self: self.up or self.down)
    @rule(turns=st.integers(1, 12), refuse=st.integers(-1, 2))
    def talk(self, turns: int, refuse: int) -> None:
        """Both sides read on; the relay refuses one of the edits, for reasons of its own."""
        for _ in range(turns):
            if self.up:
                self.relay_reads(refuse=refuse == 0)
                refuse -= 1
            elif self.down:
                self.replica_reads()

    @precondition(lambda self: self.down)
    @rule()
    def replica_reads(self) -> None:
        message = self.down.popleft()
        if isinstance(message, say.SyncStep1):
            mine = max((n for n in range(1, self.made + 1) if inserts(n)), default=0)
            self.tell(on.Asked(message.vector, vector(mine)))
            return
        self.tell(on.Received(message))
        if isinstance(message, say.Welcome):
            self.down.append(say.Synced(len(self.relay.rows)))
            self.down.append(say.SyncStep1(vector(self.relay.clock())))

    def relay_reads(self, *, refuse: bool) -> None:
        upto, whole = self.up.popleft()
        answer = say.Refused("no", "") if refuse else self.relay.take(upto, whole=whole)
        self.down.append(answer)
        if isinstance(answer, say.Refused):
            self.down.append(say.SyncStep1(vector(self.relay.clock())))

    @precondition(lambda self: self.connected)
    @rule()
    def clog_or_drain(self) -> None:
        self.clogged = not self.clogged
        self.tell(on.Clogged() if self.clogged else on.Drained())

    @rule(kind=st.sampled_from(["loss", "kill", "restore", "pause"]), count=st.integers(0, 3))
    def trouble(self, kind: str, count: int) -> None:
        match kind:
            case "loss" if self.connected:
                self.lose(count)
            case "kill":
                self.kill(count)
            case "restore" if self.current:
                self.restore(count)
            case "pause":
                self.now += 11.0 * count
                self.tell(on.Ticked())

    def lose(self, reads_on: int) -> None:
        """The link is cut; some of what was under way still arrives, unanswered."""
        for _ in range(min(reads_on, len(self.up))):
            upto, whole = self.up.popleft()
            self.relay.take(upto, whole=whole)
        self.cut()

    def kill(self, age: int) -> None:
        """A new life, from the log of edits and a standing that may be old."""
        kept, edits, numbered = self.kept[-1 - min(age, len(self.kept) - 1)]
        self.current = self.current and kept.cursor == self.exchange.position.standing.cursor
        self.numbered = [*numbered, *range(edits + 1, self.made + 1)]
        self.begin(Standing(kept.lineage, kept.cursor, len(self.numbered), kept.acked))

    def restore(self, rows: int) -> None:
        """The relay goes back to a backup. It was stopped for that, so its links are gone."""
        if self.connected:
            self.cut()
        self.relay.restore(rows)
        self.restored = True

    # What holds

    @invariant()
    def counts_are_in_order(self) -> None:
        tally = self.exchange.tally
        assert 0 <= tally.acked <= tally.sent <= tally.made

    @invariant()
    def nothing_is_believed_stored_that_is_not(self) -> None:
        believed = set(self.numbered[: self.exchange.tally.acked])
        assert self.restored or believed <= self.relay.stored | {0}

    @invariant()
    def nothing_pending_is_forgotten_when_live(self) -> None:
        """What is under way, if nothing more goes wrong, brings the relay everything."""
        asked = any(isinstance(message, say.SyncStep1) for message in self.down)
        if self.exchange.status is not Status.LIVE or self.clogged or asked:
            return
        expected = deepcopy(self.relay)
        answers = [expected.take(upto, whole=whole) for upto, whole in self.up]
        if not any(isinstance(answer, say.Refused) for answer in answers):
            assert expected.stored == set(range(1, self.made + 1))

    def teardown(self) -> None:
        """In the end a good link brings the relay all there is, and the replica knows it."""
        if self.exchange.status in (Status.REFUSED, Status.CLOSED):
            raise AssertionError(f"this relay breaks no rule, and was left: {self.exchange}")
        if self.connected:
            self.cut()
        self.dial(works=True, turns=1000)
        assert self.relay.stored == set(range(1, self.made + 1))
        assert self.exchange.tally.pending == 0


Links.TestCase.settings = settings(max_examples=300, stateful_step_count=50)
TestLinks = Links.TestCase
