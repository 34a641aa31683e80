"""A replica's side of one document: the life of its links, and when there is none.

::

    OFFLINE ──Dialling──► CONNECTING ──Opened──► GREETING ──► SYNCING ──► LIVE
       ▲                                         (see `dialogue`)
       └───── Lost, and worth another try ────── from any of them
    REFUSED ◄── Lost for good, another lineage, a broken peer      CLOSED ◄── Stopped

Rules:

1. Edits are taken in every state. What is pending goes from link to link, see `tally`.
2. A link is watched, and tried again, by the rules of `vigil`. A 4401 is not final where
   a fresh token can be had and the last one had worked.
3. Whatever raises in a dialogue is final: the peer is broken, or another document is there.

``now`` is any clock that does not go back, in seconds.
"""

from __future__ import annotations

from typing import TypeAlias

from ..errors import CollabError, ConnectionRefused, RemoteProtocolError
from . import client_effects as do
from . import client_events as on
from .client_effects import Dialect, Effect, Status
from .client_events import Event
from .dialogue import Dialogue
from .position import Position
from .tally import NEWBORN, Standing, Tally
from .vigil import PATIENCE, Due, Vigil, is_final

__all__ = ["Exchange"]

Effects: TypeAlias = list[Effect]


class Exchange:
    """The client's side of one document, over one link after another.

    Attributes:
        dialect: What the other end speaks, or last spoke.

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
        self.position = Position(document, standing)
        self.dialect = Dialect.UNTOLD
        self._renewable = renewable
        self._vigil = Vigil(patience=patience)
        self._dialogue: Dialogue | None = None
        self._unlinked = Status.OFFLINE

    def __repr__(self) -> str:
        return f"<Exchange {self.position!r}, {self.status.value}>"

    @property
    def status(self) -> Status:
        """How the replica stands to its relay."""
        return self._unlinked if self._dialogue is None else self._dialogue.status

    @property
    def tally(self) -> Tally:
        """Which of its edits the relay has."""
        return self.position.tally

    @property
    def answers(self) -> bool:
        """Whether what counts as acknowledged is in the log of a relay."""
        return bool(self.position.lineage) and self.dialect is not Dialect.YWEBSOCKET

    @property
    def wake_at(self) -> float | None:
        """When to say Ticked, if nothing else happens before."""
        return None if self._dialogue is None else self._vigil.wake_at

    def handle(self, event: Event, *, now: float) -> Effects:
        """Take one event, return what is to be done at once and in order."""
        before = self.status
        try:
            effects = self._alone(event, now)
            if effects is None and self._dialogue is not None:
                effects = self._talk(self._dialogue, event, now)
        except CollabError as error:
            effects = self._end(error)
        if self._dialogue is not None:
            self.dialect = self._dialogue.dialect
        changed = [] if self.status is before else [do.Changed(self.status)]
        return [*(effects or ()), *changed]

    def _alone(  # noqa: C901 - a table, one row an event
        self, event: Event, now: float
    ) -> Effects | None:
        """What needs no link; None for what does."""
        if isinstance(event, on.Edited):
            if self._dialogue is not None:
                return self._dialogue.edited(event.update, event.group)
            self.tally.made += 1
            return []
        if self._unlinked in (Status.REFUSED, Status.CLOSED):
            return []
        match event:
            case on.Started():
                return [do.Dial(0.0)]
            case on.Dialling():
                self._unlinked = Status.CONNECTING
                return []
            case on.Opened(offered):
                self._vigil.opened(now=now, greeting=offered)
                self._dialogue = Dialogue(self.position, offered=offered)
                return self._dialogue.open()
            case on.Lost():
                return self._lost(event)
            case on.Stopped():
                return [do.HangUp(1000, ""), *self._leave(Status.CLOSED)]
            case on.Broken(error):
                return self._end(error)
            case on.Called(call):
                self.position.calls[call.id] = call
                return None
            case on.Forgotten(call_id):
                self.position.calls.pop(call_id, None)
                return []
            case on.Renewed(token):
                return [] if self._dialogue is None else self._dialogue.renew(token)
        return None

    def _talk(self, dialogue: Dialogue, event: Event, now: float) -> Effects:
        effects: Effects = []
        match event:
            case on.Received(message):
                self._vigil.heard(now=now)
                effects = dialogue.received(message)
                if dialogue.denied is not None:
                    self._vigil.denied(now=now)
            case on.Asked(theirs, ours):
                self._vigil.heard(now=now)
                effects = dialogue.asked(theirs, ours)
            case on.Compared(update, ours):
                effects = dialogue.compared(update, ours)
            case on.Checked(told, ours):
                effects = dialogue.checked(told, ours)
            case on.Gapped(seq):
                effects = dialogue.gapped(seq)
            case on.Clogged(ours):
                dialogue.clog(ours)
            case on.Drained():
                effects = dialogue.drained()
            case on.Ticked():
                effects = self._ticked(dialogue, now)
        if dialogue is not self._dialogue:
            return effects
        if dialogue.status is Status.LIVE:
            self._vigil.worked()
        return [*effects, *dialogue.calls_due()]

    def _ticked(self, dialogue: Dialogue, now: float) -> Effects:
        match self._vigil.due(now=now):
            case Due.NOTHING:
                return []
            case Due.DENIED:
                return self._end(ConnectionRefused(4403, dialogue.denied or ""))
            case Due.DEAD:
                return [do.HangUp(1001, "no sign of life")]
            case Due.UNGREETED:
                return dialogue.speak_ywebsocket()
            case Due.BREATH:
                return dialogue.breathe(silent=self._vigil.silent(now=now))

    # Ends

    def _lost(self, event: on.Lost) -> Effects:
        code, reason = event.code, event.reason
        expired = False
        if self._dialogue is not None:
            if self._dialogue.denied is not None:
                code, reason = (code if is_final(code) else 4403), self._dialogue.denied
            expired = code == 4401 and self._renewable and self._dialogue.let_in
        if is_final(code) and not expired:
            return self._end(ConnectionRefused(code, reason))
        after = self._vigil.retry_after(dice=event.dice)
        return [*self._leave(Status.OFFLINE), do.Dial(after)]

    def _leave(self, status: Status) -> Effects:
        self._dialogue = None
        self._unlinked = status
        self.tally.lost()
        return [do.MeetOthers(None)]

    def _end(self, error: CollabError) -> Effects:
        code = error.close_code if isinstance(error, RemoteProtocolError) else 1000
        return [do.HangUp(code, ""), *self._leave(Status.REFUSED), do.Failed(error)]
