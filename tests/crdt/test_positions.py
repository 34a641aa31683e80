"""Positions on the wire are those of Yjs."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collabkit.crdt.positions import Position
from collabkit.errors import MalformedBytes

numbers = st.integers(0, 2**53 - 1)
ids = st.tuples(numbers, numbers)
positions = (
    st.builds(Position, item=ids, before=st.booleans())
    | st.builds(Position, root=st.text(min_size=1), before=st.booleans())
    | st.builds(Position, type=ids, before=st.booleans())
)

# Made with Yjs 13.6.33, by client 7: Y.encodeRelativePosition and JSON.stringify of positions in
# the root text `t`, which is "aé😀b", and in an empty text under a key of a map.
BY_YJS = [
    (
        Position(item=(7, 1)),
        "00070100",
        '{"type":null,"tname":"t","item":{"client":7,"clock":1},"assoc":0}',
    ),
    (
        Position(item=(7, 0), before=True),
        "00070041",
        '{"type":null,"tname":"t","item":{"client":7,"clock":0},"assoc":-1}',
    ),
    (Position(root="t"), "01017400", '{"type":null,"tname":"t","item":null,"assoc":0}'),
    (
        Position(type=(7, 5), before=True),
        "02070541",
        '{"type":{"client":7,"clock":5},"tname":null,"item":null,"assoc":-1}',
    ),
]


@pytest.mark.parametrize(("position", "encoded", "as_json"), BY_YJS)
def test_what_yjs_wrote_is_read_and_written(position: Position, encoded: str, as_json: str) -> None:
    """The bytes are the same; JSON names the text beside the character."""
    assert position.encode().hex() == encoded
    assert Position.decode(bytes.fromhex(encoded)) == position
    read = Position.from_json(json.loads(as_json))
    assert read.to_json() == json.loads(as_json)
    assert (read.item, read.before) == (position.item, position.before)
    assert read.encode() == position.encode()


@given(positions)
def test_a_position_survives_both_ways(position: Position) -> None:
    """As bytes and as JSON."""
    assert Position.decode(position.encode()) == position
    assert Position.from_json(position.to_json()) == position


def test_an_old_encoding_holds_on_to_what_is_behind() -> None:
    """Yjs before 13.5 wrote no side."""
    assert Position.decode(bytes.fromhex("000703")) == Position(item=(7, 3))


@given(st.binary(max_size=12))
def test_any_bytes_are_a_position_or_malformed(data: bytes) -> None:
    """Presence of strangers is read without harm."""
    try:
        Position.decode(data)
    except MalformedBytes:
        return


@pytest.mark.parametrize(
    "value",
    [
        None, [], "x", {}, {"tname": 5}, {"tname": "t", "assoc": "x"}, {"item": {"client": 1}},
        {"item": {"client": 1, "clock": -1}}, {"item": {"client": 2**53, "clock": 0}},
        {"type": [1, 2]},
    ],
)  # fmt: skip
def test_other_json_is_malformed(value: Any) -> None:
    """What any peer may put into its presence."""
    with pytest.raises(MalformedBytes):
        Position.from_json(value)


def test_a_position_holds_on_to_something() -> None:
    """One that does not cannot be sent."""
    with pytest.raises(ValueError, match="holds on to something"):
        Position().encode()
