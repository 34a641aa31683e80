"""The client's side of one document: what to say to a relay, and what its answers mean.

The states, and what moves them::

    OFFLINE ──Dialling──► CONNECTING ──Opened──► GREETING ──Welcome──► SYNCING ──► LIVE
       ▲                                            │ anything else, or     ▲
       │                                            │ silence: y-websocket  │
       │                                            └───────────────────────┘
       └───── Lost, and worth another try ────── from any of them
    REFUSED ◄── Lost for good, another lineage, a broken peer      CLOSED ◄── Stopped

Rules:

1. The dialect is told by what comes first, not by the subprotocol that was selected:
   servers on the ``ws`` package select whatever they are offered. Only a Welcome makes
   it ours.
2. An edit is sent on its own only after the relay has told its state vector on this link.
   Until then, and while the link is clogged, edits only count: one difference, computed
   from the document, carries all of them when it is time.
3. That difference is sent if anything is pending, if the relay lacks structs, on first
   contact, and if the relay's log ends before what was already seen of it (an older
   backup). Otherwise not: a difference carries all deletions there ever were.
4. If the relay still has structs that are not here after all rows were sent, the cursor
   counted rows of a log that is gone: what is missing is asked for by state vector, once.
5. A replica of another lineage never says or takes a byte of the document: it fails.
6. A link is watched, and tried again, by the rules of :mod:`~collabkit.sync.vigil`; a 4401
   is not final where a fresh token can be had and the last one had worked.

``now`` is any clock that does not go back, in seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from ..crdt.update import decode_state_vector
from ..errors import (
    BadFrame,
    CollabError,
    ConnectionRefused,
    OtherLineage,
    RemoteProtocolError,
    UpdateRefused,
)
from . import client_effects as do
from . import client_events as on
from . import messages as say
from .client_effects import Dialect, Effect, Status
from .client_events import Event
from .tally import NEWBORN, Standing, Tally
from .vigil import PATIENCE, Due, Vigil, is_final

__all__ = ["Exchange"]

# One client id for each browser tab that ever wrote: far above any real document.
MAX_CLIENTS = 1 << 20

_NOTHING = b"\x00"  # the state vector of an empty document

_CONNECTED = frozenset({Status.GREETING, Status.SYNCING, Status.LIVE})
_OVER = frozenset({Status.REFUSED, Status.CLOSED})

Effects: TypeAlias = list[Effect]


class Exchange:
    """The client's side of one document, over one link after another.

    Args:
        document: Its name, for errors.
        standing: What an earlier life left behind.
        renewable: Whether each link shows a fresh token.
        patience: As for :class:`~collabkit.sync.vigil.Vigil`.

    >>> exchange = Exchange(document="notes")
    >>> exchange.handle(on.Started(), now=0.0)
    [Dial(after=0.0)]
    """

    def __init__(
        self,
        *,
        document: str,
        standing: Standing = NEWBORN,
        renewable: bool = False,
        patience: float | None = PATIENCE,
    ) -> None:
        self.status = Status.OFFLINE
        self.dialect = Dialect.UNTOLD
        self.tally = Tally(made=standing.made, acked=standing.acked)
        self.can_write = True
        self.subject = ""
        self._document = document
        self._lineage = standing.lineage
        self._cursor = standing.cursor
        self._renewable = renewable
        self._vigil = Vigil(patience=patience)
        self._calls: dict[int, say.Call] = {}
        self._heal = False  # the relay may lack what it once acknowledged
        self._forget_link()

    def _forget_link(self) -> None:
        self._asked = False
        self._synced = False
        self._inquired = False
        self._clogged = False
        self._let_in = False
        self._denied: str | None = None
        self.tally.lost()

    def __repr__(self) -> str:
        return f"<Exchange {self._document!r} {self.status.value}, {self.tally.pending} pending>"

    @property
    def standing(self) -> Standing:
        """What to remember of this life."""
        made, acked = self.tally.made, self.tally.acked
        if self._heal:
            return Standing("", 0, made, acked)
        return Standing(self._lineage, self._cursor, made, acked)

    @property
    def wake_at(self) -> float | None:
        """When to say Ticked, if nothing else happens before."""
        return self._vigil.wake_at if self.status in _CONNECTED else None

    def handle(self, event: Event, *, now: float) -> Effects:
        """Take one event, return what is to be done at once and in order."""
        if isinstance(event, on.Edited):
            return self._edited(event)
        if self.status in _OVER:
            return []
        return _MOVES[type(event)](self, event, now)

    # The link

    def _started(self, _: on.Started, _now: float) -> Effects:
        return [do.Dial(0.0)]

    def _dialling(self, _: on.Dialling, _now: float) -> Effects:
        return self._turn(Status.CONNECTING)

    def _opened(self, event: on.Opened, now: float) -> Effects:
        self._forget_link()
        self.dialect = Dialect.UNTOLD
        self._vigil.opened(now=now, greeting=event.offered)
        return self._turn(Status.GREETING) if event.offered else self._speak_ywebsocket()

    def _speak_ywebsocket(self) -> Effects:
        self.dialect = Dialect.YWEBSOCKET
        self.can_write = True
        return [*self._turn(Status.SYNCING), do.Inquire(), do.Share()]

    def _lost(self, event: on.Lost, _now: float) -> Effects:
        code, reason = event.code, event.reason
        if self._denied is not None:
            code, reason = (code if is_final(code) else 4403), self._denied
        expired = code == 4401 and self._renewable and self._let_in
        self._forget_link()
        if is_final(code) and not expired:
            return self._end(ConnectionRefused(code, reason))
        after = self._vigil.retry_after(dice=event.dice)
        return [do.MeetOthers(None), *self._turn(Status.OFFLINE), do.Dial(after)]

    def _stopped(self, _: on.Stopped, _now: float) -> Effects:
        return [do.HangUp(1000, ""), do.MeetOthers(None), *self._turn(Status.CLOSED)]

    def _ticked(self, _: on.Ticked, now: float) -> Effects:
        if self.status not in _CONNECTED:
            return []
        match self._vigil.due(now=now):
            case Due.NOTHING:
                return []
            case Due.DENIED:
                return self._end(ConnectionRefused(4403, self._denied or ""))
            case Due.DEAD:
                return [do.HangUp(1001, "no sign of life")]
            case Due.UNGREETED:
                return self._speak_ywebsocket()
            case Due.BREATH:
                ask = self.dialect is Dialect.YWEBSOCKET and self._vigil.silent(now=now)
                share = [] if self._clogged else [do.Share(anew=True)]
                return [*share, do.Inquire()] if ask else [*share]

    def _clog(self, _: on.Clogged, _now: float) -> Effects:
        self._clogged = True
        return [do.Mark()]

    def _drained(self, _: on.Drained, _now: float) -> Effects:
        if not self._clogged:
            return []
        self._clogged = False
        if not (self.tally.unsent and self._asked and self.can_write):
            return [do.Share()]
        ours = self.dialect is Dialect.COLLABKIT
        return [do.Share(), self._difference(None, say.Edit if ours else say.Update)]

    # What the other end says

    def _received(self, event: on.Received, now: float) -> Effects:
        self._vigil.heard(now=now)
        kind = type(event.message)
        if self.dialect is Dialect.UNTOLD and kind not in _READS[Dialect.UNTOLD]:
            return [*self._speak_ywebsocket(), *self._received(event, now)]
        read = _READS[self.dialect].get(kind)
        if read is None:
            return self._end(BadFrame(f"{kind.__name__} does not belong here"))
        return read(self, event.message, now)

    def _asked_for(self, event: on.Asked, now: float) -> Effects:
        self._vigil.heard(now=now)
        if self.dialect is Dialect.UNTOLD:
            return [*self._speak_ywebsocket(), *self._asked_for(event, now)]
        self._asked = True
        if self.dialect is Dialect.YWEBSOCKET:
            return [self._difference(event.theirs, say.SyncStep2), *self._arrive()]
        effects: Effects = []
        if self.can_write:
            if self._heal and event.ours != _NOTHING:
                self.tally.made += 1  # all there is counts as one edit, to be acknowledged
            if self.tally.pending or _lacks(event.theirs, event.ours):
                effects.append(self._difference(event.theirs, say.Edit))
        self._heal = False
        if not self._inquired and _lacks(event.ours, event.theirs):
            self._inquired = True
            effects.append(do.Inquire())
        return [*effects, *self._arrive()]

    def _difference(
        self, since: bytes | None, kind: type[say.Edit | say.SyncStep2 | say.Update]
    ) -> do.Answer:
        self.tally.cover()
        if kind is not say.Edit:
            self.tally.handed_over()
        return do.Answer(since, kind, self._cursor)

    def _welcome(self, message: say.Welcome, _now: float) -> Effects:
        if message.version != say.PROTOCOL_VERSION:
            return self._end(BadFrame(f"protocol version {message.version} is unknown here"))
        if self._lineage and message.lineage != self._lineage:
            return self._end(OtherLineage(self._document, self._lineage, message.lineage))
        self.dialect = Dialect.COLLABKIT
        self.can_write = message.can_write
        self.subject = message.subject
        self._let_in = True
        if not self._lineage or message.seq < self._cursor:
            self._heal = True
            self._cursor = 0
        self._lineage = message.lineage
        resume = do.Introduce(self._lineage, self._cursor)
        return [resume, do.Share(), *self._turn(Status.SYNCING), do.Record()]

    def _row(self, message: say.Row, _now: float) -> Effects:
        self._cursor = max(self._cursor, message.seq)
        return [do.Integrate(message.update, message.seq), do.Record()]

    def _update(self, message: say.Update | say.SyncStep2, _now: float) -> Effects:
        return [do.Integrate(message.update, 0)]

    def _step2(self, message: say.SyncStep2, now: float) -> Effects:
        self._synced = self._let_in = True
        return [*self._update(message, now), *self._arrive()]

    def _rows_end(self, message: say.Synced, _now: float) -> Effects:
        self._cursor = max(self._cursor, message.seq)
        self._synced = True
        return [do.Record(), *self._arrive()]

    def _arrive(self) -> Effects:
        """Once both sides have told what they have, edits and calls flow."""
        if self.status is not Status.SYNCING or not (self._synced and self._asked):
            return []
        self._vigil.worked()
        effects = self._turn(Status.LIVE)
        for call in list(self._calls.values()):
            effects += self._place(call)
        return effects

    def _ack(self, message: say.Ack, _now: float) -> Effects:
        if not self.tally.answered(taken=True):
            return self._end(BadFrame("an Ack without an Edit"))
        # Rows before it may have been dropped on a slow link, to be sent again; Acks never are.
        if message.seq == self._cursor + 1:
            self._cursor = message.seq
        return [do.Record()]

    def _edit_refused(self, message: say.Refused, _now: float) -> Effects:
        if not self.tally.answered(taken=False):
            return self._end(BadFrame("a Refused without an Edit"))
        return [do.Failed(UpdateRefused(message.code, message.reason))]

    def _others(self, message: say.Awareness, _now: float) -> Effects:
        return [do.MeetOthers(message.update)]

    def _asked_who(self, _: say.QueryAwareness, _now: float) -> Effects:
        return [do.Share()]

    def _turned_away(self, message: say.Denied, now: float) -> Effects:
        self._denied = message.reason
        self._vigil.denied(now=now)
        return []

    # What this side wants

    def _edited(self, event: on.Edited) -> Effects:
        self.tally.made += 1
        if self.status not in _CONNECTED or not self._asked or self._clogged or not self.can_write:
            return []
        self.tally.one()
        if self.dialect is Dialect.YWEBSOCKET:
            self.tally.handed_over()
            return [do.Send(say.Update(event.update))]
        return [do.Send(say.Edit(self._cursor, event.group, event.update))]

    def _called(self, event: on.Called, _now: float) -> Effects:
        self._calls[event.call.id] = event.call
        return self._place(event.call) if self.status is Status.LIVE else []

    def _place(self, call: say.Call) -> Effects:
        if self.dialect is Dialect.COLLABKIT:
            return [do.Send(call)]
        del self._calls[call.id]
        reason = b'"this server is no collabkit relay"'
        return [do.Replied(say.Result(call.id, False, "UnknownOperation", reason))]

    def _forgotten(self, event: on.Forgotten, _now: float) -> Effects:
        self._calls.pop(event.id, None)
        return []

    def _result(self, message: say.Result, _now: float) -> Effects:
        # A call is sent again after a reconnect, under its key; its second result is no news.
        return [do.Replied(message)] if self._calls.pop(message.id, None) is not None else []

    # Ends

    def _turn(self, status: Status) -> Effects:
        if status is self.status:
            return []
        self.status = status
        return [do.Changed(status)]

    def _end(self, error: CollabError) -> Effects:
        code = error.close_code if isinstance(error, RemoteProtocolError) else 1000
        self._forget_link()
        return [
            do.HangUp(code, ""),
            do.MeetOthers(None),
            *self._turn(Status.REFUSED),
            do.Failed(error),
        ]


def _lacks(theirs: bytes, ours: bytes) -> bool:
    known = decode_state_vector(theirs, MAX_CLIENTS)
    mine = decode_state_vector(ours, MAX_CLIENTS)
    return any(clock > known.get(client, 0) for client, clock in mine.items())


_Move: TypeAlias = Callable[[Exchange, Any, float], Effects]

_MOVES: Mapping[type[Event], _Move] = {
    on.Started: Exchange._started,
    on.Dialling: Exchange._dialling,
    on.Opened: Exchange._opened,
    on.Received: Exchange._received,
    on.Asked: Exchange._asked_for,
    on.Clogged: Exchange._clog,
    on.Drained: Exchange._drained,
    on.Called: Exchange._called,
    on.Forgotten: Exchange._forgotten,
    on.Ticked: Exchange._ticked,
    on.Lost: Exchange._lost,
    on.Stopped: Exchange._stopped,
}

# What may be said in each dialect. SyncStep1 comes as Asked, and belongs to all of them.
_BOTH: Mapping[type[say.Message], _Move] = {
    say.Awareness: Exchange._others,
    say.QueryAwareness: Exchange._asked_who,
    say.Denied: Exchange._turned_away,
}
_READS: Mapping[Dialect, Mapping[type[say.Message], _Move]] = {
    Dialect.UNTOLD: {say.Welcome: Exchange._welcome, say.Denied: Exchange._turned_away},
    Dialect.YWEBSOCKET: {
        **_BOTH,
        say.SyncStep2: Exchange._step2,
        say.Update: Exchange._update,
        # A relay of ours that was slow to greet; nothing that was said to it does harm.
        say.Welcome: Exchange._welcome,
    },
    Dialect.COLLABKIT: {
        **_BOTH,
        say.Row: Exchange._row,
        say.Synced: Exchange._rows_end,
        say.SyncStep2: Exchange._update,
        say.Update: Exchange._update,
        say.Ack: Exchange._ack,
        say.Refused: Exchange._edit_refused,
        say.Result: Exchange._result,
    },
}
