"""Sessions that go from one file to another with their history."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from collabkit.crdt.document import Document
from collabkit.errors import InvalidArguments, NotACollabFile, SessionExists
from collabkit.history.container import Container, Papers, pack
from collabkit.history.parcel import Parcel
from collabkit.ids import Lineage, Seq, SessionId, Subject
from collabkit.sessions.moving import export
from collabkit.sessions.operations import call
from collabkit.sessions.versions import VersionPolicy
from collabkit.sessions.workspace import Workspace
from collabkit.store.base import Chronicle, Row, SessionRecord, Version
from collabkit.store.reader import Reader
from collabkit.sync.messages import Update
from hostile.cases import CASES, Outcome
from sessions.looking import OnDisk
from sessions.writing import write

ADA = Subject("user:ada")


async def exported(workspace: Workspace, path: Path, out: Path) -> SessionRecord:
    """A session of two documents, one of them compacted, with a version; exported."""
    await write(workspace, "plan", "one ", "two ")
    await workspace.call("compact", session="plan/main")
    await write(workspace, "plan", "three 😀")
    async with workspace.open("plan") as session:
        notes = await session.open_document("notes")
        notes.map("m")["key"] = {"deep": [1, None]}
        await session.saved()
    record = await workspace.store.find_session("plan", project="default")
    version = Version("draft", Seq(3), ADA, 5, document="main", note="so far")
    await workspace.store.put_version(record.id, version)
    with Reader(path) as reader:
        export(reader, reader.find("plan", project="default"), out)
    return record


def told(path: Path, name: str, document: str) -> Chronicle:
    """The past of a document, but for what is its session's alone."""
    with Reader(path) as reader:
        found = reader.chronicle(reader.find(name, project="default").id, document)
    return msgspec.structs.replace(found, lineage=Lineage(""), upto=Seq(0))


def parts(path: Path) -> dict[str, bytes]:
    """What is in a container, but for what the audit tells."""
    with Parcel(path) as found:
        return {name: found.read(name) for name in found.parts if name != "audit.json"}


async def test_it_is_the_same_session_elsewhere(
    workspace: Workspace, path: Path, tmp_path: Path
) -> None:
    """Rows, times, versions and content are the same, of one document alone too; and it goes on."""
    out, other = tmp_path / "plan.collab", tmp_path / "other.db"
    again, alone = tmp_path / "again.collab", tmp_path / "alone.collab"
    record = await exported(workspace, path, out)
    async with Workspace.open(other, versions=VersionPolicy(at_end=False)) as there:
        taken = await there.call("take-in", session="brought", path=str(out))
    assert taken["id"] != record.id
    assert taken["created_at_ms"] == record.created_at_ms
    for document in ("main", "notes"):
        assert told(other, "brought", document) == told(path, "plan", document)
        assert OnDisk(other).document(f"brought/{document}").to_dict() == (
            OnDisk(path).document(f"plan/{document}").to_dict()
        )
    assert OnDisk(other).faults() == []
    with Reader(other) as reader:
        session = reader.find("brought", project="default")
        assert reader.versions(session.id)[0].name == "draft"
        assert reader.audit(session.id)[-1].data["from"] == record.id
        export(reader, session, again)
        export(reader, session, alone, document="notes")
    assert parts(again) == parts(out)
    with Container(alone) as found:
        assert [one.name for one in found.manifest.documents] == ["notes"]
        assert found.versions() == ()
    async with Workspace.open(other) as there:
        await there.call("take-in", session="alone", path=str(alone))
        await write(there, "brought", "four")
    assert told(other, "alone", "notes") == told(path, "plan", "notes")
    assert OnDisk(other).text("brought") == "one two three 😀four"
    assert OnDisk(other).faults() == []


def forged(out: Path, body: bytes, digest: str, **fields: Any) -> None:
    """A container whose only row is this."""
    row = Row(Seq(1), "main", ADA, body, 5, "update", (7,), 0, None, "relay")
    record = SessionRecord(SessionId("x"), "default", "x", "collaborative", 5, ADA, Seq(1))
    record = msgspec.structs.replace(record, **fields)
    pack(out, record, [Papers("main", digest, b"\0\0", None, [row], {})])


# What an engine cannot bear though it stands alone.
UNBEARABLE = next(
    message.update
    for case in CASES
    for message in case.messages
    if case.outcome is Outcome.UNBEARABLE and len(case.messages) == 1
    if isinstance(message, Update)
)


async def test_what_is_not_what_it_says_changes_nothing(
    workspace: Workspace, tmp_path: Path
) -> None:
    """Another content, a kind that nobody knows, an update that kills engines: one sentence."""
    document = Document()
    document.text("body").insert(0, "hello")
    body, digest = document.update(), document.digest()
    wrong = tmp_path / "wrong.collab"
    for forgery, says in (
        ((body, "0" * 64), "makes another document than it says"),
        ((b"\1\1", digest), "malformed bytes"),
        ((UNBEARABLE, digest), "document 'main'"),
    ):
        forged(wrong, *forgery)
        with pytest.raises(NotACollabFile, match=says):
            await workspace.call("take-in", session="wrong", path=str(wrong))
        wrong.unlink()
    forged(wrong, body, digest, kind="public")
    with pytest.raises(NotACollabFile, match="a session of kind 'public'"):
        await workspace.call("take-in", session="wrong", path=str(wrong))
    with pytest.raises(NotACollabFile, match="No such file"):
        await workspace.call("take-in", session="wrong", path=str(tmp_path / "none"))
    with pytest.raises(InvalidArguments, match="no `/document`"):
        await workspace.call("take-in", session="wrong/main", path=str(wrong))
    assert await workspace.list() == []
    assert OnDisk(Path(workspace.path)).faults() == []


async def test_a_name_is_taken_once(workspace: Workspace, tmp_path: Path) -> None:
    """A call that is repeated with its key is the first one; another is told that it is there."""
    document, out = Document(), tmp_path / "one.collab"
    document.text("body").insert(0, "hello")
    forged(out, document.update(), document.digest())
    asked = {"session": "one", "path": str(out)}
    first = await call(workspace, "take-in", asked, subject=ADA, key="k")
    assert await call(workspace, "take-in", asked, subject=ADA, key="k") == first
    with pytest.raises(SessionExists):
        await call(workspace, "take-in", asked, subject=ADA)
