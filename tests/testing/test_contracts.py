"""A contract is worth something only if what breaks it is found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from collabkit.crdt.engine import Bad, Built, Contested, DocumentKey, Gap, Good, NothingNew, Verdict
from collabkit.crdt.inprocess import InProcessEngine
from collabkit.crdt.lib0 import read_var_uint
from collabkit.errors import CollabError, MalformedBytes
from collabkit.testing.contracts import EngineContract, raises


class Careless(InProcessEngine):
    """Says that everything is good."""

    async def taste(self, key: DocumentKey, updates: Sequence[bytes | Contested]) -> list[Verdict]:
        """Taste, and lie."""
        return [Good() for _ in await super().taste(key, updates)]


class Forgetful(InProcessEngine):
    """Opens whatever can be read of a damaged log."""

    async def open(self, key: DocumentKey, updates: Sequence[bytes]) -> Mapping[int, int]:
        """Leave out what does not fit."""
        await super().open(key, [])
        await super().taste(key, updates)
        return self._held[key].vector


class Idle(InProcessEngine):
    """Makes checkpoints without looking at them."""

    async def checkpoint(self, updates: Sequence[bytes]) -> Built:
        """Return the last update."""
        return Built(updates[-1], "0" * 64)


class Strict(InProcessEngine):
    """Takes what it has for a mistake."""

    async def taste(self, key: DocumentKey, updates: Sequence[bytes | Contested]) -> list[Verdict]:
        """Refuse what brings nothing new, and gaps."""
        verdicts = await super().taste(key, updates)
        refused = Bad("known", "it is known")
        return [refused if isinstance(v, NothingNew | Gap) else v for v in verdicts]


async def broken_promises(engine: InProcessEngine) -> set[str]:
    """The tests of the contract that this engine does not pass."""
    contract, failed = EngineContract(), set()
    for name in dir(EngineContract):
        if name.startswith("test_"):
            try:
                await getattr(contract, name)(engine)
            except (AssertionError, CollabError):
                failed.add(name.removeprefix("test_"))
    return failed


@pytest.mark.parametrize(
    ("engine", "broken"),
    [
        (InProcessEngine, set()),
        (
            Careless,
            {
                "a_deletion_of_what_is_unknown_is_a_gap",
                "a_gap_is_not_applied",
                "an_empty_update_brings_nothing_new",
                "bad_bytes_change_nothing",
                "what_is_contested_is_taken_in_parts",
                "what_is_known_brings_nothing_new",
            },
        ),
        (Forgetful, {"a_damaged_log_is_refused"}),
        (
            Idle,
            {
                "a_checkpoint_loads_to_the_same_content",
                "a_checkpoint_of_a_damaged_log_is_not_built",
            },
        ),
        (
            Strict,
            {
                "a_deletion_of_what_is_unknown_is_a_gap",
                "a_gap_is_not_applied",
                "an_empty_update_brings_nothing_new",
                "what_is_contested_is_taken_in_parts",
                "what_is_known_brings_nothing_new",
            },
        ),
    ],
)
async def test_the_contract_of_engines_finds_out(
    engine: type[InProcessEngine], broken: set[str]
) -> None:
    """Each kind of broken engine fails where its promise is broken, and a sound one nowhere."""
    assert await broken_promises(engine()) == broken


def test_expecting_an_exception_is_not_getting_one() -> None:
    """Contracts expect without a test library, and no less strictly."""
    with raises(MalformedBytes) as caught:
        read_var_uint(b"\xff", 0)
    assert isinstance(caught(), MalformedBytes)
    none = pytest.raises(AssertionError, match="MalformedBytes was not raised")
    with none, raises(MalformedBytes):
        read_var_uint(b"\x01", 0)
