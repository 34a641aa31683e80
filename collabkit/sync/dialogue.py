"""What a replica and a relay say to each other over one link.

::

    GREETING ── Welcome ─────────────────────────────► SYNCING ──► LIVE
        └────── anything else, or silence: y-websocket ──►┘

Rules:

1. The dialect is told by what comes first, not by the subprotocol that was selected:
   servers on the ``ws`` package select whatever they are offered. Only a Welcome makes
   it ours.
2. LIVE is when both have told what they have. An edit leaves on its own only after the
   relay has told its state vector, and behind all edits before it. Until then, and while
   the link is clogged, edits only count: one difference, computed from the document,
   carries all of them. So it does while a difference is being sent.
3. A difference is sent when the relay asks, if anything is pending, if the relay lacks
   structs, on first contact, and if its log may have lost rows: its epoch has risen, or it
   ends before what was already seen of it. Then all its rows are taken anew, too. Otherwise
   not: a difference carries all deletions there ever were.
4. What is more than a relay takes at once leaves in pieces, each when all before it was
   answered (all at once, if nothing ever is). One that is refused is the last: an answer
   to the rest would not tell that it is missing.
5. A relay that has acknowledged all edits up to a moment has what the document had at that
   moment, since the rest came from the relay. So what only counted is sent when every
   answer has come, as the difference to the latest such moment.
6. If the relay has structs that are not here after all rows were sent, the cursor counted
   rows of a log that is gone: what is missing is asked for by state vector, once.
7. A call leaves behind the edits that were made before it.
8. A replica of another lineage never says or takes a byte of the document.
9. A digest is compared only if nothing made here is on its way. A relay that hears of another
   content puts the replica out.
10. Who may not write any more keeps what was not taken, pending; when he may again, it is sent.
11. What breaks the dialect raises, and is the end of the replica's talk with this relay.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from ..crdt.budget import DEFAULT_BUDGET, Budget
from ..crdt.splitting import split
from ..crdt.update import decode_state_vector
from ..errors import BadFrame, OtherLineage, UpdateRefused
from . import client_effects as do
from . import messages as say
from .client_effects import Dialect, Effect, Status
from .dialects import SUBPROTOCOLS
from .packing import unpack
from .position import Position
from .tally import PART, Span
from .untaken import read_receipt

__all__ = ["Dialogue"]

# One client id for each browser tab that ever wrote: far above any real document.
MAX_CLIENTS = 1 << 20
# Relays take 16 MiB. With half of it at a time a slow link is not silent for long, and nearly
# every document is a single piece. They take only so many authors that they do not know.
PIECE = Budget(message_bytes=8 << 20, clients=DEFAULT_BUDGET.new_clients)
# Less than this keeps any budget: of what is bounded, roots are fewest, 1,000 of 5 bytes each.
LIGHT_BYTES = 4096

# From which version on our dialect knows Refresh.
REFRESH_FROM = 3

_NOTHING = b"\x00"  # the state vector of an empty document

Effects: TypeAlias = list[Effect]


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
        self._version = 0
        self._at = position
        self._theirs: bytes | None = None  # what the relay has, or less
        self._mark: tuple[int, bytes] | None = None  # a moment of rule 5
        self._comparing = False
        self._rest: deque[tuple[say.Edit, Span]] = deque()  # pieces that have not left
        self._called: set[int] = set()
        self._synced = False
        self._inquired = self._inquiring = False
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
        tally = self._at.tally
        tally.made += 1
        if not self._flows or tally.unsent > 1:
            return []
        return self._send(update, tally.one(), group)

    @property
    def _flows(self) -> bool:
        """Whether edits leave, and do not only count."""
        if self._theirs is None or not self._at.can_write:
            return False
        return not (self.clogged or self._comparing or self._rest)

    def calls_due(self) -> Effects:
        """Send the calls that may leave now, and have not."""
        at = self._at
        held = at.can_write and (at.tally.unsent or not self._flows)
        if not at.calls or held or self.status is not Status.LIVE:
            return []
        fresh = [call for call in at.calls.values() if call.id not in self._called]
        self._called.update(call.id for call in fresh)
        if self.dialect is Dialect.COLLABKIT:
            return [do.Send(call) for call in fresh]
        at.calls.clear()
        reason = b'"this server is no collabkit relay"'
        return [do.Replied(say.Result(c.id, False, "UnknownOperation", reason)) for c in fresh]

    def clog(self, ours: bytes) -> None:
        """The link takes no more; ``ours`` is what the document has, all edits told."""
        self.clogged = True
        self._mark = (self._at.tally.made, ours)

    def drained(self) -> Effects:
        """The link takes frames again."""
        if not self.clogged:
            return []
        self.clogged = False
        return [do.Share(), *self._catch_up()]

    def _catch_up(self) -> Effects:
        """Send what only counted, if nothing is on its way and nothing holds it."""
        tally = self._at.tally
        if self._theirs is None or not self._flows or tally.owed or not tally.unsent:
            return []
        if self._mark is not None and tally.acked >= self._mark[0]:
            self._theirs = self._mark[1]
        return [self._compare(self._theirs)]

    def _compare(self, since: bytes) -> do.Compare:
        self._comparing = True
        return do.Compare(since)

    def compared(self, update: bytes, ours: bytes) -> Effects:
        """Send a difference; ``ours`` is what the relay has with it."""
        tally = self._at.tally
        self._comparing = False
        self._mark = (tally.made, ours)
        return self._send(update, tally.all(), last=say.SyncStep2)

    def _send(
        self,
        update: bytes,
        span: Span,
        group: str = "",
        *,
        last: type[say.Update | say.SyncStep2] = say.Update,
    ) -> Effects:
        """Send an edit or a difference, in as many pieces as it takes."""
        *parts, end = [update] if len(update) < LIGHT_BYTES else split(update, PIECE)
        if self.dialect is Dialect.COLLABKIT:
            spans = [*((part, PART) for part in parts), (end, span)]
            seen = self._at.cursor
            self._rest.extend((say.Edit(seen, group, piece), span) for piece, span in spans)
            return self._next_piece()
        self._at.tally.handed_over()
        return [*(do.Send(say.Update(part)) for part in parts), do.Send(last(end))]

    def _answered(self) -> Effects:
        """Go on if nothing is on its way: one piece more, or else what only counted."""
        if self._at.tally.owed:
            return []
        return self._next_piece() if self._rest else self._catch_up()

    def _next_piece(self) -> Effects:
        edit, span = self._rest.popleft()
        self._at.tally.leaves(span)
        return [do.Send(edit)]

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
        self._inquired = self._inquiring = True
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
        lacking = _lacks(theirs, ours)
        self._theirs, self._mark = theirs, None
        self._rest.clear()
        self._arrive()
        if self.dialect is Dialect.YWEBSOCKET:
            return [*effects, self._compare(theirs)]
        tally = self._at.tally
        if self._at.can_write:
            lost = lacking or (self._at.heal and ours != _NOTHING)
            if lost and not tally.pending:
                tally.made += 1  # what must be stored again counts as an edit
            if tally.pending:
                effects.append(self._compare(theirs))
        self._at.heal = False
        return [*effects, *(self._inquire() if _lacks(ours, theirs) else ())]

    def _arrive(self) -> None:
        if self._synced and self._theirs is not None:
            self.status = Status.LIVE

    def _welcome(self, message: say.Welcome) -> Effects:
        at = self._at
        if message.version not in SUBPROTOCOLS.values():
            raise BadFrame(f"protocol version {message.version} is unknown here")
        if at.lineage and message.lineage != at.lineage:
            raise OtherLineage(at.document, at.lineage, message.lineage)
        self.dialect, self.status, self.let_in = Dialect.COLLABKIT, Status.SYNCING, True
        self._version = message.version
        if not at.lineage or message.seq < at.cursor or message.epoch > at.epoch:
            at.heal = True
            at.cursor = 0
        at.lineage, at.epoch = message.lineage, max(at.epoch, message.epoch)
        at.can_write = message.can_write
        at.subject = message.subject
        return [do.Introduce(at.lineage, at.cursor), do.Share(), do.Record()]

    def _row(self, message: say.Row) -> Effects:
        self._at.cursor = max(self._at.cursor, message.seq)
        return [do.Integrate(message.update, message.seq, whole=True), do.Record()]

    def _packed_row(self, message: say.PackedRow) -> Effects:
        return self._row(unpack(message))

    def _digest(self, message: say.Digest) -> Effects:
        at = self._at
        settled = self._flows and self.status is Status.LIVE and not self._inquiring
        return [do.Check(message)] if settled and not at.tally.pending else []

    def checked(self, told: say.Digest, ours: str) -> Effects:
        """Tell the relay if the content is not what it should be."""
        if ours == told.digest:
            return []
        return [do.Send(say.Digest(told.seq, ours)), do.Diverged()]

    def _rows_end(self, message: say.Synced) -> Effects:
        self._at.cursor = max(self._at.cursor, message.seq)
        self._synced = True
        self._arrive()
        return [do.Record()]

    def _update(self, message: say.Update) -> Effects:
        # Until its SyncStep2 a relay of ours hands a joiner the document as Updates.
        return [do.Integrate(message.update, whole=not self._synced)]

    def _step2(self, message: say.SyncStep2) -> Effects:
        self._inquiring = False
        if self.dialect is Dialect.YWEBSOCKET:
            self._synced = self.let_in = True
            self._inquired = False
            self._arrive()
        return [do.Integrate(message.update, whole=True)]

    def _ack(self, message: say.Ack) -> Effects:
        if self._at.tally.answered(taken=True) is None:
            raise BadFrame("an Ack without an Edit")
        # Rows before it may have been dropped on a slow link, to be sent again; Acks never are.
        if message.seq == self._at.cursor + 1:
            self._at.cursor = message.seq
        return [do.Record(), *self._answered()]

    def _edit_refused(self, message: say.Refused) -> Effects:
        span = self._at.tally.answered(taken=False)
        if span is None:
            raise BadFrame("a Refused without an Edit")
        if span == PART:
            self._rest.clear()
        return [do.Failed(UpdateRefused(message.code, message.reason)), *self._answered()]

    def _result(self, message: say.Result) -> Effects:
        # A call is sent again after a reconnect, under its key; its second result is no news.
        known = self._at.calls.pop(message.id, None) is not None
        return [do.Replied(message)] if known else []

    def _others(self, message: say.Awareness) -> Effects:
        return [do.MeetOthers(message.update)]

    def _asked_who(self, _: say.QueryAwareness) -> Effects:
        return [do.Share()]

    def _receipt(self, message: say.Receipt) -> Effects:
        return [do.NotTaken(read_receipt(message.body))]

    def _standing(self, message: say.Standing) -> Effects:
        at = self._at
        at.can_write = message.can_write
        effects: Effects = [do.Qualified(message.reason)]
        if self._theirs is not None and self._flows and at.tally.pending and not at.tally.owed:
            effects.append(self._compare(self._theirs))
        return effects

    def renew(self, token: str) -> Effects:
        """Show another token, if there is a word for that."""
        return [do.Send(say.Refresh(token))] if self._version >= REFRESH_FROM else []

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
        say.PackedRow: Dialogue._packed_row,
        say.Digest: Dialogue._digest,
        say.Synced: Dialogue._rows_end,
        say.Ack: Dialogue._ack,
        say.Refused: Dialogue._edit_refused,
        say.Result: Dialogue._result,
        say.Receipt: Dialogue._receipt,
        say.Standing: Dialogue._standing,
    },
}
