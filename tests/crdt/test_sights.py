"""What is to be seen at some places, before and afterwards."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pycrdt import Array, Doc, Map, Text, XmlElement, XmlFragment, XmlText

from collabkit.crdt.core import Core
from collabkit.crdt.sights import Sights
from crdt.crafting import item, string, update

BOX, LOCKED, ITEMS, PAGE = ("m", "box", "x"), ("locked",), ("list", None, "done"), ("page",)

CHANGES: dict[str, tuple[tuple[str | None, ...], Callable[[Doc[Any]], object]]] = {
    "a value": (BOX, lambda doc: doc["m"]["box"].update({"x": 2})),
    "no value": (BOX, lambda doc: doc["m"]["box"].pop("x")),
    "text": (LOCKED, lambda doc: doc["locked"].insert(3, "b")),
    "a format": (LOCKED, lambda doc: doc["locked"].format(0, 2, {"b": None})),
    "an element": (ITEMS, lambda doc: doc["list"].pop(0)),
    "in an element": (ITEMS, lambda doc: doc["list"][1].update({"done": True})),
    "a node": (PAGE, lambda doc: doc["page"].children.append(XmlElement("i"))),
    "an attribute": (PAGE, lambda doc: doc["page"].children[0].attributes.__setitem__("a", "z")),
    "text in a node": (PAGE, lambda doc: doc["page"].children[0].children[0].insert(0, "z")),
}


def made() -> Doc[Any]:
    """A document with something of every kind."""
    doc: Doc[Any] = Doc()
    doc["m"] = Map({"box": Map({"x": 1, "y": float("nan")}), "a": 1})
    doc["locked"] = Text()
    doc["locked"].insert(0, "text", {"b": True})
    doc["list"] = Array([1, Map({"done": False}), float("nan")])
    doc["page"] = XmlFragment([XmlElement("p", {"a": "b"}, [XmlText("hello")])])
    return doc


def seen(sights: Sights, body: bytes, *, first: bool = False) -> bool:
    """Note what a copy shows, or tell whether it is as it was."""
    core = Core()
    core.apply(body)
    core.read()
    try:
        if first:
            sights.note(core.root, core.txn)
        return sights.are_as_before(core.root, core.txn)
    finally:
        core.done()


@pytest.mark.parametrize("kind", CHANGES)
def test_a_change_is_seen_where_it_is(kind: str) -> None:
    """And nowhere else."""
    steps, change = CHANGES[kind]
    doc = made()
    here = Sights([steps])
    others = Sights([each for each in (BOX, LOCKED, ITEMS, PAGE) if each != steps])
    for sights in (here, others):
        assert seen(sights, doc.get_update(), first=True)
    change(doc)
    assert (seen(here, doc.get_update()), seen(others, doc.get_update())) == (False, True)


def test_what_is_not_there_is_not_there() -> None:
    """Under a key, in what has no keys, or in a root of which nobody has heard."""
    sights = Sights([("m", "none"), ("m", "a", "in"), ("new",), ("page", "k"), ("locked", "k")])
    assert seen(sights, made().get_update(), first=True)
    assert not Sights([(), (None,)])


def test_text_in_a_root_of_elements_is_text() -> None:
    """To read it as an array would never end."""
    doc: Doc[Any] = Doc(client_id=9)
    doc["list"] = Array([1, 2])
    doc.apply_update(update((10, 0, [string("q", origin=(9, 0))])))
    sights = Sights([("list",)])
    assert seen(sights, doc.get_update(), first=True)
    doc.apply_update(update((10, 1, [string("r", origin=(10, 0))])))
    assert not seen(sights, doc.get_update())


def test_a_key_without_a_value_is_no_trouble() -> None:
    """It holds what is none: a mark of a format."""
    mark = item(6, b"\4bold\4true", root="m", key="k")
    sights = Sights([("m",)])
    assert seen(sights, update((9, 0, [mark])), first=True)
