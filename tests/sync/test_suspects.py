"""Suspects are examined once, and only for what they did."""

from __future__ import annotations

from collabkit.crdt.engine import Death
from collabkit.crdt.update import scan
from collabkit.ids import Subject
from collabkit.sync.effects import Examine
from collabkit.sync.pending import Pending
from collabkit.sync.suspects import Suspects

HI = bytes.fromhex("010107000401017402686900")


def edits(count: int) -> list[Pending]:
    return [Pending(1, Subject("user:ada"), HI, scan(HI)) for _ in range(count)]


def test_those_behind_the_culprit_are_no_suspects() -> None:
    """The engine never saw them; nor did it see what brought nothing new."""
    trip = edits(4)
    trip[0].update = b""
    suspects = Suspects()
    suspects.died(trip, 1)
    assert suspects.examine() == [Examine((HI, HI))]
    assert suspects.examine() == []
    assert suspects.examined([Death(0, "SIGSEGV")]) == [(trip[1], "SIGSEGV")]
    assert not suspects


def test_two_deaths_at_one_are_no_chance() -> None:
    """Even if an examination survives it."""
    trip = edits(2)
    suspects = Suspects()
    for found in ([], [(trip[1], "died 2 times while it was at this")]):
        suspects.died(trip, 1)
        suspects.examine()
        assert suspects.examined([]) == found


def test_an_examination_says_nothing_of_later_suspects() -> None:
    """They were examined, and are gone; who came after them is examined himself."""
    suspects = Suspects()
    suspects.died(edits(1), 0)
    suspects.examine()
    suspects.clear()
    later = edits(1)
    suspects.died(later, 0)
    assert suspects.examine() == []
    assert suspects.examined([Death(0, "SIGSEGV")]) == []
    assert suspects.examine() == [Examine((HI,))]
    assert suspects.examined([Death(0, "SIGSEGV")]) == [(later[0], "SIGSEGV")]
