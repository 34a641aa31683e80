"""Facts, and changes of them, as the tests of the store need them."""

from __future__ import annotations

from collabkit.store import amending, facts
from collabkit.store.charter import Amendment, StoredFact
from collabkit.store.ledger import Ledger
from collabkit.store.reader import Reader
from collabkit.testing.store_contract import ADA
from store.processes import finish


def fact(key: str, value: int | None = 0, kind: str = "grant") -> StoredFact:
    """A fact; without a value, that it is dropped."""
    return StoredFact(kind, key, None if value is None else b'{"value":%d}' % value)


def change(ledger: Ledger, expected: int, *changes: StoredFact) -> int:
    """Change facts; returns their epoch."""
    asked = Amendment(expected, changes, ADA, "because")
    return finish(amending.amend(ledger.file, asked, amending.ordered(asked)))


def at(ledger: Ledger, epoch: int | None = None) -> dict[str, bytes | None]:
    """The facts of an epoch by their keys."""
    found = finish(facts.read(ledger.file.connection, ledger.path, at=epoch))[1]
    return {one.key: one.body for one in found}


def faults(ledger: Ledger) -> list[str]:
    """What `verify` says."""
    with Reader(ledger.path) as reader:
        return list(reader.verify())
