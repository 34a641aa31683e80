"""Facts as a store keeps them."""

from __future__ import annotations

import msgspec
import pytest

from collabkit.access.facts import Drop, Put
from collabkit.access.rules import Confines, Fact, Grant, Membership, Permission, Role, Template
from collabkit.access.stored import decoded, encoded
from collabkit.access.templates import TEMPLATES
from collabkit.errors import InvalidPolicy
from collabkit.store.charter import StoredFact

FACTS: tuple[Fact, ...] = (
    Role("r", (Permission("/**", "read", ("resource.project == 'x'",), "deny"),), ("other",)),
    Grant("g", "user:ädá", permission=Permission("/**", "admin"), not_after=1.5, uses=0),
    Membership("group:a", "group:b"),
    *TEMPLATES.values(),
    Template("t", {"b": "name", "a": "role"}),
    Confines("/projects/p/sessions/s", (), "closed", 1, 2),
)


def test_facts_are_read_as_they_were_written() -> None:
    """All kinds, whatever is in them."""
    assert decoded(encoded(map(Put, FACTS))) == list(FACTS)


def test_one_fact_is_written_in_one_way() -> None:
    """So that what is put as it stands is no change."""
    other = Template("t", {"a": "role", "b": "name"})
    assert encoded([Put(other)]) == encoded([Put(FACTS[-2])])


def test_what_is_dropped_has_no_body() -> None:
    """Only its name."""
    assert encoded([Drop("grant", "g")]) == (StoredFact("grant", "g", None),)


@pytest.mark.parametrize(
    "stored",
    [
        StoredFact("law", "l", b"{}"),
        StoredFact("role", "r", b'{"name":"s"}'),
        StoredFact("role", "r", b'{"name":"r","color":"red"}'),
        StoredFact("grant", "g", b"{}"),
        StoredFact("grant", "g", msgspec.json.encode("g")),
    ],
)
def test_what_is_not_understood_is_no_fact(stored: StoredFact) -> None:
    """It is refused with its name: to leave it out would be another policy."""
    with pytest.raises(InvalidPolicy, match=f"{stored.kind} '{stored.key}'"):
        decoded([stored])
