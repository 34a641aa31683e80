"""Changing facts: whole or not at all, and nobody waits for a long one."""

from __future__ import annotations

import os
import signal
from contextlib import closing

import pytest

from collabkit.errors import Conflict, ValueNotStorable
from collabkit.ids import SessionId
from collabkit.store import amending, facts
from collabkit.store.charter import Amendment, StoredFact
from collabkit.store.ledger import Ledger
from collabkit.store.reader import Reader
from collabkit.testing.store_contract import ADA, draft
from store.charters import at, change, fact, faults
from store.processes import Start, finish, line

MANY = tuple(fact(f"{number:05}", number) for number in range(4 * facts.STEP))


def long(ledger: Ledger, expected: int = 0) -> amending.Slices:
    """A change that takes several steps."""
    return amending.amend(ledger.file, Amendment(expected, MANY, ADA), MANY)


def test_others_commit_while_a_long_change_is_made(ledger: Ledger, session: SessionId) -> None:
    """Nobody reads any of it before the last step, and then all do."""
    change(ledger, 0, fact("00000", 9), fact("x"))
    before = at(ledger)
    work = long(ledger, 1)
    for _ in range(3):
        next(work)
        ledger.write([(session, [draft(b"meanwhile")])])
        assert at(ledger) == before
        with Reader(ledger.path) as reader:
            assert reader.facts()[0] == 1
        assert faults(ledger) == []
    assert finish(work) == 2
    assert at(ledger) == before | {one.key: one.body for one in MANY}
    assert at(ledger, 1) == before
    assert faults(ledger) == []


def test_two_changes_are_made_one_after_the_other(ledger: Ledger) -> None:
    """The second waits for the first, and finds an epoch that it did not expect."""
    first, second = long(ledger), long(ledger)
    next(first)
    next(second)
    assert finish(first) == 1
    with pytest.raises(Conflict) as caught:
        finish(second)
    assert (caught.value.expected, caught.value.actual) == (0, 1)
    assert finish(long(ledger, 1)) == 1, "nothing was to be changed"


def test_what_was_begun_and_not_finished_is_swept_away(ledger: Ledger) -> None:
    """It leaves no trace in the policy, and the next change is made as if it had not been."""
    change(ledger, 0, fact("00000", 9), fact("99999", 9))
    before = at(ledger)
    work = long(ledger, 1)
    next(work)
    next(work)
    work.close()
    assert (at(ledger), faults(ledger)) == (before, [])
    assert change(ledger, 1, fact("00001", 7)) == 2
    assert at(ledger) == before | {"00001": b'{"value":7}'}
    (count,) = ledger.file.connection.execute("SELECT count(*) FROM facts").fetchone()
    assert (count, faults(ledger)) == (3, [])


DIES_AMONG_STEPS = """
import sys
from collabkit.store import amending
from collabkit.store.charter import Amendment, StoredFact
from collabkit.store.ledger import Ledger
many = [StoredFact("grant", f"{number:05}", b"{}") for number in range(4000)]
ledger = Ledger(sys.argv[1], durability="stored", create=True)
work = amending.amend(ledger.file, Amendment(0, many, "user:ada"), many)
next(work)
next(work)
print("begun", flush=True)
sys.stdin.readline()
"""


def test_a_process_that_dies_has_changed_nothing(path: str, start: Start) -> None:
    """Killed among the steps of a change, the file has the facts of before, and goes on."""
    process = start(DIES_AMONG_STEPS, path)
    assert line(process) == "begun"
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    with closing(Ledger(path, durability="stored", create=False)) as ledger:
        assert (at(ledger), faults(ledger)) == ({}, [])
        assert change(ledger, 0, fact("a")) == 1
        assert (list(at(ledger)), faults(ledger)) == (["a"], [])


def test_the_audit_tells_of_each_change(ledger: Ledger) -> None:
    """Few facts one by one; of many how many, and a digest."""
    change(ledger, 0, fact("a", 1), fact("m", 1, "role"))
    change(ledger, 1, fact("a", None), fact("unknown", None))
    finish(long(ledger, 2))
    with Reader(ledger.path) as reader:
        first, second, third = reader.audit(actions=("access",))
        digests = [one.digest for one in reader.epochs()]
    assert (first.subject, first.session) == (ADA, None)
    assert first.data == {
        "epoch": 1,
        "reason": "because",
        "put": {"grant": 1, "role": 1},
        "dropped": {},
        "digest": digests[0],
        "facts": [
            {"kind": "grant", "key": "a", "body": {"value": 1}},
            {"kind": "role", "key": "m", "body": {"value": 1}},
        ],
    }
    assert (second.data["dropped"], second.data["facts"]) == (
        {"grant": 1},
        [{"kind": "grant", "key": "a"}],
    )
    assert (third.data["put"], third.data["digest"]) == ({"grant": len(MANY)}, digests[2])
    assert "facts" not in third.data


def test_what_changes_nothing_makes_no_epoch(ledger: Ledger) -> None:
    """To put what is there, or drop what is not, is no change, and nothing to tell."""
    assert change(ledger, 0, fact("a", 1)) == 1
    assert change(ledger, 1, fact("a", 1), fact("b", None)) == 1
    with Reader(ledger.path) as reader:
        assert len(reader.audit()) == 1


@pytest.mark.parametrize(
    "changes",
    [
        (StoredFact("grant", "a", b"[]"),),
        (StoredFact("grant", "a", b"{"),),
        (StoredFact("grant", "a", b'{"\xff":1}'),),
        (StoredFact("grant", "\ud800", b"{}"),),
        (fact("a", 1), fact("a", 2)),
        (fact("a", 1), fact("a", None)),
    ],
)
def test_what_cannot_be_stored_changes_nothing(
    ledger: Ledger, changes: tuple[StoredFact, ...]
) -> None:
    """A body is a JSON object, a name is text, and of a fact there is one change."""
    with pytest.raises(ValueNotStorable):
        change(ledger, 0, fact("first"), *changes)
    assert at(ledger) == {}
