"""What can be told of a document from what the store keeps of its past."""

from __future__ import annotations

import pytest

from collabkit.crdt.document import Document
from collabkit.errors import MomentNotFound
from collabkit.history.past import Past, compacted
from collabkit.history.timeline import Wanted
from collabkit.history.tree import plain_tree
from collabkit.ids import Lineage, Seq, Subject
from collabkit.store.base import Checkpoint, Chronicle, Row

ADA, BOB = Subject("user:ada"), Subject("user:bob")


def chronicle(words: str, *, gone: int = 0) -> Chronicle:
    """A document to which a letter was added by row, by two in turns; the first rows are gone."""
    document, bodies = Document(), list[bytes]()
    document.on_update(lambda change: bodies.append(change.update))
    for letter in words:
        document.text("body").append(letter)
    rows = [
        Row(Seq(n), "main", (ADA, BOB)[n % 2], body, n * 1000, "update", (), 0, None, "relay")
        for n, body in enumerate(bodies, 1)
    ]
    base: Checkpoint | None = None
    if gone:
        early = Document()
        for body in bodies[:gone]:
            early.apply(body)
        base = Checkpoint("main", Seq(gone), early.update(), early.digest(), gone * 1000)
    rows.append(note(len(rows) + 1))
    return Chronicle(Lineage("l"), base, tuple(rows[gone:]), Seq(len(rows)), {}, Seq(gone))


def note(seq: int) -> Row:
    """A row that is no update."""
    return Row(Seq(seq), "main", ADA, b"{}", seq * 1000, "note", (), 0, None, "local")


@pytest.mark.parametrize("gone", [0, 3])
def test_every_moment_that_there_is_can_be_told(gone: int) -> None:
    """From the first row that is left to the last; what is gone, or not yet there, is refused."""
    past = Past("main", chronicle("abcdef", gone=gone))
    for at in range(max(gone, 1), 7):
        assert plain_tree(past.tree(Seq(at))) == {"body": "abcdef"[:at]}
    assert plain_tree(past.tree()) == past.now().to_dict() == {"body": "abcdef"}
    assert plain_tree(past.tree(Seq(7))) == {"body": "abcdef"}
    with pytest.raises(MomentNotFound, match="newest row is 7"):
        past.tree(Seq(8))
    if gone:
        with pytest.raises(MomentNotFound, match="compacted"):
            past.difference(Seq(gone - 1), None)


def test_what_is_gone_is_the_first_change() -> None:
    """It is of nobody, and ends where history begins."""
    told = chronicle("abcdef", gone=3)
    past = Past("main", told)
    spans = list(past.changes(Wanted(), versions=()))
    assert [[one.address for one in span] for span in spans] == [["4-6", "5"], ["1-3"]]
    assert spans[-1] == compacted(told, "main")
    assert spans[-1][0].compacted
    assert compacted(chronicle("a"), "main") == ()


def test_rows_are_found_by_who_wrote_them_and_when() -> None:
    """After one moment and until another; rows that are no updates are not among them."""
    past = Past("main", chronicle("abcdef"))
    assert [row.seq for row in past.rows_by(BOB, since=Seq(1), until=Seq(5))] == [3, 5]
    assert [row.seq for row in past.rows_by(ADA, since=Seq(0), until=Seq(9))] == [2, 4, 6]
    assert [row.seq for row in past.rows_of("2-6")] == [2, 4, 6]


def test_changes_tell_where_and_how_much() -> None:
    """With the weave at hand, each has its parts; a page can begin anywhere."""
    past = Past("main", chronicle("abcdef"))
    [[ada, bob]] = past.changes(Wanted(path=("body",)), versions=())
    assert (str(ada), str(bob)) == ("#2-6 user:ada: body +3 -0", "#1-5 user:bob: body +3 -0")
    assert list(past.changes(Wanted(path=("title",)), versions=())) == []
    [span] = past.changes(Wanted(), versions=(), before=Seq(3))
    assert [one.address for one in span] == ["2", "1"]


def test_a_difference_tells_who_took_something_away() -> None:
    """Who deleted text, elements and keys is told with whoever wrote them; on the way back nobody
    deleted anything."""
    document, bodies = Document(), list[bytes]()
    document.on_update(lambda change: bodies.append(change.update))
    with document.edit():
        document.text("t").insert(0, "one two")
        document.array("a").extend([1, 2, 3])
        document.map("m")["k"] = 1
    with document.edit():
        document.text("t").delete(3, 7)
        del document.array("a")[0]
        del document.map("m")["k"]
    rows = tuple(
        Row(Seq(n), "main", who, body, n, "update", (), 0, None, "relay")
        for n, (who, body) in enumerate(zip((ADA, BOB), bodies, strict=True), 1)
    )
    past = Past("main", Chronicle(Lineage("l"), None, rows, Seq(2), {}, Seq(0)))
    for old, new, by in ((Seq(1), None, BOB), (Seq(2), Seq(1), None)):
        told = past.difference(old, new).to_json()["parts"]
        steps = [step for part in told for step in part.get("steps", ()) if "keep" not in step]
        went = [*steps, *(key for part in told for key in part.get("keys", {}).values())]
        assert len(went) == 3
        assert {each.get("gone", {}).get("subject") for each in went} == {by}
