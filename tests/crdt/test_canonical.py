"""Content as plain values, the same in every replica."""

from __future__ import annotations

import pycrdt

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
