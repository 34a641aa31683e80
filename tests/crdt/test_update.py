"""Updates beside documents and beside each other: gaps, vectors, joins."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycrdt import Array, Doc, Map, Text, get_state

from collabkit.crdt.lib0 import var_uint
from collabkit.crdt.update import (
    EMPTY_UPDATE,
    advance,
    advances,
    decode_state_vector,
    encode_state_vector,
    gap,
    scan,
    splice,
)
from collabkit.errors import MalformedBytes, UpdateRefused
from crdt.collected import documents
from crdt.crafting import gc, skip, string, update

A, B = 7, 4_000_000_000
CLIENTS = st.integers(0, 2**53 - 1)


def joined(*updates: bytes) -> list[bytes]:
    return splice([(one, scan(one)) for one in updates])


# Gaps and vectors


@pytest.mark.parametrize(
    ("vector", "is_gap"),
    [
        ({A: 3, B: 5}, False),
        ({A: 9, B: 9}, False),
        ({A: 2, B: 5}, True),
        ({A: 3, B: 4}, True),
        ({B: 5}, True),
        ({}, True),
    ],
)
def test_a_gap_is_what_a_document_cannot_integrate_at_once(
    vector: dict[int, int], is_gap: bool
) -> None:
    """The section must start within the document, and what it is put beside must be known."""
    found = scan(update((A, 3, [string("x", origin=(B, 4))])))
    assert gap(found, vector) is is_gap


def test_a_deletion_beyond_what_is_known_is_a_gap() -> None:
    """Deletions reach as far as the document and the update itself, and no further."""
    own = scan(update((A, 0, [string("ab", root="t")]), deletes={A: [(0, 2)]}))
    beyond = scan(update(deletes={A: [(1, 2)]}))
    assert not gap(own, {})
    assert gap(beyond, {A: 2})
    assert not gap(beyond, {A: 3})


def test_a_parent_that_is_unknown_is_a_gap() -> None:
    """An item inside an item needs that one."""
    found = scan(update((A, 0, [string("x", parent=(B, 0), key="k")])))
    assert gap(found, {})
    assert not gap(found, {B: 1})


def test_vectors_advance_by_what_is_new() -> None:
    """An update that is known already advances nothing, and never moves a vector back."""
    found = scan(update((A, 2, [string("ab", origin=(A, 1))])))
    vector = {A: 2}
    assert advances(found, vector)
    advance(found, vector)
    assert vector == {A: 4}
    assert not advances(found, vector)
    vector = {A: 9}
    advance(found, vector)
    assert vector == {A: 9}
    assert not advances(scan(EMPTY_UPDATE), {})


@given(st.dictionaries(CLIENTS, st.integers(0, 2**31)))
def test_state_vectors_round_trip(vector: dict[int, int]) -> None:
    """A vector comes back as it went."""
    assert decode_state_vector(encode_state_vector(vector)) == vector


def test_state_vectors_are_those_of_the_engine() -> None:
    """The engine's vector of a document is what scans add up to."""
    doc: Doc[Any] = Doc(client_id=B)
    updates: list[bytes] = []
    doc.observe(lambda event: updates.append(event.update))
    text = doc.get("t", type=Text)
    text += "hé"
    text += "llo"
    del text[0:1]
    vector: dict[int, int] = {}
    for one in updates:
        found = scan(one)
        assert not gap(found, vector)
        advance(found, vector)
    assert encode_state_vector(vector) == doc.get_state() == get_state(doc.get_update())


@pytest.mark.parametrize("data", [b"", b"\x01", b"\x01\x07", b"\x01\x80\x00\x01"], ids=bytes.hex)
def test_what_is_no_vector_is_malformed(data: bytes) -> None:
    """A vector that ends early or is ill-coded is no vector."""
    with pytest.raises(MalformedBytes):
        decode_state_vector(data)


@pytest.mark.parametrize(
    ("code", "data"),
    [
        ("too-many-clients", bytes.fromhex("80cab5ee01")),
        ("too-many-clients", b"\x03" + b"\x01\x01" * 3),
        ("clock-out-of-range", b"\x01\x07" + var_uint(2**31 + 1)),
        ("trailing-bytes", b"\x00\x00"),
    ],
)
def test_vectors_are_bounded(code: str, data: bytes) -> None:
    """Five bytes that claim 500 million entries cost nothing."""
    with pytest.raises(UpdateRefused) as refused:
        decode_state_vector(data, 2)
    assert refused.value.code == code


@given(st.binary(max_size=60))
def test_reading_vectors_is_total(data: bytes) -> None:
    """Whatever is read is a vector: written again, it reads the same."""
    try:
        vector = decode_state_vector(data)
    except (MalformedBytes, UpdateRefused):
        return
    assert decode_state_vector(encode_state_vector(vector)) == vector


