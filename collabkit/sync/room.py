"""One document and the many who are at it: who joins, what they are sent, when it ends.

Life (missing entries cannot happen)::

    opening    ── Opened ─► open          ── OpenFailed ─► failed
    open       ── EngineDied, AppendFailed ─► open, while Edits has the document rebuilt
               ── last one Left ─► lingering
    lingering  ── Joined ─► open          ── some time, nothing on its way ─► closed
    failed     ── everybody is dismissed; the hub makes a new room for the next who joins

Rules:

1. What members say while the document is being opened is held, and taken in order after.
2. Who may not write is answered Ack if his update brings nothing new, else Refused. His
   presence is taken all the same.
3. An empty room lingers, then makes the checkpoint that is due, then closes.
4. The rest is told where it is done: edits in :mod:`.edits`, joiners in :mod:`.catchup`, who is
   none in :mod:`.histories`, checkpoints in :mod:`.checkpointing`, presence in
   :mod:`.showing` and :mod:`collabkit.crdt.presence`.
"""

from __future__ import annotations

import enum

from ..crdt.awareness import decode_awareness
from ..crdt.budget import refuse
from ..crdt.presence import Presence
from ..crdt.update import Scan, decode_state_vector, scan
from ..errors import RemoteProtocolError
from ..ids import Seq
from .backlog import Backlog
from .catchup import CatchUp, Member
from .checkpointing import Checkpointing
from .edits import Edits
from .effects import Dismiss, RoomEffect, Send, Shut
from .events import (
    AppendFailed,
    CaughtUp,
    CheckpointKept,
    Committed,
    Compared,
    Diffed,
    EngineDied,
    Examined,
    Joined,
    Left,
    LogRead,
    Opened,
    OpenFailed,
    ReadFailed,
    Requalified,
    RoomEvent,
    Said,
    Surveyed,
    Tasted,
    Ticked,
    Woke,
)
from .guarded import Guarded
from .histories import WORDS_TO_UNSEEN, Histories
from .judging import MAX_JUDGED_BYTES
from .messages import (
    Awareness,
    Edit,
    QueryAwareness,
    Resume,
    SyncStep1,
    SyncStep2,
    Update,
    Welcome,
)
from .readers import Readers
from .showing import Showing

__all__ = ["Life", "Room"]

# Long enough for a reload of a page, short enough that memory follows use.
LINGER = 10.0
# It names a change; it is no place to keep things.
MAX_GROUP_CHARACTERS = 256
# Every tab of every browser is a client id for ever; a vector may name those we know and some.
MAX_UNKNOWN_CLIENTS = 1000


class Life(enum.Enum):
    """Where a room is in its life."""

    OPENING = "opening"
    OPEN = "open"
    LINGERING = "lingering"
    CLOSED = "closed"
    FAILED = "failed"


