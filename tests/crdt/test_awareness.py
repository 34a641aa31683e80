"""Presence as clients see it: y-protocols, held to by example and against pycrdt's own."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pycrdt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collabkit.crdt.awareness import (
    EXPIRE_AFTER_MS,
    MAX_CLOCK,
    MAX_KNOWN,
    NULL,
    RENEW_AFTER_MS,
    Awareness,
    Change,
    decode_awareness,
    encode_awareness,
    is_null,
)
from collabkit.crdt.lib0 import read_var_bytes, var_string
from collabkit.errors import MalformedBytes, ValueNotStorable

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
ENTRIES = st.lists(
    st.tuples(st.integers(0, 2**53 - 1), st.integers(0, 2**53 - 1), st.binary(max_size=20))
)
WORDS = st.tuples(st.integers(1, 3), st.integers(0, 4), st.none() | st.just("a"))


def one(client: int, clock: int, state: Any) -> bytes:
    return encode_awareness([(client, clock, json.dumps(state).encode())])


# Bytes


@given(ENTRIES)
def test_entries_round_trip(entries: list[tuple[int, int, bytes]]) -> None:
    """An update comes back as it went."""
    assert decode_awareness(encode_awareness(entries)) == entries


def test_the_frames_of_stock_clients_are_read(data: Callable[[str], Path]) -> None:
    """Every awareness update of 27 recorded sessions is read, and written the same."""
    sessions = json.loads(data("golden-wire.json").read_text())["sessions"]
    seen = 0
    for session in sessions:
        head = b"" if session["client"].startswith("y-websocket") else var_string("doc")
        for row in session["A"] + session["B"]:
            frame = bytes.fromhex(row[1]) if row[0] in ("C>S", "S>C") else b""
            if not frame.startswith(head + b"\x01"):
                continue
            update, stop = read_var_bytes(frame, len(head) + 1)
            assert stop == len(frame)
            assert encode_awareness(decode_awareness(update)) == update
            seen += 1
    assert seen > 200


@pytest.mark.parametrize(
    "update", ["", "01", "0107", "010701", "01070105", "01070102", "0000", "ffffffff0f"]
)
def test_what_is_no_awareness_update_is_malformed(update: str) -> None:
    """Cut or overlong bytes are refused, and counts cost nothing."""
    with pytest.raises(MalformedBytes):
        decode_awareness(bytes.fromhex(update))


@pytest.mark.parametrize(
    ("state", "null"),
    [(b"null", True), (b" null\n", True), (b"{}", False), (b'"null"', False), (b"", False)],
)
def test_null_is_told_as_javascript_would(state: bytes, null: bool) -> None:
    """White space around it changes nothing."""
    assert is_null(state) is null


# One's own state


def test_own_states_start_above_clock_zero() -> None:
    """The first state has clock 1: at 0, others would ignore it."""
    ada = Awareness(7)
    assert ada.local is None
    assert ada.encode() == b"\0"
    ada.set_local({"name": "Ada"}, now_ms=0)
    assert decode_awareness(ada.encode()) == [(7, 1, b'{"name":"Ada"}')]
    assert ada.states == {7: {"name": "Ada"}}
    ada.set_local(None, now_ms=1)
    assert decode_awareness(ada.encode()) == [(7, 2, NULL)]
    assert ada.local is None
    assert dict(ada.states) == {}


def test_own_states_are_copies() -> None:
    """Changing what was given, later, changes nothing that is shown."""
    state = {"cursor": [1]}
    ada = Awareness(7)
    ada.set_local(state, now_ms=0)
    state["cursor"].append(2)
    assert ada.local == {"cursor": [1]}


@pytest.mark.parametrize(
    "state", [{1, 2}, float("nan"), b"bytes", object()], ids=["set", "nan", "bytes", "object"]
)
def test_states_are_json(state: Any) -> None:
    """What JSON cannot hold is refused, and nothing is shown."""
    ada = Awareness(7)
    with pytest.raises(ValueNotStorable):
        ada.set_local(state, now_ms=0)
    assert ada.encode() == b"\0"


def test_nobody_takes_ones_state_away() -> None:
    """Who says that this client is gone is contradicted, with a higher clock."""
    ada = Awareness(7)
    ada.set_local({"name": "Ada"}, now_ms=0)
    change = ada.apply(one(7, 5, None), now_ms=1)
    assert change == Change(announce=True)
    assert decode_awareness(ada.encode()) == [(7, 6, b'{"name":"Ada"}')]
    assert ada.apply(one(7, 6, None), now_ms=2).announce
    assert not ada.apply(one(7, 2, None), now_ms=3).announce


def test_nobody_changes_ones_state() -> None:
    """A state under one's own id is not taken, but its clock is outbid by the next change."""
    ada = Awareness(7)
    ada.set_local("Ada", now_ms=0)
    assert ada.apply(one(7, 40, "Mallory"), now_ms=1) == Change()
    assert ada.local == "Ada"
    ada.set_local("Ada!", now_ms=2)
    assert decode_awareness(ada.encode()) == [(7, 41, b'"Ada!"')]


def test_who_shows_nothing_contradicts_nobody() -> None:
    """Without a state of one's own there is nothing to defend."""
    assert Awareness(7).apply(one(7, 5, None), now_ms=0) == Change()


# Others


