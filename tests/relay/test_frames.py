"""The assembler against RFC 6455, without a socket."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collabkit.errors import BadFrame
from collabkit.relay.frames import (
    MAX_FRAGMENTS,
    Assembler,
    Closing,
    Opcode,
    Ping,
    close_reason,
)

CONTROLS = st.sampled_from([(Opcode.PING, b"?"), (Opcode.PONG, b"!")])


def cut(message: bytes, cuts: list[int]) -> list[bytes]:
    """Cut a message into pieces, some of them empty."""
    marks = [0, *sorted(min(each, len(message)) for each in cuts), len(message)]
    return [message[start:stop] for start, stop in itertools.pairwise(marks)]


@given(
    st.one_of(st.binary(max_size=200), st.text(max_size=80)),
    st.lists(st.integers(0, 200), max_size=6),
    st.lists(st.one_of(st.none(), CONTROLS), min_size=8, max_size=8),
)
def test_a_message_is_the_same_however_it_is_cut(
    message: bytes | str, cuts: list[int], between: list[tuple[Opcode, bytes] | None]
) -> None:
    """Fragments join to what was cut, whatever control frames come in between."""
    assembler = Assembler(max_message_bytes=1000)
    kind = Opcode.TEXT if isinstance(message, str) else Opcode.BINARY
    pieces = cut(message.encode() if isinstance(message, str) else message, cuts)
    taken = None
    for index, piece in enumerate(pieces):
        if index and (control := between[index]):
            assembler.take(*control, fin=True)
        last = index == len(pieces) - 1
        taken = assembler.take(kind, piece, fin=last)
        assert assembler.between is last
        kind = Opcode.CONTINUATION
    assert taken == message


@given(st.lists(st.tuples(st.sampled_from(Opcode), st.binary(max_size=20), st.booleans())))
def test_any_sequence_of_frames_is_taken_or_refused(
    frames: list[tuple[Opcode, bytes, bool]],
) -> None:
    """No frames make the assembler fail otherwise than by BadFrame, or hold more than its limit."""
    assembler = Assembler(max_message_bytes=50)
    held = 0
    code = None
    for kind, payload, fin in frames:
        try:
            taken = assembler.take(kind, payload, fin=fin)
        except BadFrame as refused:
            code = refused.close_code
            break
        if kind < Opcode.CLOSE:
            held = 0 if fin else held + len(payload)
            assert held <= 50
            assert isinstance(taken, bytes | str) is fin
    assert code in (None, 1002, 1007, 1009)


@pytest.mark.parametrize(
    ("frames", "code"),
    [
        ([(Opcode.CONTINUATION, b"", True)], 1002),
        ([(Opcode.CONTINUATION, b"", False)], 1002),
        ([(Opcode.BINARY, b"a", False), (Opcode.BINARY, b"b", True)], 1002),
        ([(Opcode.TEXT, b"a", False), (Opcode.BINARY, b"b", False)], 1002),
        ([(Opcode.BINARY, b"a" * 11, True)], 1009),
        ([(Opcode.BINARY, b"a" * 6, False), (Opcode.CONTINUATION, b"a" * 5, True)], 1009),
        ([(Opcode.TEXT, b"\xff", True)], 1007),
        ([(Opcode.TEXT, b"\xc3", False), (Opcode.CONTINUATION, b"(", True)], 1007),
        ([(Opcode.TEXT, b"\xed\xa0\x80", True)], 1007),
        ([(Opcode.CLOSE, b"\x03", True)], 1002),
        ([(Opcode.CLOSE, (1005).to_bytes(2, "big"), True)], 1002),
        ([(Opcode.CLOSE, (1006).to_bytes(2, "big"), True)], 1002),
        ([(Opcode.CLOSE, (0).to_bytes(2, "big"), True)], 1002),
        ([(Opcode.CLOSE, (2999).to_bytes(2, "big"), True)], 1002),
        ([(Opcode.CLOSE, (5000).to_bytes(2, "big"), True)], 1002),
        ([(Opcode.CLOSE, (1000).to_bytes(2, "big") + b"\xff", True)], 1007),
    ],
)
def test_a_broken_rule_has_its_code(frames: list[tuple[Opcode, bytes, bool]], code: int) -> None:
    """Each rule of the receiver is answered with the close code that RFC 6455 gives it."""
    assembler = Assembler(max_message_bytes=10)
    *before, last = frames
    for kind, payload, fin in before:
        assembler.take(kind, payload, fin=fin)
    with pytest.raises(BadFrame) as refused:
        assembler.take(last[0], last[1], fin=last[2])
    assert refused.value.close_code == code


@pytest.mark.parametrize("kind", list(Opcode))
def test_a_reserved_bit_is_refused_on_every_frame(kind: Opcode) -> None:
    """No extension is negotiated, so no frame may have a reserved bit."""
    with pytest.raises(BadFrame) as refused:
        Assembler(max_message_bytes=10).take(kind, b"", fin=True, reserved=True)
    assert refused.value.close_code == 1002


def test_empty_fragments_do_not_go_on_for_ever() -> None:
    """A message in endless empty pieces is refused by their number."""
    assembler = Assembler(max_message_bytes=10)
    assembler.take(Opcode.BINARY, b"", fin=False)
    for _ in range(MAX_FRAGMENTS - 1):
        assembler.take(Opcode.CONTINUATION, b"", fin=False)
    with pytest.raises(BadFrame) as refused:
        assembler.take(Opcode.CONTINUATION, b"", fin=False)
    assert refused.value.close_code == 1009


def test_a_character_may_be_cut_between_fragments() -> None:
    """UTF-8 is checked of the whole message."""
    assembler = Assembler(max_message_bytes=10)
    assert assembler.take(Opcode.TEXT, b"\xe2\x98", fin=False) is None
    assert repr(assembler) == "<Assembler in a text message, 2 bytes>"
    assert assembler.take(Opcode.CONTINUATION, b"\x83", fin=True) == "☃"


def test_control_frames_bring_what_they_say() -> None:
    """A ping brings its payload, a close its code and reason, a pong nothing."""
    assembler = Assembler(max_message_bytes=10)
    assert assembler.take(Opcode.PING, b"p", fin=True) == Ping(b"p")
    assert assembler.take(Opcode.PONG, b"p", fin=True) is None
    assert assembler.take(Opcode.CLOSE, b"", fin=True) == Closing(None, "")
    bye = assembler.take(Opcode.CLOSE, b"\x11\x31" + close_reason("später"), fin=True)
    assert bye == Closing(4401, "später")


@given(st.text(max_size=200))
def test_a_close_frame_holds_any_reason(reason: str) -> None:
    """What we send as a reason fits, and is text that the assembler takes."""
    payload = b"\x03\xe8" + close_reason(reason)
    assert len(payload) <= 125
    closing = Assembler(max_message_bytes=1).take(Opcode.CLOSE, payload, fin=True)
    assert isinstance(closing, Closing)
    assert reason.encode("utf-8", "replace").decode().startswith(closing.reason)
