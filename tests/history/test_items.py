"""Items: found by any of their clocks, and cut where somebody needs an edge."""

from __future__ import annotations

from random import Random

from collabkit.crdt.contents import ANY, DELETED, STRING
from collabkit.history.items import Item, Ledger, Strand
from history.weaving import stamp


def typed(clock: int, text: str) -> Item:
    """A string of client 7."""
    return Item(7, clock, len(text), None, None, STRING, text, stamp(1))


def test_an_item_is_found_by_each_of_its_clocks() -> None:
    """However many there are, and wherever they were cut."""
    dice, ledger, clock = Random(1), Ledger(), 0
    for _ in range(2_000):
        text = "x" * dice.randrange(1, 9)
        ledger.append(typed(clock, text))
        clock += len(text)
    for _ in range(4_000):
        edge = dice.randrange(clock)
        assert ledger.starting(edge).clock == edge
        last = ledger.ending(edge)
        assert last.clock + last.length == edge + 1
    clocks = [item.clock for item in ledger]
    assert clocks == sorted(set(clocks))
    assert sum(item.length for item in ledger) == clock


def test_a_cut_item_is_two_that_lie_beside_each_other() -> None:
    """Each with its part of the content, and the second put behind the first."""
    item, strand = typed(3, "abcd"), Strand(("t",))
    strand.first, item.strand = item, strand
    rest = item.cut(1)
    assert (item.value, rest.value, rest.id, rest.origin) == ("a", "bcd", (7, 4), (7, 3))
    assert list(strand) == [item, rest]
    assert rest.left is item


def test_the_last_of_a_chain_is_still_the_last_when_cut() -> None:
    """Values under a key may have come as one item."""
    item, strand = Item(7, 0, 2, None, None, ANY, [1, 2], stamp(1)), Strand(("m",))
    item.strand, item.key, strand.last["k"] = strand, "k", item
    assert strand.last["k"] is item
    rest = item.cut(1)
    assert strand.last["k"] is rest


def test_what_came_deleted_is_dead() -> None:
    """From the row on that brought it."""
    item = Item(7, 0, 2, None, None, DELETED, None, stamp(4))
    assert item.dead is item.born
