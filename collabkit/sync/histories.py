"""Whose copy has a history of a room's document, and who brings that of another one.

Two documents of one name that never were one can be merged by their bytes, and what comes out
is everything twice. A stock client cannot say which document its copy is of: only the client
ids in it tell.

Rules:

1. A copy that has edits, and none by an author that the document knows, is **unseen**, and is not
   let in; unless the document has no edits, or is told to take in unseen histories.
2. During a recovery nobody is unseen: what a copy shares with the document may be just what
   the log has lost.
3. Who was welcome once in the life of a room stays so: who joined while the document was empty
   shares nothing with what others wrote since, and yet it is the same document.
"""

from __future__ import annotations

from collections.abc import Iterable

from ..crdt.update import StateVector
from .events import Opened
from .recovery import Recovery

__all__ = ["UNSEEN_HISTORIES", "WORDS_TO_UNSEEN", "Histories"]

# The table of named values that says of a document that all are welcome, by session and name.
UNSEEN_HISTORIES = "unseen histories"
# A close frame has room for 123 bytes.
WORDS_TO_UNSEEN = (
    "this copy shares no edit with the document: begin with an empty one, "
    "or have unseen histories allowed"
)

# Twice the most clients that a relay has by default. One that is forgotten is refused, in words.
MAX_WELCOME = 20_000


class Histories:
    """Who may join one room.

    Args:
        recovery: When nobody is unseen.

    >>> histories = Histories(Recovery())
    >>> histories.unseen({7: 3}, {}, now=0.0), histories.unseen({7: 3}, {8: 5}, now=0.0)
    (False, False)
    >>> histories.unseen({9: 3}, {8: 5}, now=0.0)
    True
    """

    def __init__(self, recovery: Recovery) -> None:
        self._all_welcome = False
        self._recovery = recovery
        self._welcome: dict[int, None] = {}

    def __repr__(self) -> str:
        return f"<Histories: {len(self._welcome)} were welcome>"

    def opened(self, opened: Opened) -> None:
        """The document was read, and what is said of it."""
        self._all_welcome = opened.unseen_histories

    def met(self, clients: Iterable[int]) -> None:
        """These take part."""
        for client in clients:
            self._welcome.pop(client, None)
            self._welcome[client] = None
        while len(self._welcome) > MAX_WELCOME:
            del self._welcome[next(iter(self._welcome))]

    def unseen(self, theirs: StateVector, ours: StateVector, *, now: float) -> bool:
        """Whether a copy with that vector is of another document; if it is not, it is welcome."""
        authors = [client for client, clock in theirs.items() if clock]
        anything_goes = self._all_welcome or not ours or self._recovery.runs(now=now)
        known = any(client in ours or client in self._welcome for client in authors)
        if authors and not known and not anything_goes:
            return True
        self.met(authors)
        return False
