"""The codec of y-websocket and of our own dialect."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collabkit.errors import BadFrame, MalformedBytes, RemoteProtocolError
from collabkit.sync.messages import (
    KEEP_ALIVE,
    Ack,
    Call,
    Edit,
    Message,
    Result,
    Row,
    SyncStep1,
    Update,
    Welcome,
    read,
    read_collabkit,
    write,
)

LARGE = st.integers(0, 2**53 - 1)


def golden(data: Callable[[str], Path], dialect: str) -> Iterator[tuple[str, bytes]]:
    """Direction and bytes of each frame of the recorded handshakes of one dialect."""
    for session in json.loads(data("golden-wire.json").read_text())["sessions"]:
        if dialect in session["client"]:
            for row in (*session["A"], *session["B"]):
                if row[0] in ("C>S", "S>C"):
                    yield row[0], bytes.fromhex(row[1])


def test_golden_frames_of_y_websocket(data: Callable[[str], Path]) -> None:
    """Every recorded frame is read, and written again byte for byte."""
    frames = [frame for _, frame in golden(data, "y-websocket")]
    assert len(frames) > 100
    for frame in frames:
        assert write(read(frame)) == frame
        assert read_collabkit(frame) == read(frame)


@given(st.data())
def test_every_message_is_read_as_it_was_written(draw: st.DataObject) -> None:
    """Reading undoes writing, for all messages of our dialect; its first version had no epoch."""
    kind: Callable[..., Message] = draw.draw(st.sampled_from(get_args(Message)))
    strategies = {"int": LARGE, "str": st.text(), "bytes": st.binary(), "bool": st.booleans()}
    values = [draw.draw(strategies[t]) for t in kind.__annotations__.values()]
    message: Message = kind(*values)
    if isinstance(message, Welcome) and message.version == 1:
        message = msgspec.structs.replace(message, epoch=0)
    assert read_collabkit(write(message)) == message


@given(st.binary(max_size=60))
def test_any_bytes_give_a_message_or_an_error_of_ours(frame: bytes) -> None:
    """Reading is total."""
    for reader in (read, read_collabkit):
        with contextlib.suppress(RemoteProtocolError):
            assert reader(frame) is not None


def test_every_truncation_is_refused() -> None:
    """A message that ends too early is never taken for a shorter one."""
    messages: list[Message] = [
        SyncStep1(b"\x01\x07\x02"),
        Edit(300, "g", b"\x00\x00"),
        Call(1, "compact", "k", b"{}"),
        Result(1, True, "", b"[]"),
        Welcome(1, "L", "user:a", True, 400),
        Row(5, b"\x00\x00"),
    ]
    for message in messages:
        frame = write(message)
        for end in range(len(frame)):
            with pytest.raises(RemoteProtocolError):
                read_collabkit(frame[:end])


def test_bytes_behind_a_message_are_refused() -> None:
    """One message a frame."""
    with pytest.raises(BadFrame, match="1 bytes behind"):
        read(write(Update(b"\x00\x00")) + b"\x00")


@pytest.mark.parametrize("frame", [b"\x04", b"\x00\x03\x00", b"\x02\x01\x00", b"\x40"])
def test_types_outside_the_dialect_are_refused(frame: bytes) -> None:
    """An unknown type is an error, not something to skip."""
    with pytest.raises(RemoteProtocolError):
        read(frame)


def test_a_truth_value_is_zero_or_one() -> None:
    """Anything else in the place of a truth value is an error."""
    frame = write(Result(1, True, "", b""))
    with pytest.raises(BadFrame, match="not a truth value"):
        read_collabkit(frame.replace(b"\x48\x01\x01", b"\x48\x01\x02"))


def test_an_empty_frame_is_malformed() -> None:
    """An empty frame says so."""
    with pytest.raises(MalformedBytes):
        read(b"")


def test_the_keep_alive_is_the_one_stock_clients_ignore() -> None:
    """Presence of nobody, byte for byte."""
    assert write(KEEP_ALIVE).hex() == "010100"
    assert write(Ack(7)).hex() == "4307"
