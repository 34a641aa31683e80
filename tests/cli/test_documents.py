"""`inspect export import`: what is in a document, taken out and taken in."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest

from cli.saying import Run
from collabkit.crdt.document import Document
from collabkit.crdt.values import Element
from collabkit.sessions import blocking


def test_inspect_draws_types_and_values(run: Run, db: Path) -> None:
    """A document is a tree of its roots, with types, counts and values."""
    assert run("inspect", db, "plan").out.splitlines() == [
        "plan",
        "├── body  text, 12 characters  Hello, wörld",
        "└── meta  map, 2 keys",
        "    ├── due  2027",
        "    └── tags  array, 2 items",
        "        ├── 0  'a'",
        "        └── 1  'b'",
    ]


def test_inspect_another_document(run: Run, db: Path) -> None:
    """A name that goes on to a document means that one; one that is not there is no document."""
    assert "list  array, 3 items" in run("inspect", db, "plan/side").out
    assert run("inspect", db, "plan/other").code == 1


def test_inspect_as_json(run: Run, db: Path) -> None:
    """`--json` has each root with its kind and value, and the digest of all of it."""
    found = run("inspect", db, "plan", "--json").json
    assert found["roots"]["body"] == {"kind": "text", "value": "Hello, wörld"}
    assert found["roots"]["meta"] == {"kind": "map", "value": {"due": 2027, "tags": ["a", "b"]}}
    assert len(found["digest"]) == 64


def test_inspect_prints_a_text_whole(run: Run, db: Path) -> None:
    """`--text ROOT` is the text and nothing else; a root that is not there is named."""
    assert run("inspect", db, "plan", "--text", "body").out == "Hello, wörld"
    said = run("inspect", db, "plan", "--text", "boby")
    assert said.code == 2
    assert "'body', 'meta'" in said.err
    assert run("inspect", db, "plan", "--text", "meta").code == 1


def test_inspect_of_nothing(run: Run, db: Path) -> None:
    """A session without content is shown as such."""
    assert "nothing yet" in run("inspect", db, "empty").out


def test_a_yjs_update_goes_out_and_in(run: Run, db: Path, tmp_path: Path) -> None:
    """What is exported as an update is imported to the same digest, as often as one likes."""
    out = tmp_path / "plan.bin"
    assert run("export", db, "plan", out).code == 0
    assert run("export", db, "plan", out).code == 1, "it would be overwritten"
    for _ in range(2):
        assert run("import", db, out, "copy").code == 0
    digest = run("inspect", db, "plan", "--json").json["digest"]
    assert run("inspect", db, "copy", "--json").json["digest"] == digest
    assert len(run("log", db, "copy", "--rows").lines) == 2


def test_a_document_goes_into_a_pipe(run: Run, db: Path) -> None:
    """Without a file, or with a dash for one, the document itself is the answer."""
    for out in ([], ["-"]):
        assert run("export", db, "acme~note", *out, "--format", "json").json == {"body": "mine"}
    assert run("export", db, "plan", "-", "--history").code == 2, "a history is a file"


def test_json_goes_out_and_in(run: Run, db: Path, tmp_path: Path) -> None:
    """JSON becomes a document of the same content, under the file's name, and only once."""
    out = tmp_path / "copied.json"
    assert run("export", db, "plan", out).code == 0
    assert json.loads(out.read_text()) == {
        "body": "Hello, wörld",
        "meta": {"due": 2027, "tags": ["a", "b"]},
    }
    assert run("import", db, out).code == 0
    roots = run("inspect", db, "copied", "--json").json["roots"]
    assert roots == run("inspect", db, "plan", "--json").json["roots"]
    again = run("import", db, out)
    assert again.code == 2
    assert "holds something already" in again.err


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("a.json", b"[1, 2]", 2),
        ("a.json", b'{"a": 1}', 2),
        ("a.json", b"{", 2),
        ("a.bin", b"\xff\xff\xff", 3),
        ("a.bin", b"", 3),
        ("a.bin", b"SQLite format 3\0" + b"\0" * 100, 2),
    ],
)
def test_nonsense_is_not_imported(
    run: Run, db: Path, tmp_path: Path, name: str, content: bytes, code: int
) -> None:
    """A file that holds no document is refused in a sentence."""
    source = tmp_path / name
    source.write_bytes(content)
    fresh = tmp_path / "fresh.db"
    for path in (db, fresh):
        said = run("import", path, source, "new")
        assert said.code == code
        assert len(said.err.splitlines()) == 1
    assert run("show", db, "new").code == 1
    assert not fresh.exists()


@pytest.fixture
def hocuspocus(tmp_path: Path) -> Path:
    """A file as Hocuspocus' SQLite extension writes it, with a name that is none here."""
    path = tmp_path / "hocuspocus.sqlite"
    with sqlite3.connect(path) as file:
        file.execute("CREATE TABLE documents (name varchar(255) NOT NULL, data blob NOT NULL)")
        for name in ("one", "acme~two", "../three"):
            document = Document()
            document.text("body").insert(0, name)
            file.execute("INSERT INTO documents VALUES (?, ?)", (name, document.update()))
    file.close()
    return path


