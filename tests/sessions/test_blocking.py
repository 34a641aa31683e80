"""The same workspaces and sessions for code that has no event loop, and has threads instead."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from collabkit.errors import (
    CollabError,
    Corrupt,
    FileHeld,
    InvalidName,
    LocalProtocolError,
    SessionBusy,
    SessionExists,
    SessionNotFound,
)
from collabkit.ids import Subject
from collabkit.sessions import blocking
from collabkit.sessions.holder import Request, command
from collabkit.sessions.session import Kind
from collabkit.store.base import Draft
from sessions.looking import OnDisk

KINDS = pytest.mark.parametrize("kind", list(Kind))


@KINDS
def test_a_script_writes_a_note(path: Path, on_disk: OnDisk, kind: Kind) -> None:
    """What a script saved is on disk, and is there for the next one."""
    with (
        blocking.open(path, subject="user:ada") as workspace,
        workspace.create("note", kind=kind) as note,
    ):
        note.document.text("body").insert(0, "hello")
        note.saved()
        assert on_disk.text("note") == "hello"
        note.open_document("side").map("meta")["n"] = 1
    assert {row.subject for row in on_disk.rows("note")} == {"user:ada"}
    with blocking.open(path) as workspace, workspace.open("note") as note:
        assert str(note.document.text("body")) == "hello"
        assert note.open_document("side").to_dict() == {"meta": {"n": 1}}
        assert (note.name, note.project, note.kind, len(note.id)) == ("note", "default", kind, 32)


def test_sessions_are_created_found_and_listed(path: Path) -> None:
    """`create` makes a session at once, `open` finds it, and errors are those of the async kind."""
    with blocking.open(path) as workspace:
        made = workspace.create("note", project="acme")
        assert [record.name for record in workspace.list()] == ["note"]
        assert workspace.list(project="default") == []
        with workspace.open("acme~note") as note:
            assert note.id == made.id
        with pytest.raises(SessionExists):
            workspace.create("acme~note")
        with pytest.raises(SessionNotFound), workspace.open("note"):
            pytest.fail("it opened")
        with workspace.open("note", create=Kind.SINGLE_USER) as note:
            assert note.kind is Kind.SINGLE_USER
        with pytest.raises(InvalidName):
            workspace.open("../x")


def test_a_script_calls_operations(path: Path) -> None:
    """Operations return their results, and raise what they raise."""
    with blocking.open(path) as workspace:
        assert workspace.call("create", session="note")["name"] == "note"
        with pytest.raises(SessionExists):
            workspace.call("create", session="note")
        workspace.call("rm", session="note", key="k")
        assert workspace.list() == []


def test_others_command_a_script_that_holds_the_file(path: Path) -> None:
    """While a script computes, its thread answers those who ask for operations."""
    with blocking.open(path) as workspace:
        answer = command(path, Request("create", {"session": "note"}))
        assert answer is not None
        assert answer.failure is None
        with workspace.open("note"):
            answer = command(path, Request("rm", {"session": "note"}))
        assert answer is not None
        assert answer.failure is not None
        assert answer.failure.kind == "SessionBusy"


def test_damage_is_told(path: Path) -> None:
    """A session that cannot be loaded raises Corrupt in the thread that opens it."""
    with blocking.open(path) as workspace:
        note = workspace.create("note")
        bad = Draft(document="main", subject=Subject("x"), body=b"\x01\x02nonsense", at_ms=0)

        async def spoil() -> None:
            await workspace._inner.store.append(note.id, [bad])

        workspace._loop().call(spoil)
        with pytest.raises(Corrupt), workspace.open("note"):
            pytest.fail("it opened")


def test_threads_take_turns_at_a_session(path: Path, on_disk: OnDisk) -> None:
    """Threads that open one session wait for each other, and none loses an edit of another."""
    with blocking.open(path) as workspace:
        workspace.create("note")
        failed: list[BaseException] = []

        def count() -> None:
            try:
                for _ in range(10):
                    with workspace.open("note") as note:
                        numbers = note.document.map("numbers")
                        numbers["n"] = numbers.get("n", 0) + 1
            except BaseException as error:
                failed.append(error)

        threads = [threading.Thread(target=count) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert failed == []
    assert on_disk.document("note").to_dict() == {"numbers": {"n": 40}}


def test_a_thread_that_waits_for_itself_is_told(path: Path) -> None:
    """Opening a session that the same thread has open is an error, not a deadlock."""
    with blocking.open(path) as workspace, workspace.create("note"):
        with pytest.raises(SessionBusy, match="this thread"), workspace.open("note"):
            pytest.fail("twice")
        with workspace.create("other"):
            pass


def test_one_holds_a_file(path: Path) -> None:
    """A second opening of a file is refused, and a closed one lets go of it."""
    with blocking.open(path), pytest.raises(FileHeld), blocking.open(path):
        pytest.fail("twice")
    with blocking.open(path):
        pass


@pytest.mark.parametrize(
    "use",
    [
        lambda w: w.list(),
        lambda w: w.call("rm", session="x"),
        lambda w: w.create("x"),
        lambda w: w.open("x").__enter__(),
    ],
)
def test_a_closed_workspace_says_so(
    path: Path, use: Callable[[blocking.Workspace], object]
) -> None:
    """What needs an open file says how to open it."""
    workspace = blocking.open(path)
    with pytest.raises(LocalProtocolError, match="use `with`"):
        use(workspace)
    assert repr(workspace) == f"<blocking <Workspace {path} closed>>"


def test_entering_twice_is_told(path: Path) -> None:
    """A workspace is entered once at a time."""
    workspace = blocking.open(path)
    with workspace, pytest.raises(LocalProtocolError, match="already"):
        workspace.__enter__()


def test_what_fails_inside_is_raised_outside(path: Path, on_disk: OnDisk) -> None:
    """An error of the program goes through both blocks, and its edits are saved."""

    def fail() -> None:
        with blocking.open(path) as workspace, workspace.create("note") as note:
            note.document.text("body").append("hello")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert on_disk.text("note") == "hello"


def test_a_process_that_ends_in_the_block_ends(path: Path) -> None:
    """`sys.exit` inside the blocks ends the program, with everything saved."""
    program = (
        "import sys, collabkit.sessions.blocking as b\n"
        "with b.open(sys.argv[1]) as w, w.create('note') as n:\n"
        "    n.document.text('body').append('hello')\n"
        "    sys.exit(7)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(path)], timeout=60, check=False, env=dict(os.environ)
    )
    assert done.returncode == 7
    assert OnDisk(path).text("note") == "hello"


def test_a_process_that_leaves_nothing_ends(path: Path) -> None:
    """A program that ends with its workspace open, as at a prompt, ends, with everything saved."""
    program = (
        "import sys, collabkit.sessions.blocking as b\n"
        "workspace = b.open(sys.argv[1]).__enter__()\n"
        "note = workspace.create('note').__enter__()\n"
        "note.document.text('body').append('hello')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(path)],
        timeout=20,
        check=False,
        capture_output=True,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert OnDisk(path).text("note") == "hello"


def test_errors_are_of_the_one_tree(path: Path) -> None:
    """Whatever goes wrong on purpose is a CollabError, here as there."""
    path.write_text("not a database")
    with pytest.raises(CollabError), blocking.open(path):
        pytest.fail("it opened")
