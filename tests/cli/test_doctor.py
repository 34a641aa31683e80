"""`doctor`: what is kept apart, whether it still kills, and its way back."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

import pytest

from cli.saying import Run
from collabkit.crdt.document import Document
from collabkit.ids import Seq, Subject
from collabkit.sessions import blocking
from collabkit.store.sqlite import SQLiteStore
from crdt.unguarded import POISON

MALLORY = Subject("user:mallory")


def keep_apart(db: Path, body: bytes, *, seq: int | None = None, reason: str = "SIGSEGV") -> int:
    """Quarantine something of the document ``plan``."""

    async def put() -> int:
        async with SQLiteStore.open(db) as store:
            session = (await store.find_session("plan", project="default")).id
            return await store.quarantine(
                session,
                "main",
                subject=MALLORY,
                body=body,
                reason=reason,
                seq=None if seq is None else Seq(seq),
            )

    return asyncio.run(put())


def letter(text: str) -> bytes:
    """An honest update."""
    document = Document()
    document.text("body").insert(0, text)
    return document.update()


def test_a_file_without_a_quarantine_is_well(run: Run, db: Path) -> None:
    """Nothing found is exit code 0, and an empty list."""
    said = run("doctor", db)
    assert (said.code, said.lines[1:]) == (0, [])
    assert "nothing is quarantined" in said.err
    assert run("doctor", db, "--json").json == []


def test_what_is_kept_apart_is_listed(run: Run, db: Path) -> None:
    """Who sent what to which document, whether it was stored, and how the engine ended."""
    keep_apart(db, b"\x00\x1b[2J", reason="no answer in 5 s")
    keep_apart(db, b"whatever", seq=1)
    said = run("doctor", db)
    assert said.code == 1
    assert [line[2:5] + line[6:] for line in said.lines[1:]] == [
        ["default~plan/main", MALLORY, "never stored", "no answer in 5 s"],
        ["default~plan/main", MALLORY, "row 1", "SIGSEGV"],
    ]
    found = run("doctor", db, "--json")
    assert (found.code, [one["seq"] for one in found.json]) == (1, [None, 1])
    assert "2 updates quarantined" in run("show", db, "plan").err
    assert run("show", db, "plan", "--json").json["documents"][0]["quarantined"] == 2


def test_what_does_no_harm_is_said_to(run: Run, db: Path) -> None:
    """An engine of its own tries it on what the document holds, and the scan says what is in it."""
    number = keep_apart(db, letter("innocent"))
    said = run("doctor", db, number, "--json")
    assert said.code == 1
    assert said.json["verdict"] == "the engine survives it"
    holds = said.json["holds"]
    assert (holds["roots"], holds["deletes"], holds["refused"]) == ({"body": "text"}, 0, "")
    assert [end - start for start, end in holds["clients"].values()] == [8]
    shown = dict(run("doctor", db, number).lines)
    assert (shown["roots"], shown["tried again"]) == ("body (text)", "the engine survives it")


def test_what_still_kills_is_said_to(run: Run, db: Path) -> None:
    """The engine that tries it dies of it, and nobody else does."""
    with blocking.open(db) as workspace:
        workspace.call("import", session="plan/main", updates=[POISON[0]])
    number = keep_apart(db, POISON[1])
    said = run("doctor", db, number, "--patience", "0.5", "--json")
    assert said.code == 1
    assert said.json["verdict"].startswith("the engine dies of it: no answer in")


def test_bytes_that_are_no_update_are_shown_too(run: Run, db: Path) -> None:
    """The scan says what is wrong with them; nothing of them reaches the terminal as it is."""
    number = keep_apart(db, b"\x00\x1b[2J", reason="\x1b[2J")
    said = run("doctor", db, number)
    shown = dict(said.lines)
    assert "malformed bytes" in shown["scan"]
    assert (shown["clients"], shown["roots"]) == ("none", "none")
    assert "\x1b" not in said.out


def test_its_bytes_can_be_had(run: Run, db: Path, tmp_path: Path) -> None:
    """For whoever looks into it with other tools; no file is written over."""
    number, out = keep_apart(db, b"\xff\x00"), tmp_path / "update.bin"
    assert run("doctor", db, number, "--export", out).code == 0
    assert out.read_bytes() == b"\xff\x00"
    assert run("doctor", db, number, "--export", out).code == 1


def test_what_is_released_is_in_its_document_again(run: Run, db: Path) -> None:
    """A row that was set aside comes back, and the file is well."""
    before = run("inspect", db, "plan", "--text", "body").out
    number = keep_apart(db, b"whatever", seq=1)
    assert run("inspect", db, "plan", "--json").json["roots"] == {}
    assert run("doctor", db, number, "--release").code == 0
    assert run("inspect", db, "plan", "--text", "body").out == before
    assert run("doctor", db).code == 0


def test_a_holder_is_asked_to_release(run: Run, db: Path) -> None:
    """Beside a program that has the file open, the doctor looks, and the program releases."""
    number = keep_apart(db, b"whatever", seq=1)
    with blocking.open(db):
        assert run("doctor", db).code == 1
        assert run("doctor", db, number, "--release").code == 0
        assert run("doctor", db).code == 0


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["7"], 1, "nothing is quarantined under 7"),
        (["7", "--release"], 1, "nothing is quarantined under 7"),
        (["--release"], 2, "say which one"),
        (["--export", "x"], 2, "say which one"),
    ],
)
def test_what_is_not_there_is_not_examined(
    run: Run, db: Path, arguments: list[str], code: int, says: str
) -> None:
    """A number that is nobody's is an answer; none at all is wrong usage."""
    said = run("doctor", db, *arguments)
    assert said.code == code
    assert says in said.err


def test_damage_is_told(run: Run, db: Path) -> None:
    """A quarantine that does not verify is exit code 3."""
    keep_apart(db, b"whatever")
    with sqlite3.connect(db) as file:
        file.execute("UPDATE quarantined SET body = x'00'")
    file.close()
    assert run("doctor", db).code == 3
    assert run("verify", db).code == 3


def test_a_checkpoint_is_told_from_a_row(run: Run, db: Path) -> None:
    """It is tried as the whole document that it is."""
    assert run("compact", db, "plan/main").code == 0
    number = keep_apart(db, b"", seq=3)
    assert run("doctor", db).lines[1][4] == "checkpoint at 3"
    assert run("inspect", db, "plan").code == 3
    assert run("doctor", db, number, "--json").json["verdict"] != ""
    assert run("doctor", db, number, "--release").code == 0
    assert run("inspect", db, "plan").code == 0
