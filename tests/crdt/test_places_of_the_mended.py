"""Places and mending: edits of somebody who may not do everything, told, judged and mended."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from collabkit.access.guard import Guard
from collabkit.access.policy import Policy
from collabkit.access.rules import Grant, Permission
from collabkit.crdt.document import Document
from collabkit.crdt.engine import Contested, Good, Mended, NothingNew
from collabkit.crdt.places import Places
from collabkit.crdt.replay import Replay
from collabkit.crdt.scan import scan
from collabkit.crdt.update import StateVector, gap
from collabkit.ids import RoomName, Subject
from crdt.placing import placed
from history.crowd import ROOTS, Crowd

RUNS, IN_CI = 500, 12
ROOM, ADA = RoomName.parse("acme~plan/notes"), Subject("user:ada")
DOCUMENT = "/projects/acme/sessions/plan/docs/notes"
RULES = [
    Permission(f"{DOCUMENT}/**", "write"),
    Permission(f"{DOCUMENT}/**", "delete"),
    Permission(f"{DOCUMENT}/meta/a/**", "write", effect="deny"),
    Permission(f"{DOCUMENT}/meta/a/**", "delete", effect="deny"),
    Permission(f"{DOCUMENT}/page/**", "write", effect="deny"),
    Permission(f"{DOCUMENT}/page/**", "delete", effect="deny"),
    Permission(f"{DOCUMENT}/list", "delete", effect="deny"),
]


class Relay:
    """A document, what is known of it, and one who is watched."""

    def __init__(self) -> None:
        rules = enumerate(RULES)
        grants = [Grant(id=str(number), subject=ADA, permission=rule) for number, rule in rules]
        self.guard = Guard(Policy.load(grants), ADA, ROOM)
        self.replay, self.places = Replay("notes"), Places()
        self.vector: StateVector = {}
        self.log: list[bytes] = []
        self.shown = Document()
        for name, kind in ROOTS.items():
            getattr(self.shown, kind)(name)
        self.mended = 0

    def offer(self, update: bytes, *, watched: bool) -> None:
        """Take an update, or what may stay of it."""
        found = scan(update)
        if gap(found, self.vector):
            return
        touches = self.places.touched(update, found, vector=self.vector, mine=bool)
        told = list(zip(touches, self.guard(touches, now=0), strict=True))
        asked: bytes | Contested = update
        if watched and not all(decision for _, decision in told):
            refused = tuple(span for one, may in told if not may for span in one.inserted)
            kept = tuple(span for one, may in told if may for span in one.deleted)
            asked = Contested(update, refused, kept)
        before = self.locked()
        [verdict] = self.replay.taste([asked])
        assert isinstance(verdict, Good | Mended | NothingNew)
        if not isinstance(verdict, NothingNew):
            taken = verdict.update if isinstance(verdict, Mended) else update
            placed([taken], self.places, self.vector)
            self.log.append(taken)
            self.shown.apply(taken)
            self.mended += isinstance(verdict, Mended)
        if watched:
            assert self.locked() == before

    def locked(self) -> list[Any]:
        """What the one who is watched may not change."""
        shown = self.shown.to_dict()
        return [shown.get("page"), shown.get("meta", {}).get("a")]


@pytest.mark.parametrize(
    "seeds", [range(IN_CI), pytest.param(range(IN_CI, RUNS), marks=pytest.mark.soak)]
)
def test_what_is_locked_stays_and_what_is_known_is_right(seeds: range) -> None:
    """Among others who may do everything, and hear of it when they like."""
    mended = 0
    for seed in seeds:
        dice = Random(seed)
        crowd, relay = Crowd(dice), Relay()
        for row in crowd.rows:
            relay.offer(row.update, watched=False)
        heard = dict.fromkeys(crowd.people, len(relay.log))
        for _ in range(50):
            dice.choice(crowd.people).edit(dice)
            sender, hearer = dice.choice(crowd.people), dice.choice(crowd.people)
            for update in sender.unsent:
                relay.offer(update, watched=sender is crowd.people[0])
            sender.unsent.clear()
            hearer.apply(relay.log[heard[hearer] :])
            heard[hearer] = len(relay.log)
        surveyed = Places.decode(relay.replay.survey())
        for client, end in relay.vector.items():
            dead = [relay.places.is_dead(client, clock) for clock in range(end)]
            assert dead == [surveyed.is_dead(client, clock) for clock in range(end)]
        mended += relay.mended
    assert mended > len(seeds)
