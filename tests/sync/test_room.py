"""A room against every order in which engine, disk and people can answer.

The machine plays the hub: it keeps what the room asked for and lets Hypothesis choose
what comes back next, and how. Clients, engine and log are real documents.
"""

from __future__ import annotations

from collections import deque
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from pycrdt import Doc, Text

from collabkit.access.model import Rights
from collabkit.crdt.budget import NO_BUDGET, Budget
from collabkit.crdt.engine import Bad, Death, Gap, Good, NothingNew, Verdict
from collabkit.crdt.update import advances, decode_state_vector, gap, scan
from collabkit.ids import Lineage, Seq, Subject
from collabkit.store.base import Draft, Loaded
from collabkit.store.base import Row as LogRow
from collabkit.sync import effects as fx
from collabkit.sync import events as on
from collabkit.sync.intake import MAX_STALLED_GAPS
from collabkit.sync.messages import (
    Ack,
    Edit,
    Message,
    Refused,
    Resume,
    Row,
    Synced,
    SyncStep1,
    SyncStep2,
    Update,
    Welcome,
)
from collabkit.sync.pending import LIGHT_PARTS
from collabkit.sync.room import Life, Room
from crdt import crafting


class Client:
    """A member with a real document, of a stock client or of one that follows the log."""

    def __init__(self, client_id: int, *, follows: bool, can_write: bool = True) -> None:
        self.doc: Doc[Any] = Doc(client_id=client_id)
        self.doc["t"] = Text()
        self.follows = follows
        self.can_write = can_write
        self.member = 0
        self.joined = False
        self.waiting: deque[bytes] = deque()  # edits without an answer, of this connection
        self.synced = False
        self.text_at_sync: str | None = None
        self.seen = 0
        self.rows: list[int] = []

    @property
    def text(self) -> Text:
        found: Text = self.doc["t"]
        return found

    def edit(self, text: str, at: int, delete: bool) -> bytes:
        before = self.doc.get_state()
        with self.doc.transaction():
            length = len(str(self.text))
            if delete and length:
                position = at % length
                del self.text[position : position + 1]
            else:
                self.text.insert(at % (length + 1), text)
        return self.doc.get_update(before)