def test_the_highest_clock_counts() -> None:
    """Old news are ignored; at the same clock only `null` is news."""
    bob = Awareness(9)
    assert bob.apply(one(7, 2, "a"), now_ms=0) == Change(added=(7,))
    assert bob.apply(one(7, 3, "b"), now_ms=0) == Change(updated=(7,))
    assert bob.apply(one(7, 3, "c"), now_ms=0) == Change()
    assert bob.apply(one(7, 2, None), now_ms=0) == Change()
    assert bob.states[7] == "b"
    assert bob.apply(one(7, 3, None), now_ms=0) == Change(removed=(7,))
    assert bob.apply(one(7, 3, "b"), now_ms=0) == Change()
    assert bob.apply(one(7, 4, "b"), now_ms=0) == Change(added=(7,))


def test_an_unknown_id_starts_above_zero() -> None:
    """A first state at clock 0 is ignored, as in y-protocols."""
    assert Awareness(9).apply(one(7, 0, "a"), now_ms=0) == Change()


def test_a_renewal_is_no_change() -> None:
    """The same state at a higher clock keeps its client alive and shows nothing new."""
    bob = Awareness(9)
    bob.apply(one(7, 1, "a"), now_ms=0)
    assert not bob.apply(one(7, 2, "a"), now_ms=20_000)
    assert bob.expire(now_ms=40_000) == Change()


def test_silence_removes_others_and_renews_oneself() -> None:
    """Others go after 30 s without a word, oneself speaks after 15 s."""
    bob = Awareness(9)
    bob.set_local("Bob", now_ms=0)
    bob.apply(one(7, 1, "a"), now_ms=0)
    assert bob.expire(now_ms=RENEW_AFTER_MS - 1) == Change()
    assert bob.expire(now_ms=RENEW_AFTER_MS) == Change(announce=True)
    assert decode_awareness(bob.encode()) == [(9, 2, b'"Bob"')]
    assert bob.expire(now_ms=EXPIRE_AFTER_MS - 1) == Change()
    assert bob.expire(now_ms=EXPIRE_AFTER_MS) == Change(removed=(7,), announce=True)
    assert dict(bob.states) == {9: "Bob"}


def test_who_expired_is_not_brought_back_by_an_echo() -> None:
    """The clock of who is gone is remembered, and forgotten only after a minute."""
    bob = Awareness(9)
    bob.apply(one(7, 5, "a"), now_ms=0)
    bob.expire(now_ms=30_000)
    assert bob.apply(one(7, 5, "a"), now_ms=31_000) == Change()
    bob.expire(now_ms=60_000)
    assert bob.apply(one(7, 5, "a"), now_ms=61_000) == Change(added=(7,))


def test_after_a_new_link_old_clocks_are_news() -> None:
    """When the others are out of sight their clocks are forgotten, one's own state stays."""
    bob = Awareness(9)
    bob.set_local("Bob", now_ms=0)
    bob.apply(one(7, 5, "a"), now_ms=0)
    assert bob.forget_others() == Change(removed=(7,))
    assert dict(bob.states) == {9: "Bob"}
    assert bob.apply(one(7, 5, "a"), now_ms=1) == Change(added=(7,))


def test_known_others_can_be_told_on() -> None:
    """A question who is here is answered with all that is known, goodbyes included."""
    bob = Awareness(9)
    bob.set_local("Bob", now_ms=0)
    bob.apply(encode_awareness([(7, 5, b'"a"'), (8, 2, b'"b"')]), now_ms=0)
    bob.apply(one(8, 3, None), now_ms=0)
    assert decode_awareness(bob.encode([9, 7, 8, 1])) == [
        (9, 1, b'"Bob"'),
        (7, 5, b'"a"'),
        (8, 3, NULL),
    ]


def test_bad_entries_change_nothing() -> None:
    """An update with one state that is no JSON, or too deep, is refused whole."""
    bob = Awareness(9)
    for state in (b"{", b"[" * 100_000, b"\xff"):
        with pytest.raises(MalformedBytes):
            bob.apply(encode_awareness([(7, 1, b'"a"'), (8, 1, state)]), now_ms=0)
    assert dict(bob.states) == {}


def test_memory_is_bounded() -> None:
    """A flood of ids stops at the limit, and clocks beyond counting are ignored."""
    bob = Awareness(9)
    flood = encode_awareness([(client, 1, b"1") for client in range(10, 10 + MAX_KNOWN + 5)])
    assert len(bob.apply(flood, now_ms=0).added) == MAX_KNOWN
    assert Awareness(9).apply(one(7, MAX_CLOCK, "a"), now_ms=0) == Change()


@given(st.lists(WORDS, max_size=30))
def test_states_are_those_that_pycrdt_would_show(
    words: list[tuple[int, int, str | None]],
) -> None:
    """Whatever others say in whatever order, the states are y-protocols' own."""
    ours, theirs = Awareness(9), pycrdt.Awareness(pycrdt.Doc(client_id=9))
    theirs.set_local_state(None)
    for client, clock, state in words:
        update = one(client, clock, state)
        ours.apply(update, now_ms=0)
        theirs.apply_awareness_update(update, "test")
        assert dict(ours.states) == theirs.states


@given(JSON)
def test_pycrdt_reads_what_is_shown(state: Any) -> None:
    """Any JSON shown here is shown there."""
    ours, theirs = Awareness(9), pycrdt.Awareness(pycrdt.Doc(client_id=7))
    ours.set_local(state, now_ms=0)
    theirs.apply_awareness_update(ours.encode(), "test")
    assert theirs.states.get(9) == state


@given(st.binary(max_size=80))
def test_taking_in_presence_is_total(update: bytes) -> None:
    """Whatever the bytes, they are taken or malformed."""
    bob = Awareness(9)
    try:
        change = bob.apply(update, now_ms=0)
    except MalformedBytes:
        assert dict(bob.states) == {}
    else:
        assert set(change.added) == set(bob.states)
