"""What a document is put through before anybody relies on it."""

from __future__ import annotations

import pytest

from collabkit.crdt.document import Document
from collabkit.crdt.rebuild import build, rehearse
from collabkit.errors import EngineLost, UpdateRefused
from crdt import crafting

FIRST = bytes.fromhex("0101010004010174016100")
IMPOSSIBLE = bytes.fromhex("01020300840100017804000100016200")


def test_a_checkpoint_holds_what_the_log_holds() -> None:
    """Content, types and digest, from many edits of many kinds."""
    document, updates = Document(), list[bytes]()
    document.on_update(lambda change: updates.append(change.update))
    for number in range(300):
        document.text("t").insert(number // 2, "é😀"[number % 2])
        document.map("m")[f"k{number % 7}"] = {"n": number}
    document.text("t").delete(10, 200)
    built = build(updates)
    loaded = Document()
    loaded.apply(built.body)
    assert built.digest == loaded.digest() == document.digest()
    assert len(built.body) < sum(map(len, updates))
    rehearse(updates)


def test_nothing_makes_an_empty_checkpoint() -> None:
    """A document that was never written to is one, too."""
    built = build([])
    assert built.body == b"\0\0"
    assert built.digest == Document().digest()


def test_a_damaged_log_makes_none() -> None:
    """What is no update, or builds on what is not there, is refused."""
    for damaged in ([b"\x01\x02"], [IMPOSSIBLE]):
        with pytest.raises(UpdateRefused):
            build(damaged)


def test_a_rehearsal_leaves_out_what_is_refused() -> None:
    """As it is when it is tasted: it never did any harm."""
    rehearse([FIRST, b"\x01\x02", crafting.update((9, 5, [crafting.string("x", root="t")]))])


def test_the_culprit_is_named() -> None:
    """Whichever breaks the document while it is applied."""
    for prove in (build, rehearse):
        with pytest.raises(EngineLost) as lost:
            prove([FIRST, b"\0\0", IMPOSSIBLE])
        assert lost.value.culprit == 2
