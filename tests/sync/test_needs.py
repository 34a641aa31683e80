"""Who may say what: every type of message, in every dialect, by everybody."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from collabkit.access.model import Identity, Rights
from collabkit.crdt.lib0 import var_bytes, var_string, var_uint
from collabkit.ids import SessionId, Subject
from collabkit.sync import messages as say
from collabkit.sync import needs
from collabkit.sync.connection import Connection
from collabkit.sync.connection_effects import (
    Admitted,
    Ask,
    CloseSocket,
    ConnectionEffect,
    Deliver,
    Received,
    Requalify,
    Started,
)
from collabkit.sync.dialects import Dialect
from collabkit.sync.hocuspocus import (
    Authenticate,
    CloseAddress,
    HocuspocusMessage,
    Pong,
    Stateless,
    write_hocuspocus,
)
from collabkit.sync.needs import NEEDS

from .ruled import DIALECTS, MAIN, House, Person

YWS, HP, OWN = DIALECTS
# "x" in root "t", by client 7.
UPDATE = bytes.fromhex("0101070004010174017800")


def frames(update: bytes) -> dict[HocuspocusMessage, tuple[Dialect, ...]]:
    """What a client may say, in which dialects; all else is for the relay to say, or for nobody."""
    return {
        say.SyncStep1(b"\x00"): DIALECTS,
        say.SyncStep2(update): DIALECTS,
        say.Update(update): DIALECTS,
        say.Awareness(b"\x00"): DIALECTS,
        say.QueryAwareness(): DIALECTS,
        say.Denied("no"): (),
        say.Welcome(3, "L", "user:ada", True, 1): (),
        say.Resume("", 0, b"\x00"): (OWN,),
        say.Edit(0, "", update): (OWN,),
        say.Ack(1): (),
        say.Row(1, update): (),
        say.Synced(1): (),
        say.Refused("code", "reason"): (),
        say.Call(1, "checkpoint", "", b"{}"): (OWN,),
        say.Result(1, True, "", b"null"): (),
        say.PackedRow(1, 1, b"x"): (),
        say.Digest(1, "digest"): (OWN,),
        say.Receipt(b"{}"): (),
        say.Standing(True, ""): (),
        say.Refresh("ada"): (OWN,),
        Authenticate("ada"): (HP,),
        CloseAddress(): (HP,),
        Stateless("hello"): (HP,),
        Pong(): (HP,),
    }


FRAMES = frames(UPDATE)
FOR_THE_ROOM = {
    "SyncStep1", "SyncStep2", "Update", "Awareness", "QueryAwareness", "Resume", "Edit", "Call",
    "Digest",
}  # fmt: skip


def framed(dialect: Dialect, message: object) -> bytes:
    if dialect is HP:
        return write_hocuspocus("doc", message)  # type: ignore[arg-type]
    return say.write(message)  # type: ignore[arg-type]


def bodies() -> Iterator[bytes]:
    """Every type byte, alone and with every subtype and something behind it."""
    for kind in range(256):
        yield var_uint(kind)
        for subtype in (0, 1, 2, 3, 4, 255):
            yield var_uint(kind) + var_uint(subtype)
            yield var_uint(kind) + var_uint(subtype) + var_bytes(UPDATE)
            yield var_uint(kind) + var_uint(subtype) + var_string("text")


def connection(dialect: Dialect, rights: Rights | None) -> Connection:
    """One that knocked, and was let in if there are rights."""
    link = Connection(path="doc", own_dialect=3 if dialect is OWN else 0, now=0.0)
    if dialect is OWN:
        [ask] = link.handle(Started(), now=0.0)
    else:
        [ask] = link.handle(Received(framed(dialect, say.SyncStep1(b"\x00"))), now=0.0)
    assert isinstance(ask, Ask)
    if rights is not None:
        ada = Identity(Subject("user:ada"), can_write=rights.can_write)
        link.handle(Admitted(ask.address, ask.number, SessionId("s"), ada, rights), now=0.0)
    return link


def said(link: Connection, frame: bytes) -> list[ConnectionEffect]:
    return link.handle(Received(frame), now=0.0)


def ends(effects: list[ConnectionEffect]) -> bool:
    return any(isinstance(effect, CloseSocket) for effect in effects)


def test_the_table_is_the_one_in_the_docs() -> None:
    """The head of the module says of each message what the table says."""
    assert needs.__doc__ is not None
    told: dict[str, str] = {}
    for line in needs.__doc__.splitlines():
        names, need = line[:20].strip(), line[20:30].strip()
        if need in {one.value for one in needs.Need}:
            told |= dict.fromkeys(names.split(", "), need)
    assert told == {kind.__name__: need.value for kind, need in NEEDS.items()}
    assert set(told) == {type(one).__name__ for one, where in FRAMES.items() if where}


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda d: d.value)
@pytest.mark.parametrize(
    "rights", [None, Rights(can_write=False), Rights()], ids=["nobody yet", "reader", "writer"]
)
def test_each_message_is_taken_where_it_belongs(dialect: Dialect, rights: Rights | None) -> None:
    """A message that the dialect does not have, or that is the relay's to say, ends the socket."""
    for message, dialects in FRAMES.items():
        if dialect is not HP and not isinstance(message, say.Message):
            continue  # there are no bytes for it
        if dialect is HP and isinstance(message, say.Denied):
            continue  # it is PermissionDenied there, and among the bytes below
        link = connection(dialect, rights)
        effects = said(link, framed(dialect, message))
        assert ends(effects) is (dialect not in dialects), message
        for_the_room = type(message).__name__ in FOR_THE_ROOM
        delivered = [one for one in effects if isinstance(one, Deliver)]
        taken = dialect in dialects and for_the_room and rights is not None
        assert bool(delivered) is taken, message


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda d: d.value)
@pytest.mark.parametrize("rights", [None, Rights()], ids=["nobody yet", "writer"])
def test_no_byte_gets_round_the_table(dialect: Dialect, rights: Rights | None) -> None:
    """Whatever type and subtype: nothing is delivered but what the table lists."""
    address = var_string("doc") if dialect is HP else b""
    kinds = set()
    for body in bodies():
        link = connection(dialect, rights)
        for effect in said(link, address + body):
            assert rights is not None or not isinstance(effect, Deliver | Requalify)
            if isinstance(effect, Deliver):
                kinds.add(type(effect.message).__name__)
    assert kinds <= FOR_THE_ROOM


