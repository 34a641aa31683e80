"""What a replica and a relay say to each other over one link.

::

    GREETING ── Welcome ─────────────────────────────► SYNCING ──► LIVE
        └────── anything else, or silence: y-websocket ──►┘

Rules:

1. The dialect is told by what comes first, not by the subprotocol that was selected:
   servers on the ``ws`` package select whatever they are offered. Only a Welcome makes
   it ours.
2. LIVE is when both have told what they have. An edit is sent on its own only after the
   relay has told its state vector. Until then, and while the link is clogged, edits
   only count: one difference, computed from the document, carries all of them.
3. That difference is sent if anything is pending, if the relay lacks structs, on first
   contact, and if the relay's log ends before what was already seen of it (an older
   backup). Otherwise not: a difference carries all deletions there ever were.
4. If the relay has structs that are not here after all rows were sent, the cursor counted
   rows of a log that is gone: what is missing is asked for by state vector, once.
5. A replica of another lineage never says or takes a byte of the document.
6. What breaks the dialect raises, and is the end of the replica's talk with this relay.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from ..crdt.update import decode_state_vector
from ..errors import BadFrame, OtherLineage, UpdateRefused
from . import client_effects as do
from . import messages as say
from .client_effects import Dialect, Effect, Status
from .tally import Standing, Tally

__all__ = ["Dialogue", "Position"]

# One client id for each browser tab that ever wrote: far above any real document.
MAX_CLIENTS = 1 << 20

_NOTHING = b"\x00"  # the state vector of an empty document

Effects: TypeAlias = list[Effect]


class Position:
    """Where a replica stands, from one link to the next."""

    def __init__(self, document: str, standing: Standing) -> None:
        self.document = document
        self.lineage = standing.lineage
        self.cursor = standing.cursor
        self.tally = Tally(made=standing.made, acked=standing.acked)
        self.calls: dict[int, say.Call] = {}
        self.can_write = True
        self.subject = ""
        self.heal = False  # the relay may lack what counts as acknowledged

    def __repr__(self) -> str:
        return f"<Position {self.document!r} at row {self.cursor}, {self.tally!r}>"

    @property
    def standing(self) -> Standing:
        """What to remember of it. Before a first contact is over, it never was."""
        made, acked = self.tally.made, self.tally.acked
        if self.heal:
            return Standing("", 0, made, acked)
        return Standing(self.lineage, self.cursor, made, acked)


class Dialogue:
    """One link's worth of talk.

    Args:
        position: Where the replica stands; it is moved on.
        offered: Whether the other end selected our subprotocol.
    """

    def __init__(self, position: Position, *, offered: bool) -> None:
        self.status = Status.GREETING if offered else Status.SYNCING
        self.dialect = Dialect.UNTOLD if offered else Dialect.YWEBSOCKET
        self.let_in = False
        self.denied: str | None = None
        self.clogged = False
        self._at = position
        self._theirs: bytes | None = None
        self._synced = False
        self._inquired = False
        position.tally.lost()

    def __repr__(self) -> str:
        return f"<Dialogue {self.dialect.value}, {self.status.value}>"

    def open(self) -> Effects:
        """Say what a client says first, if it speaks first."""
        return [] if self.dialect is Dialect.UNTOLD else self.speak_ywebsocket()

    def speak_ywebsocket(self) -> Effects:
        """Take the other end for a y-websocket server."""
        self.dialect = Dialect.YWEBSOCKET
        self.status = Status.SYNCING
        self._at.can_write = True
        return [do.Inquire(), do.Share()]

    def breathe(self, *, silent: bool) -> Effects:
        """Renew what may expire; ask an end that may be silent for a sign of life."""
        effects: Effects = [] if self.clogged else [do.Share(anew=True)]
        if silent and self.dialect is Dialect.YWEBSOCKET:
            effects.append(do.Inquire())
        return effects

    # What this side wants

    def edited(self, update: bytes, group: str) -> Effects:
        """The document was changed here."""
        self._at.tally.made += 1
        if self._theirs is None or self.clogged or not self._at.can_write:
            return []
        self._at.tally.one()
        if self.dialect is Dialect.COLLABKIT:
            return [do.Send(say.Edit(self._at.cursor, group, update))]
        self._at.tally.handed_over()
        return [do.Send(say.Update(update))]

    def called(self, call: say.Call) -> Effects:
        """An operation is wanted: once LIVE, so that it comes after the edits before it."""
        if self.status is not Status.LIVE:
            return []
        if self.dialect is Dialect.COLLABKIT:
            return [do.Send(call)]
        del self._at.calls[call.id]
        reason = b'"this server is no collabkit relay"'
        return [do.Replied(say.Result(call.id, False, "UnknownOperation", reason))]

    def drained(self) -> Effects:
        """The link takes frames again."""
        if not self.clogged:
            return []
        self.clogged = False
        if self._theirs is None or not (self._at.tally.unsent and self._at.can_write):
            return [do.Share()]
        kind = say.Edit if self.dialect is Dialect.COLLABKIT else say.Update
        return [do.Share(), self._difference(self._theirs, kind)]

    def gapped(self, seq: int) -> Effects:
        """An update could not be applied, since it builds on what is not here."""
        if self.dialect is Dialect.COLLABKIT:
            if not seq:
                return []  # its row will come
            self._at.cursor = 0
            return [do.HangUp(1000, "a row builds on what is not here")]
        return self._inquire()

    def _inquire(self) -> Effects:
        if self._inquired:
            return []
        self._inquired = True
        return [do.Inquire()]

    # What the other end says

    def received(self, message: say.Message) -> Effects:
        """Take a message; raises what ends it all."""
        kind = type(message)
        effects: Effects = []
        if self.dialect is Dialect.UNTOLD and kind not in _READS[Dialect.UNTOLD]:
            effects = self.speak_ywebsocket()
        read = _READS[self.dialect].get(kind)
        if read is None:
            raise BadFrame(f"{kind.__name__} does not belong here")
        return effects + read(self, message)

    def asked(self, theirs: bytes, ours: bytes) -> Effects:
        """Take a SyncStep1: the relay tells what it has, and so what it lacks."""
        effects = self.speak_ywebsocket() if self.dialect is Dialect.UNTOLD else []
        self._theirs = theirs
        if self.dialect is Dialect.YWEBSOCKET:
            return [*effects, self._difference(theirs, say.SyncStep2), *self._arrive()]
        if self._at.can_write:
            lost = _lacks(theirs, ours) or (self._at.heal and ours != _NOTHING)
            if lost and not self._at.tally.pending:
                self._at.tally.made += 1  # what must be stored again counts as an edit
            if self._at.tally.pending:
                effects.append(self._difference(theirs, say.Edit))
        self._at.heal = False
        if _lacks(ours, theirs):
            effects += self._inquire()
        return [*effects, *self._arrive()]

    def _difference(
        self, since: bytes, kind: type[say.Edit | say.SyncStep2 | say.Update]
    ) -> do.Answer:
        self._at.tally.cover()
        if kind is not say.Edit:
            self._at.tally.handed_over()
        return do.Answer(since, kind, self._at.cursor)

    def _arrive(self) -> Effects:
        if not self._synced or self._theirs is None or self.status is Status.LIVE:
            return []
        self.status = Status.LIVE
        return [effect for call in list(self._at.calls.values()) for effect in self.called(call)]

    def _welcome(self, message: say.Welcome) -> Effects:
        at = self._at
        if message.version != say.PROTOCOL_VERSION:
            raise BadFrame(f"protocol version {message.version} is unknown here")
        if at.lineage and message.lineage != at.lineage:
            raise OtherLineage(at.document, at.lineage, message.lineage)
        self.dialect, self.status, self.let_in = Dialect.COLLABKIT, Status.SYNCING, True
        if not at.lineage or message.seq < at.cursor:
            at.heal = True
            at.cursor = 0
        at.lineage = message.lineage
        at.can_write = message.can_write
        at.subject = message.subject
        return [do.Introduce(at.lineage, at.cursor), do.Share(), do.Record()]

    def _row(self, message: say.Row) -> Effects:
        self._at.cursor = max(self._at.cursor, message.seq)
        return [do.Integrate(message.update, message.seq, whole=True), do.Record()]

    def _rows_end(self, message: say.Synced) -> Effects:
        self._at.cursor = max(self._at.cursor, message.seq)
        self._synced = True
        return [do.Record(), *self._arrive()]

    def _update(self, message: say.Update) -> Effects:
        return [do.Integrate(message.update)]

    def _step2(self, message: say.SyncStep2) -> Effects:
        if self.dialect is Dialect.YWEBSOCKET:
            self._synced = self.let_in = True
            self._inquired = False
        return [do.Integrate(message.update, whole=True), *self._arrive()]

    def _ack(self, message: say.Ack) -> Effects:
        if not self._at.tally.answered(taken=True):
            raise BadFrame("an Ack without an Edit")
        # Rows before it may have been dropped on a slow link, to be sent again; Acks never are.
        if message.seq == self._at.cursor + 1:
            self._at.cursor = message.seq
        return [do.Record()]

    def _edit_refused(self, message: say.Refused) -> Effects:
        if not self._at.tally.answered(taken=False):
            raise BadFrame("a Refused without an Edit")
        return [do.Failed(UpdateRefused(message.code, message.reason))]

    def _result(self, message: say.Result) -> Effects:
        # A call is sent again after a reconnect, under its key; its second result is no news.
        known = self._at.calls.pop(message.id, None) is not None
        return [do.Replied(message)] if known else []

    def _others(self, message: say.Awareness) -> Effects:
        return [do.MeetOthers(message.update)]

    def _asked_who(self, _: say.QueryAwareness) -> Effects:
        return [do.Share()]

    def _turned_away(self, message: say.Denied) -> Effects:
        self.denied = message.reason
        return []


def _lacks(theirs: bytes, ours: bytes) -> bool:
    known = decode_state_vector(theirs, MAX_CLIENTS)
    mine = decode_state_vector(ours, MAX_CLIENTS)
    return any(clock > known.get(client, 0) for client, clock in mine.items())


_Read: TypeAlias = Callable[[Dialogue, Any], Effects]

# What may be said in each dialect. SyncStep1 comes by `asked`, and belongs to all of them.
_BOTH: Mapping[type[say.Message], _Read] = {
    say.Awareness: Dialogue._others,
    say.QueryAwareness: Dialogue._asked_who,
    say.Denied: Dialogue._turned_away,
    say.SyncStep2: Dialogue._step2,
    say.Update: Dialogue._update,
}
_READS: Mapping[Dialect, Mapping[type[say.Message], _Read]] = {
    Dialect.UNTOLD: {say.Welcome: Dialogue._welcome, say.Denied: Dialogue._turned_away},
    # Welcome: a relay of ours that was slow to greet; nothing that was said to it does harm.
    Dialect.YWEBSOCKET: {**_BOTH, say.Welcome: Dialogue._welcome},
    Dialect.COLLABKIT: {
        **_BOTH,
        say.Row: Dialogue._row,
        say.Synced: Dialogue._rows_end,
        say.Ack: Dialogue._ack,
        say.Refused: Dialogue._edit_refused,
        say.Result: Dialogue._result,
    },
}
