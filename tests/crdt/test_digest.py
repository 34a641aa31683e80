"""Equal content has an equal digest, and nothing else does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collabkit.crdt.document import Document
from collabkit.crdt.lib0 import var_string, var_uint
from collabkit.crdt.values import Element, Json, NewText
from crdt.crafting import item, shared, update

EDITS: list[Callable[[Document], object]] = [
    lambda d: d.text("t").insert(0, "é"),
    lambda d: d.text("t").append("b"),
    lambda d: d.text("t").replace(0, min(1, len(d.text("t"))), ""),
    lambda d: d.text("t").format(0, len(d.text("t")), {"b": True}),
    lambda d: d.text("t").format(0, len(d.text("t")), {"b": None}),
    lambda d: d.map("m").update({"k": 1, "l": {"x": [1]}}),
    lambda d: d.map("m").pop("k", None),
    lambda d: d.array("a").insert(0, {"y": "z"}),
    lambda d: d.array("a").clear(),
    lambda d: d.xml("x").append(Element("p", {"i": 1}, ["é"])),
    lambda d: d.xml("x").delete(0, min(1, len(d.xml("x")))),
]


@given(st.lists(st.tuples(st.integers(0, 2), st.sampled_from(EDITS)), max_size=20), st.randoms())
def test_replicas_that_got_the_same_in_other_orders_agree(
    edits: list[tuple[int, Callable[[Document], object]]], rolls: object
) -> None:
    """Three replicas edit at once, exchange, and load each other's states."""
    replicas = [Document(client_id=number + 1) for number in range(3)]
    for who, edit in edits:
        edit(replicas[who])
    states = [replica.update() for replica in replicas]
    merged: list[Document] = []
    for turn in range(3):
        fresh = Document()
        for state in states[turn:] + states[:turn]:
            fresh.apply(state)
        merged.append(fresh)
    reloaded = Document()
    reloaded.apply(merged[0].update())
    assert len({document.digest() for document in (*merged, reloaded)}) == 1
    assert all(document.to_dict() == reloaded.to_dict() for document in merged)


def made(*edits: Callable[[Document], object]) -> str:
    """The digest after some edits."""
    document = Document()
    for edit in edits:
        edit(document)
    return document.digest()


def test_how_it_came_about_leaves_no_trace() -> None:
    """Neither cuts, nor order, nor what was deleted, nor roots that were only asked for."""
    assert made(lambda d: d.text("t").append("abc")) == made(
        lambda d: d.text("other"),
        lambda d: d.map("gone").update({"k": 1}),
        lambda d: d.map("gone").clear(),
        lambda d: d.text("t").append("xc"),
        lambda d: d.text("t").replace(0, 1, "b"),
        lambda d: d.text("t").insert(0, "a"),
        lambda d: d.text("t").format(0, 2, {"b": True}),
        lambda d: d.text("t").format(0, 3, {"b": None}),
    )


def test_the_order_of_keys_does_not_matter() -> None:
    """In maps, in plain values, in formatting and in attributes."""
    orders = ({"a": 1, "b": 2}, {"b": 2, "a": 1})
    digests = {
        made(
            lambda d, keys=keys: d.map("m").update({"s": keys, "p": Json(keys)}),  # type: ignore[misc]
            lambda d, keys=keys: d.text("t").insert(0, "x", keys),  # type: ignore[misc]
            lambda d, keys=keys: d.xml("x").append(Element("p", keys)),  # type: ignore[misc]
        )
        for keys in orders
    }
    assert len(digests) == 1


def test_types_are_part_of_the_content() -> None:
    """What reads alike and is not the same has another digest."""
    values: list[Any] = [
        *({"a": 1}, Json({"a": 1}), {"a": 1.5}, {}),
        *([], Json([]), "x", NewText("x"), NewText("x", {"b": True})),
        *(b"x", None, False, 0),
    ]
    digests = [made(lambda d, value=value: d.map("m").update({"k": value})) for value in values]  # type: ignore[misc]
    assert len(set(digests)) == len(digests)


def test_one_and_one_point_zero_are_one_number() -> None:
    """They are the same bytes on the wire."""
    assert made(lambda d: d.map("m").update({"k": 1})) == made(
        lambda d: d.map("m").update({"k": 1.0})
    )


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d.text("t").insert(0, "x"),
        lambda d: d.text("t").format(0, 1, {"b": True}),
        lambda d: d.text("t").embed(0, {"i": 1}),
        lambda d: d.xml("x")[0].attributes.update({"a": 1}),
        lambda d: d.xml("x")[0].append("x"),
        lambda d: d.xml("x")[0][0].append("x"),
        lambda d: d.xml("x")[0][0].attributes.update({"a": 1}),
        lambda d: d.array("a").append(None),
        lambda d: d.map("new").update({"k": None}),
    ],
)
def test_every_change_of_content_changes_it(change: Callable[[Document], object]) -> None:
    """Wherever it is."""
    document = Document()
    document.text("t").append("text")
    document.xml("x").append(Element("p", {}, ["y"]))
    document.array("a").append(1)
    before = document.digest()
    change(document)
    assert document.digest() != before


@pytest.mark.parametrize("ids", [(1, 2), (2, 1)])
def test_a_root_used_as_two_things_counts_as_its_text(ids: tuple[int, int]) -> None:
    """One program's text is another one's array: the engine would loop on reading the latter."""
    text, array = (Document(client_id=number) for number in ids)
    text.text("r").append("é")
    array.array("r").append(1)
    both = Document()
    both.apply(text.update())
    both.apply(array.update())
    assert both.roots == {}
    assert len({both.digest(), text.digest(), array.digest()}) == 3


@pytest.mark.parametrize("ref", [7, 9])
def test_an_attribute_can_be_a_shared_type(ref: int) -> None:
    """No editor makes one, and any client can: there is a digest of that, too."""
    content = var_uint(1) if ref == 7 else var_string("guid") + b"\x76\0"
    digests = set[str]()
    for key in ("a", "b"):
        document = Document()
        document.apply(update((7, 0, [item(7, var_uint(3) + var_string("p"), root="x")])))
        document.apply(update((7, 1, [item(ref, content, parent=(7, 0), key=key)])))
        digests.add(document.digest())
    assert len(digests) == 2


def test_what_is_no_value_is_no_content() -> None:
    """A format can be put under a key of a map, where it means nothing."""
    document = Document()
    document.apply(update((7, 0, [shared(1, root="m", key="k")])))
    empty = document.digest()
    bold = var_string("b") + var_string("true")
    document.apply(update((7, 1, [item(6, bold, parent=(7, 0), key="f")])))
    assert document.digest() == empty
