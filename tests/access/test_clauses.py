"""Permissions, read: what they name, and when their conditions hold."""

from __future__ import annotations

import itertools

import pytest

from collabkit.access.clauses import (
    ALL,
    BITS,
    Clause,
    Reader,
    narrowed,
    refuse_inside,
    rule_name,
    scope_of,
)
from collabkit.access.conditions import DEFAULT
from collabkit.access.paths import pattern
from collabkit.access.rules import ACTIONS, Grant, Permission
from collabkit.errors import InvalidPolicy

READER = Reader(DEFAULT)
VALUES: dict[str, object] = {"now": 1.0, "action": "read"}

# Conditions that hold, that do not, and that fail: nothing says who asks.
WORTH = {"now == 1.0": True, "now == 2.0": False, "subject.id == 'a'": None}


def _read(permission: Permission) -> Clause:
    return READER.read(permission, where="here")


@pytest.mark.parametrize(
    "texts", [list(t) for n in range(4) for t in itertools.product(WORTH, repeat=n)]
)
def test_conditions_hold_together_in_any_order(texts: list[str]) -> None:
    """One that is false decides; else one that failed; else they hold."""
    worths = {WORTH[text] for text in texts}
    expected = False if False in worths else None if None in worths else True
    assert _read(Permission("/**", "write", tuple(texts))).holds(VALUES) is expected


def test_actions_are_bits() -> None:
    """Each action has a bit of its own, and there are no others."""
    assert [_read(Permission("/a", action)).bit for action in ACTIONS] == list(BITS.values())
    assert sum(BITS.values()) == ALL


def test_conditions_that_many_grants_share_are_made_once() -> None:
    """The same texts are the same conditions."""
    first, second = (_read(Permission(name, "write", ("now > 1.0",))) for name in ("/a", "/b"))
    assert first.conditions is second.conditions
    assert first.asks_for_now
    assert not _read(Permission("/a", "write", ("action == 'write'",))).asks_for_now


def test_a_clause_says_whose_it_is() -> None:
    """The permissions of a role are numbered, and decisions name them by that."""
    [_, second] = READER.read_all(
        [Permission("/a", "read"), Permission("/b", "read")], where="x", role="r"
    )
    assert (second.role, second.number) == ("r", 2)
    grant = Grant("7", "user:ada", "r")
    assert rule_name(grant, second) == "grant 7, role r, permission 2"
    assert rule_name(grant, _read(Permission("/a", "read"))) == "grant 7"
    assert rule_name(None, second, "/s") == "confines /s, permission 2"


def test_a_grant_is_narrowed_to_its_scope() -> None:
    """What is granted is where the permission and the scope, with all beneath it, meet."""
    clause = _read(Permission("/projects/*/sessions/**", "write"))
    grant = Grant("1", "user:ada", "r", scope="/projects/p")
    assert scope_of(grant) == ("projects", "p", "**")
    assert narrowed(grant, clause) == ("projects", "p", "sessions", "**")
    assert narrowed(Grant("1", "a", "r", scope="/access"), clause) is None
    assert narrowed(None, clause) == clause.pattern


@pytest.mark.parametrize(
    ("text", "refused"),
    [
        ("/projects/*/sessions/*/docs/*", False),
        ("/projects/*/sessions/*/docs/*/**", False),
        ("/**", False),
        ("/projects/p/sessions/s/ops/a/b/c", False),
        ("/projects/p/sessions/s/docs/d/x", True),
        ("/projects/p/sessions/s/docs/d/*", True),
        ("/*/*/*/*/*/*/*/**", True),
    ],
)
def test_only_what_can_name_nothing_but_insides_is_inside(text: str, refused: bool) -> None:
    """Reading is refused where a pattern names parts of documents alone."""
    if refused:
        with pytest.raises(InvalidPolicy, match="there: read is of whole documents"):
            refuse_inside(pattern(text), where="there")
    else:
        refuse_inside(pattern(text), where="there")
