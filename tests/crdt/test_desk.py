"""Edits go to the live document or to a staged copy, and one lock holds it together."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from dis import opname
from types import FrameType
from typing import Any

import pytest

from collabkit.crdt.changes import Change
from collabkit.crdt.document import Document
from collabkit.errors import EngineLost, LocalProtocolError


@pytest.fixture
def document() -> Document:
    """A document with something in it."""
    document = Document()
    document.text("body").append("héllo")
    return document


def test_a_failed_block_leaves_no_trace(document: Document) -> None:
    """No event, no clock, no tombstone: the encoded state is the same bytes."""
    changes: list[Change] = []
    document.observe(changes.append)
    before = document.update()
    with pytest.raises(ZeroDivisionError):
        fail_after_writing(document)
    assert document.update() == before
    assert changes == []


def fail_after_writing(document: Document) -> None:
    """Edit all that there is, and raise."""
    with document.edit():
        document.text("body").replace(0, 5, "x")
        document.map("m").update({"a": [1, {"b": 2}]})
        document.xml("x").append("y")
        raise ZeroDivisionError


def test_a_block_without_a_write_is_nothing(document: Document) -> None:
    """Reading in a block is reading."""
    changes: list[Change] = []
    document.on_update(changes.append)
    with document.edit():
        assert str(document.text("body")) == "héllo"
    assert changes == []


def test_a_block_sees_its_own_edits_and_others_do_not(document: Document) -> None:
    """Until its end, the rest of the program and all peers have the document as it was."""
    with document.edit():
        document.text("body").append("!")
        assert str(document.text("body")) == "héllo!"
        loaded = Document()
        loaded.apply(document.update())
        assert str(loaded.text("body")) == "héllo"
    assert str(document.text("body")) == "héllo!"


def test_what_arrives_during_a_block_is_merged(document: Document) -> None:
    """It is in the document at once, in the block at its end, and in the next block."""
    there = Document()
    there.apply(document.update())
    there.text("body").append(" there")
    with document.edit():
        document.text("body").insert(0, ">")
        document.apply(there.update(document.state_vector))
        assert str(document.text("body")) == ">héllo"
    assert str(document.text("body")) == ">héllo there"
    with document.edit():
        document.text("body").append("!")
        assert str(document.text("body")) == ">héllo there!"


def test_blocks_and_calls_take_turns(document: Document) -> None:
    """The kept copy catches up with all that was done outside it."""
    text = document.text("body")
    for turn in range(5):
        with document.edit():
            text.append(f"b{turn}")
        text.append("c")
        document.undo()
    assert str(text) == "héllob0b1b2b3b4"
    loaded = Document()
    loaded.apply(document.update())
    assert loaded.digest() == document.digest()


def test_a_copy_that_missed_too_much_is_made_anew(document: Document) -> None:
    """Catching up is not worth it any more after a thousand edits."""
    text = document.text("body")
    with document.edit():
        text.append("b")
    for _ in range(1100):
        text.append("c")
    assert document._desk._staged is None
    with document.edit():
        text.append("d")
    assert str(text) == "héllob" + "c" * 1100 + "d"


def test_an_edit_that_was_refused_before_it_began_is_not_part_of_the_block(
    document: Document,
) -> None:
    """A block that catches such an error goes on as if it had not been tried."""
    with document.edit():
        document.text("body").append("!")
        with pytest.raises(IndexError):
            document.text("body").insert(100, "x")
    assert str(document.text("body")) == "héllo!"


def test_threads_take_turns(document: Document) -> None:
    """No call is lost or torn, and a block is not interrupted."""
    text = document.text("body")
    counts: list[int] = []

    def call() -> None:
        for _ in range(200):
            text.append("a")

    def block() -> None:
        for _ in range(50):
            with document.edit():
                before = len(text)
                text.append("b")
                text.append("b")
                counts.append(len(text) - before)

    threads = [threading.Thread(target=target) for target in (call, block, call, block)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert str(text).count("a") == 400
    assert str(text).count("bb") >= 1
    assert str(text).count("b") == 200
    assert counts == [2] * 100


async def test_another_task_cannot_edit_in_a_block(document: Document) -> None:
    """An edit that is not part of the block would be lost with it, so it is refused."""
    inside, done = asyncio.Event(), asyncio.Event()

    async def hold() -> None:
        with document.edit():
            document.text("body").append("!")
            inside.set()
            await done.wait()

    holder = asyncio.create_task(hold())
    await inside.wait()
    with pytest.raises(LocalProtocolError, match="another task began"):
        document.text("body").append("x")
    with pytest.raises(LocalProtocolError, match="another task's edit block"), document.edit():
        pass
    assert str(document.text("body")) == "héllo"
    done.set()
    await holder
    assert str(document.text("body")) == "héllo!"


def test_a_listener_may_read_and_edit(document: Document) -> None:
    """It runs after the transaction; what it edits is told next, to all in the same order."""
    first: list[Any] = []
    second: list[Any] = []

    def answer(change: Change) -> None:
        first.append(str(document.text("body")))
        if len(first) == 1:
            document.text("body").append("?")

    document.on_update(answer)
    document.on_update(lambda change: second.append(len(change.update)))
    document.text("body").append("!")
    assert first == ["héllo!", "héllo!?"]
    assert len(second) == 2


def test_what_a_listener_raises_comes_out_of_the_edit(document: Document) -> None:
    """The edit happened, and every other listener has been told."""
    told: list[Change] = []

    def fail(_change: Change) -> None:
        raise ZeroDivisionError

    stop = document.on_update(fail)
    document.on_update(told.append)
    with pytest.raises(ZeroDivisionError):
        document.text("body").append("!")
    with pytest.raises(ZeroDivisionError), document.edit():
        document.text("body").append("?")
    assert (len(told), str(document.text("body"))) == (2, "héllo!?")
    stop()
    stop()
    document.text("body").append(".")
    assert len(told) == 3


def test_a_panic_loses_the_document(document: Document) -> None:
    """Whatever panicked, nothing is done with the document any more."""
    branch = document.text("body").branch
    with pytest.raises(EngineLost), document._desk.writing as core:
        branch(core).remove_range(core.txn, 0, 1000)
    with pytest.raises(EngineLost):
        str(document.text("body"))
    with pytest.raises(EngineLost):
        document.text("body").append("x")


class Interrupt:
    """Ctrl-C in the next ``__enter__``, after so many calls: there the interpreter looks for it."""

    def __init__(self, calls: int) -> None:
        self.calls_left = calls
        self.called: dict[FrameType, bool] = {}

    def trace(self, frame: FrameType, event: str, _argument: object) -> Any:
        """Count the calls below ``__enter__``."""
        entering = frame
        while entering.f_code.co_name != "__enter__":
            if entering.f_back is None:
                return None
            entering = entering.f_back
        frame.f_trace_opcodes = True
        if event == "opcode":
            called = self.called.get(frame, False)
            self.called[frame] = opname[frame.f_code.co_code[frame.f_lasti]].startswith("CALL")
            self.calls_left -= called
            if called and self.calls_left < 0:
                self.calls_left = 1 << 30
                raise KeyboardInterrupt
        return self.trace


def is_free(document: Document) -> bool:
    """Whether another thread can use a document."""
    got: list[bool] = []

    def use() -> None:
        got.append(document._desk.lock.acquire(blocking=False))
        if got == [True]:
            document._desk.lock.release()

    thread = threading.Thread(target=use)
    thread.start()
    thread.join()
    return got == [True]


WAYS_IN: dict[str, Callable[[Document], AbstractContextManager[object]]] = {
    "reading": lambda document: document._desk.reading,
    "writing": lambda document: document._desk.writing,
    "block": lambda document: document.edit(),
}


@pytest.mark.parametrize("way", WAYS_IN)
def test_an_interrupt_does_not_keep_the_document_from_others(document: Document, way: str) -> None:
    """After whichever call in taking the lock it comes."""
    # Python 3.12 traces opcodes in no frame unless some had asked for it before tracing began.
    sys._getframe().f_trace_opcodes = True
    for calls in range(1000):
        interrupt = Interrupt(calls)
        before = sys.gettrace()
        sys.settrace(interrupt.trace)
        try:
            with WAYS_IN[way](document):
                sys.settrace(before)
                break
        except KeyboardInterrupt:
            pass
        finally:
            sys.settrace(before)
        assert is_free(document), calls
    assert calls >= 2
    assert is_free(document)


def test_listening_stops_while_another_thread_edits(document: Document) -> None:
    """Whoever stops does not wait for a block's end."""
    stop = document.observe(lambda change: None)
    editing, done = threading.Event(), threading.Event()

    def edit() -> None:
        with document.edit():
            editing.set()
            assert done.wait(10)

    editor = threading.Thread(target=edit)
    editor.start()
    assert editing.wait(10)
    stopper = threading.Thread(target=stop, daemon=True)
    stopper.start()
    stopper.join(10)
    stopped = not stopper.is_alive()
    done.set()
    editor.join()
    assert stopped
    document.text("body").append("!")
    assert document._desk._ear is None


def interrupted(document: Document) -> None:
    """Write to the live document, and be interrupted before the end of the call."""
    with document._desk.writing as core:
        document.text("body").branch(core).insert(core.txn, 0, "é", None)
        raise KeyboardInterrupt


@pytest.mark.parametrize("observed", [False, True])
def test_what_a_call_wrote_before_an_interrupt_is_told(document: Document, observed: bool) -> None:
    """Others could not make sense of what comes after it otherwise."""
    there = Document()
    there.apply(document.update())
    document.on_update(lambda change: there.apply(change.update))
    if observed:
        document.observe(lambda change: None)
    assert len(document.text("body")) == 5
    with pytest.raises(KeyboardInterrupt):
        interrupted(document)
    document.text("body").insert(2, "!")
    assert str(document.text("body")) == str(there.text("body")) == "éh!éllo"
    assert is_free(document)
