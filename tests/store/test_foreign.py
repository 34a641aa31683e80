"""Reading documents out of the files of pycrdt-store and Hocuspocus."""

from __future__ import annotations

import gzip
import sqlite3
import zlib
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

import pytest
from pycrdt import Doc, Text
from pycrdt.store import SQLiteYStore

from collabkit.errors import Corrupt, LocalProtocolError, NotACollabFile
from collabkit.store.foreign import ForeignDocument, read_foreign
from collabkit.store.sqlite import SQLiteStore

# What `@hocuspocus/extension-sqlite` creates and writes, versions 2 to 4.
HOCUSPOCUS = """CREATE TABLE IF NOT EXISTS "documents" (
  "name" varchar(255) NOT NULL,
  "data" blob NOT NULL,
  UNIQUE(name)
)"""


def typed(text: str) -> list[bytes]:
    """The updates of somebody who types a text, a character each."""
    doc = Doc({"body": Text()})
    updates: list[bytes] = []
    subscription = doc.observe(lambda event: updates.append(event.update))
    for character in text:
        doc["body"] += character
    doc.unobserve(subscription)
    return updates


def text(document: ForeignDocument) -> str:
    """What the updates of a document add up to."""
    doc = Doc({"body": Text()})
    for update in document.updates:
        doc.apply_update(update)
    return str(doc["body"])


async def write_ystore(
    path: Path, documents: dict[str, str], *, compress: Callable[[bytes], bytes] | None = None
) -> None:
    """Have pycrdt-store write a file."""

    class Store(SQLiteYStore):
        db_path = str(path)
        checkpoint_interval = 4

    for name, content in documents.items():
        store = Store(name)
        if compress:
            store.register_compression_callbacks(compress, zlib.decompress)
        async with store:
            for update in typed(content):
                await store.write(update)


def write_hocuspocus(path: Path, documents: dict[str, str]) -> None:
    """Write what Hocuspocus would."""
    with closing(sqlite3.connect(path)) as db, db:
        db.execute(HOCUSPOCUS)
        for name, content in documents.items():
            db.execute("INSERT INTO documents VALUES (?, ?)", (name, typed_at_once(content)))


def typed_at_once(content: str) -> bytes:
    """A document's state as one update."""
    return Doc({"body": Text(content)}).get_update()


async def test_a_pycrdt_store_is_read(tmp_path: Path) -> None:
    """Every document comes with its checkpoint and its rows, and adds up to its text."""
    path = tmp_path / "ystore.db"
    await write_ystore(path, {"b": "hello world", "a": "x"})
    found = list(read_foreign(path))
    assert [(one.name, text(one)) for one in found] == [("a", "x"), ("b", "hello world")]
    assert [len(one.updates) for one in found] == [1, 12]


async def test_a_pycrdt_store_of_before_checkpoints_is_read(tmp_path: Path) -> None:
    """Older stores have rows alone."""
    path = tmp_path / "ystore.db"
    await write_ystore(path, {"a": "hello world"})
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("DROP TABLE ycheckpoints")
    assert [text(one) for one in read_foreign(path)] == ["hello world"]


async def test_rows_are_read_though_the_clock_went_back(tmp_path: Path) -> None:
    """A row whose time lies before the checkpoint's is not taken for known."""
    path = tmp_path / "ystore.db"
    await write_ystore(path, {"a": "hello world"})
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("UPDATE yupdates SET timestamp = 1 WHERE rowid = 11")
    assert [text(one) for one in read_foreign(path)] == ["hello world"]


@pytest.mark.parametrize("compress", [zlib.compress, gzip.compress])
async def test_common_compressions_are_undone(
    tmp_path: Path, compress: Callable[[bytes], bytes]
) -> None:
    """zlib and gzip are told by their check sums."""
    path = tmp_path / "ystore.db"
    await write_ystore(path, {"a": "abc"}, compress=compress)
    assert [text(one) for one in read_foreign(path)] == ["abc"]


async def test_any_compression_can_be_undone(tmp_path: Path) -> None:
    """Whoever registered a compression gives the function that undoes it."""
    path = tmp_path / "ystore.db"
    await write_ystore(path, {"a": "abc"}, compress=lambda data: data[::-1])
    assert [text(one) for one in read_foreign(path, decompress=lambda it: it[::-1])] == ["abc"]


async def test_a_compression_that_does_not_fit_is_damage(tmp_path: Path) -> None:
    """The error names the document, and what the function said."""
    path = tmp_path / "ystore.db"
    await write_ystore(path, {"a": "abc"})
    with pytest.raises(Corrupt, match=r"document 'a': it does not decompress: Error -3"):
        list(read_foreign(path, decompress=zlib.decompress))


