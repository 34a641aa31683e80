"""Handles name places, and never read what the engine has freed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from collabkit.crdt.changes import Change, MapChanged, Part, TextChanged
from collabkit.crdt.document import Document
from collabkit.crdt.node import Place
from collabkit.crdt.values import Element, NewText
from collabkit.errors import Gone


@pytest.fixture
def document() -> Document:
    """One of each kind of place."""
    document = Document()
    document.map("m")["key"] = {"text": NewText("a"), "list": [{"id": 1}]}
    document.xml("x").append(Element("p", {}, ["inside"]))
    return document


PLACES: dict[str, tuple[Callable[[Document], Any], tuple[str | int, ...]]] = {
    "m": (lambda d: d.map("m"), ("m",)),
    "m['key']": (lambda d: d.map("m")["key"], ("m", "key")),
    "m['key']['text']": (lambda d: d.map("m")["key"]["text"], ("m", "key", "text")),
    "an element of m['key']['list']": (
        lambda d: d.map("m")["key"]["list"][0],
        ("m", "key", "list", 0),
    ),
    "a child of x": (lambda d: d.xml("x")[0], ("x", 0)),
    "a child of a child of x": (lambda d: d.xml("x")[0][0], ("x", 0, 0)),
}


@pytest.mark.parametrize("name", PLACES)
def test_a_place_has_a_name_and_a_path(document: Document, name: str) -> None:
    """The name for people, and the path that events tell."""
    find, path = PLACES[name]
    place: Place = find(document).place
    with document._desk.reading as core:
        assert (str(place), place.path(core)) == (name, path)


@pytest.mark.parametrize("name", PLACES)
def test_a_handle_works_in_a_block(document: Document, name: str) -> None:
    """It finds in the staged copy what it names in the document."""
    handle = PLACES[name][0](document)
    with document.edit():
        document.map("other")["staged"] = True
        assert handle.plain() == PLACES[name][0](document).plain()


def test_the_handle_of_a_key_follows_what_the_key_holds(document: Document) -> None:
    """If two replicas create the same key at once, both handles end at the winner."""
    there = Document()
    handles = []
    for replica in (document, there):
        replica.map("m")["cart"] = {"by": replica.client_id}
        handles.append(replica.map("m")["cart"])
    document.apply(there.update())
    there.apply(document.update())
    assert handles[0].plain() == handles[1].plain()
    handles[0]["total"] = 3
    there.apply(document.update())
    assert handles[1]["total"] == 3


@pytest.mark.parametrize(
    "remove",
    [
        lambda d: d.map("m").__delitem__("key"),
        lambda d: d.map("m").__setitem__("key", 5),
        lambda d: d.map("m").__setitem__("key", [1]),
    ],
)
def test_what_a_key_does_not_hold_any_more_is_gone(
    document: Document, remove: Callable[[Document], None]
) -> None:
    """Be it nothing, a plain value, or another kind; and so is all that was inside."""
    outer = document.map("m")["key"]
    inner = outer["list"]
    element = inner[0]
    remove(document)
    for handle in (outer, inner, element):
        with pytest.raises(Gone):
            handle.plain()


def test_freed_memory_is_never_read(document: Document) -> None:
    """Where the engine put something new into the memory of what was deleted, it is not found."""
    rows = document.array("rows")
    rows.extend([{"old": index} for index in range(200)])
    handles = list(rows)
    rows.clear()
    rows.extend([{"new": index} for index in range(200)])
    for handle in handles:
        with pytest.raises(Gone, match="an element of rows is not in the document any more"):
            handle["old"]


def test_a_node_tells_only_of_itself(document: Document) -> None:
    """Not of what is beside it or inside it, and wherever it has gone meanwhile."""
    heard: list[tuple[Part, Change]] = []
    row = document.map("m")["key"]["list"][0]
    text = document.map("m")["key"]["text"]
    stop = row.observe(lambda part, change: heard.append((part, change)))
    text.observe(lambda part, change: heard.append((part, change)))
    document.map("m")["key"]["list"].insert(0, "before")
    row["id"] = {"deep": 1}
    row["id"]["deep"] = 2
    text.append("b")
    parts = [part for part, _change in heard]
    assert [type(part) for part in parts] == [MapChanged, TextChanged]
    assert parts[0].path == ("m", "key", "list", 1)
    assert heard[0][1].local
    stop()
    row["id"] = 3
    assert len(heard) == 2


class Looking:
    """A place that counts how often it is looked up."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.looked = 0

    def __getattr__(self, name: str) -> Any:
        if name in ("find", "trace"):
            self.looked += 1
        return getattr(self.place, name)

    def __str__(self) -> str:
        return str(self.place)


def test_what_is_deep_inside_is_found_in_one_walk(document: Document) -> None:
    """Each place on the way is looked up once, by reading and by observing."""
    value: Any = "core"
    for _ in range(60):
        value = {"in": value}
    document.map("deep").update(value)
    handle: Any = document.map("deep")
    looking = handle.place = Looking(handle.place)
    for _ in range(7):
        handle = handle["in"]
    for look in (handle.place.find, handle.place.path):
        looking.looked = 0
        with document._desk.reading as core:
            look(core)
        assert looking.looked == 1
    for _ in range(52):
        handle = handle["in"]
    handle.observe(lambda part, change: None)
    handle["in"] = "changed"
    assert handle.plain() == {"in": "changed"}


def test_one_who_observes_what_is_gone_hears_nothing_and_breaks_nothing(
    document: Document,
) -> None:
    """Also when what it was in became something else."""
    inner = document.map("m")["key"]["text"]
    inner.observe(lambda part, change: None)
    document.map("m")["key"] = 5
    assert document.map("m")["key"] == 5


def test_the_repr_of_what_is_gone_says_so(document: Document) -> None:
    """It raises nothing: that is what logs and debuggers show."""
    entry = document.map("m")["key"]
    element: Any = document.xml("x")[0]
    attributes = element.attributes
    handles = {"Map": entry, "Text": entry["text"], "Array": entry["list"], "XmlElement": element}
    del document.map("m")["key"]
    document.xml("x").delete(0, 1)
    for kind, handle in handles.items():
        assert repr(handle).startswith(f"<{kind} {handle.place} (")
        assert repr(handle).endswith(" is not in the document any more)>")
    assert repr(attributes) == "<XmlAttributes (a child of x is not in the document any more)>"
