"""What a branch brings to its parent."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from collabkit.crdt.document import Document
from collabkit.errors import UpdateRefused
from collabkit.history.joining import join
from collabkit.history.past import Past
from collabkit.ids import Lineage, Seq, Subject
from collabkit.store.base import Chronicle, Row

ADA = Subject("user:ada")
ORIGIN = "merge:branch"


def past(rows: Sequence[tuple[int, bytes, str]]) -> Past:
    """A past of rows: number, body and origin."""
    told = [Row(Seq(n), "main", ADA, b, 0, "update", (), 0, None, o) for n, b, o in rows]
    return Past("main", Chronicle(Lineage("l"), None, tuple(told), told[-1].seq))


def written(document: Document, words: str) -> bytes:
    """What an edit of a document changes."""
    before = document.state_vector
    document.text("body").append(words)
    return document.update(before)


def parted() -> tuple[Document, Document, list[tuple[int, bytes, str]]]:
    """Two copies of a document, and its row."""
    here, there = Document(), Document()
    first = written(here, "a")
    there.apply(first)
    return here, there, [(1, first, "relay")]


def test_a_branch_brings_what_it_has_beyond_its_parent() -> None:
    """As one update; and it is told what that changes."""
    here, there, rows = parted()
    ours = past([*rows, (2, written(here, "b"), "relay")])
    theirs = past([*rows, (2, written(there, "c"), "relay")])
    joined = join(ours, theirs, at=Seq(1), origin=ORIGIN, by=ADA)
    [update] = joined.updates
    here.apply(update)
    here.apply(there.update())
    there.apply(here.update())
    assert here.digest() == there.digest()
    [part] = joined.difference.parts
    assert part.path == ("body",)


def test_what_was_brought_before_is_not_brought_again() -> None:
    """Nor does it count as written on both sides."""
    here, there, rows = parted()
    theirs = past([*rows, (2, written(there, "c"), "relay")])
    brought = there.update(here.state_vector)
    ours = past([*rows, (2, brought, ORIGIN)])
    assert join(ours, theirs, at=Seq(1), origin=ORIGIN, by=ADA).updates == ()
    more = past([*rows, (2, brought, "relay"), (3, written(there, "d"), "relay")])
    assert len(join(ours, more, at=Seq(1), origin=ORIGIN, by=ADA).updates) == 1


def test_one_client_does_not_write_on_both_sides() -> None:
    """Its clocks would mean two things; to repeat what was known is not to write."""
    here, _there, rows = parted()
    twin = Document(client_id=here.client_id)
    twin.apply(here.update())
    repeated = past([*rows, (2, here.update(), "relay")])
    ours = past([*rows, (2, written(here, "b"), "relay")])
    theirs = past([*rows, (2, written(twin, "c"), "relay")])
    assert join(ours, repeated, at=Seq(1), origin=ORIGIN, by=ADA).updates == ()
    with pytest.raises(UpdateRefused, match="both sides"):
        join(ours, theirs, at=Seq(1), origin=ORIGIN, by=ADA)
