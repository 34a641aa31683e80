"""Sessions in one file: they come out as they went in, or a sentence says why not."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import msgspec
import pytest

from collabkit.crdt.document import Document
from collabkit.errors import NotACollabFile, SchemaTooNew
from collabkit.history.container import Container, Papers, pack
from collabkit.history.parcel import Parcel, packing
from collabkit.ids import Seq, SessionId, Subject
from collabkit.store.base import Checkpoint, Row, SessionRecord, Version
from crdt.crafting import string, update

ADA, BEN = Subject("user:ada"), Subject("user:ben")
Forgery: TypeAlias = Callable[[dict[str, bytes], dict[str, Any]], object]
"""Changes the parts and the manifest of a container."""

RECORD = SessionRecord(SessionId("0" * 32), "plan", "notes", "collaborative", 5, ADA, Seq(9))
VERSION = Version("draft", Seq(4), BEN, 6, document="main", authors=(ADA, BEN), note="half")


def row(seq: int, body: bytes, document: str = "main", **fields: Any) -> Row:
    """A row of a log."""
    whole = Row(Seq(seq), document, BEN, body, 1000 + seq, "update", (7,), seq - 1, "g", "relay")
    return msgspec.structs.replace(whole, **fields)


def session() -> list[Papers]:
    """Two documents, of which one was compacted."""
    main = Document(client_id=7)
    log: list[bytes] = []
    main.on_update(lambda change: log.append(change.update))
    for word in ("one ", "two ", "😀"):
        main.text("body").append(word)
    base = Checkpoint("main", Seq(1), log[0], "digest of it", 3)
    rows = [row(2, log[1]), row(4, b"told", kind="event", group=None), row(7, log[2])]
    first = Papers("main", main.digest(), main.update(), base, rows, {7: ADA, 1 << 52: BEN})
    other = [row(9, update((3, 0, [string("x", root="t")])), "other", clients=())]
    return [first, Papers("other", "none", b"\0\0", None, other, {})]


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """Where a container goes."""
    return tmp_path / "notes.collab"


def test_it_comes_out_as_it_went_in(out: Path) -> None:
    """Every document with its base, rows and owners, the versions, and what the session was."""
    papers = session()
    pack(out, RECORD, papers, versions=[VERSION], audit={"head": "1:ab"})
    with Container(out) as found:
        found.check()
        assert found.manifest.session.name == RECORD.name
        assert list(found.rows()) == sorted(
            (one for each in papers for one in each.rows), key=lambda one: one.seq
        )
        assert found.versions() == (VERSION,)
        for number, each in enumerate(papers):
            assert found.manifest.documents[number].digest == each.digest
            assert found.base(number) == each.base
            assert found.owners(number) == each.owners
            assert found.update(number) == each.update


def repacked(out: Path, change: Forgery) -> None:
    """Pack a session, and once more with other parts and another manifest."""
    plain = out.with_suffix(".plain")
    pack(plain, RECORD, session(), versions=[VERSION], audit={"head": "1:ab"})
    with Parcel(plain) as found:
        parts = {name: found.read(name) for name in found.parts}
        manifest = msgspec.json.decode(found.manifest)
    change(parts, manifest)
    with packing(out) as file:
        for name, content in parts.items():
            file.add(name, [content])
        file.seal(manifest)


def test_parts_may_be_absent(out: Path) -> None:
    """Without them there are no owners, no versions, and no past."""

    def bare(parts: dict[str, bytes], manifest: dict[str, Any]) -> None:
        parts.clear()
        manifest["documents"] = [{"name": "main", "digest": "", "rows": 0}]

    repacked(out, bare)
    with Container(out) as found:
        found.check()
        assert (list(found.rows()), found.versions(), found.owners(0)) == ([], (), {})


def log_of(*rows: Row) -> Forgery:
    """Give the first document this log."""

    def change(parts: dict[str, bytes], manifest: dict[str, Any]) -> None:
        parts["0/log"] = _log(rows)
        manifest["documents"][0]["rows"] = len(rows)

    return change


def _log(rows: Sequence[Row]) -> bytes:
    lines = []
    for one in rows:
        fields = msgspec.structs.asdict(one)
        del fields["document"]
        line = msgspec.msgpack.encode([fields.pop("seq"), *fields.values()])
        lines.append(len(line).to_bytes(4, "big") + line)
    return b"".join(lines)


def edit(part: str, new: bytes) -> Forgery:
    """Replace a part, or add one."""
    return lambda parts, _: parts.update({part: new})


def say(field: str, value: Any, *, where: str = "") -> Forgery:
    """Have the manifest say something else."""

    def change(_: dict[str, bytes], manifest: dict[str, Any]) -> None:
        holder = manifest["documents"][0] if where == "document" else manifest
        (manifest[where] if where == "session" else holder)[field] = value

    return change


GOOD = session()[0].rows[0].body


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (say("format", "other"), "its manifest: Invalid enum value 'other'"),
        (say("documents", [{"name": "..", "digest": "", "rows": 0}]), "document '..'"),
        (say("documents", [{"name": "", "digest": "", "rows": 0}]), "document ''"),
        (say("documents", [{"name": "a", "digest": "", "rows": 0}] * 2), "two have one name"),
        (say("rows", -1, where="document"), "its manifest"),
        (say("rows", 2, where="document"), "0/log has 3 rows, not 2"),
        (say("last_seq", 1 << 40, where="session"), "its manifest"),
        (say("last_seq", 8, where="session"), "row 9 of 1/log is not in its place"),
        (edit("../../etc/passwd", b"x"), r"it has a part '\.\./\.\./etc/passwd'"),
        (edit("0/log", b"\xff\xff\xff\xff"), "a row of 4294967295 bytes"),
        (edit("0/log", b"\0\0\0\4abc"), "0/log ends early"),
        (edit("0/log", b"\0\0\0\1\xc1"), "0/log: MessagePack data is malformed"),
        (edit("0/log", b"\0\0\0\1\x90"), "0/log: Expected `array` of at least length 9"),
        (edit("0/base.yjs", b"\1\1"), "0/base.yjs: malformed bytes"),
        (edit("0/owners.json", b'{"x": "y"}'), "0/owners.json: Expected `int`"),
        (edit("versions.json", b"[{}]"), "versions.json: Object missing required field"),
        (log_of(row(3, GOOD), row(2, GOOD)), "row 2 of 0/log is not in its place"),
        (log_of(row(1 << 40, GOOD)), "is not in its place"),
        (log_of(row(9, GOOD)), "two rows have the number 9"),
        (log_of(row(2, b"\1\1")), "row 2 of 0/log: malformed bytes"),
        (log_of(row(2, update((7, 90, [string("x", root="t")])))), "builds on what is missing"),
        (log_of(row(2, update((8, 0, [string("x", origin=(9, 9))])))), "builds on what is missing"),
    ],
)
def test_what_is_wrong_is_told(out: Path, change: Forgery, told: str) -> None:
    """Whatever a forged container says, it is one sentence, and no more is done."""
    repacked(out, change)
    with pytest.raises(NotACollabFile, match=told), Container(out) as found:
        found.check()


def test_versions_are_of_what_is_there(out: Path) -> None:
    """Not of another document, nor of a moment behind the end."""
    for wrong in ({"document": "none"}, {"seq": Seq(10)}):
        version = msgspec.structs.replace(VERSION, **wrong)
        repacked(out, edit("versions.json", msgspec.json.encode([version])))
        with (
            pytest.raises(NotACollabFile, match="'draft' is of no moment"),
            Container(out) as found,
        ):
            found.check()
        out.unlink()
        out.with_suffix(".plain").unlink()


def test_a_later_format_is_told(out: Path) -> None:
    """Before anything of it is looked for that it may not have."""

    def later(_: dict[str, bytes], manifest: dict[str, Any]) -> None:
        del manifest["session"], manifest["documents"]
        manifest["version"] = 2

    repacked(out, later)
    with pytest.raises(SchemaTooNew, match="upgrade collabkit"), Container(out):
        pass


def test_damage_anywhere_is_one_sentence(out: Path, seed: int) -> None:
    """Wherever bits are flipped, it is what it was, or NotACollabFile says that it is not."""
    pack(out, RECORD, session(), versions=[VERSION], audit={"head": "1:ab"})
    whole, dice, told = out.read_bytes(), random.Random(seed), 0
    for _ in range(100):
        hurt = bytearray(whole)
        hurt[dice.randrange(len(hurt))] ^= 1 << dice.randrange(8)
        out.write_bytes(hurt)
        try:
            with Container(out) as found:
                found.check()
        except NotACollabFile:
            told += 1
    assert told > 50
