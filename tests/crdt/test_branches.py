"""Shared types are told apart without a panic, and read the same in every replica."""

from __future__ import annotations

from typing import Any

import pycrdt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collabkit.crdt.branches import child_at, elements, identity, read_text
from collabkit.crdt.document import Document
from collabkit.crdt.values import Element, Json, NewText


@pytest.fixture
def document() -> Document:
    """One shared type of each kind, nested."""
    document = Document(client_id=1)
    document.map("m")["k"] = [NewText("é"), NewText("b")]
    document.xml("x").append(Element("p", {}, ["y", "z"]))
    document.text("t").embed(0, {"i": 1})
    document.text("t").append("é")
    return document


def test_a_text_reads_with_a_character_for_each_object(document: Document) -> None:
    """Or without, as one likes; XML text has no markup in it."""
    document.xml("x")[0][0].format(0, 1, {"bold": True})  # type: ignore[union-attr]
    with document._desk.reading as core:
        text = core.root("text", "t")
        assert [read_text(text, core.txn, mark) for mark in ("", "?")] == ["é", "?é"]
        inside = core.root("xml", "x").get(core.txn, 0).get(core.txn, 0)
        assert read_text(inside, core.txn) == "y"


def test_an_identity_is_the_same_in_every_copy_and_no_other(document: Document) -> None:
    """Of nested texts, in XML and outside."""

    def identities() -> list[object]:
        with document._desk.reading as core:
            array = core.root("map", "m").get(core.txn, "k")
            element = core.root("xml", "x").get(core.txn, 0)
            nested = [branch.get(core.txn, at) for branch in (array, element) for at in (0, 1)]
            return [identity(text, core.txn) for text in nested]

    before = identities()
    assert len(set(before)) == 4
    with document.edit():
        document.map("m")["k"][0].delete(0, 1)
        document.xml("x")[0][0].append("more")  # type: ignore[union-attr]
        assert identities() == before
    assert identities() == before


@pytest.mark.parametrize(
    ("root", "step", "found"),
    [
        (("map", "m"), "k", True),
        (("map", "m"), "other", False),
        (("map", "m"), 0, False),
        (("xml", "x"), 0, True),
        (("xml", "x"), 1, False),
        (("xml", "x"), "k", False),
        (("text", "t"), 0, False),
    ],
)
def test_what_is_not_there_is_none(
    document: Document, root: tuple[str, str], step: Any, found: bool
) -> None:
    """Also what such a type cannot have."""
    with document._desk.reading as core:
        assert (child_at(core.root(*root), step, core.txn) is not None) == found
        assert child_at(None, step, core.txn) is None


# Content


def test_everything_reads_as_plain_values() -> None:
    """Shared or not, nested or not."""
    document = Document()
    document.map("m").update(
        {"shared": {"text": NewText("é"), "list": [1, b"\x00"]}, "plain": Json({"n": [1.5, None]})}
    )
    document.text("t").embed(0, {"i": 1})
    document.text("t").append("after")
    document.xml("x").append("a < b", Element("p", {"n": 1}, [NewText("c", {"b": True})]))
    assert document.to_dict() == {
        "m": {"shared": {"text": "é", "list": [1, b"\x00"]}, "plain": {"n": [1.5, None]}},
        "t": "after",
        "x": 'a &lt; b<p n="1"><b>c</b></p>',
    }


def test_a_document_inside_a_document_reads_as_its_name() -> None:
    """What others put there is shown, though nothing here makes it."""
    outer: pycrdt.Doc[pycrdt.Map[pycrdt.Doc[pycrdt.Text]]] = pycrdt.Doc()
    outer.get("m", type=pycrdt.Map)["inner"] = pycrdt.Doc(guid="the-inner-one")
    document = Document()
    document.apply(outer.get_update())
    assert document.to_dict() == {"m": {"inner": {"guid": "the-inner-one"}}}
    assert document.digest() != Document().digest()


def test_shared_types_embedded_in_text_show_as_their_content() -> None:
    """Rich text of other programs may hold them."""
    outer: pycrdt.Doc[pycrdt.Text] = pycrdt.Doc()
    text = outer.get("t", type=pycrdt.Text)
    text.insert(0, "ab")
    text.insert_embed(1, pycrdt.Map({"k": pycrdt.Text("é")}))
    document = Document()
    document.apply(outer.get_update())
    runs = [(run.value, run.attributes) for run in document.text("t").runs()]
    assert runs == [("a", {}), ({"k": "é"}, {}), ("b", {})]
    assert document.text("t")[:] == "a\ufffcb"


@given(
    st.lists(
        st.none()
        | st.booleans()
        | st.integers(-(2**63), 2**63 - 2)
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.sampled_from(["[1]", b"[1]", [1], {"a": 1}, Json([1]), Json({"a": b"b"})]),
        min_size=40,
        max_size=60,
    )
)
def test_a_long_array_reads_as_a_short_one(values: list[Any]) -> None:
    """It is read in another way, to the same values and types."""
    document = Document()
    document.array("long").extend(values)
    expected = [value.value if isinstance(value, Json) else value for value in values]
    assert document.array("long").plain() == expected
    copy = Document()
    for value in values:
        copy.array("long").append(value)
    assert copy.digest() == document.digest()


def test_numbers_are_not_asked_for_one_by_one() -> None:
    """Each would cost the engine a walk from the first."""

    class Counted:
        """An array of the engine that counts what it is asked for."""

        def __init__(self, branch: Any) -> None:
            self.branch = branch
            self.asked: list[int] = []

        def __getattr__(self, name: str) -> Any:
            return getattr(self.branch, name)

        def get(self, txn: Any, index: int) -> Any:
            """Note the index."""
            self.asked.append(index)
            return self.branch.get(txn, index)

    document = Document()
    array = document.array("a")
    array.extend([*range(1000), "text", 1.5, True])
    with document._desk.reading as core:
        counted = Counted(array.branch(core))
        assert elements(counted, core.txn) == [*range(1000), "text", 1.5, True]
    assert counted.asked == [1000]
