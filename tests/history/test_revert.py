"""What a document would hold without some rows: what goes, what comes back, and what is told."""

from __future__ import annotations

from typing import Any

import pytest

from collabkit.crdt.document import Document
from collabkit.crdt.values import Element, NewText
from collabkit.errors import MomentNotFound
from collabkit.history.revert import Kept, without
from collabkit.history.tree import plain_tree
from collabkit.history.weave import Weave
from collabkit.ids import Seq
from history.journal import Journal
from history.weaving import weave_of


def reverted(
    journal: Journal, *rows: int | str
) -> tuple[dict[str, Any], list[tuple[str, str, str]]]:
    """What is there without some rows, or those of some people; and what is kept."""
    seqs = journal.of(*(row for row in rows if isinstance(row, str)))
    seqs |= {Seq(row) for row in rows if isinstance(row, int)}
    found = without(weave_of(journal.rows), seqs)
    return plain_tree(found.tree), [_told(kept) for kept in found.kept]


def _told(kept: Kept) -> tuple[str, str, str]:
    return "/".join(kept.path), kept.reason, kept.by.subject.removeprefix("user:")


# Text


def test_others_words_stay() -> None:
    """What was written goes, and what was deleted comes back, at its place."""
    journal = Journal()
    journal.by("ada").text("t").append("one three")
    journal.by("bob").text("t").insert(4, "two ")
    journal.by("ada").text("t").append(" four")
    journal.by("bob").text("t").delete(0, 4)
    assert reverted(journal, "bob") == ({"t": "one three four"}, [])
    assert reverted(journal, 2) == ({"t": "three four"}, [])
    assert reverted(journal, "ada") == ({"t": "two "}, [])


def test_nothing_is_taken_out_of_what_is_no_row() -> None:
    """Rows that are not there, or that only a checkpoint holds, are refused."""
    weave = Weave()
    document = Document()
    document.text("t").append("x")
    weave.add_base(document.update(), {}, seq=Seq(5), at_ms=0)
    for seq in (Seq(5), Seq(6)):
        with pytest.raises(MomentNotFound, match=f"#{seq}"):
            without(weave, {seq})


# Keys


def test_keys_go_back_or_say_why_not() -> None:
    """A key that somebody else set since stays, and is told."""
    journal = Journal()
    journal.by("ada").map("m").update({"a": 1, "b": 1, "c": 1})
    journal.by("bob").map("m").update({"a": 2, "b": 2})
    journal.by("bob").map("m").pop("c")
    journal.by("ada").map("m")["b"] = 3
    later = ("m/b", "a later edit owns it", "ada")
    assert reverted(journal, "bob") == ({"m": {"a": 1, "b": 3, "c": 1}}, [later])
    journal.by("ada").map("m").pop("b")
    assert reverted(journal, "bob") == ({"m": {"a": 1, "c": 1}}, [later])
    others = [(f"m/{key}", later[1], "bob") for key in "ac"]
    assert reverted(journal, "ada") == ({"m": {"a": 2, "b": 2}}, others)


def test_attributes_are_keys() -> None:
    """The attributes of XML go back as well."""
    journal = Journal()
    journal.by("ada").xml("x").append(Element("p", {"k": "ada", "l": "ada"}, ["text"]))
    journal.by("bob").xml("x")[0].attributes["k"] = "bob"
    del journal.by("bob").xml("x")[0].attributes["l"]
    assert reverted(journal, "bob") == ({"x": '<p k="ada" l="ada">text</p>'}, [])


# Nesting


def test_what_others_wrote_in_stays() -> None:
    """A shared type with others' content stays, with that alone; an empty one goes."""
    journal = Journal()
    journal.by("ada").array("l").extend([{"title": "ada"}, {"title": "ada"}, "ada"])
    journal.by("bob").array("l")[1]["more"] = "bob"
    told = [("l/[]", "others wrote in it", "bob")]
    assert reverted(journal, "ada") == ({"l": [{"more": "bob"}]}, told)
    journal.by("ada").map("m")["k"] = NewText("ada")
    journal.by("bob").map("m")["k"].append("bob")
    told.append(("m/k", "others wrote in it", "bob"))
    assert reverted(journal, "ada") == ({"l": [{"more": "bob"}], "m": {"k": "bob"}}, told)


def test_what_was_deleted_comes_back_whole() -> None:
    """A shared type comes back with what was in it, and with what came in at that moment."""
    other, third = Document(), Document()
    journal = Journal()
    journal.by("ada").xml("x").append(Element("p", {}, ["old"]), Element("q"))
    other.apply(journal.rows[0].update)
    concurrent: list[bytes] = []
    other.on_update(lambda change: concurrent.append(change.update))
    other.xml("x")[0][0].append(" and new")  # type: ignore[union-attr]
    other.xml("x")[0].append(Element("em", {"k": 1}, ["nested"]))  # type: ignore[arg-type]
    journal.by("bob").xml("x").delete(0, 1)
    for update in concurrent:
        journal.by("eve").apply(update)
    expected = {"x": '<p>old and new<em k="1">nested</em></p><q></q>'}
    assert reverted(journal, "bob") == (expected, [])
    for row in journal.rows:
        third.apply(row.update)
    third.text("t").append("carl")
    journal.by("carl").apply(third.update())  # who tells all deletions there were
    assert reverted(journal, "bob") == ({**expected, "t": "carl"}, [])


def test_what_cannot_come_back_is_told() -> None:
    """What was deleted inside something that somebody else deleted is lost with it."""
    journal = Journal()
    journal.by("ada").array("l").append({"a": 1, "b": ["x"]})
    journal.by("bob").array("l")[0]["b"].clear()
    journal.by("ada").array("l").clear()
    assert reverted(journal, "bob") == (
        {},
        [("l/[]", "what was deleted in it is gone with it", "ada")],
    )


# Formatting


def test_formatting_goes_back_or_says_why_not() -> None:
    """Where somebody else formatted since, it stays; what was typed inside goes with the rest."""
    journal = Journal()
    journal.by("ada").text("t").append("0123456789")
    journal.by("bob").text("t").format(0, 8, {"bold": True})
    journal.by("ada").text("t").insert(4, "typed")
    journal.by("ada").text("t").format(0, 2, {"bold": None, "em": True})
    found = without(weave_of(journal.rows), journal.of("bob"))
    node = found.tree["t"]
    assert [(run.value, run.attributes) for run in node.runs] == [  # type: ignore[union-attr]
        ("01", {"em": True}),
        ("23", {}),
        ("typed", {}),
        ("456789", {}),
    ]
    assert [_told(kept) for kept in found.kept] == [("t", "later formatting owns 'bold'", "ada")]
