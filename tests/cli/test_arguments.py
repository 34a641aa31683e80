"""What a name means, and how a command reaches whoever holds a file."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from collabkit.cli import arguments
from collabkit.cli.arguments import find, operate
from collabkit.errors import FileHeld, InvalidName, OperationFailed, SessionExists, SessionNotFound
from collabkit.ids import RoomName
from collabkit.sessions import blocking
from collabkit.store.lock import FileLock
from collabkit.store.reader import Reader


def test_a_name_is_found_however_it_is_written(db: Path) -> None:
    """Names, full names and ids lead to the same session; a document is looked for in it."""
    with Reader(db) as reader:
        note, place = find(reader, "acme~note")
        assert place == RoomName("acme", "note", "main")
        assert find(reader, note.id) == (note, place)
        assert find(reader, f"{note.id}/main") == (note, place)
        assert find(reader, "plan/side")[1] == RoomName("default", "plan", "side")
        for name in ("note", "plan/other", "acme~plan"):
            with pytest.raises(SessionNotFound):
                find(reader, name)
        with pytest.raises(InvalidName):
            find(reader, "../plan")


def test_an_operation_on_a_free_file_is_done_here(db: Path) -> None:
    """Nobody holds the file, so the command holds it for a moment."""
    made = operate(db, "create", session="new")
    assert made["created_by"].startswith("cli:")
    with pytest.raises(SessionExists):
        operate(db, "create", session="new")
    with blocking.open(db):
        pass


def test_an_operation_on_a_held_file_is_done_by_the_holder(db: Path) -> None:
    """The holder carries it out, and its errors come back by class and sentence."""
    with blocking.open(db) as workspace:
        operate(db, "create", session="new")
        assert "new" in [record.name for record in workspace.list()]
        with pytest.raises(OperationFailed) as refused:
            operate(db, "create", session="new")
    assert refused.value.kind == "SessionExists"
    assert refused.value.reason == str(SessionExists("new"))


def test_a_holder_that_is_about_to_answer_is_waited_for(db: Path) -> None:
    """Between taking the lock and opening its ear a holder is not given up at once."""
    lock = FileLock(str(db))
    lock.acquire()
    threading.Timer(0.2, lock.release).start()
    assert operate(db, "create", session="new")["name"] == "new"


def test_a_holder_that_never_answers_is_given_up(db: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody who holds the file and has no ear is named after a while."""
    monkeypatch.setattr(arguments, "PATIENCE", 0.1)
    lock = FileLock(str(db))
    lock.acquire()
    try:
        with pytest.raises(FileHeld):
            operate(db, "create", session="new")
    finally:
        lock.release()


def test_a_file_with_a_long_name_is_commanded(tmp_path: Path) -> None:
    """A holder is reached however long its file's path and name are."""
    folder = tmp_path / ("d" * 90)
    folder.mkdir()
    db = folder / f"{'n' * 150}.db"
    with blocking.open(db) as workspace:
        operate(db, "create", session="new")
        assert [record.name for record in workspace.list()] == ["new"]


def test_what_names_nothing_makes_no_file(tmp_path: Path) -> None:
    """A name that cannot be one is refused before a file is made, or a holder asked."""
    db = tmp_path / "new.db"
    for name in ("../x", "\udcff"):
        with pytest.raises(InvalidName):
            operate(db, "create", session=name)
    assert not db.exists()


def test_a_link_to_a_file_is_the_file(db: Path, tmp_path: Path) -> None:
    """A holder is found through another name of its file."""
    link = tmp_path / "link.db"
    link.symlink_to(db)
    with blocking.open(link) as workspace:
        operate(db, "create", session="new")
        operate(link, "create", session="newer")
        assert {"new", "newer"} <= {record.name for record in workspace.list()}
