"""Changes are values: they compare, and they travel."""

from __future__ import annotations

import msgspec

from collabkit.crdt.changes import Change
from collabkit.crdt.document import Document
from collabkit.crdt.values import Element


def test_a_change_can_be_sent_and_read_again() -> None:
    """With all of its parts, whatever they are of."""
    document = Document()
    changes: list[Change] = []
    document.observe(changes.append)
    with document.edit("all"):
        document.text("t").insert(0, "é", {"b": True})
        document.map("m")["k"] = {"n": 1}
        document.array("a").extend([1, "x"])
        document.xml("x").append(Element("p"))
    (change,) = changes
    assert len(change.parts) == 4
    for codec in (msgspec.json, msgspec.msgpack):
        assert codec.decode(codec.encode(change), type=Change) == change
