"""Facts and epochs in their tables: nothing of them can be lost or changed unseen."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collabkit.errors import Corrupt, MomentNotFound
from collabkit.store import facts
from collabkit.store.ledger import Ledger
from collabkit.store.reader import Reader
from collabkit.testing.store_contract import ADA
from store.charters import at, change, fact, faults


@pytest.fixture
def changed(ledger: Ledger) -> Ledger:
    """Three epochs: two facts, one of them changed, and then dropped."""
    change(ledger, 0, fact("a", 1), fact("b", 1))
    change(ledger, 1, fact("a", 2))
    change(ledger, 2, fact("a", None))
    return ledger


def test_each_epoch_is_read_as_it_was(changed: Ledger) -> None:
    """What comes later changes nothing of it, and there is none before the first or after all."""
    one, two = b'{"value":1}', b'{"value":2}'
    assert [at(changed, epoch) for epoch in range(4)] == [
        {},
        {"a": one, "b": one},
        {"a": two, "b": one},
        {"b": one},
    ]
    assert at(changed) == {"b": one}
    for epoch in (-1, 4):
        with pytest.raises(MomentNotFound):
            at(changed, epoch)
    assert faults(changed) == []


def test_facts_are_told_beside_the_holder(changed: Ledger) -> None:
    """A reader sees the same, and when and by whom they changed."""
    with Reader(changed.path) as reader:
        assert reader.facts() == (3, [fact("b", 1)])
        assert reader.facts(at=2) == (2, [fact("a", 2), fact("b", 1)][::-1])
        assert [(one.no, one.by, one.facts) for one in reader.epochs()] == [
            (1, ADA, 2),
            (2, ADA, 2),
            (3, ADA, 1),
        ]
        assert [one.no for one in reader.epochs(after=1, limit=1)] == [2]


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE facts SET body = '{}' WHERE key = 'b'",
        "UPDATE facts SET key = 'c' WHERE key = 'b'",
        "UPDATE facts SET kind = 'role' WHERE key = 'b'",
        "UPDATE facts SET born = 2 WHERE key = 'b'",
        "UPDATE facts SET died = 9 WHERE key = 'b'",
        "DELETE FROM facts WHERE key = 'b'",
        "DELETE FROM epochs WHERE no = 3",
        "DELETE FROM epochs",
        "UPDATE epochs SET facts = 2 WHERE no = 3",
        "UPDATE epochs SET digest = x'00' WHERE no = 3",
        "UPDATE epochs SET reason = 'x' WHERE no = 3",
    ],
)
def test_damage_is_never_read_as_a_policy(changed: Ledger, damage: str) -> None:
    """Fewer rules may be more rights: what is not whole is not read, and `verify` tells of it."""
    changed.file.connection.execute(damage)
    with pytest.raises(Corrupt):
        at(changed)
    assert faults(changed)


@pytest.mark.parametrize(
    "tamper",
    [
        lambda it: it.execute("DELETE FROM facts") and it.execute("DELETE FROM epochs"),
        lambda it: it.execute("DELETE FROM epochs WHERE no = 2"),
        lambda it: _reseal(it, "b", b'{"value":9}'),
    ],
)
def test_the_audit_holds_facts_to_what_was_told(
    changed: Ledger, tamper: Callable[..., None]
) -> None:
    """Whoever can write the tables, and knows of check sums, writes no other history unseen."""
    tamper(changed.file.connection)
    assert any("epoch" in one for one in faults(changed))


def _reseal(connection: object, key: str, body: bytes) -> None:
    total = facts.crc("grant", key, body, 1, None)
    connection.execute(  # type: ignore[attr-defined]
        "UPDATE facts SET body = ?, crc = ? WHERE key = ?", (body.decode(), total, key)
    )


def test_two_facts_of_one_name_are_damage(changed: Ledger) -> None:
    """A damaged index can hide a fact from its successor; then none of them is believed."""
    connection = changed.file.connection
    connection.execute("DROP INDEX facts_alive")
    connection.execute(
        "INSERT INTO facts SELECT 99, kind, key, body, born, died, crc FROM facts "
        "WHERE died IS NULL"
    )
    with pytest.raises(Corrupt, match="twice"):
        at(changed)


keys = st.sampled_from("abc")
edits = st.dictionaries(keys, st.none() | st.integers(0, 2), min_size=1)


@settings(max_examples=10)
@given(st.lists(edits, max_size=6))
def test_any_epoch_is_what_was_in_force(
    tmp_path_factory: pytest.TempPathFactory, history: list[dict[str, int | None]]
) -> None:
    """Whatever was put and dropped, each epoch reads back as the facts were then."""
    path = str(tmp_path_factory.mktemp("facts") / "test.db")
    now: dict[str, bytes | None] = {}
    then, epoch = [now], 0
    with closing(Ledger(path, durability="stored", create=True)) as ledger:
        for edit in history:
            made = [fact(key, value) for key, value in edit.items()]
            now = {**now, **{one.key: one.body for one in made}}
            now = {key: body for key, body in now.items() if body is not None}
            if now != then[-1]:
                then.append(now)
            epoch = change(ledger, epoch, *made)
            assert epoch == len(then) - 1
        assert [at(ledger, epoch) for epoch in range(len(then))] == then
        assert faults(ledger) == []
