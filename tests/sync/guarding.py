"""A room whose engine, disk and people answer at once, for those who are judged in it."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from pycrdt import Doc, Map, Text

from collabkit.access.model import Rights
from collabkit.access.rules import Decision
from collabkit.crdt.places import Places
from collabkit.crdt.replay import Replay
from collabkit.crdt.touches import Touch
from collabkit.ids import Lineage, Seq, Subject
from collabkit.store.base import Draft, Loaded
from collabkit.store.base import Row as LogRow
from collabkit.sync import effects as fx
from collabkit.sync import events as on
from collabkit.sync.messages import Edit, Message, Receipt, Row, SyncStep2, Update
from collabkit.sync.room import Room

DOCUMENT = "/projects/p/sessions/s/docs/main"
SECRET = "never to be seen"

_YES = Decision(allowed=True, code="allow", rules=("writers",))
_NO = Decision(allowed=False, code="explicit-deny", rules=("locked",))


def judge(*locked: str) -> Callable[..., list[Decision]]:
    """A judge who lets nobody touch these roots, or these keys of ``m``."""

    def decide(touches: Sequence[Touch], *, now: float) -> list[Decision]:
        return [_NO if set(touch.steps[:2]) & set(locked) else _YES for touch in touches]

    return decide


LOCKED = Rights(judge=judge("theme", "locked"), path=DOCUMENT)


class Person:
    """A member with a real document, that hears what a socket would."""

    def __init__(self, member: int, name: str, *, follows: bool = False, version: int = 3) -> None:
        self.member = member
        self.subject = Subject(f"user:{name}")
        self.follows = follows
        self.version = version
        self.doc: Doc[Any] = Doc(client_id=member * 1000)
        self.doc["m"] = Map()
        self.heard: list[Message] = []
        self.unsaid: list[bytes] = []
        self._watch = self.doc.observe(self._changed)
        self._hearing = False

    def _changed(self, event: Any) -> None:
        if not self._hearing:
            self.unsaid.append(event.update)

    def take(self, update: bytes) -> None:
        """Have it in the document, as if it had come before."""
        self._hearing = True
        self.doc.apply_update(update)
        self._hearing = False

    def hear(self, message: Message) -> None:
        """Take a message in."""
        self.heard.append(message)
        if isinstance(message, Update | Row | SyncStep2):
            self.take(message.update)

    @property
    def m(self) -> dict[str, Any]:
        """What the map has."""
        return dict(self.doc["m"].to_py() or {})

    @property
    def key(self) -> int:
        """What tells him from others, whatever connection he comes by."""
        return self.doc.client_id

    def text(self, root: str) -> str:
        """What a text has."""
        return str(self.doc.get(root, type=Text))

    def said(self, kind: type[Message]) -> list[Any]:
        """What was heard of this kind."""
        return [message for message in self.heard if isinstance(message, kind)]

    @property
    def receipts(self) -> list[Any]:
        """What was heard of refusals."""
        return [json.loads(message.body) for message in self.said(Receipt)]


class House:
    """A room, and all that it asks for, done at once unless it is held up.

    Attributes:
        held: Effects of these kinds wait in ``waiting``, to be done by :meth:`go_on`.
    """

    def __init__(self) -> None:
        self.now = 0.0
        self.room = Room("main", now=0.0)
        self.replay = Replay("main")
        self.rows: list[Draft] = []
        self.people: dict[int, Person] = {}
        self.asked: list[fx.RoomEffect] = []
        self.held: tuple[type[fx.RoomEffect], ...] = ()
        self.waiting: deque[fx.RoomEffect] = deque()
        self.carry(self.room.start())

    def seat(self, person: Person, rights: Rights | None = None) -> Person:
        """Let somebody in."""
        self.people[person.member] = person
        rights = rights or Rights(path=DOCUMENT)
        may = (person.member, person.subject, rights, person.follows, person.version)
        self.feed(on.Joined(*may))
        if person.follows:
            self.room.edits.followers = (*self.room.edits.followers, person.member)
        return person

    def say(self, person: Person) -> None:
        """Send what somebody wrote, edit by edit."""
        for update in person.unsaid:
            words = Edit(0, "", update) if person.follows else Update(update)
            self.feed(on.Said(person.member, words))
        person.unsaid.clear()

    def settle(self) -> None:
        """Let the clock turn until nothing is on its way."""
        for _ in range(6):
            self.feed(on.Woke(soon=True))
            self.feed(on.Woke(soon=False))

    def feed(self, event: on.RoomEvent) -> None:
        """Tell the room, and do what it asks for."""
        self.carry(self.room.handle(event, now=self.now))

    def carry(self, effects: Sequence[fx.RoomEffect]) -> None:
        """Do it, in order; what comes of it is told behind all of it."""
        events = []
        for effect in effects:
            self.asked.append(effect)
            if isinstance(effect, self.held):
                self.waiting.append(effect)
            elif (event := self.outcome(effect)) is not None:
                events.append(event)
        for event in events:
            self.feed(event)

    def go_on(self) -> None:
        """Do what was held up."""
        self.held = ()
        waiting, self.waiting = list(self.waiting), deque()
        self.carry(waiting)

    def outcome(self, effect: fx.RoomEffect) -> on.RoomEvent | None:
        """What comes of an effect."""
        match effect:
            case fx.Open():
                self.replay = Replay("main")
                self.replay.load(row.body for row in self.rows)
                return on.Opened("L", len(self.rows), len(self.rows), dict(self.replay.vector))
            case fx.Taste(updates):
                return on.Tasted(tuple(self.replay.taste(updates)))
            case fx.Survey():
                return on.Surveyed(self.places())
            case fx.ReadLog():
                rows = tuple(map(_row, range(1, len(self.rows) + 1), self.rows))
                return on.LogRead(Loaded(Lineage("L"), None, rows, Seq(len(rows))))
            case fx.Diff(vector):
                return on.Diffed(vector, self.replay.core.encode(vector))
            case fx.Append(drafts):
                self.rows += drafts
                last = len(self.rows)
                return on.Committed(tuple(Seq(last - n) for n in range(len(drafts))[::-1]))
            case fx.Send(to, message, but):
                for member in to:
                    if member != but and member in self.people:
                        self.people[member].hear(message)
        return None

    def places(self) -> Places:
        """What a survey tells."""
        return Places.decode(self.replay.survey())

    def everybody(self) -> list[Person]:
        """All who are there, and somebody who has nothing but the log."""
        reader = Person(99, "reader")
        for row in self.rows:
            reader.take(row.body)
        return [*self.people.values(), reader]

    def of(self, kind: type[fx.RoomEffect]) -> list[Any]:
        """The effects of a kind, so far."""
        return [effect for effect in self.asked if isinstance(effect, kind)]

    def leaks(self, *, but: int) -> bool:
        """Whether the secret is in anything that was said, but to its author, or written."""
        words = [str(m) for p in self.people.values() if p.member != but for m in p.heard]
        bodies = [row.body for row in self.rows] + [self.replay.core.encode()]
        bodies += [effect.update for effect in self.of(fx.Quarantine)]
        denials = [str(denial) for denial in self.of(fx.Denial)]
        return any(SECRET in word for word in words + denials) or any(
            SECRET.encode() in body for body in bodies
        )


def _row(seq: int, draft: Draft) -> LogRow:
    who = (Seq(seq), draft.document, draft.subject, draft.body, draft.at_ms, draft.kind)
    return LogRow(*who, draft.clients, draft.seen, draft.group, draft.origin)


def come(house: House, person: Person, rights: Rights | None = None) -> Person:
    """Let somebody in who has what the document has."""
    person.take(house.replay.core.encode())
    return house.seat(person, rights)


def agree(house: House) -> dict[str, Any]:
    """What everybody sees, and the log says: it is the same."""
    house.settle()
    seen = [(person.m, person.text("locked"), person.text("free")) for person in house.everybody()]
    assert all(one == seen[0] for one in seen)
    return {"m": seen[0][0], "locked": seen[0][1], "free": seen[0][2]}
