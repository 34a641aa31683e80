"""Who is in which session, by how many connections.

A connection counts once in a session, however many of its documents it is at. A subject counts
once, whatever its connections; whoever proved nothing counts for each, since his name may be
anybody's.
"""

from __future__ import annotations

from collections import Counter

from ..access.admission import Company
from ..ids import SessionId, Subject, is_anonymous

__all__ = ["Companies"]


class Companies:
    """Counts people in sessions.

    >>> companies, ada = Companies(), Subject("user:ada")
    >>> companies.enter(SessionId("s"), ada, 1)
    >>> companies.met(SessionId("s"), Subject("user:bob"), 2)
    Company(participants=1, connections=0)
    >>> companies.met(SessionId("s"), ada, 2)
    Company(participants=0, connections=1)
    """

    __slots__ = ("_there",)

    def __init__(self) -> None:
        # Of each session, of each participant: at how many documents each connection is.
        self._there: dict[SessionId, dict[str, Counter[int]]] = {}

    def __repr__(self) -> str:
        return f"<Companies in {len(self._there)} sessions>"

    def met(self, session: SessionId, subject: Subject, connection: int) -> Company | None:
        """Whom a connection would meet in a session; None if it is there already."""
        there = self._there.get(session, {})
        who = _who(subject, connection)
        his = there.get(who, Counter())
        if connection in his:
            return None
        return Company(len(there) - (who in there), len(his))

    def enter(self, session: SessionId, subject: Subject, connection: int) -> None:
        """A connection is at one more document."""
        there = self._there.setdefault(session, {})
        there.setdefault(_who(subject, connection), Counter())[connection] += 1

    def leave(self, session: SessionId, subject: Subject, connection: int) -> None:
        """A connection is at one document less."""
        there, who = self._there[session], _who(subject, connection)
        there[who][connection] -= 1
        if not there[who][connection]:
            del there[who][connection]
        if not there[who]:
            del there[who]
        if not there:
            del self._there[session]


def _who(subject: Subject, connection: int) -> str:
    return f"{connection} {subject}" if is_anonymous(subject) else subject
