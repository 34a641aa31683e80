"""A document without some rows, where a restore or a revert had written again what they wrote."""

from __future__ import annotations

from typing import Any

from collabkit.crdt.values import Element, NewText
from collabkit.history.rewind import restore, revert
from collabkit.ids import Seq
from history.journal import Journal
from history.weaving import weave_of


class Log(Journal):
    """A journal with a host who goes back by what its rows say."""

    def restore(self, at: int) -> None:
        """Let the host restore what there was after a row."""
        restore(self.by("host", f"restore:{at}"), weave_of(self.rows), Seq(at))

    def revert(self, who: str) -> list[tuple[str, str, str]]:
        """Let the host take back all that somebody wrote; returns what is kept."""
        rows = sorted(self.of(who))
        document = self.by("host", f"revert:{rows[0]}-{rows[-1]}")
        _, kept = revert(document, weave_of(self.rows), rows)
        return [
            ("/".join(one.path), one.reason, one.by.subject.removeprefix("user:")) for one in kept
        ]

    def holds(self) -> dict[str, Any]:
        """What the document holds."""
        return self.document.to_dict()


def test_what_a_restore_brought_back_goes_too() -> None:
    """Somebody's words are his whoever wrote them again, as blame says; others' copies stay."""
    log = Log()
    log.by("ada").text("t").append("[ada 1]")
    log.by("bob").text("t").append("(bob)")
    log.by("ada").text("t").append("[ada 3]")
    log.restore(1)
    log.restore(3)
    assert log.holds() == {"t": "[ada 1](bob)[ada 3]"}
    assert log.revert("bob") == []
    assert log.holds() == {"t": "[ada 1][ada 3]"}
    assert log.revert("ada") == []
    assert log.holds() == {}


def test_a_copy_of_something_nested_goes_but_for_others_words() -> None:
    """Nested types go as the first ones would have; what others wrote in either stays."""
    log = Log()
    log.by("bob").array("l").append({"title": NewText("bob"), "tags": ["bob"]})
    log.by("ada").array("l").append("ada")
    log.by("ada").array("l")[0]["tags"].append("ada")
    log.by("ada").array("l").clear()
    log.restore(3)
    log.by("eve").array("l")[0]["title"].append(" and eve")
    assert log.holds() == {"l": [{"title": "bob and eve", "tags": ["bob", "ada"]}, "ada"]}
    kept = {path: (reason, by) for path, reason, by in log.revert("bob")}
    assert kept.keys() == {"l/[]", "l/[]/title", "l/[]/tags"}
    assert kept["l/[]/title"] == ("others wrote in it", "eve")
    assert kept["l/[]/tags"] == ("others wrote in it", "ada")
    assert log.holds() == {"l": [{"title": " and eve", "tags": ["ada"]}, "ada"]}


def test_a_key_goes_back_to_what_the_copy_replaced() -> None:
    """What somebody else had set comes back, a shared type with what is in it; else it goes."""
    log = Log()
    log.by("ada").map("m")["k"] = 1
    log.by("bob").map("m").update({"k": 2, "new": 2, "type": 2})
    log.by("ada").map("m").update({"k": 3, "type": {"by": NewText("ada")}})
    log.by("ada").map("m").pop("new")
    log.restore(2)
    assert log.holds() == {"m": {"k": 2, "new": 2, "type": 2}}
    assert log.revert("bob") == []
    assert log.holds() == {"m": {"k": 3, "type": {"by": "ada"}}}
    log.by("bob").map("m")["k"] = 4
    log.restore(2)
    log.by("eve").map("m")["k"] = 5
    assert log.revert("bob") == [("m/k", "a later edit owns it", "eve")]
    assert log.holds() == {"m": {"k": 5, "type": {"by": "ada"}}}


def test_what_was_written_again_does_not_come_back_twice() -> None:
    """What somebody deleted and a restore wrote again is there; what is lost since comes back."""
    log = Log()
    log.by("ada").text("t").append("one two")
    log.by("ada").xml("x").append(Element("p", {"k": "ada"}, ["ada"]))
    log.by("bob").text("t").delete(0, 7)
    log.by("bob").xml("x").delete(0, 1)
    log.restore(2)
    log.by("eve").text("t").delete(0, 4)
    before = {"t": "two", "x": '<p k="ada">ada</p>'}
    assert log.holds() == before
    log.revert("bob")
    assert log.holds() == {**before, "t": "one two"}
