"""Where an item goes: as every replica of Yjs puts it, whoever is first to tell."""

from __future__ import annotations

from itertools import permutations

import pytest

from collabkit.history.tree import plain_tree
from collabkit.history.view import tree
from crdt.crafting import Id, string, update, values
from history.weaving import woven

FIRST = update((1, 0, [string("ab", root="t")]))


def between(client: int, text: str, origin: Id | None, right: Id | None) -> bytes:
    """A client's first string, typed between two ids."""
    return update((client, 0, [string(text, origin=origin, right=right)]))


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_of_one_place_the_lower_client_is_first(order: tuple[int, ...]) -> None:
    """Nobody's words are mixed with those of others, whoever came first."""
    typed = [
        between(client, word, (1, 0), (1, 1)) for client, word in ((2, "x"), (3, "yy"), (4, "zzz"))
    ]
    weave = woven([FIRST, *(typed[at] for at in order)])
    assert plain_tree(tree(weave)) == {"t": "axyyzzzb"}


def test_who_builds_on_one_of_them_stays_with_it() -> None:
    """An answer follows what it answers, though its client is higher or lower."""
    rows = [
        FIRST,
        between(5, "5", (1, 0), (1, 1)),
        between(9, "9", (5, 0), (1, 1)),
        between(7, "7", (1, 0), (1, 1)),
        between(2, "2", (1, 0), (1, 1)),
    ]
    assert plain_tree(tree(woven(rows))) == {"t": "a2597b"}


def test_of_two_values_of_a_key_the_higher_client_counts() -> None:
    """Whoever came first; the other one is dead from the start, or from then on."""
    one = update((1, 0, [values(b"\x77\x01a", root="m", key="k")]))
    two = update((2, 0, [values(b"\x77\x01b", root="m", key="k")]))
    for rows in ([one, two], [two, one]):
        weave = woven(rows)
        assert plain_tree(tree(weave)) == {"m": {"k": "b"}}
        dead = [item.dead for item in weave.items() if item.dead is not None]
        assert [stamp.seq for stamp in dead] == [2]


def test_a_value_put_behind_another_counts() -> None:
    """Though its client is lower."""
    one = update((2, 0, [values(b"\x77\x01a", root="m", key="k")]))
    two = update((1, 0, [values(b"\x77\x01b", origin=(2, 0))]))
    assert plain_tree(tree(woven([one, two]))) == {"m": {"k": "b"}}
