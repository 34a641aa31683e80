"""Restore and revert of a live document by its log."""

from __future__ import annotations

from random import Random

from collabkit.crdt.document import Document
from collabkit.crdt.values import Element
from collabkit.history.live import tree_of
from collabkit.history.revert import without
from collabkit.history.rewind import catch_up, restore, revert
from collabkit.history.tree import Stamp, plain_tree, same
from collabkit.history.view import tree
from collabkit.history.weave import Weave
from collabkit.ids import Seq, Subject
from history.crowd import Crowd
from history.weaving import weave_of


class Log:
    """A document and the weave of its log, a row for each edit that was logged."""

    def __init__(self) -> None:
        self.document = Document()
        self.weave = Weave()
        self._unlogged: list[bytes] = []
        self.document.on_update(lambda change: self._unlogged.append(change.update))

    def log(self, who: str) -> Seq:
        """Put all that was edited into the log; returns the last row."""
        for update in self._unlogged:
            seq = Seq(len(self.weave.stamps) + 1)
            self.weave.add(update, Stamp(seq, Subject(f"user:{who}"), 0))
        self._unlogged.clear()
        return Seq(len(self.weave.stamps))


def test_restore_keeps_what_is_the_same() -> None:
    """A paragraph that was there then and is there now keeps its identity, wherever it went."""
    log = Log()
    page = log.document.xml("page")
    page.append(*(Element("p", {}, [f"Paragraph {number}"]) for number in range(5)))
    at = log.log("ada")
    kept, went = page[3], page[1]
    page.delete(1, 2)
    page.insert(0, Element("h1", {}, ["Title"]))
    kept[0].append(" edited")  # type: ignore[union-attr]
    log.log("ada")
    restore(log.document, log.weave, at)
    assert log.document.to_dict() == plain_tree(tree(log.weave, at))
    assert str(kept) == "<p>Paragraph 3</p>"
    assert "not in the document any more" in repr(went)


def test_what_is_not_logged_yet_is_replaced_too() -> None:
    """The log is behind the document; restored is what the document holds."""
    log = Log()
    log.document.text("t").append("then")
    at = log.log("ada")
    log.document.text("t").replace(0, 4, "now")
    log.document.map("m")["k"] = [1]
    restore(log.document, log.weave, at)
    assert log.document.to_dict() == {"t": "then"}


def test_a_weave_that_is_ahead_serves_as_well() -> None:
    """Of what the document has not heard yet nothing is written."""
    log, behind = Log(), Document()
    log.document.text("t").append("then")
    at = log.log("ada")
    behind.apply(log.document.update())
    log.document.text("t").append(" and now")
    log.log("ada")
    behind.text("t").insert(0, "edited ")
    restore(behind, log.weave, at)
    assert str(behind.text("t")) == "then"


def test_revert_is_one_edit_and_tells_what_stays() -> None:
    """Others' work is kept; undo takes the revert back."""
    log = Log()
    log.document.text("t").append("Ada wrote this. ")
    log.document.map("m")["k"] = "ada"
    log.log("ada")
    log.document.text("t").append("Bob wrote that. ")
    log.document.map("m")["k"] = "bob"
    log.log("bob")
    log.document.map("m")["k"] = "ada again"
    log.log("ada")
    rows = [seq for seq, stamp in log.weave.stamps.items() if stamp.subject == "user:bob"]
    change, kept = revert(log.document, log.weave, rows)
    assert log.document.to_dict() == {"t": "Ada wrote this. ", "m": {"k": "ada again"}}
    assert [part.path for part in change.parts] == [("t",)]
    assert [(one.path, one.by.subject) for one in kept] == [(("m", "k"), "user:ada")]
    assert log.document.undo()
    assert str(log.document.text("t")) == "Ada wrote this. Bob wrote that. "


def test_revert_of_a_revert_gives_back(seed: int) -> None:
    """What the first took away the second brings back, of whatever it was."""
    for run in range(15):
        crowd = Crowd(Random(f"{seed}.{run}"))
        print(f"seed {seed}.{run}")
        for _ in range(40):
            crowd.step()
        crowd.settle()
        person, before = crowd.people[0], len(crowd.rows)
        now = tree(weave_of(crowd.rows))
        rows = {row.seq for row in crowd.rows if crowd.dice.random() < 0.3}
        revert(person.document, weave_of(crowd.rows), rows)
        crowd.send(person)
        revert(person.document, weave_of(crowd.rows), {row.seq for row in crowd.rows[before:]})
        assert same(tree_of(person.document, like=now), now)


def test_behind_a_compacted_log_it_is_exact_too(seed: int) -> None:
    """What a checkpoint stands for is there; moments and rows behind it are gone back to."""
    for run in range(15):
        crowd = Crowd(Random(f"{seed}.{run}"))
        print(f"seed {seed}.{run}")
        for _ in range(40):
            crowd.step()
        crowd.settle()
        floor = crowd.dice.randrange(1, len(crowd.rows))
        at = Seq(crowd.dice.randrange(floor, len(crowd.rows) + 1))
        compacted = Document()
        for row in crowd.rows[:floor]:
            compacted.apply(row.update)
        weave = Weave()
        weave.add_base(compacted.update(), {}, seq=Seq(floor), at_ms=0)
        for row in crowd.rows[floor:]:
            weave.add(row.update, row.stamp)
        whole, person = weave_of(crowd.rows), crowd.people[0]
        for name, strand in weave.roots.items():
            strand.kind = whole.roots[name].kind  # a checkpoint may not tell it
        past = tree(whole, at)
        later = {row.seq for row in crowd.rows if row.seq > at}
        assert same(without(weave, later).tree, past)
        restore(person.document, weave, at)
        assert same(tree_of(person.document, like=past), past)


def test_catching_up_is_a_row_of_nobodys() -> None:
    """What the weave lacks it takes in behind its last row."""
    log = Log()
    log.document.text("t").append("x")
    last = log.log("ada")
    log.document.text("t").append("y")
    catch_up(log.weave, log.document)
    assert same(tree(log.weave), tree_of(log.document))
    assert log.weave.stamps[Seq(last + 1)].subject == ""
