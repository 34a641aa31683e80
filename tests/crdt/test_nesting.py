"""It is known where everything is, whatever the order in which it came."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycrdt import Array, Doc, Map, Text, XmlElement, XmlFragment, XmlText

from collabkit.crdt.engine import Bad, Gap, Good, Verdict
from collabkit.crdt.lib0 import var_string
from collabkit.crdt.nesting import Nesting
from collabkit.crdt.replay import Replay
from crdt.crafting import gc, item, shared, string, update, values

LEVELS = 64
CLIENT, OTHER = 7, 9
WIDE = "\N{GRINNING FACE}"


def nesting(replay: Replay) -> Nesting:
    """What a replay knows."""
    assert replay._nesting is not None
    return replay._nesting


def tasted(*updates: bytes) -> list[Verdict]:
    """The verdicts on these, one after the other."""
    return Replay("test").taste(updates)


# Against what the engine has


def branches(value: Any, depth: int = 0) -> Iterator[tuple[int, Any]]:
    """All shared types in a value, with how deep they are."""
    if isinstance(value, Map):
        children = [value[key] for key in value.keys()]  # noqa: SIM118 - it is no dict
    elif isinstance(value, Array):
        children = list(value)
    elif isinstance(value, XmlFragment | XmlElement):
        children = list(value.children)
    else:
        return
    for child in children:
        if isinstance(child, Map | Array | Text | XmlElement | XmlText):
            yield depth + 1, child
            yield from branches(child, depth + 1)


def roots(doc: Doc[Any]) -> list[Any]:
    """The three that are written to."""
    return [doc.get("m", type=Map), doc.get("a", type=Array), doc.get("x", type=XmlFragment)]


def grow(doc: Doc[Any], rolls: random.Random) -> None:
    """Put something somewhere."""
    places = [*roots(doc), *(branch for root in roots(doc) for _, branch in branches(root))]
    place = rolls.choice(places)
    makers: list[Callable[[], Any]] = [Map, Array, Text, rolls.random, lambda: "é"]
    made = rolls.choice(makers)()
    if isinstance(place, Map):
        place[rolls.choice("kl")] = made
    elif isinstance(place, Array):
        place.insert(rolls.randint(0, len(place)), made)
    elif isinstance(place, XmlFragment | XmlElement):
        at = rolls.randint(0, len(place.children))
        child: Any = rolls.choice([XmlElement("p"), XmlText()])
        place.children.insert(at, child)
    else:
        place.insert(0, "ab")


@given(st.lists(st.tuples(st.integers(0, 2), st.booleans()), max_size=40), st.integers(0, 1 << 32))
def test_each_type_is_as_deep_as_the_engine_has_it(
    edits: Sequence[tuple[int, bool]], seed: int
) -> None:
    """Of three replicas that edit at once; update by update, and as one."""
    rolls = random.Random(seed)
    replicas: list[Doc[Any]] = [Doc(client_id=number + 1) for number in range(3)]
    replay = Replay("test")
    for who, exchange in edits:
        doc = replicas[who]
        before = doc.get_state()
        grow(doc, rolls)
        assert not any(
            isinstance(verdict, Bad | Gap) for verdict in replay.taste([doc.get_update(before)])
        )
        if exchange:
            for each in replicas:
                each.apply_update(replay.core.encode(each.get_state()))
    whole: Doc[Any] = Doc()
    whole.apply_update(replay.core.encode())
    wanted = {depth for root in roots(whole) for depth, _ in branches(root)}
    again = Replay("again")
    again.load([replay.core.encode()])
    # What was replaced under a key is counted as well, by who saw it.
    assert wanted <= set(nesting(replay).depths)
    assert wanted | {0} == {
        nesting(again).depths[number]
        for place, number in [*nesting(again).numbers.items(), ((0, 0), 0)]
    }


# Too deep


def chain(levels: int, *, beside: bool) -> list[bytes]:
    """Maps in maps, an update each; or arrays in arrays, each behind a number."""
    made = [update((CLIENT, 0, [shared(not beside, root="m", key="k")]))]
    clock = 1
    last = 0
    for _ in range(levels - 1):
        if beside:
            number = values(b"\x7d\1", parent=(CLIENT, last))
            made.append(update((CLIENT, clock, [number, shared(0, origin=(CLIENT, clock))])))
            last, clock = clock + 1, clock + 2
        else:
            made.append(update((CLIENT, clock, [shared(1, parent=(CLIENT, last), key="k")])))
            last, clock = clock, clock + 1
    return made


@pytest.mark.parametrize("beside", [False, True])
def test_types_nest_no_deeper_over_many_updates_than_in_one(beside: bool) -> None:
    """The one that goes too far is refused, and the document is as it was."""
    updates = chain(LEVELS + 1, beside=beside)
    replay = Replay("test")
    verdicts = replay.taste(updates)
    assert verdicts[:-1] == [Good()] * LEVELS
    [refused] = verdicts[-1:]
    assert isinstance(refused, Bad)
    assert refused.code == "too-deep"
    assert max(nesting(replay).depths) == LEVELS
    # Nothing of it was kept: in its place something else can be.
    clock = replay.vector[CLIENT]
    assert replay.taste([update((CLIENT, clock, [string("a", root="t")]))]) == [Good()]


def test_what_was_taken_before_is_taken_again() -> None:
    """A log is not refused for what it has; and one that is not guarded keeps no index."""
    updates = chain(LEVELS + 20, beside=False)
    for replay in (Replay("test"), Replay("test", guarded=False)):
        replay.load(updates)
        assert replay.vector == {CLIENT: LEVELS + 20}


# Text in arrays


ARRAY = update((CLIENT, 0, [shared(0, root="m", key="a"), values(b"\x7d\1", parent=(CLIENT, 0))]))


@pytest.mark.parametrize(
    "bad",
    [
        pytest.param(string(WIDE, parent=(CLIENT, 0)), id="in it"),
        pytest.param(string("a", origin=(CLIENT, 1)), id="behind an element"),
        pytest.param(string(WIDE, right=(CLIENT, 1)), id="before an element"),
        pytest.param(item(5, var_string("{}"), parent=(CLIENT, 0)), id="embed"),
        pytest.param(item(6, var_string("b") + var_string("1"), parent=(CLIENT, 0)), id="format"),
    ],
)
def test_text_is_no_element_of_an_array(bad: bytes) -> None:
    """No client makes one. With a wide character in it, engines would read it for ever."""
    verdict = tasted(ARRAY, update((OTHER, 0, [bad])))[1]
    assert isinstance(verdict, Bad)
    assert verdict.code == "text-in-array"


def test_text_goes_wherever_else_it_went() -> None:
    """Into texts of any depth, and beside what is in them, by anybody."""
    text = shared(2, parent=(CLIENT, 0))
    assert (
        tasted(
            ARRAY,
            update((CLIENT, 2, [text, string(WIDE, parent=(CLIENT, 2))])),
            update((OTHER, 0, [string("ab", origin=(CLIENT, 4))])),
            update((OTHER, 2, [string("c", origin=(OTHER, 1))])),
            update((CLIENT, 5, [string("d", origin=(OTHER, 2)), string("e", root="t")])),
            update((CLIENT, 7, [string("f", origin=(CLIENT, 6))])),
        )
        == [Good()] * 6
    )


def test_text_beside_what_is_gone_is_in_no_array() -> None:
    """Nobody knows where that was; its author had gone on from an element of an array."""
    gone = update((OTHER, 0, [values(b"\x7d\1", parent=(CLIENT, 0)), gc(3)]))
    beside = update((9000, 0, [string("a", origin=(OTHER, 2))]))
    assert tasted(ARRAY, gone, beside) == [Good()] * 3


def test_items_of_one_update_may_be_in_any_order() -> None:
    """Who is beside whom is told by their ids, in whichever section they are."""
    made = update(
        (OTHER, 0, [shared(1, origin=(CLIENT, 1)), shared(0, parent=(OTHER, 0), key="k")]),
        (CLIENT, 0, [shared(0, root="a"), shared(2, parent=(CLIENT, 0))]),
    )
    replay = Replay("test")
    assert replay.taste([made]) == [Good()]
    depths = {place: nesting(replay).depths[n] for place, n in nesting(replay).numbers.items()}
    assert depths == {(CLIENT, 0): 1, (CLIENT, 1): 2, (OTHER, 0): 2, (OTHER, 1): 3}


def test_items_in_a_circle_do_not_hang_it() -> None:
    """Whatever the engine makes of them."""
    replay = Nesting()
    notes = [(CLIENT, 0, 0x87, OTHER, 0, 0), (OTHER, 0, 0x87, CLIENT, 0, 0)]
    placed = replay.place(b"\1", notes, {}, LEVELS, strict=True)
    assert placed is not None
    assert placed.types == [0, 0]


def test_a_flat_document_costs_nothing() -> None:
    """Where there are no types there is nothing to keep."""
    replay = Replay("test")
    replay.taste([update((CLIENT, 0, [string("a", root="t"), string("b", root="u")]))])
    assert repr(nesting(replay)) == "<Nesting of 0 types, 0 deep>"
    assert not nesting(replay).turns
