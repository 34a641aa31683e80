"""What goes over the pipe comes out as it went in, however it is cut."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collabkit.crdt.engine import Bad, Contested, Gap, Good, Mended, NothingNew, Verdict
from collabkit.crdt.pipe import (
    Answer,
    Build,
    Close,
    Diff,
    Done,
    Frames,
    Lost,
    Made,
    Malformed,
    Mark,
    Open,
    Opened,
    Piece,
    Ping,
    Refused,
    Rehearse,
    Request,
    Survey,
    Taste,
    Tasted,
    TooLong,
    Trip,
    decode_answers,
    decode_calls,
    encode,
    fits,
    framed,
    said,
    verdicts,
)

REQUESTS = (
    Ping(), Open(1, [b"a", b""]), Taste([(1, [b"a"]), (2, [])]), Diff(1, b"\0"), Close(1),
    Build([b"a"]), Rehearse([]), Survey(1), Taste([(1, [b"a", Contested(b"b", ((1, 2, 3),), ())])]),
)  # fmt: skip
ANSWERS = (
    Done(), Opened({1 << 52: 1 << 31}), Tasted([b"\0", Trip(b"\3", [("a", "b")], 3, "died")]),
    Tasted([Trip(b"\4", mended=[b"a"])]),
    Piece(b"a"), Made(b"a", "0"), Refused("a", "b"), Malformed("a", 3), Lost(None, "died"),
)  # fmt: skip


@pytest.mark.parametrize("request_", REQUESTS)
def test_a_call_comes_out_as_it_went_in(request_: Request) -> None:
    """Kind and fields; sequences may be of another kind."""
    [(ticket, got)] = decode_calls(encode([(7, request_)]))
    assert (ticket, encode(got)) == (7, encode(request_))
    assert type(got) is type(request_)


@pytest.mark.parametrize("answer", ANSWERS)
def test_an_answer_comes_out_as_it_went_in(answer: Answer) -> None:
    """Kind and fields."""
    [(ticket, got)] = decode_answers(encode([(7, answer)]))
    assert (ticket, encode(got)) == (7, encode(answer))
    assert type(got) is type(answer)


@given(
    st.lists(
        st.sampled_from([Good(), NothingNew(), Gap()])
        | st.builds(Bad, st.text(max_size=5), st.text(max_size=5))
        | st.builds(Mended, st.binary(max_size=5))
    )
)
def test_verdicts_come_out_as_they_went_in(given: list[Verdict]) -> None:
    """Each a byte, and what is said of those that are bad, or came of those that are mended."""
    asked = [Contested(b"a") if isinstance(verdict, Mended) else b"a" for verdict in given]
    assert verdicts(said(given)) == given
    assert fits(said(given), asked)


@pytest.mark.parametrize(
    "trip",
    [
        b"", b"\0\0\0", b"\0\3", b"\0\xff", Trip(b"\0"), Trip(b"\0\3"), Trip(b"\3\3", [("a", "b")]),
        Trip(b"\0\0", [("a", "b")]), Trip(b"\0\4"), Trip(b"\0\4", mended=[b"a"]),
        Trip(b"", (), 2, "died"), Trip(b"", (), -1, "died"),
    ],
)  # fmt: skip
def test_what_cannot_be_said_of_two_updates_is_noticed(trip: bytes | Trip) -> None:
    """Too few, too many, unknown ones, or bad ones without a reason: a child may be anybody's."""
    assert not fits(trip, [b"a", b"b"])
    for sound in (b"\0\2", Trip(b"\1\3", [("a", "b")]), Trip(b"", (), 0, "died")):
        assert fits(sound, [b"a", b"b"])


def test_nothing_is_mended_but_what_is_contested() -> None:
    """And each that is comes with what went into the document instead."""
    asked: list[bytes | Contested] = [b"a", Contested(b"b")]
    for unsound in (Trip(b"\4\1", mended=[b"a"]), Trip(b"\0\4", mended=[b"a"] * 2)):
        assert not fits(unsound, asked)
    for sound in (b"\0\0", Trip(b"\0\3", [("a", "b")]), Trip(b"\0\4", mended=[b"a"])):
        assert fits(sound, asked)


@given(st.lists(st.binary(max_size=300)), st.lists(st.integers(1, 50), min_size=1))
def test_frames_are_the_same_however_they_are_cut(payloads: list[bytes], sizes: list[int]) -> None:
    """In any pieces, and those of one piece in their order."""
    stream = b"".join(map(framed, payloads))
    frames = Frames(limit=1000)
    got: list[bytes] = []
    at = turn = 0
    while at < len(stream):
        size = sizes[turn % len(sizes)]
        got += map(bytes, frames.feed(stream[at : at + size]))
        at, turn = at + size, turn + 1
    assert got == payloads


def test_a_frame_has_an_end() -> None:
    """One that claims to be longer than it may is not waited for."""
    frames = Frames(limit=100)
    assert list(frames.feed(framed(bytes(96)))) == [bytes(96)]
    with pytest.raises(TooLong):
        list(frames.feed(b"\0\0\0\x61"))


def test_a_mark_is_seen_on_the_other_side() -> None:
    """Call and update, before the update is given; and none, when all were."""
    fd = Mark.file()
    ours, theirs = Mark(fd), Mark(fd)
    os.close(fd)
    assert (ours.ticket, ours.index) == (0, 0)
    theirs.begin(1 << 40)
    assert (ours.ticket, ours.index) == (1 << 40, None)
    seen = [(update, ours.index) for update in theirs.each([b"a", b"b"], 5)]
    assert seen == [(b"a", 5), (b"b", 6)]
    assert ours.index is None
    theirs.weight_bytes = 1 << 40
    assert ours.weight_bytes == 1 << 40
    for mark in (ours, theirs):
        mark.close()
