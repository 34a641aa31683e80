"""Who comes in, to which session, and what he may do there.

Rules:

1. First a knock is answered by who it is (:data:`~collabkit.access.model.Authenticate`), then the
   session is looked up, then access control is asked, by the name that the session has: its id is
   no other door. So who may not enter is told the same, after the same work, whether there is
   anything behind the door or not.
2. Who may create a session and opens one that is not there has made it, and owns it.
3. How many are in a session is looked at last, when he takes his seat. Who only looks takes none;
   but a session that is closed, or for those who are invited, shows nothing to whom it keeps out.
4. What was answered holds until access control says that it may have changed: then it is asked
   again, at once, for all whom that concerns (:meth:`Entry.again`).
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Protocol, TypeAlias, TypeVar

import msgspec

from ..access.admission import Company
from ..access.model import Authenticate, Identity, Knock, Refusal, Rights
from ..access.rules import CODES
from ..errors import AccessError, SessionExists, SessionNotFound
from ..ids import RoomName, SessionId, Subject
from ..store.base import Draft, SessionRecord, Store
from .company import Companies

__all__ = ["SINGLE_USER", "Access", "Admission", "Changed", "Entry"]

T = TypeVar("T")

_log = logging.getLogger("collabkit.hub")

# Sessions of this kind have no room: their one program writes to the log itself.
SINGLE_USER = "single-user"

_NO_CONNECTION = 0

# A document is in the file once it was opened, since it has a history of its own by then. Readers
# may be there before writers; but nobody fills a disk by reading.
MAX_UNWRITTEN = 1000


class Changed(Protocol):
    """What may be answered otherwise now."""

    @property
    def subjects(self) -> frozenset[str] | None:
        """For whom; None: for all."""
        ...


class Access(Protocol):
    """What is asked of access control; :class:`collabkit.access.control.AccessControl` is it."""

    @property
    def counts_writes(self) -> bool:
        """Whether it wants to hear of all that is written."""
        ...

    def wrote(self, subject: Subject, room: RoomName) -> None:
        """Hear that somebody has written to a document."""
        ...

    async def consult(
        self, identity: Identity, room: RoomName, *, context: Mapping[str, object] | None = None
    ) -> None:
        """Ask whoever else has a say what is about to be asked here, and remember it."""
        ...

    def admit(
        self, identity: Identity, room: RoomName, *, context: Mapping[str, object] | None = None
    ) -> Rights | Refusal:
        """What somebody may do in a document, for now."""
        ...

    def join(self, identity: Identity, room: RoomName, company: Company) -> Refusal | None:
        """Why he may not join a session, if he may not."""
        ...

    def may_create(self, identity: Identity, room: RoomName) -> bool:
        """Whether he may make the session that a room is in."""
        ...

    def subscribe(self, heard: Callable[[Changed], None]) -> Callable[[], None]:
        """Call back whenever answers may differ; returns what stops it."""
        ...


class Admission(msgspec.Struct, frozen=True):
    """Somebody may come in.

    Attributes:
        room: By the name that its session has.
    """

    session: SessionId
    room: RoomName
    identity: Identity
    rights: Rights


Found: TypeAlias = Callable[[RoomName, Identity], Awaitable[SessionRecord]]
"""Makes the session that a room is in, for somebody. Raises SessionExists."""


class Claims:
    """Access control where there is none: the claims of a token decide alone."""

    counts_writes = False

    def wrote(self, subject: Subject, room: RoomName) -> None:
        """Nobody counts it."""

    async def consult(
        self, identity: Identity, room: RoomName, *, context: Mapping[str, object] | None = None
    ) -> None:
        """Nobody else has a say."""

    def admit(
        self, identity: Identity, room: RoomName, *, context: Mapping[str, object] | None = None
    ) -> Rights | Refusal:
        """What his token says."""
        ends_ms = identity.expires_at_ms
        until = float("inf") if ends_ms is None else ends_ms / 1000
        return Rights(can_write=identity.can_write, until=until)

    def join(self, identity: Identity, room: RoomName, company: Company) -> Refusal | None:
        """Nobody is too many."""
        return None

    def may_create(self, identity: Identity, room: RoomName) -> bool:
        """Who may write may."""
        return identity.can_write

    def subscribe(self, heard: Callable[[Changed], None]) -> Callable[[], None]:
        """Nothing changes."""
        return lambda: None


class Entry:
    """The way into the sessions of a store.

    Args:
        store: Where they are.
        authenticate: Who is let in.
        access: Who may do what there.
        create_sessions: Whether a session is made of a name that is not there.
        found: Makes it; what is created by somebody may be to be his.

    Attributes:
        closed: Sessions that nobody may enter just now, and why.
        companies: Who is in which session.
    """

    def __init__(
        self,
        store: Store,
        authenticate: Authenticate,
        *,
        access: Access | None = None,
        create_sessions: bool,
        found: Found | None = None,
    ) -> None:
        self.access: Access = access or Claims()
        self._make: Found = found or self._made
        self.create_sessions = create_sessions
        self.closed: dict[SessionId, Refusal] = {}
        self.companies = Companies()
        self._names: dict[SessionId, RoomName] = {}
        self._store = store
        self._authenticate = authenticate

    def __repr__(self) -> str:
        return f"<Entry to {self._store.path}>"

    async def admit(
        self, knock: Knock, context: Mapping[str, object] | None = None
    ) -> Admission | Refusal:
        """Answer a knock; ``context`` is what conditions may ask for of the connection."""
        return await self._answered(knock, partial(self._enter, knock.room, context))

    async def look(self, knock: Knock) -> Rights | Refusal:
        """Answer whoever wants to see a document and not to come in; nothing is made of a name."""
        return await self._answered(knock, partial(self._see, knock.room, {"peer": knock.peer}))

    async def _answered(
        self, knock: Knock, decide: Callable[[Identity], Awaitable[T | Refusal]]
    ) -> T | Refusal:
        try:
            identity = await self._authenticate(knock)
            return identity if isinstance(identity, Refusal) else await decide(identity)
        except AccessError as error:
            return Refusal(4403, str(error))
        except Exception:
            _log.exception("nobody can be let in")
            return Refusal(4500, "the relay failed; try again later")

    async def _see(
        self, asked: RoomName, context: Mapping[str, object] | None, identity: Identity
    ) -> Rights | Refusal:
        record = await self._found(asked)
        room = asked if record is None else named(asked, record)
        await self.access.consult(identity, room, context=context)
        rights = _said(self.access.admit(identity, room, context=context), identity, asked, room)
        if record is None or isinstance(rights, Refusal) or self._is_in(record, identity):
            return rights
        return self.access.join(identity, room, Company()) or rights

    def _is_in(self, record: SessionRecord, identity: Identity) -> bool:
        company = self.companies.met(record.id, identity.subject, _NO_CONNECTION)
        return company is not None and company.connections > 0

    async def _enter(
        self, asked: RoomName, context: Mapping[str, object] | None, identity: Identity
    ) -> Admission | Refusal:
        record = await self._found(asked)
        room = asked if record is None else named(asked, record)
        await self.access.consult(identity, room, context=context)
        rights = self.access.admit(identity, room, context=context)
        if record is None and self.create_sessions and self.access.may_create(identity, room):
            with suppress(SessionExists):
                await self._make(room, identity)
            record = await self._found(room)
            rights = self.access.admit(identity, room, context=context)
        rights = _said(rights, identity, asked, room)
        if isinstance(rights, Refusal):
            return rights
        if record is None:
            return Refusal(4404, f"there is no session {asked.session!r}")
        if record.kind == SINGLE_USER:
            return Refusal(4403, f"{asked.session!r} is a single-user session")
        if not rights.can_write and _is_too_much(record, room):
            return Refusal(4404, f"there is no document {asked.document!r}")
        self._names[record.id] = room
        return self.closed.get(record.id) or Admission(record.id, room, identity, rights)

    def wrote(self, session: SessionId, drafts: Sequence[Draft]) -> None:
        """Tell access control of what those who were let in have written."""
        for draft in drafts:
            room = msgspec.structs.replace(self._names[session], document=draft.document)
            self.access.wrote(draft.subject, room)

    async def _found(self, room: RoomName) -> SessionRecord | None:
        try:
            return await self._store.find_session(room.session, project=room.project)
        except SessionNotFound:
            return None

    async def _made(self, room: RoomName, identity: Identity) -> SessionRecord:
        return await self._store.create_session(
            room.session, project=room.project, kind="collaborative", by=identity.subject
        )

    def again(
        self, identity: Identity, room: RoomName, context: Mapping[str, object] | None = None
    ) -> Rights | Refusal:
        """What somebody who is in may do there now."""
        return _said(self.access.admit(identity, room, context=context), identity, room, room)

    def full(self, admission: Admission, connection: int) -> Refusal | None:
        """Why a connection may not take a seat in a session that is open to it, if it may not."""
        who = admission.identity.subject
        company = self.companies.met(admission.session, who, connection)
        if company is None:
            return None
        return self.access.join(admission.identity, admission.room, company)


def _said(
    rights: Rights | Refusal, identity: Identity, asked: RoomName, room: RoomName
) -> Rights | Refusal:
    """The same, a refusal in words for whoever asked for the room by this name."""
    if isinstance(rights, Rights):
        return rights
    # Whoever tries an id is not told by a rule's answer whose it is.
    why = rights.reason if room == asked else CODES["no-match"]
    return Refusal(rights.code, f"{identity.subject} may not enter {asked}: {why}")


def _is_too_much(record: SessionRecord, room: RoomName) -> bool:
    """Whether a document would come into being for whoever opens it, beyond enough of them."""
    return room.document not in record.documents and len(record.documents) >= MAX_UNWRITTEN


def named(asked: RoomName, record: SessionRecord) -> RoomName:
    """A room by the names that its session and its project have."""
    return RoomName(record.project, record.name, asked.document)
