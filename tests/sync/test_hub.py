"""The hub over a real file, with sockets in memory."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from pycrdt import Doc, Text

from collabkit.access.model import Identity, Knock, Refusal
from collabkit.crdt.awareness import decode_awareness
from collabkit.crdt.inprocess import InProcessEngine
from collabkit.errors import AccessDenied, CannotWrite, LocalProtocolError
from collabkit.ids import RoomName, Subject
from collabkit.store.sqlite import SQLiteStore
from collabkit.sync import hub as hub_module
from collabkit.sync.hocuspocus import (
    Authenticate,
    Authenticated,
    CloseAddress,
    SyncStatus,
    write_hocuspocus,
)
from collabkit.sync.hub import Hub
from collabkit.sync.messages import (
    Ack,
    Awareness,
    Call,
    Edit,
    Result,
    Resume,
    Row,
    Synced,
    SyncStep1,
    SyncStep2,
    Update,
    Welcome,
    read_collabkit,
    write,
)

from .conftest import MemorySocket, Sockets, authenticate

HI = bytes.fromhex("010107000401017402686900")  # client 7 writes "hi" into root "t"
YO = bytes.fromhex("0101090084070102796f00")  # client 9 writes "yo" behind it
STEP1 = write(SyncStep1(b"\x00"))


def heard(socket: MemorySocket) -> list[Any]:
    return [read_collabkit(frame) for frame in socket.frames]


def text_of(socket: MemorySocket) -> str:
    doc: Doc[Any] = Doc()
    doc["t"] = text = Text()
    for message in heard(socket):
        if isinstance(message, Update | SyncStep2 | Row):
            doc.apply_update(message.update)
    return str(text)


def is_synced(socket: MemorySocket) -> bool:
    return any(isinstance(m, SyncStep2 | Synced) for m in heard(socket))


async def test_golden_handshakes(data: Callable[[str], Path], tmp_path: Path) -> None:
    """What a recorded client says is answered byte for byte as recorded.

    Two things differ by intent: presence (the relay owns the clocks), and the content for a
    joiner, which comes as Updates before an empty SyncStep2.
    """
    sessions = json.loads(data("golden-wire.json").read_text())["sessions"]
    recorded = [s for s in sessions if s["server"] == "prototype relay"]
    assert len(recorded) == 12
    for number, session in enumerate(recorded):
        async with (
            SQLiteStore.open(tmp_path / f"{number}.db") as store,
            Hub(store, InProcessEngine(), authenticate=authenticate) as hub,
        ):
            # A reader cannot make one.
            by = Subject("user:host")
            await store.create_session("doc", project="default", kind="collaborative", by=by)
            await replay(session, Sockets(hub))


def presence(frame: bytes) -> bool:
    """Whether it is a frame of presence, in either dialect."""
    return frame[:1] == b"\x01" or frame[:5] == b"\x03doc\x01"


def arrived(socket: MemorySocket, frame: bytes, times: int) -> bool:
    return socket.frames.count(frame) >= times


async def replay(session: dict[str, Any], attach: Sockets) -> None:
    """Play both recorded clients, one after the other, each waiting for what it was told."""
    for who in "AB":
        socket = attach("doc")
        told: list[str] = []
        for way, *rest in session[who]:
            frame = bytes.fromhex(rest[0]) if way in ("C>S", "S>C") else b""
            if not frame or presence(frame):
                continue
            if way == "C>S":
                socket.say(frame)
                continue
            if who == "A" and frame.hex().endswith("796f00"):
                continue  # B is not there yet
            # Content for a joiner comes as Updates, and then an empty SyncStep2.
            content = frame.replace(b"\x00\x01\x0c", b"\x00\x02\x0c")
            told.append(content.hex())
            if content != frame:
                told.append(frame[: frame.index(b"\x00\x01\x0c")].hex() + "0001020000")
            times = told.count(content.hex())
            await socket.until(partial(arrived, socket, content, times))
        heard_here = [frame.hex() for frame in socket.frames if not presence(frame)]
        assert sorted(heard_here) == sorted(told), (session["client"], session["token"], who)


async def test_a_late_joiner_holds_everything_when_it_is_synced(attach: Sockets) -> None:
    """All content stands before the one SyncStep2."""
    first = attach()
    first.say(STEP1)
    await first.until(lambda: is_synced(first))
    first.say(write(Update(HI)), write(Update(YO)))
    late = attach()
    late.say(STEP1)
    await late.until(lambda: is_synced(late))
    kinds = [type(message) for message in heard(late)]
    assert kinds[-1] is SyncStep2
    assert kinds.count(SyncStep2) == 1
    assert text_of(late) == "hiyo"


async def test_an_edit_reaches_others_and_never_its_author(attach: Sockets) -> None:
    """No echo, in any dialect."""
    ada, bob = attach(), attach()
    own = attach(subprotocol="collabkit.1")
    for socket in (ada, bob):
        socket.say(STEP1)
    own.say(write(Resume("", 0, b"\x00")))
    for socket in (ada, bob, own):
        await socket.until(partial(is_synced, socket))
    ada.say(write(Update(HI)))
    await own.until(lambda: Row(1, HI) in heard(own))
    assert Update(HI) in heard(bob)
    assert not any(isinstance(m, Update) for m in heard(ada))


async def test_acknowledged_means_on_disk(attach: Sockets, hub: Hub) -> None:
    """The Ack names the row, and the row is there for a reader of the file."""
    own = attach(subprotocol="collabkit.1", name="ada")
    await own.until(lambda: own.frames)
    [welcome] = heard(own)
    assert isinstance(welcome, Welcome)
    assert (welcome.subject, welcome.can_write, welcome.seq) == ("user:ada", True, 0)
    own.say(write(Resume("", 0, b"\x00")), write(Edit(0, "typing", HI)))
    await own.until(lambda: Ack(1) in heard(own))
    record = await hub.store.find_session("doc", project="default")
    [row] = await hub.store.rows(record.id)
    assert (row.body, row.subject, row.group, row.clients) == (HI, "user:ada", "typing", (7,))


async def test_what_brings_nothing_new_makes_no_row(attach: Sockets, hub: Hub) -> None:
    """A client that sends all it has on each reconnect does not make the log grow."""
    own = attach(subprotocol="collabkit.1")
    own.say(write(Resume("", 0, b"\x00")), write(Edit(0, "", HI)), write(Edit(0, "", HI)))
    await own.until(lambda: Ack(0) in heard(own))
    again = attach()
    again.say(STEP1, write(SyncStep2(HI)))
    await again.until(lambda: is_synced(again))
    record = await hub.store.find_session("doc", project="default")
    assert record.last_seq == 1


async def test_a_client_of_our_dialect_resumes_where_it_stopped(attach: Sockets) -> None:
    """Only the rows behind its seq are sent, and another lineage is refused."""
    first = attach(subprotocol="collabkit.1")
    await first.until(lambda: first.frames)
    [welcome] = heard(first)
    first.say(write(Resume("", 0, b"\x00")), write(Edit(0, "", HI)), write(Edit(0, "", YO)))
    await first.until(lambda: Ack(2) in heard(first))
    second = attach(subprotocol="collabkit.1")
    second.say(write(Resume(welcome.lineage, 1, b"\x01\x07\x02")))
    await second.until(lambda: is_synced(second))
    assert [m for m in heard(second) if isinstance(m, Row)] == [Row(2, YO)]
    other = attach(subprotocol="collabkit.1")
    other.say(write(Resume("another", 1, b"\x00")))
    await other.until(lambda: other.closed)
    assert other.closed is not None
    assert other.closed[0] == 4409


async def test_hocuspocus_and_y_websocket_meet_in_one_room(attach: Sockets) -> None:
    """The name in the frame and the name in the path are the same room."""
    provider, plain = attach(""), attach("doc")
    provider.say(write_hocuspocus("doc", Authenticate("t")))
    provider.say(write_hocuspocus("doc", SyncStep1(b"\x00")))
    plain.say(STEP1)
    await plain.until(lambda: is_synced(plain))
    await provider.until(lambda: len(provider.frames) >= 3)
    plain.say(write(Update(HI)))
    await provider.until(lambda: write_hocuspocus("doc", Update(HI)) in provider.frames)
    provider.say(write_hocuspocus("doc", Update(YO)))
    await plain.until(lambda: Update(YO) in heard(plain))
    stored = write_hocuspocus("doc", SyncStatus(stored=True))
    await provider.until(lambda: stored in provider.frames)


async def test_presence_comes_and_goes_with_its_socket(attach: Sockets) -> None:
    """A joiner is told who is there; who is gone is gone at once."""
    ada, bob = attach(name="ada"), attach(name="bob")
    here = bytes.fromhex("010701077b2275223a377d")  # client 7, clock 1, {"u":7}
    ada.say(STEP1, write(Awareness(here)))
    await ada.until(lambda: is_synced(ada))
    bob.say(STEP1)
    await bob.until(lambda: is_synced(bob))

    def seen() -> dict[int, bytes]:
        entries = (decode_awareness(m.update) for m in heard(bob) if isinstance(m, Awareness))
        return {client: state for batch in entries for client, _, state in batch}

    assert seen() == {7: b'{"u":7}'}
    assert ada.link is not None
    ada.link.lost()
    await bob.until(lambda: seen() == {7: b"null"})


async def test_a_bad_frame_ends_one_socket_and_the_room_goes_on(attach: Sockets) -> None:
    """The neighbour neither notices nor loses anything."""
    good, bad = attach(), attach()
    for socket in (good, bad):
        socket.say(STEP1)
        await socket.until(partial(is_synced, socket))
    bad.say(b"\x00\x07")
    assert bad.closed is not None
    assert bad.closed[0] == 1002
    good.say(write(Update(HI)))
    other = attach()
    other.say(STEP1)
    await other.until(lambda: "hi" in text_of(other))


async def test_a_reader_receives_and_does_not_write(attach: Sockets, hub: Hub) -> None:
    """Read-only is refused in the words of the dialect, and leaks to nobody."""
    writer = attach()
    writer.say(STEP1)
    await writer.until(lambda: is_synced(writer))
    reader = attach(subprotocol="collabkit.1", token="ro")
    reader.say(write(Resume("", 0, b"\x00")))
    await reader.until(lambda: is_synced(reader))
    reader.say(write(Edit(0, "", HI)))
    assert [m.code for m in heard(reader) if hasattr(m, "code")] == ["read-only"]
    writer.say(write(Update(HI)))
    await reader.until(lambda: Row(1, HI) in heard(reader))
    reader.say(write(Edit(1, "", HI)))
    await reader.until(lambda: Ack(0) in heard(reader))
    assert text_of(writer) == ""


async def test_a_slow_reader_costs_a_bounded_queue_and_misses_nothing(attach: Sockets) -> None:
    """What was dropped comes as one resync once the socket takes bytes again."""
    writer, slow = attach(), attach()
    for socket in (writer, slow):
        socket.say(STEP1)
        await socket.until(partial(is_synced, socket))
    slow.buffered_bytes = 1 << 20
    doc: Doc[Any] = Doc(client_id=5)
    doc["t"] = text = Text()
    before_slow = len(slow.frames)
    for _ in range(40):
        before = doc.get_state()
        text += "x" * 50_000
        writer.say(write(Update(doc.get_update(before))))
    probe = attach(subprotocol="collabkit.1")
    probe.say(write(Resume("", 0, b"\x00")))
    await probe.until(lambda: len(text_of(probe)) == 2_000_000)
    assert len(slow.frames) == before_slow
    slow.buffered_bytes = 0
    assert slow.link is not None
    slow.link.writable()
    await slow.until(lambda: len(text_of(slow)) == 2_000_000)


async def test_a_stored_document_is_there_after_a_restart(tmp_path: Path) -> None:
    """A hub that ends, ends with everything on disk."""
    for round_number in range(2):
        async with (
            SQLiteStore.open(tmp_path / "one.db") as store,
            Hub(store, InProcessEngine(), authenticate=authenticate) as hub,
        ):
            socket = Sockets(hub)()
            socket.say(STEP1)
            await socket.until(partial(is_synced, socket))
            if round_number == 0:
                socket.say(write(Update(HI)))
            else:
                assert text_of(socket) == "hi"
        assert socket.closed == (1012, "the relay restarts")


async def test_operations_are_answered_with_results_or_errors(tmp_path: Path) -> None:
    """A call is carried out under the caller's identity; errors come by kind and in words."""

    async def on_call(
        identity: Identity, room: RoomName, name: str, arguments: Any, key: str | None
    ) -> object:
        if name == "secret":
            raise AccessDenied(identity.subject, name, str(room))
        return [identity.subject, str(room), name, arguments, key]

    async with (
        SQLiteStore.open(tmp_path / "one.db") as store,
        Hub(store, InProcessEngine(), authenticate=authenticate, call=on_call) as hub,
    ):
        own = Sockets(hub)(subprotocol="collabkit.1", name="ada")
        own.say(write(Resume("", 0, b"\x00")))
        await own.until(lambda: is_synced(own))
        own.say(write(Call(1, "echo", "k1", b'{"a": 1}')), write(Call(2, "secret", "", b"{}")))
        own.say(write(Call(3, "echo", "", b"not json")))
        await own.until(lambda: sum(isinstance(m, Result) for m in heard(own)) == 3)
        results = {m.id: m for m in heard(own) if isinstance(m, Result)}
        assert json.loads(results[1].body) == ["user:ada", "doc", "echo", {"a": 1}, "k1"]
        assert (results[2].ok, results[2].kind) == (False, "AccessDenied")
        assert (results[3].ok, results[3].kind) == (False, "InvalidArguments")


