"""Access control of a new file, at a time that the test says."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from collabkit.access.conditions import Attributes
from collabkit.access.control import AccessControl
from collabkit.access.rules import Permission, Role
from collabkit.access.witness import DEFAULT_AUDIT, AuditPolicy
from collabkit.ids import RoomName, Subject
from collabkit.store.audit import Entry
from collabkit.store.reader import Reader
from collabkit.store.sqlite import SQLiteStore

ADA, BEN, HOST = Subject("user:ada"), Subject("user:ben"), Subject("host:test")
ACME = "/projects/acme"
PLAN = f"{ACME}/sessions/plan"

WRITER = Role("writer", (Permission("/**", "read"), Permission("/**", "write")))
ADMIN = Role("admin", tuple(Permission("/**", each) for each in ("read", "write", "admin")))


ROOM = RoomName.parse("acme~plan")
DOCUMENT = f"{PLAN}/docs/main"
GUARDED = Role(
    "guarded",
    (
        Permission("/**", "read"),
        Permission("/projects/*/sessions/*/docs/*/todos/**", "write"),
        Permission("/**", "write", ("context.department == 'law'",)),
    ),
)


class Clock:
    """Unix time, as the test says."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


class Control(AccessControl):
    """Access control, and what it is made of.

    Attributes:
        clock: Its time.
        file: Its store.
    """

    clock: Clock
    file: SQLiteStore

    def lines(self, *actions: str) -> list[Entry]:
        """What the audit has been told of some actions."""
        with Reader(self.file.path) as reader:
            return reader.audit(actions=actions)

    async def told(self) -> list[tuple[str, str, str | None]]:
        """What the audit says of what was done and refused: who, what and where, and why."""
        await self.flush()
        lines = self.lines("access-*")
        return [
            (one.subject, f"{one.data['action']} {one.data['path']}", one.data.get("code"))
            for one in lines
        ]

    def faults(self) -> list[str]:
        """What is wrong with the file."""
        return list(self.file.verify())


@asynccontextmanager
async def controlling(
    path: Path,
    *,
    audit: AuditPolicy = DEFAULT_AUDIT,
    attributes: Attributes | None = None,
) -> AsyncIterator[Control]:
    """Access control of a file, which is made if it is not there."""
    clock = Clock()
    async with (
        SQLiteStore.open(path / "a.db") as store,
        Control(store, host=HOST, clock=clock, audit=audit, attributes=attributes) as control,
    ):
        control.clock, control.file = clock, store
        yield control


@asynccontextmanager
async def guarding(path: Path) -> AsyncIterator[Control]:
    """Rules by which ada writes in a project, and ben does so in a part of documents."""
    declared = {"context.department": "string"}
    async with controlling(path, attributes=declared) as access:
        async with access.transaction() as changes:
            changes.put(WRITER, GUARDED)
            changes.grant(ADA, "writer", scope=ACME)
            changes.grant(BEN, "guarded", scope=ACME)
        yield access
