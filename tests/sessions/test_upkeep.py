"""Operations on how a session is kept: checkpoint, compact, thin."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from collabkit.crdt.document import Document
from collabkit.errors import InvalidArguments, MomentNotFound
from collabkit.ids import Seq, SessionId, Subject
from collabkit.sessions import upkeep
from collabkit.sessions.operations import call
from collabkit.sessions.workspace import Workspace
from collabkit.store.audit import Entry
from collabkit.store.base import Draft, Version
from collabkit.store.reader import Reader
from sessions.looking import OnDisk
from sessions.writing import write

ADA = Subject("user:ada")


def audit(on_disk: OnDisk) -> list[Entry]:
    """All lines of the audit."""
    with Reader(on_disk.path) as reader:
        return reader.audit()


async def written(workspace: Workspace, count: int) -> SessionId:
    """A session `note` of so many rows, each a number and a space."""
    record = await workspace.store.create_session(
        "note", project="default", kind="collaborative", by=ADA
    )
    document, updates = Document("main"), list[bytes]()
    document.on_update(lambda change: updates.append(change.update))
    for number in range(count):
        document.text("body").append(f"{number} ")
    drafts = [Draft("main", ADA, update, 0) for update in updates]
    await workspace.store.append(record.id, drafts)
    return record.id


async def texts(workspace: Workspace, session: SessionId, seqs: Sequence[int]) -> list[str]:
    """What the document said after some rows."""
    found = []
    for seq in seqs:
        loaded = await workspace.store.load_at(session, "main", seq)
        document = Document("main")
        if loaded.checkpoint is not None:
            document.apply(loaded.checkpoint.body, trusted=True)
        for row in loaded.rows:
            document.apply(row.body, trusted=True)
        found.append(str(document.text("body")))
    return found


async def test_checkpoint_makes_opening_fast(workspace: Workspace, on_disk: OnDisk) -> None:
    """After a checkpoint a document loads without a row, and to the same content."""
    await write(workspace, "note", "one ", "two")
    made = await call(workspace, "checkpoint", {"session": "note"}, subject=ADA)
    assert made["documents"] == {"main": 2}
    loaded = await workspace.store.load(made["id"], "main")
    assert loaded.checkpoint is not None
    assert (loaded.checkpoint.seq, loaded.rows) == (2, ())
    assert loaded.checkpoint.digest == on_disk.document("note").digest()
    assert (await call(workspace, "checkpoint", {"session": "note"}, subject=ADA)) == made


async def test_compact_drops_history_and_keeps_content(
    workspace: Workspace, on_disk: OnDisk
) -> None:
    """After compacting the document is what it was, its rows are gone, and all is sound."""
    await write(workspace, "note", *(f"{number} " for number in range(20)))
    before = on_disk.document("note").digest()
    done = await call(workspace, "compact", {"session": "note"}, subject=ADA)
    assert done["rows"] == 20
    assert on_disk.rows("note") == []
    assert on_disk.document("note").digest() == before
    assert on_disk.faults() == []
    await write(workspace, "note", "and on")
    assert on_disk.text("note").endswith("19 and on")


async def test_compact_while_people_type(workspace: Workspace, on_disk: OnDisk) -> None:
    """Compacting a document that is being edited loses none of the edits."""
    async with workspace.create("note") as note:
        for number in range(10):
            note.document.text("body").append(f"{number} ")
            if number % 3 == 0:
                await call(workspace, "compact", {"session": "note"}, subject=ADA)
        await note.saved()
    assert on_disk.text("note") == "0 1 2 3 4 5 6 7 8 9 "
    assert on_disk.faults() == []


async def test_a_log_that_came_in_at_once_gets_checkpoints_on_the_way(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that its past is near as well as its end."""
    monkeypatch.setattr(upkeep, "LONG_ROWS", 600)
    session = await written(workspace, 700)
    made = await call(workspace, "checkpoint", {"session": "note"}, subject=ADA)
    assert made["documents"] == {"main": 700}
    for seq in range(50, 700, 150):
        assert len((await workspace.store.load_at(session, "main", seq)).rows) <= 250
    after = (600, 300, 700)
    assert await texts(workspace, session, after) == [
        "".join(f"{number} " for number in range(seq)) for seq in after
    ]


async def test_history_can_begin_at_a_moment(workspace: Workspace, on_disk: OnDisk) -> None:
    """No moment from there on changes, none before is there, and the audit tells who did it."""
    session = await written(workspace, 20)
    moments = [8, 12, 20]
    before = await texts(workspace, session, moments)
    asked = {"session": "note", "upto": 8}
    would = await call(workspace, "compact", {**asked, "dry_run": True}, subject=ADA)
    assert (would["rows"], would["documents"]["main"]["upto"]) == (8, 8)
    assert would["bytes_after"] is None
    assert len(on_disk.rows("note")) == 20
    done = await call(workspace, "compact", asked, subject=ADA)
    assert (done["rows"], done["freed_bytes"]) == (would["rows"], would["freed_bytes"])
    assert await texts(workspace, session, moments) == before
    assert [row.seq for row in on_disk.rows("note")] == list(range(9, 21))
    with pytest.raises(MomentNotFound):
        await workspace.store.load_at(session, "main", 7)
    assert on_disk.faults() == []
    line = audit(on_disk)[-1]
    assert (line.subject, line.action, line.session) == (ADA, "compact", session)
    assert line.data == {
        "document": "main",
        "upto": 8,
        "rows": 8,
        "bytes": done["freed_bytes"],
        "versions": [],
    }