async def test_a_refused_client_is_told_why(attach: Sockets) -> None:
    """The reason arrives before anything else happens."""
    own = attach(subprotocol="collabkit.1", token="no")
    await own.until(lambda: own.closed)
    assert own.closed == (4403, "you may not enter")


async def test_a_hub_that_is_not_running_takes_nobody(tmp_path: Path) -> None:
    """The mistake is named where it is made."""
    async with SQLiteStore.open(tmp_path / "one.db") as store:
        hub = Hub(store, InProcessEngine(), authenticate=authenticate)
        with pytest.raises(LocalProtocolError, match="async with"):
            hub.attach(MemorySocket(), path="doc")
        assert repr(hub) == "<Hub 0 rooms, 0 links>"


async def test_sessions_are_not_made_for_those_who_may_not_write(attach: Sockets, hub: Hub) -> None:
    """A reader cannot bring a session into being."""
    socket = attach("nowhere", token="ro", subprotocol="collabkit.1")
    await socket.until(lambda: socket.closed)
    assert socket.closed is not None
    assert socket.closed[0] == 4404
    assert Subject("x") not in [s.created_by for s in await hub.store.sessions()]
    assert await hub.store.sessions() == []


async def test_stats_count_what_happened(attach: Sockets, hub: Hub) -> None:
    """What the metrics show is what the hub did."""
    ada, bob = attach(), attach()
    for socket in (ada, bob):
        socket.say(STEP1)
        await socket.until(partial(is_synced, socket))
    ada.say(write(Update(HI)))
    bob.say(write(Update(YO)))
    await asyncio.wait_for(_idle(hub), 20)
    stats = hub.stats()
    assert (stats.links, stats.rooms, stats.edits) == (2, 1, 2)
    assert stats.deliveries >= 2


