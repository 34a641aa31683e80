"""Who wrote something first, against people none of whose words is anybody else's."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from random import Random
from typing import Any

import pytest

from collabkit.crdt.document import Change, Document
from collabkit.crdt.values import Element, NewText
from collabkit.history.attribution import first_authors
from collabkit.history.revert import without
from collabkit.history.rewind import restore, revert
from collabkit.history.tree import (
    ArrayNode,
    ElementNode,
    MapNode,
    Stamp,
    TextNode,
    Tree,
    XmlNode,
    XmlTextNode,
)
from collabkit.history.view import tree
from collabkit.history.weave import Weave
from collabkit.ids import Seq, Subject
from history.weaving import stamp

RUNS, IN_CI = 600, 30


class Writers:
    """People who write, in text and values, what nobody else writes, and a host who goes back.

    Attributes:
        first: Of everything that was ever written, the row that brought it first.
    """

    def __init__(self, seed: int, people: int = 3) -> None:
        self.dice = Random(seed)
        self.weave = Weave()
        self.rows: list[tuple[Subject, bytes]] = []
        self.first: dict[Any, Stamp] = {}
        self.people = [Document(client_id=10 + number) for number in range(people)]
        self.unsent: list[list[tuple[bytes, list[Any]]]] = [[] for _ in self.people]
        self.heard = [0] * people
        self.written: list[Any] = []  # by the edit that is going on
        self.count = 0
        for number, document in enumerate(self.people):
            document.on_update(partial(self._wrote, number))

    def _wrote(self, number: int, change: Change) -> None:
        if change.local:
            self.unsent[number].append((change.update, self.written))
            self.written = []

    def fresh(self) -> int:
        """A number that was never written."""
        self.count += 1
        self.written.append(self.count)
        return self.count

    def word(self) -> str:
        """Some characters that were never written."""
        new = [chr(0x4E00 + self.fresh()) for _ in range(self.dice.randrange(1, 6))]
        return "".join(new)

    def step(self) -> None:
        """Somebody edits, sends or hears."""
        number = self.dice.randrange(len(self.people))
        with self.people[number].edit():
            self._edit(self.people[number])
        if self.dice.random() < 0.7:
            self.send(self.dice.randrange(len(self.people)))
        if self.dice.random() < 0.6:
            self.hear(self.dice.randrange(len(self.people)))

    def _edit(self, document: Document) -> None:
        dice = self.dice
        match dice.randrange(6):
            case 0 | 1 | 2:
                texts = [document.text("t"), *self._texts(document)]
                text = dice.choice(texts)
                start = dice.randrange(len(text) + 1)
                gone = min(len(text) - start, dice.choice((0, 0, 1, 3, 9)))
                text.replace(start, start + gone, self.word() if dice.random() < 0.8 else "")
            case 3:
                new: tuple[Any, ...] = (self.fresh(), {"n": self.fresh()}, NewText(self.word()))
                document.map("m")[dice.choice("abc")] = dice.choice(new)
            case 4:
                array = document.array("a")
                if len(array) and dice.random() < 0.4:
                    del array[dice.randrange(len(array))]
                new = (self.fresh(), [self.fresh()], NewText(self.word()))
                array.insert(dice.randrange(len(array) + 1), dice.choice(new))
            case _:
                page = document.xml("x")
                if len(page) and dice.random() < 0.4:
                    page.delete(0, 1)
                page.append(Element("p", {"n": self.fresh()}, [NewText(self.word())]))

    def _texts(self, document: Document) -> list[Any]:
        inside = [*document.map("m").values(), *document.array("a")]
        return [one for one in inside if type(one).__name__ == "Text"]

    def send(self, number: int) -> None:
        """Put what somebody wrote into the log."""
        for update, written in self.unsent[number]:
            by = self._row(f"user:{number}", "relay", update)
            for one in written:
                self.first[one] = by
        self.unsent[number].clear()

    def hear(self, number: int) -> None:
        """Let somebody have all that is in the log."""
        for subject, update in self.rows[self.heard[number] :]:
            if subject != f"user:{number}":
                self.people[number].apply(update)
        self.heard[number] = len(self.rows)

    def _row(self, subject: str, origin: str, update: bytes) -> Stamp:
        self.rows.append((Subject(subject), update))
        by = stamp(len(self.rows), subject, origin)
        self.weave.add(update, by)
        return by

    def go_back(self) -> None:
        """Let the host restore a moment, or revert some rows of somebody."""
        if not self.rows:
            return
        copy, updates = Document(client_id=1_000 + len(self.rows)), list[bytes]()
        for _, update in self.rows:
            copy.apply(update)
        weave = Weave()
        for by, (_, update) in zip(self.weave.stamps.values(), self.rows, strict=True):
            weave.add(update, by)
        copy.on_update(lambda change: updates.append(change.update))
        seq = self.dice.randrange(1, len(self.rows) + 1)
        if self.dice.random() < 0.5:
            origin = f"restore:{seq}"
            restore(copy, weave, Seq(seq))
        else:
            last = min(seq + self.dice.randrange(4), len(self.rows))
            whose = self.rows[seq - 1][0]
            rows = [Seq(n) for n in range(seq, last + 1) if self.rows[n - 1][0] == whose]
            origin = f"revert:{rows[0]}-{rows[-1]}"
            revert(copy, weave, rows)
        for update in updates:
            self._row("user:host", origin, update)


def written_in(found: Tree) -> Iterator[tuple[Any, Stamp | None]]:
    """All that a document holds that somebody wrote, with its author."""
    left: list[tuple[Any, Stamp | None]] = [(node, None) for node in found.values()]
    while left:
        node, by = left.pop()
        if isinstance(node, int):
            yield node, by
        if isinstance(node, TextNode | XmlTextNode):
            for run in node.runs:
                for character in run.value if isinstance(run.value, str) else ():
                    yield ord(character) - 0x4E00, run.by
        if isinstance(node, MapNode):
            left += ((entry.value, entry.by) for entry in node.entries.values())
        if isinstance(node, ElementNode | XmlTextNode):
            left += ((entry.value, entry.by) for entry in node.attributes.values())
        if isinstance(node, ArrayNode):
            left += ((entry.value, entry.by) for entry in node.items)
        if isinstance(node, XmlNode | ElementNode):
            left += ((entry.value, entry.by) for entry in node.children)


@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    "seeds", [range(IN_CI), pytest.param(range(IN_CI, RUNS), marks=pytest.mark.soak)]
)
def test_everything_is_of_who_wrote_it_first(seeds: range) -> None:
    """However often it was deleted and brought back, while others were writing."""
    brought_back = 0
    for seed in seeds:
        writers = Writers(seed)
        for number in range(60):
            writers.step()
            if number % 12 == 11:
                writers.go_back()
        authors = first_authors(writers.weave)
        brought_back += len(authors)
        for one, by in written_in(tree(writers.weave, authors=authors)):
            assert by == writers.first[one], (seed, one)
    assert brought_back > len(seeds)


@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    "seeds", [range(IN_CI), pytest.param(range(IN_CI, RUNS), marks=pytest.mark.soak)]
)
def test_all_that_somebody_wrote_can_be_taken_away(seeds: range) -> None:
    """With all copies of it; nothing of others goes, and nothing of theirs comes back twice."""
    for seed in seeds:
        writers = Writers(seed)
        for number in range(60):
            writers.step()
            if number % 12 == 11:
                writers.go_back()
        now = {one for one, _ in written_in(tree(writers.weave))}
        for who in range(len(writers.people)):
            stamps = writers.weave.stamps.values()
            rows = {by.seq for by in stamps if by.subject == f"user:{who}"}
            left = [one for one, _ in written_in(without(writers.weave, rows).tree)]
            theirs = {one for one in now if writers.first[one].seq not in rows}
            assert theirs.issubset(left), seed
            assert len(left) == len(set(left)), seed
            assert rows.isdisjoint(writers.first[one].seq for one in left), seed


# What each kind of row leads to


def journal(*edits: tuple[str, str, Any]) -> tuple[Weave, Document]:
    """What happens if people, under these origins, do these edits one after the other."""
    document, weave = Document(client_id=1), Weave()
    now = ["", ""]

    def hear(change: Change) -> None:
        weave.add(change.update, stamp(len(weave.stamps) + 1, *now))

    document.on_update(hear)
    for subject, origin, edit in edits:
        now[:] = subject, origin
        edit(document.text("t"))
    return weave, document


def told(weave: Weave, at: int | None = None) -> list[tuple[str, str]]:
    """The runs of the text with the names of their authors."""
    seq = None if at is None else Seq(at)
    text = tree(weave, seq, authors=first_authors(weave))["t"]
    assert isinstance(text, TextNode)
    return [(run.value, run.by.subject) for run in text.runs if run.by is not None]


def test_what_comes_back_is_of_its_first_author() -> None:
    """And what was there all the time is of whoever wrote it."""
    weave, _ = journal(
        ("ada", "relay", lambda text: text.append("one two")),
        ("ben", "relay", lambda text: text.append(" three")),
        ("cleo", "relay", lambda text: text.delete(0, 9)),
        ("dan", "restore:2", lambda text: text.insert(0, "one two t")),
    )
    assert told(weave) == [("one two", "ada"), (" three", "ben")]
    assert told(weave, 3) == [("hree", "ben")]


def test_what_came_back_twice_leads_to_the_first() -> None:
    """A restore of what a restore brought back."""
    weave, _ = journal(
        ("ada", "relay", lambda text: text.append("one")),
        ("ben", "relay", lambda text: text.delete(0, 3)),
        ("ben", "restore:1", lambda text: text.append("one")),
        ("cleo", "relay", lambda text: text.delete(0, 3)),
        ("cleo", "revert:4-4", lambda text: text.append("one")),
    )
    assert told(weave) == [("one", "ada")]


def test_what_has_no_counterpart_is_of_who_brought_it() -> None:
    """A row may say that it went back and write something else."""
    weave, _ = journal(
        ("ada", "relay", lambda text: text.append("one")),
        ("ben", "relay", lambda text: text.delete(0, 3)),
        ("mallory", "restore:1", lambda text: text.append("one, and more")),
        ("mallory", "restore:99999", lambda text: text.append("?")),
        ("mallory", "restore:x", lambda text: text.append("!")),
    )
    assert told(weave) == [
        ("one", "ada"),
        (", and more", "mallory"),
        ("?", "mallory"),
        ("!", "mallory"),
    ]


def test_nothing_is_looked_for_where_nobody_went_back() -> None:
    """Whoever wrote something has written it."""
    weave, _ = journal(("ada", "relay", lambda text: text.append("one")))
    assert first_authors(weave) == {}
