"""Roots: their kinds are told from what lies in them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pycrdt import Array, Doc, Map, Text, XmlElement, XmlFragment, XmlText

from collabkit.crdt.roots import root_kinds
from crdt.crafting import gc, item, shared, string, update, values

A, B = 7, 4_000_000_000
NULL = b"\x7e"


def text(doc: Doc[Any]) -> None:
    doc.get("r", type=Text).insert(0, "hi")


def embed(doc: Doc[Any]) -> None:
    doc.get("r", type=Text).insert_embed(0, {"image": "x"})


def array(doc: Doc[Any]) -> None:
    doc.get("r", type=Array).append(1)


def array_of_maps(doc: Doc[Any]) -> None:
    doc.get("r", type=Array).append(Map({"text": "hi"}))


def table(doc: Doc[Any]) -> None:
    doc.get("r", type=Map)["k"] = "v"


def table_of_text(doc: Doc[Any]) -> None:
    doc.get("r", type=Map)["k"] = Text("hi")


def xml(doc: Doc[Any]) -> None:
    doc.get("r", type=XmlFragment).children.append(XmlElement("p"))


def xml_text(doc: Doc[Any]) -> None:
    doc.get("r", type=XmlFragment).children.append(XmlText("hi"))


@pytest.mark.parametrize(
    ("write", "kind"),
    [
        (text, "text"),
        (embed, "text"),
        (array, "array"),
        (array_of_maps, "array"),
        (table, "map"),
        (table_of_text, "map"),
        (xml, "xml"),
        (xml_text, "xml"),
    ],
)
def test_the_kind_is_told_from_what_was_written(
    write: Callable[[Doc[Any]], None], kind: str
) -> None:
    """A document made elsewhere shows what its roots are."""
    doc: Doc[Any] = Doc()
    write(doc)
    assert root_kinds(doc.get_update()) == {"r": kind}


def test_what_was_deleted_first_leaves_the_rest_to_tell() -> None:
    """The item that names the root may be gone: those beside it are asked, in any order."""
    doc: Doc[Any] = Doc(client_id=B)
    root = doc.get("r", type=Text)
    for letter in "abc":
        root.insert(0, letter)
    root.format(0, 1, {"bold": True})
    del root[1:3]
    assert root_kinds(doc.get_update()) == {"r": "text"}


def test_a_chain_across_clients_leads_to_the_root() -> None:
    """Origins are followed wherever in the update they are."""
    data = update(
        (B, 0, [values(NULL, origin=(A, 2))]),
        (A, 0, [item(1, b"\x02", root="r"), item(1, b"\x01", right=(A, 0))]),
    )
    assert root_kinds(data) == {"r": "array"}


@pytest.mark.parametrize(
    ("structs", "kind"),
    [
        ([item(1, b"\x02", root="r")], "unknown"),
        ([item(1, b"\x02", root="r", key="k")], "map"),
        ([item(1, b"\x01", root="r", key="k"), shared(1, origin=(A, 0))], "map"),
        ([item(7, b"\x03\x01p", root="r")], "xml"),
        ([shared(6, root="r"), string("inside", parent=(A, 0))], "xml"),
        ([shared(0, root="r"), string("inside", parent=(A, 0))], "array"),
        ([shared(6, root="r"), shared(1, origin=(A, 0))], "array"),
        ([shared(6, root="r"), string("beside", origin=(A, 0))], "text"),
        ([shared(6, root="r"), values(NULL, origin=(A, 0))], "array"),
        ([string("a", root="r"), values(NULL, root="r")], "unknown"),
        ([string("a", root="r"), values(NULL, root="r", key="attribute")], "text"),
        ([shared(6, root="r"), values(NULL, root="r", key="attribute")], "xml"),
        ([gc(2), item(1, b"\x01", root="r"), string("x", origin=(A, 1))], "unknown"),
    ],
)
def test_the_rules_of_the_table(structs: list[bytes], kind: str) -> None:
    """Each line of the table, doubts and mixtures included."""
    assert root_kinds(update((A, 0, structs))) == {"r": kind}


def test_items_in_a_circle_lie_nowhere() -> None:
    """Origins of two clients that name each other end the search."""
    data = update(
        (A, 0, [item(1, b"\x01", root="r"), string("x", origin=(B, 0))]),
        (B, 0, [string("y", origin=(A, 1))]),
    )
    assert root_kinds(data) == {"r": "unknown"}


def test_every_root_is_named() -> None:
    """An update of several roots tells all of them, an empty one none."""
    doc: Doc[Any] = Doc()
    doc.get("t", type=Text).insert(0, "hi")
    doc.get("m", type=Map)["k"] = 1
    doc.get("a", type=Array).append(1)
    doc.get("x", type=XmlFragment).children.append(XmlElement("p"))
    assert root_kinds(doc.get_update()) == {"t": "text", "m": "map", "a": "array", "x": "xml"}
    assert root_kinds(b"\x00\x00") == {}