def test_documents_of_another_server_are_taken_over(run: Run, db: Path, hocuspocus: Path) -> None:
    """Each becomes a session of its name; what cannot is told, and keeps nobody out."""
    said = run("import", db, hocuspocus)
    assert said.code == 1
    assert "'../three' is left out" in said.err
    assert said.err.endswith("2 of 3 documents imported\n")
    assert run("inspect", db, "one", "--text", "body").out == "one"
    assert run("inspect", db, "acme~two", "--text", "body").out == "acme~two"


def test_one_document_of_another_server(run: Run, db: Path, hocuspocus: Path) -> None:
    """A name takes over that document alone."""
    assert run("import", db, hocuspocus, "one").code == 0
    assert run("show", db, "acme~two").code == 1
    assert run("import", db, hocuspocus, "four").code == 2


def test_a_file_of_ours_is_not_imported(run: Run, db: Path, tmp_path: Path) -> None:
    """A collabkit file is not another program's, and the sentence says so."""
    copy = tmp_path / "copy.db"
    assert run("backup", db, copy).code == 0
    said = run("import", db, copy)
    assert said.code in (1, 2)
    assert len(said.err.splitlines()) == 1


def test_a_file_that_is_not_there(run: Run, db: Path, tmp_path: Path) -> None:
    """Importing from nowhere names the file."""
    said = run("import", db, tmp_path / "gone.bin")
    assert said.code == 2
    assert "gone.bin" in said.err


def test_import_makes_the_kind_that_was_asked_for(run: Run, db: Path, tmp_path: Path) -> None:
    """A session that is made by an import is of the kind that was said."""
    source = tmp_path / "own.json"
    source.write_text('{"body": "x"}')
    assert run("import", db, source, "--kind", "single-user").code == 0
    assert run("show", db, "own", "--json").json["kind"] == "single-user"


def test_xml_is_shown(run: Run, tmp_path: Path) -> None:
    """Rich documents, which are XML, are shown as such."""
    path = tmp_path / "rich.db"
    with blocking.open(path) as workspace, workspace.create("page") as page:
        fragment = page.document.xml("default")
        fragment.append(Element("p", {}, ["Hello"]))
    assert "default  xml  <p>Hello</p>" in run("inspect", path, "page").out


def test_a_history_goes_out_and_in(run: Run, db: Path, tmp_path: Path) -> None:
    """A `.collab` file has every row of a session, and becomes one of its own, in any file."""
    out, other = tmp_path / "plan.collab", tmp_path / "other.db"
    assert run("export", db, "plan", out).err.startswith(str(out))
    for target, name, words in ((db, "copy", ["copy"]), (other, "plan", [])):
        said = run("import", target, out, *words)
        assert (said.code, said.err) == (0, f"{name}: 2 documents, 3 rows\n")
        assert run("log", target, name, "--rows").out == run("log", db, "plan", "--rows").out
        digest = run("inspect", db, "plan", "--json").json["digest"]
        assert run("inspect", target, name, "--json").json["digest"] == digest
        assert run("import", target, out, *words).code == 1, "it is there already"


def test_import_says_what_would_come(run: Run, db: Path, hocuspocus: Path, tmp_path: Path) -> None:
    """With `--dry-run` it is tried, and nothing is made: no session, and no file."""
    update, history = tmp_path / "plan.bin", tmp_path / "plan.collab"
    for out in (update, history):
        assert run("export", db, "plan", out).code == 0
    before = run("ls", db, "--json").out
    for into in (db, tmp_path / "fresh.db"):
        dry = [run("import", into, source, "--dry-run") for source in (hocuspocus, update)]
        assert [said.err.count("would be imported") for said in dry] == [3, 1]
        said = run("import", into, history, "copy", "--dry-run")
        assert said.err.startswith("copy: 2 documents, 3 rows, ")
        assert said.err.endswith("would be taken in\n")
    assert run("import", db, history, "--dry-run").code == 1, "there is a plan"
    nonsense = tmp_path / "a.bin"
    nonsense.write_bytes(b"\xff\xff")
    full = tmp_path / "plan.json"
    full.write_text('{"body": "more"}', encoding="utf-8")
    assert run("import", db, nonsense, "plan", "--dry-run").code == 3
    assert "holds something" in run("import", db, full, "--dry-run").err
    assert run("ls", db, "--json").out == before
    assert not (tmp_path / "fresh.db").exists()


def test_a_damaged_history_changes_nothing(run: Run, db: Path, tmp_path: Path) -> None:
    """It is one sentence, and no file is made for it."""
    out, other = tmp_path / "plan.collab", tmp_path / "other.db"
    assert run("export", db, "plan/side", out, "--history").code == 0
    whole = out.read_bytes()
    out.write_bytes(whole[: len(whole) // 2])
    said = run("import", other, out)
    assert (said.code, said.err.count("\n")) == (2, 1)
    assert "is not a collabkit file: it does not end as one" in said.err
    assert not other.exists()
    assert run("export", db, "plan", "--history").code == 2


def test_a_document_as_it_was(run: Run, db: Path, tmp_path: Path) -> None:
    """`--at` shows and takes out a moment; a history has them all."""
    assert "meta" not in run("inspect", db, "plan", "--at", "1").out
    out = tmp_path / "early.bin"
    assert run("export", db, "plan", out, "--at", "1").code == 0
    assert run("import", db, out, "copy").code == 0
    assert run("inspect", db, "copy").out.count("──") == 1
    assert run("export", db, "plan", tmp_path / "a.collab", "--at", "1").code == 2
