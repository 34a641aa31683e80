"""What is left of an update is what a document lacks, and does to it what all of it would."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from pycrdt import Array, Doc, Map, Text

from collabkit.crdt.budget import NO_BUDGET
from collabkit.crdt.lib0 import var_string
from collabkit.crdt.scan import scan
from collabkit.crdt.trimming import trimmed
from collabkit.crdt.update import decode_state_vector
from collabkit.errors import UpdateRefused
from crdt import crafting


def edit(doc: Doc[Any], dice: Random) -> None:
    """Write or delete something, in runs that documents put together."""
    text, array = doc.get("t", type=Text), doc.get("a", type=Array)
    match dice.randrange(5):
        case 0 | 1:
            text += dice.choice(("hello", "wörld", "h\U0001f600i"))
        case 2:
            array.extend([dice.randrange(9) for _ in range(3)])
        case 3:
            doc.get("m", type=Map)[dice.choice("xy")] = Map({"deep": dice.randrange(9)})
        case 4:
            if len(array):
                del array[0]


def shown(doc: Doc[Any]) -> list[Any]:
    """What a document says."""
    kinds: tuple[tuple[str, Any], ...] = (("t", Text), ("a", Array), ("m", Map))
    return [doc.get(root, type=kind).to_py() for root, kind in kinds]


def test_the_rest_does_what_the_whole_does(seed: int) -> None:
    """Wherever a document stands, and whoever wrote meanwhile."""
    dice = Random(seed)
    cut = 0
    for _ in range(60):
        mine: Doc[Any] = Doc(client_id=7, skip_gc=True)
        theirs: Doc[Any] = Doc()
        for _ in range(dice.randrange(8)):
            edit(mine, dice)
        theirs.apply_update(mine.get_update())
        for _ in range(dice.randrange(1, 8)):
            edit(mine, dice)
        whole, vector = mine.get_update(), decode_state_vector(theirs.get_state())
        rest, found = trimmed(whole, scan(whole, NO_BUDGET), vector)
        assert found == scan(rest, NO_BUDGET)
        assert all(section.clock >= vector.get(section.client, 0) for section in found.sections)
        theirs.apply_update(rest)
        cut += len(rest) < len(whole)
        assert shown(theirs) == shown(mine)
        assert theirs.get_state() == mine.get_state()
    assert cut > 30


def test_what_is_known_is_not_in_it() -> None:
    """Whatever it says there, and however it is put."""
    structs = [
        crafting.item(4, var_string("known"), root="t"),
        b"\x00\x03",
        crafting.item(1, b"\x04", root="t"),
    ]
    whole = crafting.update((7, 0, structs), (9, 0, [b"\x00\x02"]), deletes={7: [(0, 2)]})
    rest, found = trimmed(whole, scan(whole), {7: 10, 9: 5})
    assert b"known" not in rest
    assert [(s.client, s.clock, s.length) for s in found.sections] == [(7, 10, 2)]
    assert found.deletes == ((7, 0, 2),)


def test_nothing_is_cut_of_what_is_new() -> None:
    """It is the same update."""
    whole = bytes.fromhex("010107000401017402686900")
    found = scan(whole)
    assert trimmed(whole, found, {9: 4}) == (whole, found)


def test_a_character_is_not_parted() -> None:
    """Nobody has half of one."""
    whole = crafting.update((7, 0, [crafting.item(4, var_string("\U0001f600"), root="t")]))
    with pytest.raises(UpdateRefused, match="parted-character"):
        trimmed(whole, scan(whole), {7: 1})
