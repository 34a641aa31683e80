"""Content as plain values, the same in every replica."""

from __future__ import annotations

from typing import Any

import pycrdt
from hypothesis import given
from hypothesis import strategies as st

from collabkit.crdt.canonical import elements
from collabkit.crdt.document import Document
from collabkit.crdt.values import Element, Json, NewText


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