async def _idle(hub: Hub) -> None:
    while hub.stats().edits < 2:
        await asyncio.sleep(0.01)


class BrokenSocket(MemorySocket):
    """A shell with a mistake in it."""

    def send(self, frame: bytes) -> None:
        raise OSError("no such socket")


async def test_a_socket_that_raises_costs_nobody_else_anything(attach: Sockets, hub: Hub) -> None:
    """Neither the room's edits nor the hub's clock stop for it."""
    good = attach()
    good.say(STEP1)
    await good.until(lambda: is_synced(good))
    broken = BrokenSocket()
    broken.link = hub.attach(broken, path="doc")
    broken.say(STEP1)
    await broken.until(lambda: broken.closed)
    assert broken.closed is not None
    assert broken.closed[0] == 1011
    good.say(write(Update(HI)))
    other = attach()
    other.say(STEP1)
    await other.until(lambda: "hi" in text_of(other))


async def test_trouble_of_the_store_is_told_as_trouble(tmp_path: Path) -> None:
    """A full disk is no reason for a client to give up for good."""

    async def out_of_order(knock: Knock) -> Identity | Refusal:
        raise CannotWrite("f", "disk full")

    async with (
        SQLiteStore.open(tmp_path / "one.db") as store,
        Hub(store, InProcessEngine(), authenticate=out_of_order) as hub,
    ):
        own = Sockets(hub)(subprotocol="collabkit.1")
        await own.until(lambda: own.closed)
        assert own.closed == (4500, "the relay failed; try again later")
        assert own.frames == []