class Room:
    """The core of one document that people are at.

    Args:
        document: Its name inside the session.
        now: Unix time in seconds.
    """

    def __init__(self, document: str, *, now: float) -> None:
        self.document = document
        self.life = Life.OPENING
        self.lineage = ""
        self.epoch = 0
        self.members: dict[int, Member] = {}
        self.edits = Edits(document)
        self.presence = Presence()
        self._showing = Showing(self.members, self.presence)
        self._histories = Histories(self.edits.owners.recovery)
        self._unheard = Backlog()
        self._guarded = Guarded(self.members, self.edits)
        self._catch_up = CatchUp(self.members, self.edits, self.presence)
        self._readers = Readers(self.edits, self._catch_up)
        self._empty_since = now
        self._checkpoints = Checkpointing(self.edits, now=now)

    def __repr__(self) -> str:
        return f"<Room {self.document!r} {self.life.value}, {len(self.members)} members>"

    def start(self) -> list[RoomEffect]:
        """Begin its life."""
        return self.edits.open()

    def handle(self, event: RoomEvent, *, now: float) -> list[RoomEffect]:
        """Take one event, return what is to be done, in order."""
        effects = self._take(event, now)
        arrived = self._catch_up.arrived()
        return [*effects, *arrived] if arrived else effects

    def _take(  # noqa: C901, PLR0912 - a table, one row an event
        self, event: RoomEvent, now: float
    ) -> list[RoomEffect]:
        match event:
            # The commonest first: a pattern that does not match takes 80 ns.
            case Committed():
                return self._committed(event.seqs, now)
            case Tasted():
                effects = self.edits.tasted(event.verdicts, now=now)
                return [*effects, *self._hear(self._guarded.heard(), now)]
            case Woke():
                effects = self.edits.woke(soon=event.soon, now=now)
                return effects if event.soon else [*effects, *self._showing.woke(now=now)]
            case Said():
                return self._said(event, now)
            case Joined():
                return self._joined(event)
            case Left(member):
                return self._left(member, now)
            case Diffed(vector, update):
                return self._catch_up.differs(vector, update)
            case Compared(member, ticket, known):
                return self._readers.compared(member, ticket, known=known)
            case Surveyed():
                effects = self._guarded.surveyed(event)
                return [*effects, *self._hear(self._guarded.heard(), now)]
            case LogRead(loaded, packed):
                return self._catch_up.log_read(loaded, packed, now=now)
            case EngineDied(question, culprit):
                if question is None:
                    return self.edits.engine_died(tasting=True, culprit=culprit)
                return [*self._catch_up.died(), *self.edits.engine_died(tasting=False)]
            case Examined(deaths):
                return self.edits.examined(deaths)
            case AppendFailed():
                return self.edits.append_failed(now=now)
            case Opened():
                return self._opened(event, now)
            case OpenFailed(reason):
                return self._failed(reason)
            case ReadFailed(reason):
                return self._catch_up.not_read(reason)
            case CaughtUp():
                return self._caught_up(event, now)
            case Requalified():
                return self._requalified(event, now)
            case CheckpointKept():
                digest = self._checkpoints.kept(event)
                return [] if digest is None else self._catch_up.proven(digest)
            case Ticked():
                return self._ticked(now)

    def takes_long(self, event: RoomEvent | bytes) -> bool:
        """Whether to take an event, or an edit, takes so long that nobody should wait for it."""
        return self.edits.watched and self._guarded.takes_long(event)

    def edited(self, member_id: int, update: bytes, *, now: float) -> list[RoomEffect]:
        """What Said would do with an Update: the same, on a shorter way."""
        member = self.members.get(member_id)
        if member is None or not member.free or self.life is Life.OPENING:
            return self.handle(Said(member_id, Update(update)), now=now)
        return self._edit(member, update, None, now=now)

    def shown(self, member_id: int, update: bytes, *, now: float) -> list[RoomEffect]:
        """The same for an Awareness."""
        member = self.members.get(member_id)
        if member is None or self.life is Life.OPENING:
            return self.handle(Said(member_id, Awareness(update)), now=now)
        return self._present(member, update, now)

    # Life

    def _opened(self, event: Opened, now: float) -> list[RoomEffect]:
        self.lineage = event.lineage
        self.epoch = event.epoch
        self._histories.opened(event)
        self._checkpoints.opened(event.rows_since_checkpoint)
        effects = self.edits.opened(event)
        if self.life is Life.OPENING:
            self.life = Life.OPEN if self.members else Life.LINGERING
            for member in self.members.values():
                effects += self._welcome(member)
            effects += self._hear(self._unheard.take(), now)
        return [*effects, *self._catch_up.ask_again()]

    def _failed(self, reason: str) -> list[RoomEffect]:
        self.life = Life.FAILED
        self._unheard.take()
        effects: list[RoomEffect] = [Dismiss(member, 1011, reason) for member in self.members]
        return [*effects, Shut()]

    def _ticked(self, now: float) -> list[RoomEffect]:
        effects = self._showing.ticked(now=now)
        self._catch_up.ticked(now=now)
        if not self.edits.idle:
            return effects
        if self.life is Life.OPEN:
            effects += self._checkpoints.idle(now=now, can_compare=self._catch_up.can_prove)
        elif self.life is Life.LINGERING:
            effects += self._checkpoints.left(now=now)
            if not self._checkpoints.making and now - self._empty_since >= LINGER:
                self.life = Life.CLOSED
                effects.append(Shut())
        return effects

    # Members

    def _joined(self, event: Joined) -> list[RoomEffect]:
        member = Member(
            *(event.member, event.subject, event.rights.can_write, event.follows, event.version),
            can_forward=event.can_forward,
            claims_ids=event.claims_ids,
            origin=event.origin,
        )
        self.members[member.id] = member
        effects = self._guarded.qualify(member, event.rights)
        if self.life is Life.LINGERING:
            self.life = Life.OPEN
        if not member.follows:
            self.edits.stock = (*self.edits.stock, member.id)
        return effects if self.life is Life.OPENING else [*effects, *self._welcome(member)]

    def _requalified(self, event: Requalified, now: float) -> list[RoomEffect]:
        member = self.members.get(event.member)
        if member is None:
            return []
        member.can_forward, member.claims_ids = event.can_forward, event.claims_ids
        effects = self._guarded.told(member, event)
        effects += self._guarded.qualify(member, event.rights)
        return [*effects, *self._hear(self._guarded.released(member), now)]

    def _welcome(self, member: Member) -> list[RoomEffect]:
        if not member.follows:
            return []
        place = (self.edits.stored_seq, self.epoch)
        words = Welcome(member.version, self.lineage, member.subject, member.can_write, *place)
        return [Send((member.id,), words)]

    def _left(self, member_id: int, now: float) -> list[RoomEffect]:
        member = self.members.pop(member_id, None)
        if member is None:
            return []
        effects = self._guarded.left(member)
        self.edits.owed.forget(member_id)
        self.edits.stock = tuple(m for m in self.edits.stock if m != member_id)
        self.edits.followers = tuple(m for m in self.edits.followers if m != member_id)
        if not self.members:
            self._catch_up.forget_all()
            self._empty_since = now
            if self.life is Life.OPEN:
                self.life = Life.LINGERING
        return [*effects, *self._showing.left(member_id, now=now)]

    # What members say

    def _said(self, event: Said, now: float) -> list[RoomEffect]:
        member = self.members.get(event.member)
        if member is None:
            return []
        message = event.message
        if self.life is Life.OPENING:
            if self._unheard.keep(event):
                return []
            return [Dismiss(member.id, 1013, "the document is still being opened")]
        match message:
            case Update(update) | SyncStep2(update):
                return self._edit(member, update, event.scan, now=now)
            case Edit(seen, group, update):
                if len(group) > MAX_GROUP_CHARACTERS:
                    return [Dismiss(member.id, 1008, "the name of a group is too long")]
                return self._edit(member, update, event.scan, seen=seen, group=group, now=now)
            case Awareness(update):
                return self._present(member, update, now)
            case SyncStep1(vector):
                return self._sync(member, vector, now)
            case Resume():
                return self._resume(member, message, now)
            case QueryAwareness():
                return self._catch_up.snapshot(member, now=now)
        return [Dismiss(member.id, 1002, f"{type(message).__name__} does not belong here")]

    def _hear(self, held: list[Said], now: float) -> list[RoomEffect]:
        """Take what was held."""
        return [effect for said in held for effect in self._said(said, now)]

    def _edit(
        self,
        member: Member,
        update: bytes,
        found: Scan | None,
        *,
        seen: int = 0,
        group: str = "",
        now: float,
    ) -> list[RoomEffect]:
        free = member.free
        try:
            if not free and member.judge is not None and len(update) > MAX_JUDGED_BYTES:
                refuse("too-large", MAX_JUDGED_BYTES)
            found = found or scan(update, self.edits.budget)
            if member.can_write and not member.can_forward:
                self.edits.owners.check_new(found, self.edits.vector, self.edits.budget, now=now)
        except RemoteProtocolError as error:
            return [Dismiss(member.id, error.close_code, str(error))]
        if not free:
            if member.judge is None:
                return self._readers.said(member, found)
            held = self._guarded.holds(Said(member.id, Edit(seen, group, update), found))
            if held is not None:
                return held
        return self.edits.offered(member, update, found, seen=seen, group=group, now=now)

    def _present(self, member: Member, update: bytes, now: float) -> list[RoomEffect]:
        try:
            effects = self._showing.said(member.id, member.subject, update, now=now)
            # A client's first words are of itself alone, and often (clock 0) no news to anybody.
            told = [] if member.met else decode_awareness(update)
        except RemoteProtocolError as error:
            return [Dismiss(member.id, error.close_code, str(error))]
        if len(told) == 1:
            member.met = True
            self._histories.met(client for client, _, _ in told)
        return effects

    def _sync(self, member: Member, vector: bytes, now: float) -> list[RoomEffect]:
        try:
            has = decode_state_vector(vector, len(self.edits.vector) + MAX_UNKNOWN_CLIENTS)
        except RemoteProtocolError as error:
            return [Dismiss(member.id, error.close_code, str(error))]
        if not (member.follows or member.resumed):
            if self._histories.unseen(has, self.edits.vector, now=now):
                return [Dismiss(member.id, 4409, WORDS_TO_UNSEEN)]
            member.resumed = True
        # Who follows the log asks only for what a log that is gone had: a difference, always.
        return self._catch_up.sync(member, vector, empty=not (has or member.follows), now=now)

    def _resume(self, member: Member, message: Resume, now: float) -> list[RoomEffect]:
        if not member.follows or member.resumed:
            return [Dismiss(member.id, 1002, "Resume comes once, in our own dialect")]
        if message.lineage not in ("", self.lineage):
            return [Dismiss(member.id, 4409, "this is another document of the same name")]
        member.resumed = True
        after = message.seq if message.lineage else 0
        return self._catch_up.resume(member, after=after, now=now)

    def _caught_up(self, event: CaughtUp, now: float) -> list[RoomEffect]:
        member = self.members.get(event.member)
        if member is None:
            return []
        if event.after is not None:
            return self._catch_up.resume(member, after=event.after, now=now)
        if event.clocks is not None:
            clocks = None if event.all else event.clocks
            return self._catch_up.mend(member, clocks, synced=event.synced, now=now)
        return self._catch_up.snapshot(member, now=now)

    # The log grows

    def _committed(self, seqs: tuple[Seq, ...], now: float) -> list[RoomEffect]:
        effects = self.edits.committed(seqs)
        self._catch_up.grown()
        return [*effects, *self._checkpoints.committed(len(seqs), now=now)]
