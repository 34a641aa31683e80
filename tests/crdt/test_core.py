"""One engine document, held safely."""

from __future__ import annotations

import gc
import weakref

import pytest

from collabkit.crdt.core import Core, is_panic
from collabkit.crdt.document import Document


def test_a_copy_goes_on_where_its_original_is() -> None:
    """Under the same client id and with the next clock, so that its update fits."""
    live = Core(7)
    live.begin()
    live.root("text", "t").insert(live.txn, 0, "ab", None)
    live.commit()
    copy = live.copy()
    copy.begin()
    copy.root("text", "t").insert(copy.txn, 1, "x", None)
    update = copy.commit()
    assert update is not None
    live.watch()
    assert live.apply(update) is not None
    assert live.state_vector() == copy.state_vector() == b"\x01\x07\x03"
    assert repr(copy) == "<Core staged client 7>"


def test_an_update_is_kept_only_if_watched_and_new() -> None:
    """None means that nothing changed, or that nobody wanted to know."""
    source = Document()
    source.text("t").append("x")
    core = Core()
    assert core.apply(source.update()) is None
    core.watch()
    core.watch()
    assert core.apply(source.update()) is None
    source.text("t").append("y")
    assert core.apply(source.update()) is not None
    core.unwatch()
    source.text("t").append("z")
    assert core.apply(source.update()) is None


def test_reading_joins_the_open_transaction() -> None:
    """The engine allows one at a time; the last reader closes it."""
    core = Core()
    assert core.read() is core.read()
    assert core.state_vector() == b"\0"
    core.done()
    assert core.txn is not None
    core.done()
    assert core.txn is None


def test_a_failed_apply_leaves_no_transaction_open() -> None:
    """The next one works."""
    core = Core()
    with pytest.raises(ValueError, match="decode"):
        core.apply(b"\xff")
    assert core.apply(b"\0\0") is None


def test_a_panic_is_told_from_an_exception() -> None:
    """By its name: it is a BaseException whose class cannot be imported."""
    core = Core().begin()
    branch = core.root("text", "t")
    with pytest.raises(BaseException, match="remove") as caught:
        branch.remove_range(core.txn, 0, 5)
    assert is_panic(caught.value)
    assert not isinstance(caught.value, Exception)
    assert not is_panic(ValueError())


def test_a_core_is_freed_with_its_last_owner() -> None:
    """The engine's callbacks do not keep it, whatever it watches and follows."""
    document = Document()
    document.on_update(lambda change: None)
    document.observe(lambda change: None)
    document.text("t").append("é")
    document.map("m")["k"] = {"x": 1}
    with document.edit():
        document.text("t").append("x")
    document.undo()
    core = weakref.ref(document._desk.live)
    del document
    gc.collect()
    assert core() is None