async def test_a_hub_ends_although_somebody_never_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An authentication that hangs does not hold the process."""
    monkeypatch.setattr(hub_module, "DRAIN_TIMEOUT", 0.05)

    async def never(knock: Knock) -> Identity | Refusal:
        await asyncio.Event().wait()
        raise AssertionError

    async with asyncio.timeout(20), SQLiteStore.open(tmp_path / "one.db") as store:
        async with Hub(store, InProcessEngine(), authenticate=never) as hub:
            own = Sockets(hub)(subprotocol="collabkit.1")
        assert own.closed == (1012, "the relay restarts")


async def test_a_result_that_is_no_json_is_an_answer_too(tmp_path: Path) -> None:
    """Whoever called is told, whatever went wrong."""

    async def on_call(*_: object) -> object:
        return object()

    async with (
        SQLiteStore.open(tmp_path / "one.db") as store,
        Hub(store, InProcessEngine(), authenticate=authenticate, call=on_call) as hub,
    ):
        own = Sockets(hub)(subprotocol="collabkit.1")
        own.say(write(Resume("", 0, b"\x00")))
        await own.until(lambda: is_synced(own))
        own.say(write(Call(1, "x", "", b"{}")))
        await own.until(lambda: isinstance(heard(own)[-1], Result))
        assert heard(own)[-1].kind == "OperationError"


async def test_a_link_keeps_nothing_of_rooms_that_were_left(attach: Sockets) -> None:
    """A socket that opens and leaves rooms all day does not grow."""
    provider = attach("")
    for name in ("a", "b", "c"):
        provider.say(write_hocuspocus(name, Authenticate("t")))
        authenticated = write_hocuspocus(name, Authenticated(can_write=True))
        await provider.until(partial(arrived, provider, authenticated, 1))
        provider.say(write_hocuspocus(name, CloseAddress()))
    assert provider.link is not None
    assert provider.link.places == {}
