"""Blocks inside blocks."""

from __future__ import annotations

import asyncio

import pytest

from collabkit.crdt.changes import Change
from collabkit.crdt.document import Document
from collabkit.errors import LocalProtocolError


def test_an_inner_block_is_part_of_the_outer_one() -> None:
    """It happens with it, in its transaction and under its name."""
    document = Document()
    changes: list[Change] = []
    document.on_update(changes.append)
    with document.edit("outer"):
        document.text("t").append("a")
        with document.edit("inner"):
            document.text("t").append("b")
        assert changes == []
    assert [(change.group, str(document.text("t"))) for change in changes] == [("outer", "ab")]


def test_an_inner_block_that_fails_takes_the_outer_one_with_it() -> None:
    """What the inner one was part of cannot happen without it."""
    document = Document()
    with pytest.raises(LocalProtocolError, match="inside this one failed"):
        swallow(document)
    assert document.to_dict() == {}
    with document.edit():
        document.text("t").append("after")
    assert document.to_dict() == {"t": "after"}


def swallow(document: Document) -> None:
    """Fail in an inner block, and go on."""
    with document.edit():
        document.text("t").append("a")
        with pytest.raises(ZeroDivisionError), document.edit():
            append_and_fail(document)


def append_and_fail(document: Document) -> None:
    """Write something, and raise."""
    document.text("t").append("b")
    raise ZeroDivisionError


def test_the_outer_failure_is_what_is_raised() -> None:
    """If both fail, the program sees its own exception."""
    document = Document()
    with pytest.raises(ZeroDivisionError), document.edit(), document.edit():
        append_and_fail(document)
    assert document.to_dict() == {}


def test_a_block_says_what_it_is() -> None:
    """The repr names the document and the group."""
    assert repr(Document("plan").edit("typing")) == "<edit block of 'plan', group 'typing'>"


def test_blocks_of_two_documents_are_open_at_one_time() -> None:
    """Whichever is inside, whichever ends first, each document is edited in its own."""
    a, b = Document("a"), Document("b")
    with a.edit(), b.edit():
        a.text("t").append("a1")
        b.text("t").append("b1")
        with a.edit():
            a.text("t").append("a2")
    assert (a.to_dict(), b.to_dict()) == ({"t": "a1a2"}, {"t": "b1"})
    outer, inner = a.edit(), b.edit()
    outer.__enter__()
    inner.__enter__()
    outer.__exit__(None, None, None)
    b.text("t").append("b2")
    inner.__exit__(None, None, None)
    assert str(b.text("t")) == "b1b2"


async def test_a_task_begun_in_a_block_is_not_in_it() -> None:
    """Its edit would go with the block, and nobody would have told it so."""
    document = Document()

    async def child() -> str:
        with pytest.raises(LocalProtocolError, match="another task"):
            document.text("t").append("child")
        with pytest.raises(LocalProtocolError, match="another task"), document.edit():
            pass
        return str(document.text("t"))

    with document.edit():
        document.text("t").append("parent")
        assert await asyncio.create_task(child()) == ""
    assert document.to_dict() == {"t": "parent"}
