"""What a program wrote in many small updates is the same in few."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from collabkit.crdt.document import Document
from collabkit.crdt.merging import merge

EDITS = st.lists(
    st.one_of(
        st.tuples(st.just("insert"), st.integers(0, 30), st.text(max_size=4)),
        st.tuples(st.just("delete"), st.integers(0, 30), st.integers(1, 4)),
        st.tuples(st.just("set"), st.sampled_from("abc"), st.lists(st.booleans(), max_size=2)),
        st.tuples(st.just("unset"), st.sampled_from("abc"), st.none()),
    ),
    max_size=30,
)


def edited(edits: list[tuple[str, int | str, object]]) -> tuple[Document, list[bytes]]:
    """A document, and the updates of its edits one by one."""
    document, updates = Document(), list[bytes]()
    document.on_update(lambda change: updates.append(change.update))
    text, values = document.text("body"), document.map("values")
    for what, where, value in edits:
        match what, where, value:
            case "insert", int(at), str(words):
                text.insert(min(at, len(text)), words)
            case "delete", int(at), int(count):
                start = min(at, len(text))
                text.delete(start, min(start + count, len(text)))
            case "set", str(key), _:
                values[key] = value
            case "unset", str(key), _:
                values.pop(key, None)
    return document, updates


@given(EDITS, st.integers(1, 10))
def test_merged_updates_make_the_same_document(
    edits: list[tuple[str, int | str, object]], size: int
) -> None:
    """However a sequence of updates is cut and merged, a document that had the parts is equal."""
    document, updates = edited(edits)
    copy = Document()
    for start in range(0, len(updates), size):
        for update in merge(updates[start : start + size]):
            copy.apply(update)
    assert copy.digest() == document.digest()
    assert copy.state_vector == document.state_vector


def test_typing_gets_shorter() -> None:
    """A burst of typing is one update, and smaller than its parts."""
    _, updates = edited([("insert", at, "x") for at in range(30)])
    (merged,) = merge(updates)
    assert len(merged) < sum(map(len, updates)) * 0.6


def test_what_cannot_be_merged_is_given_back() -> None:
    """Bytes that the engine cannot read are left as they are, for whoever reads them next."""
    _, updates = edited([("insert", 0, "a"), ("insert", 1, "b")])
    assert list(merge([*updates, b"\xff\xff"])) == [*updates, b"\xff\xff"]
    assert list(merge([b"\xff"])) == [b"\xff"]
