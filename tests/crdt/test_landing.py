"""Landing: what names no place, or two, is told as such."""

from __future__ import annotations

import pytest

from collabkit.crdt.landing import Landing
from collabkit.crdt.places import Places
from collabkit.crdt.scan import scan
from crdt.crafting import gc, item, shared, skip, string, update, values
from crdt.placing import brief, placed, touched

ONE = b"\x7d\x01"
HELD = [
    update((1, 0, [
        shared(1, root="m", key="box"),
        values(ONE, parent=(1, 0), key="k"),
        string("abc", root="t"),
        shared(2, root="m", key="note"),
        string("xyz", parent=(1, 5)),
        values(ONE, root="m", key="one"),
    ])),
    update((2, 0, [gc(2), shared(1, root="m", key="late"), string("!", parent=(2, 2))])),
    update(deletes={2: [(2, 1)]}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("struct", "told"),
    [
        (string("x", origin=(1, 3)), "write insert t"),
        (string("x", origin=(1, 3), right=(1, 4)), "write insert t"),
        (string("x", origin=(1, 3), right=(1, 7)), "write insert "),
        (string("x", origin=(1, 3), right=(1, 1)), "write insert "),
        (string("x", origin=(1, 1), right=(1, 9)), "write insert "),
        (values(ONE, origin=(1, 1)), "write set m/box/k"),
        (values(ONE, ONE, origin=(1, 1)), "write insert "),
        (values(ONE, right=(1, 1)), "write insert "),
        (values(ONE, parent=(1, 0), key="other"), "write set m/box/other"),
        (values(ONE, parent=(1, 2), key="k"), "write insert "),
        (values(ONE, parent=(2, 0), key="k"), "write insert "),
        (string("x", origin=(2, 0)), "write insert "),
        (string("x", origin=(2, 0), right=(1, 3)), "write insert "),
        (string("x", origin=(1, 3), right=(2, 0)), "write insert "),
        (string("x", origin=(2, 3)), "write insert m/late"),
        (values(ONE, parent=(2, 2), key="k"), "write set m/late/k"),
        (values(ONE, root="t", key="k"), "write set t/k"),
        (item(6, b"\4bold\4true", origin=(1, 3)), "write format t"),
    ],
)
def test_where_a_struct_goes(struct: bytes, told: str) -> None:
    """What contradicts itself, or is beside what was collected, is nowhere, never elsewhere."""
    found = touched(HELD, update((3, 0, [struct])))
    assert brief(found) == [told]
    assert found[0].inserted[0][:2] == (3, 0)


def test_what_is_beside_something_nowhere_is_nowhere() -> None:
    """And who deletes it touches nothing that has a name."""
    sly = update((3, 0, [string("x", origin=(1, 3), right=(1, 7)), string("y", origin=(3, 0))]))
    assert brief(touched(HELD, sly)) == ["write insert "]
    assert brief(touched([*HELD, sly], update((4, 0, [string("z", origin=(3, 1))])))) == [
        "write insert "
    ]
    [gone] = touched([*HELD, sly], update(deletes={3: [(0, 2)]}))
    assert (brief([gone]), gone.deleted) == (["delete remove "], ((3, 0, 2),))


def test_in_a_circle_nothing_has_a_place() -> None:
    """Clients that build on each other; but all of it is said to come."""
    circle = update((3, 0, [string("a", origin=(4, 0))]), (4, 0, [string("b", origin=(3, 0))]))
    [found] = touched(HELD, circle)
    assert (found.steps, found.inserted) == ((), ((3, 0, 1), (4, 0, 1)))


def test_clients_may_build_on_each_other_by_turns() -> None:
    """In whatever order they stand."""
    turns = update(
        (4, 0, [string("b", origin=(3, 0)), string("d", origin=(3, 1))]),
        (3, 0, [string("a", root="t"), string("c", origin=(4, 0)), string("e", origin=(4, 1))]),
    )
    [found] = touched(HELD, turns)
    assert (found.steps, found.inserted) == (("t",), ((3, 0, 3), (4, 0, 2)))


def test_to_land_is_not_to_settle() -> None:
    """What is told of an update that never comes leaves no trace."""
    places, vector, _ = placed(HELD)
    before = places.encode()
    for late in (
        update((3, 0, [values(ONE, origin=(1, 1)), values(ONE, origin=(1, 1))])),
        update((3, 0, [values(ONE, root="new", key="k"), shared(1, root="m", key="new")])),
    ):
        assert places.touched(late, scan(late), vector=vector, mine=bool)
    assert places.encode() == before


def test_what_is_known_is_passed_over() -> None:
    """A hole stands for it, or it is said again; but not elsewhere than it is."""
    base = [update((1, 0, [string("hi", root="t")]))]
    for more in (
        update((1, 0, [skip(2), string("!", origin=(1, 1))])),
        update((1, 0, [string("hi!", root="t")])),
    ):
        [found] = touched(base, more)
        assert (found.steps, found.inserted) == (("t",), ((1, 2, 1),))
    [sly] = touched(base, update((1, 0, [string("hi!", root="locked")])))
    assert (sly.steps, sly.inserted) == ((), ((1, 2, 1),))
    assert touched(base, base[0]) == []


def test_what_was_added_and_not_taken_yet_is_told_again() -> None:
    """Where it is, and that it comes; what it overwrote is gone already."""
    places, vector, _ = placed(HELD)
    late = update(
        (3, 0, [values(ONE, origin=(1, 1)), shared(1, root="m", key="new")]),
        (4, 0, [string("x", origin=(1, 3)), values(ONE, parent=(3, 1), key="k")]),
    )
    before = places.touched(late, scan(late), vector=vector, mine=bool)
    places.add(late, scan(late))
    again = places.touched(late, scan(late), vector=vector, mine=bool)
    assert brief(again) == brief(before)
    assert [touch.inserted for touch in again] == [touch.inserted for touch in before]
    assert places.touched(late, scan(late), vector={**vector, 3: 2, 4: 2}, mine=bool) == []


def test_it_says_how_much_it_is() -> None:
    """For whoever looks at it."""
    places, hi = Places(), update((1, 0, [string("hi", root="t")]))
    assert repr(Landing(places._ground, hi, scan(hi), {})) == "<Landing of 1 structs>"
    assert repr(placed([hi])[0]) == "<Places of 1 roots, 1 clients>"
