"""Edits at random, of which some may not stay: all people still see the same in the end."""

from __future__ import annotations

import time
from random import Random

import pytest

from collabkit.crdt.document import Document
from collabkit.crdt.engine import Bad, Contested, Gap, Mended, NothingNew
from collabkit.crdt.replay import Replay
from collabkit.crdt.scan import scan
from collabkit.crdt.structs import read_items
from collabkit.ids import Seq
from crdt.guarded import GUARD, GuardedCrowd, holds_refused
from history.crowd import Crowd, Person, Row


def crowded(seed: str) -> GuardedCrowd:
    """Edits of three people who are not told of each other's at once; one is judged."""
    crowd = GuardedCrowd(Random(seed), [Person(number) for number in range(3)])
    for _ in range(50):
        crowd.step()
    crowd.settled()
    return crowd


def test_who_may_not_write_everywhere_changes_nothing_else(seed: int) -> None:
    """Each of his edits is taken as far as he may; and all end up with the same, he as well."""
    mended = 0
    for run in range(8):
        print(f"seed {seed}.{run}")
        mended += crowded(f"{seed}.{run}").log.verdicts[Mended]
    assert mended > 40


@pytest.mark.fuzz
def test_who_may_not_write_everywhere_never_does(seed: int, for_s: float) -> None:
    """The same for a long time."""
    run, end = 8, time.monotonic() + for_s
    while time.monotonic() < end:
        print(f"seed {seed}.{run}")
        crowded(f"{seed}.{run}")
        run += 1


class Arbitrary(Crowd):
    """People of whom the second has any parts of his edits refused, whatever sense that makes."""

    mended = 0

    def send(self, person: Person, most: int = 1 << 30) -> None:
        """Put what somebody did into the log, less what the dice say."""
        if not self.rows:
            self.replay = Replay("arbitrary")
        for one in person.unsent[:most]:
            asked = self.judged(one) if person is self.people[1] else one
            [verdict] = self.replay.taste([asked])
            assert not isinstance(verdict, Bad | Gap)
            subject, taken = person.subject, one
            if isinstance(verdict, Mended):
                assert isinstance(asked, Contested)
                assert not holds_refused(verdict.update, asked.refused)
                subject, taken = GUARD, verdict.update
                self.mended += 1
            if not isinstance(verdict, NothingNew):
                self.rows.append(Row(Seq(len(self.rows) + 1), subject, taken))
        del person.unsent[:most]

    def judged(self, one: bytes) -> Contested:
        """An update, and what the dice say of it."""
        dice = self.dice
        refuse, keep = dice.choice((0, 0.3, 1)), dice.choice((0, 0.3, 1))
        items = read_items(one, scan(one))
        return Contested(
            one,
            tuple((i.client, i.clock, i.length) for i in items if dice.random() < refuse),
            tuple(
                (client, clock, 1)
                for client, end in self.replay.vector.items()
                for clock in range(end)
                if dice.random() < keep
            ),
        )


def arbitrary(seed: str) -> int:
    """A crowd of them, to its end; returns how often something was refused."""
    crowd = Arbitrary(Random(seed), [Person(number) for number in range(3)])
    for _ in range(50):
        crowd.step()
    crowd.settle()
    loaded = Document()
    loaded.apply(crowd.replay.core.encode())
    assert {person.document.digest() for person in crowd.people} == {loaded.digest()}
    return crowd.mended


def test_any_parts_can_be_refused(seed: int) -> None:
    """Also such as nobody would refuse: all end up with the same, without what was refused."""
    mended = 0
    for run in range(12):
        print(f"seed {seed}.{run}")
        mended += arbitrary(f"{seed}.{run}")
    assert mended > 40


@pytest.mark.fuzz
def test_any_parts_can_be_refused_for_long(seed: int, for_s: float) -> None:
    """The same for a long time."""
    run, end = 12, time.monotonic() + for_s
    while time.monotonic() < end:
        print(f"seed {seed}.{run}")
        arbitrary(f"{seed}.{run}")
        run += 1
