"""Updates cut into pieces: what is in them, how large they are, and that none comes too early."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycrdt import Array, Doc, Text

from collabkit.crdt.budget import Budget
from collabkit.crdt.document import Document
from collabkit.crdt.lib0 import var_bytes, var_string
from collabkit.crdt.splitting import split
from collabkit.crdt.update import (
    EMPTY_UPDATE,
    advance,
    decode_state_vector,
    encode_state_vector,
    gap,
    scan,
    splice,
)
from crdt.collected import documents
from crdt.crafting import gc, item, skip, string, update, values
from crdt.test_update import content

A, B, C = 7, 300, 4_000_000_000


def applied(pieces: list[bytes], vector: dict[int, int] | None = None) -> dict[int, int]:
    """Where the pieces lead a document to; none may be a gap."""
    reached = dict(vector or {})
    for piece in pieces:
        found = scan(piece)
        assert not gap(found, reached)
        advance(found, reached)
    return reached


def deleted(pieces: list[bytes]) -> set[tuple[int, int]]:
    """All clocks that are deleted."""
    return {
        (client, clock)
        for piece in pieces
        for client, start, length in scan(piece).deletes
        for clock in range(start, start + length)
    }


# What is given back as it is


def test_what_keeps_the_budget_is_left_as_it_is() -> None:
    """Nothing is written anew that need not be."""
    small = update((A, 0, [string("ab", root="t")]), deletes={A: [(0, 1)]})
    assert split(small)[0] is small
    assert split(EMPTY_UPDATE, Budget(message_bytes=2)) == [EMPTY_UPDATE]


@pytest.mark.parametrize(
    "whole",
    [
        update((A, 0, [gc(1), skip(2), gc(1)])),
        update((A, 0, [item(11, b"\x00", root="t"), gc(1)])),
    ],
    ids=["holes", "unknown content"],
)
def test_what_cannot_be_told_apart_is_left_as_it_is(whole: bytes) -> None:
    """Pieces of what has holes, or of what is refused anyway, would help nobody."""
    assert split(whole, Budget(structs=1)) == [whole]


# What each piece may hold

LINE = [string("ab", root="t"), *(string("cd", origin=(A, 2 * n - 1)) for n in range(1, 100))]


@pytest.mark.parametrize(
    ("whole", "budget", "pieces"),
    [
        (update((A, 0, LINE)), Budget(message_bytes=100), 9),
        (update((A, 0, LINE)), Budget(structs=7), 15),
        (update(*((n, 0, [gc(1)]) for n in range(10))), Budget(clients=3), 4),
        (update((A, 0, [string("x", root=f"r{n}") for n in range(10)])), Budget(roots=3), 4),
        (update((A, 0, [string("x", root=f"r{n % 3}") for n in range(10)])), Budget(roots=3), 1),
        (update(deletes={A: [(2 * n, 1) for n in range(10)]}), Budget(delete_ranges=3), 4),
        (update(deletes={A: [(n, 1) for n in range(0, 98, 2)]}), Budget(message_bytes=60), 25),
    ],
    ids=["bytes", "structs", "clients", "roots", "roots again", "ranges", "bytes of ranges"],
)
def test_each_bound_is_kept(whole: bytes, budget: Budget, pieces: int) -> None:
    """Whatever an update has too much of, no piece has."""
    cut = split(whole, budget)
    assert len(cut) == pieces
    for piece in cut:
        scan(piece, budget)
    vector = {A: 100} if not scan(whole).sections else {}
    assert applied(cut, vector) == applied([whole], vector)
    assert deleted(cut) == deleted([whole])


def test_sections_are_byte_ranges() -> None:
    """Pieces that follow each other are, joined again, what they were cut from."""
    whole = update((A, 0, LINE), deletes={A: [(0, 3)]})
    pieces = split(whole, Budget(message_bytes=100))
    assert splice([(piece, scan(piece)) for piece in pieces]) == [whole]


def test_deletions_come_last() -> None:
    """What is deleted may have come with any piece, or be in the document already."""
    whole = update((B, 0, [gc(1)] * 5), (A, 2, [gc(1)] * 5), deletes={A: [(0, 6)], C: [(3, 1)]})
    pieces = split(whole, Budget(structs=3))
    assert [bool(scan(piece).deletes) for piece in pieces] == [False, False, False, True]
    assert applied(pieces, {A: 2, C: 4}) == {A: 7, B: 5, C: 4}


def test_what_cannot_be_cut_is_a_piece_of_its_own() -> None:
    """One value that is too large is told from the rest, which need not suffer for it."""
    large = item(3, var_bytes(b"x" * 200), root="a")
    pieces = split(update((A, 0, [gc(1), large, gc(1)])), Budget(message_bytes=100))
    assert [scan(piece).sections[0].clock for piece in pieces] == [0, 1, 2]


# Order


def test_who_builds_on_others_comes_behind_them() -> None:
    """Authors who built on each other in turns are cut where no piece comes too early."""
    turns = range(1, 50)
    ada = [string("a", root="t"), *(string("a", origin=(B, n - 1)) for n in turns)]
    bob = [string("b", origin=(A, n)) for n in range(50)]
    cyd = [string("c", origin=(A, 49), right=(B, 49)), string("c", parent=(B, 3), key="k")]
    for sections in itertools.permutations([(A, 0, ada), (B, 0, bob), (C, 0, cyd)]):
        pieces = split(update(*sections), Budget(structs=1))
        assert len(pieces) == 102
        assert applied(pieces) == {A: 50, B: 50, C: 2}


def test_structs_that_wait_for_each_other_are_not_waited_for() -> None:
    """What no engine makes is cut all the same, and ends."""
    whole = update((A, 0, [string("a", origin=(B, 0))]), (B, 0, [string("b", origin=(A, 0))]))
    pieces = split(whole, Budget(structs=1))
    assert len(pieces) == 2
    assert sum(len(scan(piece).sections) for piece in pieces) == 2


# Cut inside


def test_a_long_text_is_cut_between_characters() -> None:
    """A text that is longer than any piece arrives whole, surrogate pairs and all."""
    author: Doc[Any] = Doc(client_id=A)
    author["t"] = Text("<>")
    text = "aé☃😀" * 100
    author["t"].insert(1, text)
    pieces = split(author.get_update(), Budget(message_bytes=100))
    assert max(map(len, pieces)) <= 100
    assert encode_state_vector(applied(pieces)) == author.get_state()
    assert content_of(pieces) == f"<{text}>"


def test_a_long_text_stays_one_for_those_who_write_in_it() -> None:
    """Who has the whole and who has the pieces agree on where others wrote."""
    author: Doc[Any] = Doc(client_id=A)
    author["t"] = Text("x" * 500)
    whole = author.get_update()
    pieces = split(whole, Budget(message_bytes=100))
    news = []
    for client, base in ((B, [whole]), (C, pieces)):
        writer: Doc[Any] = Doc(client_id=client)
        writer["t"] = Text()
        for one in base:
            writer.apply_update(one)
        for at in (0, 47, 48, 250, 500):
            writer["t"].insert(at, str(client))
        news.append(writer.get_update(author.get_state()))
    assert content_of([whole, *news]) == content_of([*pieces, *reversed(news)])


def test_a_long_list_of_values_is_cut_between_them() -> None:
    """Values that came in one go arrive in their order."""
    author: Doc[Any] = Doc(client_id=A)
    author["a"] = Array([0.5, 0.25])
    author["a"][1:1] = [f"value {n}" for n in range(200)]
    pieces = split(author.get_update(), Budget(message_bytes=100))
    assert max(map(len, pieces)) <= 100
    reader: Doc[Any] = Doc()
    reader["a"] = Array()
    for piece in pieces:
        reader.apply_update(piece)
    assert reader["a"].to_py() == author["a"].to_py()


def test_a_value_under_a_key_is_never_cut() -> None:
    """What would stand under a key twice is left whole."""
    two = values(b"w" + var_string("x" * 60), b"w" + var_string("y" * 60), root="m", key="k")
    [_, piece] = split(update((A, 0, [gc(1), two])), Budget(message_bytes=100))
    assert two in piece


def content_of(pieces: list[bytes]) -> str:
    reader: Doc[Any] = Doc()
    reader["t"] = Text()
    for piece in pieces:
        reader.apply_update(piece)
    return str(reader["t"])


# Documents


def test_cutting_loses_nothing_of_what_yjs_made(data: Callable[[str], Path]) -> None:
    """5,320 documents, cut into pieces of a few structs, are what Yjs says that they are."""
    for updates, expected in documents(data("yjs-small-test-dataset.bin").read_bytes()):
        for whole in splice([(one, scan(one)) for one in updates]):
            pieces = split(whole, Budget(message_bytes=80))
            assert applied(pieces) == applied([whole])
            assert content(pieces) == expected


EDITS = st.lists(
    st.tuples(
        st.integers(0, 2),  # who
        st.sampled_from(["text", "word", "delete", "map", "array", "nested", "meet"]),
        st.integers(0, 1000),
    ),
    max_size=40,
)


@settings(max_examples=200)
@given(EDITS, st.integers(0, 40), st.integers(40, 200), st.integers(1, 5))
def test_the_pieces_of_a_difference_are_the_difference(
    edits: list[tuple[int, str, int]], known: int, most_bytes: int, most_structs: int
) -> None:
    """Whoever wrote what, and whatever the other side has: nothing is early and nothing missing."""
    docs = [Document(client_id=client) for client in (A, B, C)]
    behind = Document()
    for number, (who, what, dice) in enumerate(edits):
        if number == known:
            behind.apply(docs[0].update())
        write(docs[who], docs[(who + 1 + dice % 2) % 3], what, dice)
    for doc in docs:
        docs[0].apply(doc.update())
    difference = docs[0].update(behind.state_vector)
    pieces = split(difference, Budget(message_bytes=most_bytes, structs=most_structs))
    before = decode_state_vector(behind.state_vector)
    assert applied(pieces, before) == applied([difference], before)
    assert deleted(pieces) == deleted([difference])
    for piece in pieces:
        behind.apply(piece)
    assert decode_state_vector(behind.state_vector) == decode_state_vector(docs[0].state_vector)
    assert behind.digest() == docs[0].digest()


def write(doc: Document, other: Document, what: str, dice: int) -> None:
    text, array = doc.text("text"), doc.array("array")
    at = dice % (len(text) + 1)
    match what:
        case "text":
            text.insert(at, "é")
        case "word":
            text.insert(at, "twenty characters 😀!" * (dice % 5 + 1))
        case "delete":
            text.delete(at, min(at + dice % 4, len(text)))
        case "map":
            doc.map("map")[str(dice % 3)] = dice
        case "array":
            array.insert(dice % (len(array) + 1), dice)
        case "nested":
            doc.map("map")["inner"] = {"deep": [dice]}
        case "meet":
            doc.apply(other.update(doc.state_vector))
