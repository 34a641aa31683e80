"""What can go before the engine had it."""

from __future__ import annotations

import pytest

from collabkit.crdt.scan import scan
from collabkit.crdt.touches import Touch
from collabkit.sync.strokes import Strokes
from crdt.crafting import gc, string, update, values

INSERT = (Touch("write", ("t",), "insert"),)
SET = (Touch("write", ("m", "k"), "set"),)
ONE = values(b"\x7d\x01", origin=(9, 4))


def can_go(strokes: Strokes, one: bytes, touches: tuple[Touch, ...] = INSERT) -> bool:
    """Ask, and have it on its way."""
    going = strokes.can_go(one, scan(one), touches)
    strokes.add(one, scan(one))
    return going


def test_who_goes_on_typing_waits_once() -> None:
    """For the verdict on where he began."""
    strokes = Strokes()
    first = update((7, 0, [string("a", origin=(9, 4), right=(9, 8))]))
    then = update((7, 1, [string("bc", origin=(7, 0), right=(9, 8))]))
    more = update((7, 3, [string("d", origin=(7, 2), right=(9, 8))]))
    assert [can_go(strokes, one) for one in (first, then, more)] == [False, True, True]
    strokes.clear()
    assert not can_go(strokes, update((7, 4, [string("e", origin=(7, 3), right=(9, 8))])))


def test_a_text_beside_nothing_and_a_value_wait_for_nobody() -> None:
    """No engine refuses them."""
    assert can_go(Strokes(), update((7, 0, [string("a", root="t")])))
    assert can_go(Strokes(), update((7, 0, [ONE])), SET)


@pytest.mark.parametrize(
    "one",
    [
        update((7, 2, [string("b", origin=(7, 1))])),
        update((7, 2, [string("b", origin=(7, 0), right=(9, 8))])),
        update((7, 2, [string("b", right=(9, 8))])),
        update((7, 2, [string("b", parent=(9, 4))])),
        update((7, 2, [values(b"\x7d\x01", origin=(7, 1), right=(9, 8))])),
        update((7, 2, [gc(1)])),
        update(deletes={9: [(0, 1)]}),
    ],
)
def test_all_else_waits(one: bytes) -> None:
    """Also what is behind what was typed last, in front of something else."""
    strokes = Strokes()
    can_go(strokes, update((7, 0, [string("aa", origin=(9, 4), right=(9, 8))])))
    assert not can_go(strokes, one)


def test_who_did_something_else_meanwhile_waits_again() -> None:
    """What he is behind then may be an element."""
    strokes = Strokes()
    can_go(strokes, update((7, 0, [string("a", root="t")])))
    can_go(strokes, update((7, 1, [ONE])))
    assert not can_go(strokes, update((7, 2, [string("b", origin=(7, 1))])))