class RoomMachine(RuleBasedStateMachine):
    """Chooses what happens next."""

    @initialize()
    def begin(self) -> None:
        self.now = 1000.0
        self.room = Room("main", now=self.now)
        self.log: list[tuple[Draft, int]] = []
        self.engine: Doc[Any] | None = None
        self.asked: dict[str, deque[Any]] = {
            name: deque() for name in ("open", "taste", "examine", "append", "diff", "read")
        }
        self.due: set[bool] = set()
        self.clients = [
            Client(11, follows=False),
            Client(12, follows=False),
            Client(13, follows=True),
            Client(14, follows=True),
            Client(15, follows=False, can_write=False),
        ]
        self.last_member = 0
        self.refused = False
        self.acked: list[bytes] = []
        self.said: dict[str, list[bytes]] = {}
        self.carry(self.room.start())

    # The hub's part

    def feed(self, event: on.RoomEvent) -> None:
        self.carry(self.room.handle(event, now=self.now))

    def carry(self, effects: list[fx.RoomEffect]) -> None:  # noqa: C901 - a table
        for effect in effects:
            match effect:
                case fx.Send(to, message, but):
                    for client in self.clients:
                        if client.joined and client.member in to and client.member != but:
                            self.deliver(client, message)
                case fx.Open():
                    self.asked["open"].append(None)
                case fx.Taste(updates):
                    assert not self.asked["taste"], "one trip to the engine at a time"
                    assert all(updates)
                    self.asked["taste"].append(updates)
                case fx.Examine(suspects):
                    assert not self.asked["examine"], "one examination at a time"
                    assert all(suspects)
                    self.asked["examine"].append(suspects)
                case fx.Append(drafts):
                    assert not self.asked["append"], "one transaction at a time"
                    assert drafts
                    self.asked["append"].append(drafts)
                case fx.Diff(vector):
                    self.asked["diff"].append(vector)
                case fx.ReadLog():
                    self.asked["read"].append(None)
                case fx.Wake(soon):
                    self.due.add(soon)
                case fx.Dismiss(member):
                    for client in self.clients:
                        if client.joined and client.member == member:
                            self.leave(client)
                case fx.MakeCheckpoint() | fx.Shut():
                    pass

    def deliver(self, client: Client, message: Message) -> None:
        match message:
            case Update(update) | SyncStep2(update):
                client.doc.apply_update(update)
                if isinstance(message, SyncStep2) and not client.synced:
                    client.synced = True
                    client.text_at_sync = str(client.text)
            case Row(seq, update):
                assert client.follows
                client.doc.apply_update(update)
                client.rows.append(seq)
                client.seen = seq
            case SyncStep1(vector):
                self.say(client, client.doc.get_update(vector), resync=True)
            case Ack(seq):
                update = client.waiting.popleft()
                self.acked.append(update)
                client.seen = max(client.seen, seq if client.follows else 0)
            case Refused():
                client.waiting.popleft()
            case Synced():
                client.synced = True
            case Welcome():
                state = client.doc.get_state()
                self.feed(on.Said(client.member, Resume(self.room.lineage, client.seen, state)))

    def say(self, client: Client, update: bytes, *, resync: bool = False) -> None:
        if not client.can_write and update == b"\x00\x00":
            return
        client.waiting.append(update)
        self.said.setdefault(f"user:{self.clients.index(client)}", []).append(update)
        if client.follows:
            self.feed(on.Said(client.member, Edit(client.seen, "", update)))
        elif resync:
            self.feed(on.Said(client.member, SyncStep2(update)))
        else:
            self.feed(on.Said(client.member, Update(update)))

    def leave(self, client: Client) -> None:
        client.joined = client.synced = False
        client.waiting.clear()
        client.rows.clear()
        self.feed(on.Left(client.member))

    def loaded(self) -> Loaded:
        rows = tuple(
            LogRow(
                Seq(seq), d.document, d.subject, d.body, d.at_ms, d.kind, d.clients,
                d.seen, d.group, d.origin,
            )
            for d, seq in self.log
        )  # fmt: skip
        return Loaded(Lineage("L"), None, rows, Seq(len(self.log)))

    def replay(self) -> Doc[Any]:
        doc: Doc[Any] = Doc()
        doc["t"] = Text()
        for draft, _ in self.log:
            doc.apply_update(draft.body)
        return doc

    # What people do

    @rule(which=st.integers(0, 4))
    def join(self, which: int) -> None:
        client = self.clients[which]
        if client.joined or self.room.life in (Life.CLOSED, Life.FAILED):
            return
        self.last_member += 1
        client.member = self.last_member
        client.joined = True
        self.feed(
            on.Joined(
                client.member,
                Subject(f"user:{which}"),
                Rights(can_write=client.can_write),
                client.follows,
            )
        )
        if not client.follows:
            self.feed(on.Said(client.member, SyncStep1(client.doc.get_state())))

    @rule(which=st.integers(0, 4))
    def go(self, which: int) -> None:
        if self.clients[which].joined:
            self.leave(self.clients[which])

    @rule(
        which=st.integers(0, 3),
        text=st.sampled_from(["a", "bc", "def"]),
        at=st.integers(0, 50),
        delete=st.booleans(),
    )
    def edit(self, which: int, text: str, at: int, delete: bool) -> None:
        client = self.clients[which]
        update = client.edit(text, at, delete)
        # A real client that is not in sync yet sends its edits all the same.
        if client.joined and (client.synced or not client.follows):
            self.say(client, update)

    @rule(which=st.integers(0, 1))
    def repeat(self, which: int) -> None:
        client = self.clients[which]
        if client.joined:
            self.say(client, client.doc.get_update(), resync=True)

    # What engine, disk and clock do

    @precondition(lambda self: self.asked["open"])
    @rule()
    def opened(self) -> None:
        self.asked["open"].popleft()
        self.engine = self.replay()
        vector = decode_state_vector(self.engine.get_state())
        self.feed(on.Opened("L", len(self.log), len(self.log), vector))

    def verdict(self, update: bytes) -> Verdict:
        assert self.engine is not None
        if gap(scan(update), decode_state_vector(self.engine.get_state())):
            return Gap()
        changed: list[object] = []
        subscription = self.engine.observe(changed.append)
        self.engine.apply_update(update)
        self.engine.unobserve(subscription)
        return Good() if changed else NothingNew()

    @precondition(lambda self: self.asked["taste"])
    @rule()
    def tasted(self) -> None:
        updates = self.asked["taste"].popleft()
        if self.engine is None:
            self.feed(on.EngineDied())
            return
        self.feed(on.Tasted(tuple(self.verdict(update) for update in updates)))

    @precondition(lambda self: self.asked["taste"])
    @rule(known=st.booleans())
    def died(self, known: bool) -> None:
        updates = self.asked["taste"].popleft()
        self.engine = None
        self.refused = self.refused or known
        self.feed(on.EngineDied(culprit=len(updates) - 1 if known else None))

    @precondition(lambda self: self.asked["examine"])
    @rule(guilty=st.booleans())
    def examined(self, guilty: bool) -> None:
        suspects = self.asked["examine"].popleft()
        deaths = (Death(len(suspects) - 1, "SIGSEGV"),) if guilty else ()
        self.refused = self.refused or guilty
        self.feed(on.Examined(deaths))

    def acquitted(self) -> None:
        self.asked["examine"].popleft()
        self.feed(on.Examined())

    @precondition(lambda self: self.asked["append"])
    @rule()
    def committed(self) -> None:
        drafts = self.asked["append"].popleft()
        seqs = tuple(Seq(len(self.log) + n + 1) for n in range(len(drafts)))
        self.log += [(draft, seq) for draft, seq in zip(drafts, seqs, strict=True)]
        self.feed(on.Committed(seqs))

    @precondition(lambda self: self.asked["append"])
    @rule()
    def append_failed(self) -> None:
        self.asked["append"].popleft()
        self.feed(on.AppendFailed("disk full"))

    @precondition(lambda self: self.asked["diff"])
    @rule()
    def diffed(self) -> None:
        vector = self.asked["diff"].popleft()
        if self.engine is None:
            self.feed(on.EngineDied(question=vector))
        else:
            self.feed(on.Diffed(vector, self.engine.get_update(vector)))

    @precondition(lambda self: self.asked["read"])
    @rule()
    def read(self) -> None:
        self.asked["read"].popleft()
        self.feed(on.LogRead(self.loaded()))

    @precondition(lambda self: self.due)
    @rule(soon=st.booleans())
    def woke(self, soon: bool) -> None:
        if soon in self.due:
            self.due.discard(soon)
            self.feed(on.Woke(soon))

    @rule(seconds=st.sampled_from([0.01, 0.5, 2.0, 12.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds
        self.feed(on.Ticked())

    # What must hold

    @invariant()
    def acknowledged_is_in_the_log(self) -> None:
        """Nothing acknowledged is absent after a replay."""
        if not hasattr(self, "log"):
            return
        vector = decode_state_vector(self.replay().get_state())
        for update in self.acked:
            assert not advances(scan(update), vector)
        self.acked.clear()

    @invariant()
    def the_log_keeps_each_authors_order(self) -> None:
        """What one author said first stands first in the log."""
        for subject, said in getattr(self, "said", {}).items():
            places = iter(said)
            logged = (draft.body for draft, _ in self.log if draft.subject == subject)
            assert all(any(body == place for place in places) for body in logged)

    @invariant()
    def rows_come_in_order(self) -> None:
        """Who follows the log is handed each row once a connection, in order."""
        for client in getattr(self, "clients", ()):
            assert client.rows == sorted(set(client.rows))

    def teardown(self) -> None:
        """Once everything answers, everybody who is there has the same, and the log has it."""
        if not hasattr(self, "log") or self.room.life in (Life.CLOSED, Life.FAILED):
            return
        for _ in range(200):
            self.now += 0.3
            for name, answer in (
                ("open", self.opened), ("taste", self.tasted), ("append", self.committed),
                ("diff", self.diffed), ("read", self.read), ("examine", self.acquitted),
            ):  # fmt: skip
                while self.asked[name]:
                    answer()
            for soon in list(self.due):
                self.due.discard(soon)
                self.feed(on.Woke(soon))
        assert self.room.edits.idle
        log = self.replay()
        for client in self.clients:
            if not client.joined or not client.can_write:
                continue
            # What was sent on and refused later stays with those who were sent it.
            whole = scan(log.get_update(), NO_BUDGET)
            assert not advances(whole, decode_state_vector(client.doc.get_state()))
            if not self.refused:
                assert not client.waiting, "every edit is answered in the end"
                assert str(client.text) == str(log["t"])


TestRoom = RoomMachine.TestCase
TestRoom.settings = settings(max_examples=150, stateful_step_count=60, deadline=None)


@pytest.fixture
def room() -> Room:
    made = Room("main", now=0.0)
    assert made.start() == [fx.Open()]
    made.handle(on.Opened("L", 0, 0, {}), now=0.0)
    return made


HI = bytes.fromhex("010107000401017402686900")  # client 7 writes "hi" into root "t"
YO = bytes.fromhex("0101070284070102796f00")  # and then "yo" behind it


def test_plain_edit_goes_out_at_once_and_is_acknowledged_after_the_commit(room: Room) -> None:
    """A plain edit is sent to the others at once; its author hears of it after the commit."""
    for member in (1, 2):
        room.handle(on.Joined(member, Subject("user:a")), now=0.0)
    [sent, wake] = room.handle(on.Said(1, Update(HI)), now=0.0)
    assert sent == fx.Send((1, 2), Update(HI), 1)
    assert wake == fx.Wake()
    assert room.handle(on.Woke(soon=False), now=0.0) == [fx.Taste((HI,))]
    [append] = room.handle(on.Tasted((Good(),)), now=0.0)
    assert isinstance(append, fx.Append)
    assert [draft.body for draft in append.drafts] == [HI]
    assert room.handle(on.Committed((Seq(1),)), now=0.0) == [fx.Send((1,), Ack(1))]


def test_a_gap_is_asked_for_and_answered_once_it_is_stored(room: Room) -> None:
    """An edit that builds on what the room lacks is not taken, but its content is asked for."""
    room.handle(on.Joined(1, Subject("user:a")), now=0.0)
    [ask] = room.handle(on.Said(1, Update(YO)), now=0.0)
    assert ask == fx.Send((1,), SyncStep1(b"\x00"))
    room.handle(on.Said(1, SyncStep2(HI)), now=0.0)
    room.handle(on.Woke(soon=False), now=0.0)
    room.handle(on.Tasted((Good(),)), now=0.0)
    assert room.handle(on.Committed((Seq(1),)), now=0.0) == [], "the gap is older and still open"
    room.handle(on.Said(1, Update(YO)), now=0.0)
    room.handle(on.Woke(soon=False), now=0.0)
    room.handle(on.Tasted((Good(),)), now=0.0)
    answers = room.handle(on.Committed((Seq(2),)), now=0.0)
    assert answers == [fx.Send((1,), Ack(seq)) for seq in (2, 1, 2)]


@pytest.mark.parametrize("vector", [b"\x00", b"\x01\x07\x01"])
def test_a_joiner_is_asked_together_with_his_answer(room: Room, vector: bytes) -> None:
    """An acknowledgement of what he sends back must not reach him before the content does."""
    room.handle(on.Joined(1, Subject("user:a")), now=0.0)
    [question] = room.handle(on.Said(1, SyncStep1(vector)), now=0.0)
    if vector == b"\x00":
        assert question == fx.ReadLog()
        loaded = Loaded(Lineage("L"), None, (), Seq(0))
        effects = room.handle(on.LogRead(loaded), now=0.0)
    else:
        assert question == fx.Diff(vector)
        effects = room.handle(on.Diffed(vector, b"\x00\x00"), now=0.0)
    to = (1,)
    assert effects == [fx.Send(to, SyncStep1(b"\x00")), fx.Send(to, SyncStep2(b"\x00\x00"))]


def test_refused_edit_puts_its_author_out_and_nobody_else(room: Room) -> None:
    """What the engine refuses costs its author the seat; the room goes on."""
    for member in (1, 2):
        room.handle(on.Joined(member, Subject("user:a")), now=0.0)
    room.handle(on.Said(1, Update(HI)), now=0.0)
    room.handle(on.Woke(soon=False), now=0.0)
    effects = room.handle(on.Tasted((Bad("bad", "no"),)), now=0.0)
    assert fx.Dismiss(1, 1008, "no (bad)") in effects
    assert fx.Send((1,), Refused("bad", "no")) in effects
    assert room.life is Life.OPEN


def test_nobody_has_anothers_id_banned(room: Room) -> None:
    """Who builds on what was refused him, under another's id, silences nobody."""
    ada, eve = Subject("user:ada"), Subject("user:eve")
    room.handle(on.Joined(1, ada), now=0.0)
    room.handle(on.Joined(2, eve), now=0.0)
    room.handle(on.Said(1, Update(HI)), now=0.0)
    bad = bytes.fromhex("010109000401017402686900")
    room.handle(on.Said(2, Update(bad)), now=0.0)
    room.handle(on.Woke(soon=False), now=0.0)
    room.handle(on.Tasted((Good(), Bad("bad", "no"))), now=0.0)
    room.handle(on.Joined(3, eve), now=0.0)
    forged = bytes.fromhex("010107028409010178") + b"\0"  # as Ada, behind what was refused
    effects = room.handle(on.Said(3, Update(forged)), now=0.0)
    assert [e.message for e in effects if isinstance(e, fx.Send)] == [
        Refused("banned", "it builds on an edit that was refused")
    ]
    room.handle(on.Said(1, Update(YO)), now=0.0)
    assert room.edits.vector == {7: 4}


def test_one_bad_edit_costs_the_good_ones_nothing(room: Room) -> None:
    """What is behind it in the same trip is counted, and built upon."""
    joined(room, 1, 2)
    room.handle(on.Said(2, Update(bytes.fromhex("010109000401017402686900"))), now=0.0)
    room.handle(on.Said(1, Update(HI)), now=0.0)
    room.handle(on.Woke(soon=False), now=0.0)
    room.handle(on.Tasted((Bad("bad", "no"), Good())), now=0.0)
    assert room.edits.vector == {7: 2}
    assert fx.Wake() in room.handle(on.Said(1, Update(YO)), now=0.0)


def test_what_the_guilty_bring_of_others_is_not_banned(room: Room) -> None:
    """Somebody's edit that is on its way, sent along by him whose update kills."""
    joined(room, 1, 2)
    room.handle(on.Said(1, Update(HI)), now=0.0)
    both = bytes.fromhex("0201070004010174026869010900040101740268690" + "0")
    room.handle(on.Said(2, Update(both)), now=0.0)
    room.handle(on.Woke(soon=False), now=0.0)
    room.handle(on.EngineDied(culprit=1), now=0.0)
    room.handle(on.Opened("L", 0, 0, {}), now=0.0)
    room.handle(on.Examined((Death(1, "SIGSEGV"),)), now=0.0)
    assert room.edits.vector == {7: 2}
    room.handle(on.Said(1, Update(YO)), now=0.0)
    assert room.edits.vector == {7: 4}


def test_who_deletes_half_a_character_is_not_put_out(room: Room) -> None:
    """A stock client may do so in good faith; the deletion is refused in words, and he stays."""
    room.handle(on.Joined(1, Subject("user:a")), now=0.0)
    room.handle(on.Said(1, Update(HI)), now=0.0)
    room.handle(on.Woke(soon=False), now=0.0)
    room.handle(on.Tasted((Good(),)), now=0.0)
    room.handle(on.Committed((Seq(1),)), now=0.0)
    room.handle(on.Said(1, Update(bytes.fromhex("000107010001"))), now=0.0)
    room.handle(on.Woke(soon=False), now=0.0)
    effects = room.handle(on.Tasted((Bad("parted-character", "no"),)), now=0.0)
    assert fx.Send((1,), Refused("parted-character", "no")) in effects
    assert not any(isinstance(effect, fx.Dismiss) for effect in effects)


def test_readers_are_refused_only_what_is_new(room: Room) -> None:
    """Who may not write is acknowledged what the room has, and refused the rest."""
    room.handle(on.Joined(1, Subject("user:r"), Rights(can_write=False)), now=0.0)
    assert room.handle(on.Said(1, SyncStep2(b"\x00\x00")), now=0.0) == [fx.Send((1,), Ack(0))]
    [answer] = room.handle(on.Said(1, Update(HI)), now=0.0)
    assert isinstance(answer, fx.Send)
    assert isinstance(answer.message, Refused)


def test_an_empty_room_lingers_and_then_is_over(room: Room) -> None:
    """A reload of the page finds the room again; later it is gone."""
    room.handle(on.Joined(1, Subject("user:a")), now=0.0)
    room.handle(on.Left(1), now=0.0)
    assert room.handle(on.Ticked(), now=1.0) == []
    room.handle(on.Joined(2, Subject("user:a")), now=2.0)
    assert room.life is Life.OPEN
    room.handle(on.Left(2), now=3.0)
    assert room.handle(on.Ticked(), now=60.0) == [fx.Shut()]
    assert room.life.value == "closed"


def test_a_busy_room_sends_spliced_after_the_taste(room: Room) -> None:
    """Under a flood nothing goes out before its verdict, and then as one update."""
    for member in (1, 2):
        room.handle(on.Joined(member, Subject("user:a")), now=0.0)
    doc: Doc[Any] = Doc(client_id=9)
    doc["t"] = text = Text()
    out: list[Any] = []
    for _ in range(60):
        before = doc.get_state()
        text += "x"
        out = room.handle(on.Said(1, Update(doc.get_update(before))), now=0.0)
    assert out == [fx.Wake(soon=True)]
    [taste] = room.handle(on.Woke(soon=True), now=0.0)
    assert isinstance(taste, fx.Taste)
    verdicts = tuple(Good() for _ in taste.updates)
    effects = room.handle(on.Tasted(verdicts), now=0.0)
    sends = [effect for effect in effects if isinstance(effect, fx.Send)]
    assert len(sends) == 1
    assert sends[0].but == 1


def test_what_is_heavy_is_not_joined_with_anything(room: Room) -> None:
    """To join what deletes very much would hold the loop; the order is kept all the same."""
    joined(room, 1, 2, 3)
    base = crafting.update((9, 0, [crafting.string("x" * 1000, root="t")]))
    ranges = {9: [(2 * at, 1) for at in range(LIGHT_PARTS + 1)]}
    heavy = crafting.update(deletes=ranges)
    pieces = [crafting.string("ab", root="u"), crafting.string("c", root="t")]
    light = [crafting.update((10 + n, 0, pieces)) for n in range(3)]
    for member, said in ((1, base), (1, light[0]), (2, light[1]), (2, heavy), (3, light[2])):
        room.handle(on.Said(member, Update(said)), now=0.0)
    [taste] = room.handle(on.Woke(soon=True), now=0.0)
    assert isinstance(taste, fx.Taste)
    effects = room.handle(on.Tasted(tuple(Good() for _ in taste.updates)), now=0.0)
    heard = {
        member: [
            effect.message.update
            for effect in effects
            if isinstance(effect, fx.Send) and member in effect.to and member != effect.but
            if isinstance(effect.message, Update)
        ]
        for member in (1, 2, 3)
    }
    assert heard[1] == [light[1], heavy, light[2]]
    assert heard[2] == [light[0], light[2]]
    assert len(heard[3]) == 2
    assert heard[3][-1] == heavy


def joined(room: Room, *members: int, follows: bool = False) -> None:
    for member in members:
        room.handle(on.Joined(member, Subject("user:a"), Rights(), follows), now=0.0)


def stall(room: Room) -> None:
    """Let the commit of HI by member 1 fail."""
    room.handle(on.Said(1, Update(HI)), now=0.0)
    room.handle(on.Woke(soon=False), now=0.0)
    room.handle(on.Tasted((Good(),)), now=0.0)
    assert fx.Open() in room.handle(on.AppendFailed("disk full"), now=0.0)


def test_after_a_failed_commit_members_are_asked_for_what_the_log_lacks(room: Room) -> None:
    """Nobody is acknowledged, and nothing is lost that a member holds."""
    joined(room, 1)
    stall(room)
    room.handle(on.Opened("L", 0, 0, {}), now=0.0)
    assert room.handle(on.Woke(soon=False), now=0.5) == [fx.Wake()]
    assert room.handle(on.Woke(soon=False), now=1.5) == [fx.Send((1,), SyncStep1(b"\x00"))]
    room.handle(on.Said(1, SyncStep2(HI)), now=1.5)
    room.handle(on.Woke(soon=False), now=1.6)
    room.handle(on.Tasted((Good(),)), now=1.6)
    answers = room.handle(on.Committed((Seq(1),)), now=1.6)
    assert answers == [fx.Send((1,), Ack(1)), fx.Send((1,), Ack(1))]


def test_who_goes_on_for_long_while_nothing_is_stored_comes_back_later(room: Room) -> None:
    """What waits for a full disk is bounded."""
    joined(room, 1)
    stall(room)
    last: list[Any] = []
    for _ in range(MAX_STALLED_GAPS + 1):
        last = last or room.handle(on.Said(1, Update(HI)), now=0.1)
    [dismissed] = last
    assert isinstance(dismissed, fx.Dismiss)
    assert dismissed.code == 1013


def test_a_log_that_cannot_be_read_costs_those_who_wait_and_not_the_room(room: Room) -> None:
    """Others go on; who came to join comes back later."""
    joined(room, 1)
    room.handle(on.Said(1, Update(HI)), now=0.0)
    joined(room, 2)
    assert room.handle(on.Said(2, SyncStep1(b"\x00")), now=0.0) == [fx.ReadLog()]
    assert room.handle(on.ReadFailed("damaged"), now=0.0) == [fx.Dismiss(2, 4500, "damaged")]
    assert room.life is Life.OPEN
    assert room.handle(on.Woke(soon=False), now=0.0) == [fx.Taste((HI,))]


def test_what_builds_on_a_refused_edit_is_refused_and_its_sender_stays(room: Room) -> None:
    """An innocent holder of a banned edit gets an answer, and keeps his seat."""
    joined(room, 1, 2)
    room.handle(on.Said(1, Update(HI)), now=0.0)
    room.handle(on.Woke(soon=False), now=0.0)
    room.handle(on.Tasted((Bad("bad", "no"),)), now=0.0)
    [answer] = room.handle(on.Said(2, Update(YO)), now=0.0)
    assert isinstance(answer, fx.Send)
    assert answer.to == (2,)
    assert isinstance(answer.message, Refused)
    assert answer.message.code == "banned"


def test_who_is_at_it_at_two_deaths_is_the_culprit(room: Room) -> None:
    """Once may be another's doing. Of a trip that killed twice the good ones pass."""
    joined(room, 1, 2)
    doc: Doc[Any] = Doc(client_id=9)
    doc["t"] = text = Text()
    said = []
    for letter in "abc":
        before = doc.get_state()
        text += letter
        said.append(doc.get_update(before))
        room.handle(on.Said(1, Update(said[-1])), now=0.0)
    effects: list[fx.RoomEffect] = []
    for culprit in (None, None, 0, 1, 1):
        assert room.handle(on.Woke(soon=False), now=0.0) == [fx.Taste(tuple(said))]
        assert room.handle(on.EngineDied(culprit=culprit), now=0.0) == [fx.Open()]
        effects = room.handle(on.Opened("L", 0, 0, {}), now=0.0)
        if culprit is not None:
            assert effects == [fx.Examine(tuple(said[: culprit + 1]))]
            assert room.handle(on.Woke(soon=False), now=0.0) == []
            effects = room.handle(on.Examined(), now=0.0)
    assert [e.member for e in effects if isinstance(e, fx.Dismiss)] == [1]
    assert [e.update for e in effects if isinstance(e, fx.Quarantine)] == [said[1]]
    assert room.handle(on.Woke(soon=False), now=0.0) == [fx.Taste((said[0], said[2]))]


def test_the_guilty_of_an_examination_are_refused_and_kept_apart(room: Room) -> None:
    """They are found beside the one at which the engine died; the others go on as before."""
    joined(room, 1, 2)
    said = []
    for client in (7, 8, 9):
        doc: Doc[Any] = Doc(client_id=client)
        doc["t"] = Text("x")
        said.append(doc.get_update())
        room.handle(on.Said(1, Update(said[-1])), now=0.0)
    room.handle(on.Woke(soon=False), now=0.0)
    room.handle(on.EngineDied(culprit=2), now=0.0)
    assert room.handle(on.Opened("L", 0, 0, {}), now=0.0) == [fx.Examine(tuple(said))]
    effects = room.handle(on.Examined((Death(1, "SIGSEGV"),)), now=0.0)
    kept = [effect for effect in effects if isinstance(effect, fx.Quarantine)]
    assert kept == [fx.Quarantine(Subject("user:a"), said[1], "SIGSEGV")]
    assert [e.member for e in effects if isinstance(e, fx.Dismiss)] == [1]
    assert room.handle(on.Woke(soon=False), now=0.0) == [fx.Taste((said[0], said[2]))]


def test_who_forwards_brings_what_others_wrote(room: Room) -> None:
    """Under their ids, which stay theirs, or nobody's."""
    ada, bridge = Subject("user:ada"), Subject("server:other")
    room.handle(on.Joined(1, ada), now=0.0)
    room.handle(on.Joined(2, bridge, can_forward=True, claims_ids=False), now=0.0)
    room.handle(on.Said(1, Update(HI)), now=0.0)
    assert fx.Wake() in room.handle(on.Said(2, Update(YO)), now=0.0)
    new = bytes.fromhex("010108000401017402686900")
    room.handle(on.Said(2, Update(new)), now=0.0)
    room.handle(on.Woke(soon=False), now=0.0)
    effects = room.handle(on.Tasted((Good(), Good(), Good())), now=0.0)
    [append] = [effect for effect in effects if isinstance(effect, fx.Append)]
    assert [(d.subject, d.claims) for d in append.drafts] == [
        (ada, (7,)),
        (bridge, ()),
        (bridge, ()),
    ]


def test_the_log_says_how_an_edit_came_in(room: Room) -> None:
    """As host code said of the member when he joined; what a client sends has no word in it."""
    room.handle(on.Joined(1, Subject("user:ada")), now=0.0)
    room.handle(on.Joined(2, Subject("user:bob"), origin="restore:7"), now=0.0)
    for member, update in ((1, HI), (2, bytes.fromhex("010108000401017402686900"))):
        room.handle(on.Said(member, Update(update)), now=0.0)
    room.handle(on.Woke(soon=False), now=0.0)
    effects = room.handle(on.Tasted((Good(), Good())), now=0.0)
    [append] = [effect for effect in effects if isinstance(effect, fx.Append)]
    assert [draft.origin for draft in append.drafts] == ["relay", "restore:7"]


def test_what_is_brought_back_is_told_in_the_log(room: Room) -> None:
    """During a recovery; by whom, and that it was; and it claims nothing."""
    bob = Subject("user:bob")
    opened = on.Opened(*("L", 0, 0, {7: 2}), recovers_until_ms=9, owners={7: Subject("user:ada")})
    room.handle(opened, now=0.0)
    room.handle(on.Joined(1, bob), now=0.0)
    room.handle(on.Said(1, Update(YO)), now=0.0)
    room.handle(on.Woke(soon=False), now=0.0)
    effects = room.handle(on.Tasted((Good(),)), now=0.0)
    [append] = [effect for effect in effects if isinstance(effect, fx.Append)]
    assert [(d.subject, d.origin, d.claims) for d in append.drafts] == [(bob, "recovery", ())]


def test_a_document_that_is_full_takes_deletions_only(room: Room) -> None:
    """Its authors are told, and stay."""
    room.edits.budget = Budget(document_bytes=1000)
    room.handle(on.Opened("L", 0, 0, {7: 2}, size_bytes=1000), now=0.0)
    joined(room, 1)
    effects = room.handle(on.Said(1, Update(YO)), now=0.0)
    refused = [e.message for e in effects if isinstance(e, fx.Send)]
    assert [m.code for m in refused if isinstance(m, Refused)] == ["document-too-large"]
    assert not any(isinstance(effect, fx.Dismiss) for effect in effects)
    delete_hi = bytes.fromhex("000107010002")
    assert fx.Wake() in room.handle(on.Said(1, Update(delete_hi)), now=0.0)
    room.edits.budget = Budget(document_bytes=2000)
    assert fx.Wake() in room.handle(on.Said(1, Update(YO)), now=0.0)


def test_a_checkpoint_makes_a_document_smaller(room: Room) -> None:
    """By what it does not have of what it was made of."""
    room.handle(on.Opened("L", 4, 4, {7: 2}, size_bytes=1000), now=0.0)
    room.handle(on.CheckpointKept(4, freed_bytes=300), now=0.0)
    assert room.edits.stored_bytes == 700


def test_what_is_quarantined_is_banned_from_the_start(room: Room) -> None:
    """Whoever still holds it is refused without being put out, as is who builds on it."""
    doc: Doc[Any] = Doc(client_id=9)
    doc["t"] = Text("x")
    update = doc.get_update()
    room.handle(on.Opened("L", 0, 0, {}, quarantined=(scan(update),)), now=0.0)
    room.handle(on.Joined(1, Subject("user:1")), now=0.0)
    effects = room.handle(on.Said(1, Update(update)), now=0.0)
    refused = [e.message for e in effects if isinstance(e, fx.Send)]
    assert [m.code for m in refused if isinstance(m, Refused)] == ["banned"]
    assert not any(isinstance(effect, fx.Dismiss) for effect in effects)


def test_a_document_that_cannot_be_told_is_read_from_the_log(room: Room) -> None:
    """Two deaths over questions, whosever; then everybody gets all there is, and no engine dies."""
    joined(room, 1, 2)
    vector = b"\x01\x07\x01"
    room.handle(on.Said(1, SyncStep1(vector)), now=0.0)
    assert room.handle(on.EngineDied(question=vector), now=0.0) == [fx.Open()]
    assert fx.Diff(vector) in room.handle(on.Opened("L", 0, 0, {}), now=0.0)
    assert room.handle(on.EngineDied(question=vector), now=0.0) == [fx.ReadLog(), fx.Open()]
    assert fx.Diff(vector) not in room.handle(on.Opened("L", 0, 0, {}), now=0.0)
    assert room.handle(on.Said(2, SyncStep1(b"\x01\x07\x02")), now=0.0) == []
    effects = room.handle(on.LogRead(Loaded(Lineage("L"), None, (), Seq(0))), now=0.0)
    assert {e.to for e in effects if isinstance(e, fx.Send) and type(e.message) is SyncStep2} == {
        (1, 2)
    }


def test_who_follows_the_log_resumes_once(room: Room) -> None:
    """A second Resume would hand everything twice."""
    joined(room, 1, follows=True)
    resume = Resume("L", 0, b"\x00")
    assert room.handle(on.Said(1, resume), now=0.0) == [fx.ReadLog()]
    [dismissed] = room.handle(on.Said(1, resume), now=0.0)
    assert isinstance(dismissed, fx.Dismiss)


def test_what_is_said_while_the_document_opens_is_bounded() -> None:
    """Every kind of message counts, not only edits."""
    room = Room("main", now=0.0)
    room.start()
    joined(room, 1)
    dismissed: list[Any] = []
    for _ in range(70):
        dismissed = dismissed or room.handle(on.Said(1, SyncStep1(b"\x00" * 2**20)), now=0.0)
    assert [type(effect) for effect in dismissed] == [fx.Dismiss]
