"""A difference as plain values."""

from __future__ import annotations

import json

import msgspec

from collabkit.history.difference import difference
from collabkit.history.tree import (
    ArrayNode,
    ElementNode,
    Entry,
    MapNode,
    Run,
    Stamp,
    TextNode,
    Tree,
    XmlNode,
    XmlTextNode,
)
from collabkit.ids import Seq, Subject

ADA = Stamp(Seq(1), Subject("user:ada"), 1)
BY = {
    "seq": 1, "subject": "user:ada", "at_ms": 1, "origin": "relay", "group": None,
    "compacted": False,
}  # fmt: skip


def test_each_part_tells_its_steps() -> None:
    """Every kind of step and of shared type is told, and JSON can write all of it."""
    bold = {"bold": True}
    nested = ArrayNode(None, (Entry(1), Entry(2)))
    text = XmlTextNode(None, (Run("same"),), {"a": Entry("x")})
    old: Tree = {
        "t": TextNode(None, (Run("one two", {}, ADA),)),
        "m": MapNode(None, {"b": Entry(b"a", ADA), "n": Entry(nested)}),
        "x": XmlNode(None, (Entry(ElementNode("p", None, {}, (Entry(text),))),)),
        "k": TextNode(None, (Run("text"),)),
    }
    text = XmlTextNode(None, (Run("same"),), {"a": Entry("y", ADA)})
    new: Tree = {
        "t": TextNode(None, (Run("one", bold, ADA), Run(" "), Run({"i": 1}, {}, ADA))),
        "m": MapNode(None, {"n": Entry(ArrayNode(None, (Entry(1), Entry(MapNode(), ADA))))}),
        "x": XmlNode(None, (Entry(ElementNode("p", None, {}, (Entry(text),))),)),
        "k": ArrayNode(None, (Entry(1),)),
    }
    told = json.loads(msgspec.json.encode(difference(old, new).to_json()))
    assert told["replaced"] == {
        "k": {
            "old": {"value": "text", "kind": "text"},
            "new": {"value": [1], "kind": "array"},
        }
    }
    assert told["parts"] == [
        {
            "path": ["m"],
            "kind": "map",
            "keys": {"b": {"old": {"value": "YQ==", "by": BY}}, "n": {"within": ["m", "n"]}},
        },
        {
            "path": ["m", "n"],
            "kind": "array",
            "steps": [
                {"keep": 1},
                {"remove": [{"value": 2}]},
                {"add": [{"value": {}, "kind": "map", "by": BY}]},
            ],
        },
        {
            "path": ["t"],
            "kind": "text",
            "steps": [
                {"format": "one", "attributes": bold, "before": {}, "by": BY},
                {"keep": 1},
                {"delete": "two", "by": BY},
                {"insert": {"i": 1}, "by": BY},
            ],
        },
        {"path": ["x"], "kind": "xml", "steps": [{"within": ["x", 0]}]},
        {"path": ["x", 0], "kind": "element", "steps": [{"within": ["x", 0, 0]}]},
        {
            "path": ["x", 0, 0],
            "kind": "xml-text",
            "keys": {"a": {"old": {"value": "x"}, "new": {"value": "y", "by": BY}}},
            "steps": [],
        },
    ]
