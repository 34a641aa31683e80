"""What was put back of what somebody deleted and may not is of who wrote it first."""

from __future__ import annotations

import pytest

from collabkit.crdt.contents import STRING
from collabkit.crdt.engine import Contested, Good, Mended, NothingNew
from collabkit.crdt.replay import Replay
from collabkit.crdt.scan import scan
from collabkit.crdt.structs import read_items
from collabkit.crdt.touches import Ranges
from collabkit.history.attribution import first_authors
from collabkit.history.revert import without
from collabkit.history.tree import Stamp, TextNode
from collabkit.history.view import tree
from collabkit.ids import Seq
from history.test_attribution import Writers, written_in

RUNS, IN_CI = 400, 20
JUDGED = 2
"""The number of the one who may not delete what he did not write."""


class Judged(Writers):
    """Writers of whom one is judged: some of what he writes is refused, and some that he deletes.

    Attributes:
        put_back: How many of his edits deleted what had to be put back.
        in_parts: The rows that were taken in parts, of which their author hears as all others do.
    """

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.replay = Replay("judged")
        self.put_back = 0
        self.in_parts: set[int] = set()

    def send(self, number: int) -> None:
        """Put what somebody wrote into the log, as far as he may."""
        for update, written in self.unsent[number]:
            asked = self.judged(update) if number == JUDGED else update
            [verdict] = self.replay.taste([asked])
            if isinstance(verdict, NothingNew):
                continue
            if isinstance(verdict, Mended):
                by = self.mended(number, update, verdict.update)
            else:
                assert isinstance(verdict, Good)
                by = self._row(f"user:{number}", "relay", update)
            for one in written:
                self.first[one] = by
        self.unsent[number].clear()

    def mended(self, number: int, asked: bytes, update: bytes) -> Stamp:
        """Write down what was taken in parts."""
        authors = {section.client for section in scan(asked).sections}
        others = [one.client for one in scan(update).sections if one.client not in authors]
        self.put_back += len(others)
        origin = f"repair:{others[0]}" if others else "repair"
        by = self._row(f"user:{number}", origin, update)
        self.in_parts.add(by.seq)
        return by

    def hear(self, number: int) -> None:
        """Let somebody have all that is in the log."""
        heard = self.heard[number]
        for seq, (subject, update) in enumerate(self.rows[heard:], heard + 1):
            if subject != f"user:{number}" or seq in self.in_parts:
                self.people[number].apply(update)
        self.heard[number] = len(self.rows)

    def judged(self, update: bytes) -> bytes | Contested:
        """An update, and what of it may not stay: of text nothing that others wrote may go."""
        refused: Ranges = ()
        if self.dice.random() < 0.3:
            items = read_items(update, scan(update))
            refused = tuple((i.client, i.clock, i.length) for i in items if i.content == STRING)
        return Contested(update, refused, ((10 + JUDGED, 0, 1 << 30),))


@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    "seeds", [range(IN_CI), pytest.param(range(IN_CI, RUNS), marks=pytest.mark.soak)]
)
def test_everything_is_of_who_wrote_it_first(seeds: range) -> None:
    """However often it was deleted and put back, beside what may stay of the same edits."""
    put_back = 0
    for seed in seeds:
        writers = Judged(seed)
        for _ in range(60):
            writers.step()
        put_back += writers.put_back
        authors = first_authors(writers.weave)
        for one, by in written_in(tree(writers.weave, authors=authors)):
            assert by == writers.first[one], (seed, one)
    assert put_back > len(seeds)


@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    "seeds", [range(IN_CI), pytest.param(range(IN_CI, RUNS), marks=pytest.mark.soak)]
)
def test_what_was_put_back_stays_if_the_row_is_taken_away(seeds: range) -> None:
    """That it was deleted was never so; only what its author wrote there goes."""
    for seed in seeds:
        writers = Judged(seed)
        for _ in range(60):
            writers.step()
        now = [one for one, _ in written_in(tree(writers.weave))]
        for row in sorted(writers.in_parts)[:3]:
            left = [one for one, _ in written_in(without(writers.weave, {Seq(row)}).tree)]
            assert {one for one in now if writers.first[one].seq != row} <= set(left), (seed, row)
            assert all(writers.first[one].seq != row for one in left), (seed, row)
            assert len(left) == len(set(left)), (seed, row)


def test_what_was_put_back_is_of_its_first_author_and_the_rest_is_not() -> None:
    """Of one edit: a text deleted that may not go, and the same text written beside it."""
    writers = Judged(0)
    ada, ben = writers.people[0], writers.people[JUDGED]
    ada.text("t").insert(0, "kept")
    writers.send(0)
    writers.hear(JUDGED)
    with ben.edit():
        ben.text("t").delete(0, 4)
        ben.text("t").insert(0, "kept")
    writers.send(JUDGED)
    weave = writers.weave
    text = tree(weave, authors=first_authors(weave))["t"]
    assert isinstance(text, TextNode)
    assert sorted((run.value, run.by.seq) for run in text.runs if run.by) == [
        ("kept", 1),
        ("kept", 2),
    ]