# Joins

ONE = update((A, 0, [string("ab", root="t")]))
TWO = update((A, 2, [string("c", origin=(A, 1))]))
THREE = update((A, 3, [string("d", origin=(A, 2))]), deletes={A: [(0, 1)]})


def test_what_goes_on_is_joined() -> None:
    """Structs of a client that follow each other become one section."""
    whole = update(
        (A, 0, [string("ab", root="t"), string("c", origin=(A, 1)), string("d", origin=(A, 2))]),
        deletes={A: [(0, 1)]},
    )
    assert joined(ONE, TWO, THREE) == [whole]


def test_one_update_is_left_as_it_is() -> None:
    """Nothing is written anew that need not be."""
    assert joined() == []
    assert joined(THREE)[0] is THREE


def test_clients_are_joined_each_for_himself() -> None:
    """Interleaved authors become a section each."""
    other = update((B, 0, [string("x", origin=(A, 0))]))
    assert joined(ONE, other, TWO) == [
        update(
            (A, 0, [string("ab", root="t"), string("c", origin=(A, 1))]),
            (B, 0, [string("x", origin=(A, 0))]),
        )
    ]


def test_what_the_join_has_already_is_left_out() -> None:
    """A duplicate brings its deletions and nothing else."""
    again = update((A, 0, [string("ab", root="t")]), deletes={A: [(1, 1)]})
    assert joined(ONE, TWO, again) == [
        update((A, 0, [string("ab", root="t"), string("c", origin=(A, 1))]), deletes={A: [(1, 1)]})
    ]


@pytest.mark.parametrize(
    "second",
    [
        update((A, 4, [gc(1)])),
        update((A, 1, [gc(4)])),
        update((A, 2, [gc(1), skip(2), gc(1)])),
    ],
    ids=["leaves a hole", "overlaps by halves", "has a hole"],
)
def test_what_does_not_go_on_starts_another_join(second: bytes) -> None:
    """Holes and overlaps are left to the engine, in the order they came."""
    after = update((B, 0, [gc(1)]))
    assert joined(ONE, second)[:2] == [ONE, second]
    assert b"".join(joined(ONE, second, after)).startswith(ONE)


def test_an_update_with_holes_takes_nothing_on() -> None:
    """What follows it starts another join."""
    holes = update((A, 0, [gc(1), skip(2), gc(1)]))
    assert joined(holes, TWO, THREE) == [holes, *joined(TWO, THREE)]


def test_deletions_are_merged() -> None:
    """Ranges that touch or overlap become one, client by client."""
    first = update(deletes={A: [(5, 2), (0, 1)], B: [(0, 1)]})
    second = update(deletes={A: [(1, 2), (6, 3), (20, 1)]})
    assert joined(first, second) == [update(deletes={A: [(0, 3), (5, 4), (20, 1)], B: [(0, 1)]})]


def content(updates: list[bytes]) -> tuple[Any, ...]:
    doc: Doc[Any] = Doc()
    text, table = doc.get("text", type=Text), doc.get("map", type=Map)
    array = doc.get("array", type=Array)
    for one in updates:
        doc.apply_update(one)
    return str(text), table.to_py(), array.to_py()


def reordered(updates: list[bytes], dice: random.Random) -> list[bytes]:
    """The updates in another order in which none is a gap, some of them twice."""
    waiting = [(one, scan(one)) for one in updates]
    dice.shuffle(waiting)
    vector: dict[int, int] = {}
    order: list[bytes] = []
    while waiting:
        later = []
        for one, found in waiting:
            if gap(found, vector):
                later.append((one, found))
                continue
            advance(found, vector)
            order.append(one)
            if dice.random() < 0.2:
                order.append(dice.choice(order))
        assert len(later) < len(waiting)
        waiting = later
    return order


def test_joining_loses_nothing_of_what_yjs_made(data: Callable[[str], Path]) -> None:
    """5,320 documents, each from one spliced update, are what Yjs says that they are."""
    for updates, expected in documents(data("yjs-small-test-dataset.bin").read_bytes()):
        whole = joined(*updates)
        assert len(whole) == bool(updates)
        assert content(whole) == expected


def test_joining_in_any_causal_order_is_the_same(data: Callable[[str], Path], seed: int) -> None:
    """Authors may interleave and repeat themselves: the joined updates make the same document."""
    dice = random.Random(seed)
    raw = data("yjs-small-test-dataset.bin").read_bytes()
    for updates, expected in itertools.islice(documents(raw), 500):
        cut = dice.randint(0, len(updates))
        order = reordered(updates, dice)
        assert content([*joined(*order[:cut]), *joined(*order[cut:])]) == expected
