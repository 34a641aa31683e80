"""The codec of Hocuspocus providers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collabkit.errors import BadFrame, RemoteProtocolError
from collabkit.sync.hocuspocus import (
    Authenticate,
    Authenticated,
    CloseAddress,
    HocuspocusMessage,
    Pong,
    Stateless,
    SyncStatus,
    read_hocuspocus,
    room_part,
    write_hocuspocus,
)
from collabkit.sync.messages import Awareness, Denied, SyncStep1, Update

from .test_messages import golden

# Of a recorded handshake, what only servers say.
SERVER_ONLY = (b"\x02\x01", b"\x02\x02", b"\x08")


def test_golden_frames_of_hocuspocus_clients(data: Callable[[str], Path]) -> None:
    """Every frame that a provider was recorded to send is read, and written byte for byte."""
    frames = [frame for way, frame in golden(data, "hocuspocus") if way == "C>S"]
    assert len(frames) > 200
    for frame in frames:
        assert write_hocuspocus(*read_hocuspocus(frame)) == frame


@pytest.mark.parametrize(
    ("message", "frame"),
    [
        (Authenticated(can_write=True), "03646f6302020a726561642d7772697465"),
        (Authenticated(can_write=False), "03646f63020208726561646f6e6c79"),
        (Denied("permission-denied"), "03646f630201117065726d697373696f6e2d64656e696564"),
        (SyncStatus(stored=True), "03646f630801"),
        (SyncStatus(stored=False), "03646f630800"),
        (SyncStep1(b"\x00"), "03646f6300000100"),
        (Update(b"\x00\x00"), "03646f6300020200" + "00"),
        (Awareness(b"\x00"), "03646f63010100"),
        (CloseAddress(), "03646f6307"),
        (Stateless("hi"), "03646f6305026869"),
    ],
)
def test_frames_for_providers(message: HocuspocusMessage, frame: str) -> None:
    """What the relay says is byte for byte what Hocuspocus' own server says."""
    assert write_hocuspocus("doc", message).hex() == frame


def test_a_bare_pong_has_no_address() -> None:
    """Provider 4 answers a ping with one byte."""
    assert read_hocuspocus(b"\x0a") == ("", Pong())


def test_the_version_tells_provider_4() -> None:
    """Only provider 4 sends a version behind the token."""
    old = read_hocuspocus(write_hocuspocus("doc", Authenticate("t")))
    new = read_hocuspocus(write_hocuspocus("doc", Authenticate("t", "4.8.0")))
    assert old == ("doc", Authenticate("t"))
    assert new == ("doc", Authenticate("t", "4.8.0"))


def test_an_address_may_hold_a_session_behind_nul() -> None:
    """The room is what stands before NUL."""
    assert room_part("doc\x00tab") == "doc"
    assert room_part("doc") == "doc"


@pytest.mark.parametrize("kind", [4, 6, 8, 11])
def test_types_that_providers_do_not_send_are_refused(kind: int) -> None:
    """Types for servers among themselves are an error from a socket."""
    with pytest.raises(BadFrame):
        read_hocuspocus(b"\x03doc" + bytes([kind, 0]))


def test_no_message_shows_its_token() -> None:
    """A token never ends up in a log by way of a repr."""
    assert "secret" not in repr(Authenticate("secret"))


@given(st.binary(max_size=60))
def test_any_bytes_give_a_message_or_an_error_of_ours(frame: bytes) -> None:
    """Reading is total."""
    try:
        address, message = read_hocuspocus(frame)
    except RemoteProtocolError:
        return
    assert isinstance(address, str)
    assert message is not None