@pytest.mark.parametrize("like", [b"\x78\x9c", b"\x78\x01\x07\x00", b"\x1f\x8b\x08\x00"])
def test_an_update_that_begins_like_compression_stays_as_it_is(tmp_path: Path, like: bytes) -> None:
    """120 authors make an update begin as zlib does; it is told by what follows."""
    path = tmp_path / "hocuspocus.db"
    with closing(sqlite3.connect(path)) as db, db:
        db.execute(HOCUSPOCUS)
        db.execute("INSERT INTO documents VALUES (?, ?)", ("a", like))
    assert list(read_foreign(path)) == [ForeignDocument("a", (like,))]


def test_a_bomb_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A row that would fill the memory is refused."""
    path = tmp_path / "hocuspocus.db"
    monkeypatch.setattr("collabkit.store.foreign._MAX_PLAIN_BYTES", 1000)
    with closing(sqlite3.connect(path)) as db, db:
        db.execute(HOCUSPOCUS)
        db.execute("INSERT INTO documents VALUES (?, ?)", ("a", zlib.compress(b"\0" * 1001)))
    with pytest.raises(Corrupt, match="more than 1000 bytes"):
        list(read_foreign(path))


def test_many_small_bombs_are_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the rows of a document become together is bounded."""
    path = tmp_path / "ystore.db"
    monkeypatch.setattr("collabkit.store.foreign._MAX_PLAIN_BYTES", 1000)

    def insert(name: str, plain: bytes) -> None:
        with closing(sqlite3.connect(path)) as db, db:
            db.execute("INSERT INTO yupdates VALUES (?, ?, 0)", (name, zlib.compress(plain)))

    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE yupdates (path, yupdate, timestamp)")
    for name in ("a", "a", "b"):
        insert(name, bytes(500))
    assert [len(one.updates) for one in read_foreign(path)] == [2, 1]
    insert("a", b"x")
    with pytest.raises(Corrupt, match="more than 1000 bytes"):
        list(read_foreign(path))


def test_a_hocuspocus_file_is_read(tmp_path: Path) -> None:
    """Each document is one update."""
    path = tmp_path / "hocuspocus.db"
    write_hocuspocus(path, {"b": "hello", "a": "wörld"})
    found = list(read_foreign(path))
    assert [(one.name, text(one)) for one in found] == [("a", "wörld"), ("b", "hello")]


def test_a_file_is_left_as_it_was(tmp_path: Path) -> None:
    """Not a byte of it changes, and nothing appears beside it."""
    path = tmp_path / "hocuspocus.db"
    write_hocuspocus(path, {"a": "hello"})
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA journal_mode = WAL")
    before = path.read_bytes()
    assert len(list(read_foreign(path))) == 1
    assert path.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir()] == ["hocuspocus.db"]


def test_a_file_is_read_beside_its_server(tmp_path: Path) -> None:
    """What its server has committed is read, though it still stands in the write-ahead log."""
    path = tmp_path / "hocuspocus.db"
    with closing(sqlite3.connect(path)) as server:
        server.execute("PRAGMA journal_mode = WAL")
        server.execute(HOCUSPOCUS)
        with server:
            server.execute("INSERT INTO documents VALUES (?, ?)", ("a", typed_at_once("hello")))
        assert [text(one) for one in read_foreign(path)] == ["hello"]


async def test_our_own_file_is_not_foreign(tmp_path: Path) -> None:
    """Importing a collabkit file as another program's is a mistake, and said to be one."""
    path = tmp_path / "ours.db"
    async with SQLiteStore.open(path):
        pass
    with pytest.raises(LocalProtocolError, match="is a collabkit file"):
        list(read_foreign(path))


@pytest.mark.parametrize(
    ("tables", "values", "error", "reason"),
    [
        (["CREATE TABLE t (x)"], [], NotACollabFile, "nor is it a file of pycrdt-store or Hocusp"),
        (["CREATE TABLE documents (x)"], [], NotACollabFile, "nor is it a file of pycrdt-store"),
        ([HOCUSPOCUS], [("a", "text")], Corrupt, "document 'a': an update in it is no blob"),
    ],
)
def test_other_files_are_refused(
    tmp_path: Path,
    tables: Sequence[str],
    values: Sequence[tuple[str, str]],
    error: type[Exception],
    reason: str,
) -> None:
    """A database of neither program, or with other values, is refused in a sentence."""
    path = tmp_path / "other.db"
    with closing(sqlite3.connect(path)) as db, db:
        for table in tables:
            db.execute(table)
        db.executemany("INSERT INTO documents VALUES (?, ?)", values) if values else None
    with pytest.raises(error, match=reason):
        list(read_foreign(path))


def test_what_is_no_database_is_refused(tmp_path: Path) -> None:
    """Nothing there, a folder, an empty file, and a text file, each in a sentence."""
    (tmp_path / "empty").touch()
    (tmp_path / "text").write_text("hello\n" * 1000)
    for name, reason in {
        "missing": "there is no such file",
        ".": "it is a folder",
        "empty": "it is empty",
        "text": "it is not an SQLite database",
    }.items():
        with pytest.raises(NotACollabFile, match=reason):
            list(read_foreign(tmp_path / name))