async def lands(path: Path, role: str) -> None:
    async with House.open(path) as house:
        await house.allow("user:bob", "read")
        if role != "no read":
            await house.allow("user:ada", "read")
        if role == "some":
            await house.allow("user:ada", "write", "delete", under=f"{MAIN}/other")
        if role == "all":
            await house.allow("user:ada", "write", "delete")
        bob = house.come(YWS, "bob")
        await bob.in_sync()
        for client, dialect in enumerate(DIALECTS, 7):
            before = bob.reads
            for message, dialects in frames(UPDATE[:2] + bytes([client]) + UPDATE[3:]).items():
                if dialect not in dialects or isinstance(message, say.Refresh | Authenticate):
                    continue
                ada = house.come(dialect, "ada")
                await settled(house, ada, role)
                ada.socket.say(framed(dialect, message))
                await house.hub.settled()
                if role == "no read":
                    assert ada.reads == ""
                    assert ada.socket.closed or dialect is not OWN
                ada.socket.link.lost()  # type: ignore[union-attr]
            assert bob.reads == before + ("x" if role == "all" else ""), dialect


async def settled(house: House, person: Person, role: str) -> None:
    if role == "no read":
        await house.quiet()
    else:
        await person.in_sync()


@pytest.mark.parametrize("role", ["no read", "read", "some", "all"])
async def test_only_who_may_write_there_changes_anything(tmp_path: Path, role: str) -> None:
    """In each dialect, by each message: who may not read hears nothing either."""
    await lands(tmp_path, role)
