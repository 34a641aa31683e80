"""Who is in which session."""

from __future__ import annotations

from collabkit.access.admission import Company
from collabkit.ids import SessionId, Subject
from collabkit.sync.company import Companies

HERE, THERE = SessionId("here"), SessionId("there")
ADA, BOB = Subject("user:ada"), Subject("user:bob")
NOBODY = Subject("anonymous:ada")


def test_a_connection_counts_once_a_session() -> None:
    """However many of its documents it is at; it is gone when it has left the last."""
    companies = Companies()
    for _ in range(2):
        companies.enter(HERE, ADA, 1)
    assert companies.met(HERE, ADA, 1) is None
    assert companies.met(HERE, ADA, 2) == Company(0, 1)
    assert companies.met(THERE, ADA, 1) == Company(0, 0)
    companies.leave(HERE, ADA, 1)
    assert companies.met(HERE, BOB, 3) == Company(1, 0)
    companies.leave(HERE, ADA, 1)
    assert companies.met(HERE, BOB, 3) == Company(0, 0)
    assert repr(companies) == "<Companies in 0 sessions>"


def test_who_proved_nothing_counts_for_each_connection() -> None:
    """His name may be anybody's."""
    companies = Companies()
    companies.enter(HERE, NOBODY, 1)
    companies.enter(HERE, NOBODY, 2)
    assert companies.met(HERE, NOBODY, 3) == Company(2, 0)
    assert companies.met(HERE, NOBODY, 2) is None
