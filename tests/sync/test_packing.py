"""Rows that leave compressed."""

from __future__ import annotations

import random
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collabkit.errors import BadFrame, RemoteProtocolError
from collabkit.sync.messages import PackedRow, Row, read_collabkit, write
from collabkit.sync.packing import MAX_ROW_BYTES, pack, unpack

BODY = b"a document says the same things again and again. " * 1000


def test_a_row_comes_out_as_it_went_in() -> None:
    """What is packed, sent, read and unpacked is the row, and was smaller on its way."""
    packed = pack(Row(7, BODY))
    assert packed is not None
    frame = write(packed)
    assert len(frame) < len(BODY) // 10
    told = read_collabkit(frame)
    assert isinstance(told, PackedRow)
    assert unpack(told) == Row(7, BODY)


def test_what_would_gain_nothing_is_left_as_it_is() -> None:
    """Small rows, and those that do not shrink, are sent as they are."""
    assert pack(Row(7, BODY[:1000])) is None
    assert pack(Row(7, random.Random(7).randbytes(100_000))) is None


def test_a_bomb_is_refused_before_it_goes_off() -> None:
    """A row that tells more than a row may have is not inflated at all."""
    bomb = PackedRow(7, MAX_ROW_BYTES + 1, zlib.compress(bytes(10_000_000)))
    with pytest.raises(BadFrame) as refused:
        unpack(bomb)
    assert refused.value.close_code == 1009


@pytest.mark.parametrize(
    "packed",
    [
        PackedRow(7, len(BODY) - 1, zlib.compress(BODY)),
        PackedRow(7, len(BODY) + 1, zlib.compress(BODY)),
        PackedRow(7, 10, zlib.compress(bytes(10_000_000))),
        PackedRow(7, len(BODY), zlib.compress(BODY) + b"more"),
        PackedRow(7, len(BODY), zlib.compress(BODY)[:-1]),
        PackedRow(7, len(BODY), b"no zlib"),
        PackedRow(7, 0, b""),
    ],
)
def test_what_lies_about_its_size_is_no_row(packed: PackedRow) -> None:
    """More inside than told, or less, or something behind the end, is refused."""
    with pytest.raises(BadFrame):
        unpack(packed)


@given(st.binary(max_size=200), st.integers(0, 1 << 20))
def test_no_bytes_do_harm(body: bytes, size: int) -> None:
    """Whatever comes is a row of its told size, or refused."""
    try:
        row = unpack(PackedRow(1, size, body))
    except RemoteProtocolError:
        return
    assert len(row.update) == size
