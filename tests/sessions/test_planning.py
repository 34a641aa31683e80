"""Edits that are worked out and not carried out."""

from __future__ import annotations

import msgspec
import pytest

from collabkit.crdt.document import Document
from collabkit.errors import MomentNotFound
from collabkit.history.past import Past
from collabkit.ids import Lineage, Seq, SessionId, Subject
from collabkit.sessions.planning import Joining, Plan, Restoring, Reverting, Task, work_out
from collabkit.store.base import Chronicle, Row

ADA, BOB = Subject("user:ada"), Subject("user:bob")


def past(document: Document, words: str) -> Past:
    """A past in which each letter is a row, by two in turns."""
    bodies: list[bytes] = []
    stop = document.on_update(lambda change: bodies.append(change.update))
    for letter in words:
        document.text("body").append(letter)
    stop()
    rows = tuple(
        Row(Seq(n), "main", (ADA, BOB)[n % 2], body, 0, "update", (), 0, None, "relay")
        for n, body in enumerate(bodies, 1)
    )
    return Past("main", Chronicle(Lineage("l"), None, rows, Seq(len(rows))))


ALL = (Seq(0), Seq(9))


@pytest.mark.parametrize(
    ("task", "text", "origin"),
    [
        (Restoring(Seq(2)), "ab", "restore:2"),
        (Reverting("2", None, *ALL), "acd", "revert:2-2"),
        (Reverting(None, BOB, *ALL), "bd", "revert:1-3"),
        (Reverting(None, BOB, Seq(1), Seq(4)), "abd", "revert:3-3"),
    ],
)
def test_a_plan_does_what_is_asked_where_it_is_taken(task: Task, text: str, origin: str) -> None:
    """Its update makes the document what it is to be; it can be sent as it is."""
    document = Document()
    plan = work_out(task, past(document, "abcd"))
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(plan), type=Plan) == plan
    [update] = plan.updates
    document.apply(update)
    assert (str(document.text("body")), plan.origin, plan.after) == (text, origin, 4)
    assert plan.told["document"] == "main"
    assert plan.difference


def test_a_branch_is_joined() -> None:
    """What it has beyond its parent, from the session that it is."""
    here, there = Document(), Document()
    ours = past(here, "ab")
    there.apply(here.update())
    before = there.state_vector
    there.text("body").append("c")
    row = msgspec.structs.replace(ours.chronicle.rows[-1], seq=Seq(3), body=there.update(before))
    told = msgspec.structs.replace(ours.chronicle, rows=(*ours.chronicle.rows, row), upto=Seq(3))
    plan = work_out(Joining(SessionId("f"), Seq(2), ADA), ours, Past("main", told))
    here.apply(*plan.updates)
    assert (str(here.text("body")), plan.origin) == ("abc", "merge:f")
    assert plan.told == {"document": "main", "fork": "f"}


def test_where_there_is_nothing_to_do_there_is_no_edit() -> None:
    """Also where an author wrote nothing."""
    for task in (Restoring(Seq(4)), Reverting(None, "user:eve", *ALL)):
        plan = work_out(task, past(Document(), "abcd"))
        assert (plan.updates, plan.difference, plan.kept) == ((), "", ())


def test_what_cannot_be_worked_out_is_told() -> None:
    """A moment that is not there yet, and a change that is none."""
    for task in (Restoring(Seq(5)), Reverting("1-2", None, *ALL)):
        with pytest.raises(MomentNotFound):
            work_out(task, past(Document(), "abcd"))
