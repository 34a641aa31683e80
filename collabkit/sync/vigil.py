"""Whether a link is alive, and when to try the next one.

Rules:

1. Half a minute without a message ends a link. Every 15 s there is a **breath**: presence
   is renewed, and an end that may be silent is asked something.
2. A relay that does not greet is not one of ours; one that denies closes soon after.
3. The wait before the next try doubles from a tenth of a second to ten, less a random part
   of up to a half; it starts again only when a link has come as far as an exchange of state.
4. Close codes 4400 to 4499 and those of broken frames are final, but for those that say
   "later". A refused upgrade counts as its HTTP status plus 4000.

``now`` is any clock that does not go back, in seconds.
"""

from __future__ import annotations

import enum

__all__ = ["PATIENCE", "Due", "Vigil", "is_final"]

# Both stock clients reconnect after 30 s of silence; relays of every make live by it.
PATIENCE = 30.0
# As y-protocols: presence is renewed after half of the time in which it would expire.
BREATH = 15.0
# A relay that is opening a large document is slow to say Welcome, but not this slow.
GREETING_PATIENCE = 10.0
# Relays tell a y-websocket client why, hold the socket for 5 s, and then close with the code.
DENIAL_PATIENCE = 10.0
# The first retry before a person notices; the cap lets 2,000 clients come back in a few seconds.
FIRST_RETRY = 0.1
LONGEST_RETRY = 10.0

# RFC 6455 §7.4.1: broken protocol, unacceptable type, bad data, policy, too big.
_FINAL = frozenset({1002, 1003, 1007, 1008, 1009})
# HTTP's "request timeout", "too early" and "too many requests", plus 4000.
_LATER = frozenset({4408, 4425, 4429})


class Due(enum.Enum):
    """What a moment asks for."""

    NOTHING = "nothing"
    BREATH = "breath"
    UNGREETED = "ungreeted"
    DENIED = "denied"
    DEAD = "dead"


class Vigil:
    """Watches one link after another.

    Args:
        patience: Seconds of silence after which a link is dead; None for links that cannot
            die silently, such as those inside one process.

    >>> vigil = Vigil()
    >>> vigil.opened(now=0.0)
    >>> vigil.due(now=15.0), vigil.due(now=15.0), vigil.due(now=30.0)
    (<Due.BREATH: 'breath'>, <Due.NOTHING: 'nothing'>, <Due.DEAD: 'dead'>)
    """

    def __init__(self, *, patience: float | None = PATIENCE) -> None:
        self._patience = patience
        self._tries = 0
        self.opened(now=0.0)

    def __repr__(self) -> str:
        return f"<Vigil last heard at {self._heard_at}>"

    def opened(self, *, now: float, greeting: bool = False) -> None:
        """A link begins; with ``greeting``, the other end is expected to speak first."""
        self._heard_at = self._breathed_at = now
        self._greeting_until = now + GREETING_PATIENCE if greeting else None
        self._denied_until: float | None = None

    def heard(self, *, now: float) -> None:
        """A message came."""
        self._heard_at = now
        self._greeting_until = None

    def denied(self, *, now: float) -> None:
        """The other end said that it will close."""
        self._denied_until = now + DENIAL_PATIENCE

    def worked(self) -> None:
        """State was exchanged: the next loss is a first one."""
        self._tries = 0

    def silent(self, *, now: float) -> bool:
        """Nothing came since the breath before."""
        return now >= self._heard_at + BREATH

    @property
    def wake_at(self) -> float:
        """The next moment at which :meth:`due` says something, if no message comes."""
        moments = [self._breathed_at + BREATH, self._denied_until, self._greeting_until]
        if self._patience is not None:
            moments.append(self._heard_at + self._patience)
        return min(moment for moment in moments if moment is not None)

    def due(self, *, now: float) -> Due:
        """Say what this moment asks for. A breath is due once, everything else until it is done."""
        if self._denied_until is not None and now >= self._denied_until:
            return Due.DENIED
        if self._patience is not None and now >= self._heard_at + self._patience:
            return Due.DEAD
        if self._greeting_until is not None and now >= self._greeting_until:
            self._greeting_until = None
            return Due.UNGREETED
        if now >= self._breathed_at + BREATH:
            self._breathed_at = now
            return Due.BREATH
        return Due.NOTHING

    def retry_after(self, *, dice: float) -> float:
        """Count a failed link; returns the wait. ``dice`` is drawn evenly from [0, 1)."""
        span = min(FIRST_RETRY * float(1 << self._tries), LONGEST_RETRY)
        self._tries = min(self._tries + 1, 16)
        return span * (1 - dice / 2)


def is_final(code: int) -> bool:
    """Say whether a link that was closed with this code is better not tried again.

    >>> is_final(4403), is_final(1012), is_final(4429)
    (True, False, False)
    """
    return code in _FINAL or (4400 <= code < 4500 and code not in _LATER)
