"""Erasure: nothing of one subject is left, and all of the others."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from collabkit.crdt.document import Document
from collabkit.errors import SessionBusy
from collabkit.ids import Subject
from collabkit.sessions.member import IN_PROCESS
from collabkit.sessions.operations import call
from collabkit.sessions.session import Kind
from collabkit.sessions.workspace import Workspace
from collabkit.store.reader import Reader
from collabkit.sync.channel import MemoryChannel, memory_channels, serve_channel
from collabkit.sync.hub import Hub
from collabkit.sync.replica import Replica
from sessions.looking import OnDisk
from sessions.visiting import anybody, visit

ADA, BEN = Subject("anonymous:ada"), Subject("anonymous:ben")
SECRETS = tuple(word.encode() for word in ("sécrèt", "whisper", "ada.example"))
LEFT = {"body": " of ben ", "m": {"deep": {"by ben": "mine"}}}


def found(path: Path, *words: bytes) -> set[bytes]:
    """Which words stand in a file, or in what is beside it."""
    files = [one.read_bytes() for one in path.parent.glob(f"{path.name}*") if one.is_file()]
    return {word for word in words if any(word in each for each in files)}


class Traveller:
    """Somebody who is in a room, and away from it, as he likes."""

    def __init__(self, hub: Hub, room: str, name: str) -> None:
        self._hub, self._room, self._name = hub, room, name
        self._open = asyncio.Event()
        self._open.set()
        self._channel: MemoryChannel
        self._serving: list[asyncio.Task[None]] = []

    @contextlib.asynccontextmanager
    async def __call__(self) -> AsyncIterator[Replica]:
        """Be a replica."""
        async with Replica.over(self._dial) as replica:
            yield replica
        for each in self._serving:
            each.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)

    async def _dial(self) -> MemoryChannel:
        await self._open.wait()
        self._channel, theirs = memory_channels(self._room, subprotocol=IN_PROCESS)
        serving = serve_channel(self._hub, theirs, token=None, name=self._name)
        self._serving.append(asyncio.create_task(serving))
        return self._channel

    async def leave(self) -> None:
        """Be away."""
        self._open.clear()
        await self._channel.close()

    def back(self) -> None:
        """Come back."""
        self._open.set()


async def shows(replica: Replica, wanted: dict[str, Any]) -> None:
    """Wait until a replica shows this."""
    came = asyncio.Event()
    stop = replica.document.on_update(lambda change: came.set())
    try:
        async with asyncio.timeout(30):
            while replica.document.to_dict() != wanted:
                await came.wait()
                came.clear()
    finally:
        stop()


async def write_together(ada: Replica, ben: Replica) -> None:
    """Ada writes text, values, a link, and a map in which Ben writes; Ben writes in her text."""
    with ada.document.edit():
        ada.document.text("body").append("sécrèt")
        ada.document.map("m").update({"by ada": "whisper", "deep": {"key": "whisper"}})
    await ada.saved()
    deep: dict[str, Any] = {"key": "whisper"}
    await shows(ben, {"body": "sécrèt", "m": {"by ada": "whisper", "deep": deep}})
    ben.document.text("body").insert(3, " of ben ")
    ben.document.map("m")["deep"]["by ben"] = "mine"
    await ben.saved()
    deep["by ben"] = "mine"
    await shows(ada, {"body": "séc of ben rèt", "m": {"by ada": "whisper", "deep": deep}})
    ada.document.text("body").format(0, 14, {"bold": True, "link": "https://ada.example"})
    del ada.document.text("body")[0:1]
    await ada.saved()


async def wrote_together(workspace: Workspace) -> None:
    """Have them both come, write, and leave."""
    await workspace.create("note")
    async with (
        workspace.serving(anybody) as hub,
        visit(hub, "note", name="ada") as ada,
        visit(hub, "note", name="ben") as ben,
    ):
        await write_together(ada, ben)


async def test_nothing_of_a_subject_is_left(
    workspace: Workspace, path: Path, on_disk: OnDisk
) -> None:
    """Not in the file nor beside it, not for who is there, not for who was away and wrote on."""
    await workspace.create("note")
    async with workspace.serving(anybody) as hub:
        cat, ada = Traveller(hub, "note", "cat"), Traveller(hub, "note", "ada")
        async with cat() as away, visit(hub, "note", name="ben") as ben:
            async with ada() as writer:
                await write_together(writer, ben)
                await shows(away, writer.document.to_dict())
            await cat.leave()
            away.document.text("body").append("!")
            assert found(path, *SECRETS, ADA.encode()) == {*SECRETS, ADA.encode()}
            done = await workspace.call("erase", session="note", subject=ADA)
            assert found(path, *SECRETS, ADA.encode()) == set()
            assert done["rows"] == 3
            assert done["names"] == ["body", "bold", "by ada", "deep", "key", "link", "m"]
            await shows(ben, LEFT)
            cat.back()
            await shows(ben, {**LEFT, "body": " of ben !"})
            await shows(away, ben.document.to_dict())
            assert away.document.digest() == ben.document.digest()
            runs = away.document.text("body").runs()
            assert {name for run in runs for name in run.attributes} == {"bold"}
    assert on_disk.faults() == []
    assert {row.subject for row in on_disk.rows("note")} == {
        "erased",
        BEN,
        "anonymous:cat",
        "host:test",
    }
    assert found(path, *SECRETS, ADA.encode()) == set()
    with Reader(path) as reader:
        line = reader.audit()[-1]
        assert (line.action, line.data) == ("erase", {"document": "main", "rows": 2})


async def test_a_dry_run_changes_nothing(workspace: Workspace, on_disk: OnDisk) -> None:
    """It says how many rows would change, what that gives back, and which names stay."""
    await wrote_together(workspace)
    before = on_disk.rows("note")
    done = await workspace.call("erase", session="note", subject=ADA, dry_run=True)
    assert done["rows"] == 3
    assert "by ada" in done["names"]
    assert on_disk.rows("note") == before
    nobody = await workspace.call("erase", session="note", subject="user:nobody")
    assert (nobody["rows"], nobody["names"]) == (0, [])
    assert on_disk.rows("note") == before


async def test_what_was_compacted_is_erased_too(
    workspace: Workspace, path: Path, on_disk: OnDisk
) -> None:
    """A checkpoint that stands for rows that are gone is written anew, and is sound."""
    await workspace.create("note")
    async with workspace.serving(anybody) as hub:
        async with visit(hub, "note", name="ada") as ada, visit(hub, "note", name="ben") as ben:
            await write_together(ada, ben)
        await workspace.call("compact", session="note")
        await workspace.call("erase", session="note", subject=ADA)
        assert found(path, *SECRETS, ADA.encode()) == set()
        async with visit(hub, "note", name="ben") as ben:
            await shows(ben, LEFT)
    assert on_disk.faults() == []


async def test_what_was_brought_back_goes_with_who_wrote_it(
    workspace: Workspace, path: Path, on_disk: OnDisk
) -> None:
    """Ada's words go though Ben restored them, and Ben's stay though Ada did."""
    await workspace.create("note")
    async with workspace.serving(anybody) as hub:
        async with visit(hub, "note", name="ada") as ada, visit(hub, "note", name="ben") as ben:
            await write_together(ada, ben)
            for one in (ada, ben):
                text = one.document.text("body")
                del text[0 : len(text)]
                one.document.map("m").pop("by ada", None)
                await one.saved()
        for seq, subject in ((3, BEN), (0, BEN), (3, ADA)):
            asked = {"session": "note", "at": seq}
            await call(workspace, "restore", asked, subject=subject)
        assert "séc of ben rèt" in str(on_disk.document("note").to_dict())
        await call(workspace, "erase", {"session": "note", "subject": ADA}, subject=BEN)
    assert found(path, *SECRETS) == set()
    assert on_disk.document("note").to_dict() == LEFT
    assert on_disk.faults() == []


async def test_what_was_set_aside_goes_too(
    workspace: Workspace, path: Path, on_disk: OnDisk
) -> None:
    """Rows that no engine is given any more, those that build on them, and what was kept apart."""
    await wrote_together(workspace)
    row = on_disk.rows("note")[0]
    record = await workspace.store.find_session("note", project="default")
    number = await workspace.store.quarantine(
        record.id, "main", subject=ADA, body=row.body, reason="SIGSEGV", seq=row.seq
    )
    assert on_disk.document("note").to_dict() == {}
    await workspace.call("erase", session="note", subject=ADA)
    assert found(path, *SECRETS, ADA.encode()) == set()
    assert on_disk.faults() == []
    await workspace.call("release", session="note", id=number)
    assert on_disk.document("note").to_dict() == LEFT


async def test_a_session_is_erased_whole(workspace: Workspace, path: Path, on_disk: OnDisk) -> None:
    """Without a subject all content goes, of everybody, and so does who it was."""
    await wrote_together(workspace)
    await workspace.call("erase", session="note")
    assert found(path, *SECRETS, b"of ben", b"mine", ADA.encode(), BEN.encode()) == set()
    assert on_disk.document("note").to_dict() == {"m": {"deep": {}}}
    assert {row.subject for row in on_disk.rows("note")} == {"erased"}
    assert on_disk.faults() == []


async def test_one_who_has_it_alone_may_erase(workspace: Workspace, path: Path) -> None:
    """A session without a room is erased as others are, and its calls with keys are forgotten."""
    async with workspace.create("mine", kind=Kind.SINGLE_USER) as session:
        with session.document.edit(group="my plan"):
            session.document.text("body").append("sécrèt")
    assert len(found(path, SECRETS[0], b"my plan")) == 2
    await workspace.call("erase", session="mine", subject="host:test")
    assert found(path, SECRETS[0], b"my plan") == set()
    assert OnDisk(path).document("mine").to_dict() == Document().to_dict()


async def test_what_somebody_has_open_alone_is_not_half_erased(workspace: Workspace) -> None:
    """It is refused before anything is deleted."""
    async with workspace.create("mine", kind=Kind.SINGLE_USER) as session:
        session.document.text("body").append("sécrèt")
        await session.saved()
        with pytest.raises(SessionBusy):
            await workspace.call("erase", session="mine", subject="host:test")
        assert str(session.document.text("body")) == "sécrèt"
        assert await session.history.seq("now") == 1