async def test_wherever_history_begins_no_moment_after_that_changes(
    workspace: Workspace, on_disk: OnDisk
) -> None:
    """Also when it is cut again and again, with versions in between."""
    session = await written(workspace, 30)
    moments = list(range(1, 31))
    before = dict(zip(moments, await texts(workspace, session, moments), strict=True))
    await workspace.store.put_version(session, Version("v", Seq(26), ADA, 0))
    for upto in (1, 2, 9, 17, 26):
        await call(workspace, "compact", {"session": "note", "upto": upto}, subject=ADA)
        left = [seq for seq in moments if seq >= upto]
        assert await texts(workspace, session, left) == [before[seq] for seq in left]
    assert on_disk.text("note") == before[30]
    assert on_disk.faults() == []


async def test_a_version_holds_the_log(workspace: Workspace, on_disk: OnDisk) -> None:
    """Nothing goes that it shows, and the answer says which one it was; then it is dropped."""
    session = await written(workspace, 10)
    for name, seq in (("early", 4), ("late", 7)):
        await workspace.store.put_version(session, Version(name, Seq(seq), ADA, 0))
    for rows, upto, name in ((4, 4, "early"), (3, 7, "late")):
        done = await call(workspace, "compact", {"session": "note"}, subject=ADA)
        told = done["documents"]["main"]
        assert (told["rows"], told["upto"], told["held_by"]) == (rows, upto, name)
        again = await call(workspace, "compact", {"session": "note"}, subject=ADA)
        assert again["rows"] == 0
        await workspace.store.drop_version(session, name)
    compactions = [line for line in audit(on_disk) if line.action == "compact"]
    assert len(compactions) == 2


async def test_versions_of_policy_can_go_with_the_log(
    workspace: Workspace, on_disk: OnDisk
) -> None:
    """If that is asked for, and named; what is pinned or saved by hand still holds it."""
    session = await written(workspace, 10)
    for name, seq, kind, document in (
        ("end #2", 2, "end", None),
        ("auto #3", 3, "auto", "main"),
        ("draft", 7, "manual", None),
        ("end #9", 9, "end", None),
    ):
        version = Version(name, Seq(seq), ADA, 0, kind=kind, document=document)
        await workspace.store.put_version(session, version)
    for target, upto, dropped, held_by in (
        ("note/main", 2, [], "end #2"),
        ("note", 7, ["end #2", "auto #3"], "draft"),
    ):
        asked = {"session": target, "drop_versions": True}
        would = await call(workspace, "compact", {**asked, "dry_run": True}, subject=ADA)
        done = await call(workspace, "compact", asked, subject=ADA)
        assert would["documents"] == done["documents"]
        told = done["documents"]["main"]
        assert (told["upto"], told["versions"], told["held_by"]) == (upto, dropped, held_by)
    left = [one.name for one in await workspace.store.versions(session)]
    assert left == ["draft", "end #9"]
    assert audit(on_disk)[-1].data["versions"] == ["end #2", "auto #3"]


async def test_what_is_quarantined_holds_the_log(workspace: Workspace) -> None:
    """And it is said."""
    session = await written(workspace, 5)
    await workspace.store.quarantine(
        session, "main", subject=ADA, body=b"x", reason="died", seq=Seq(3)
    )
    done = await call(workspace, "compact", {"session": "note"}, subject=ADA)
    told = done["documents"]["main"]
    assert (told["rows"], told["held_by"]) == (0, "the quarantine")


async def test_versions_are_thinned(workspace: Workspace, on_disk: OnDisk) -> None:
    """Those of policy, and those kept by hand if that is asked for; a dry run says which."""
    session = await written(workspace, 3)
    for seq, kind in ((1, "auto"), (2, "auto"), (3, "manual")):
        version = Version(f"{kind} {seq}", Seq(seq), ADA, seq, kind=kind)
        await workspace.store.put_version(session, version)
    for manual, gone in ((False, ["auto 2", "auto 1"]), (True, [])):
        asked = {"session": "note", "manual": manual}
        would = await call(workspace, "thin", {**asked, "dry_run": True}, subject=ADA)
        done = await call(workspace, "thin", asked, subject=ADA)
        assert would["versions"] == done["versions"] == gone
    assert [one.name for one in await workspace.store.versions(session)] == ["manual 3"]
    (line,) = [line for line in audit(on_disk) if line.action == "thin"]
    assert line.data == {"names": ["auto 2", "auto 1"]}
    with pytest.raises(InvalidArguments, match="together"):
        await call(workspace, "thin", {"session": "note/main"}, subject=ADA)


async def test_what_is_done_to_a_session_is_told(workspace: Workspace, on_disk: OnDisk) -> None:
    """Its making, what came in, and its end, which the audit outlives."""
    await call(workspace, "create", {"session": "note"}, subject=ADA)
    update = Document("main").update()
    await call(workspace, "import", {"session": "note", "updates": [update]}, subject=ADA)
    await call(workspace, "rm", {"session": "note"}, subject=ADA)
    lines = audit(on_disk)
    assert [(line.action, line.subject) for line in lines] == [
        ("create", ADA),
        ("import", ADA),
        ("rm", ADA),
    ]
    assert len({line.session for line in lines}) == 1
    assert lines[-1].data["name"] == "note"
