"""Reading at a glance never differs from reading."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from collabkit.errors import RemoteProtocolError
from collabkit.sync.glance import awareness_in, update_in
from collabkit.sync.messages import Awareness, Message, Update, read, write


def whole(frame: bytes) -> Message | None:
    try:
        return read(frame)
    except RemoteProtocolError:
        return None


frames = st.one_of(
    st.binary(max_size=8),
    st.binary(max_size=300).map(lambda update: write(Update(update))),
    st.binary(max_size=300).map(lambda update: write(Awareness(update))),
    st.binary(max_size=300).map(lambda update: write(Update(update)) + b"\0"),
    st.binary(max_size=300).map(lambda update: write(Awareness(update))[:-1]),
)


@given(frames)
def test_a_glance_finds_what_reading_finds(frame: bytes) -> None:
    """A frame is taken for an Update or an Awareness if and only if it reads as one."""
    message = whole(frame)
    assert update_in(frame) == (message.update if isinstance(message, Update) else None)
    assert awareness_in(frame) == (message.update if isinstance(message, Awareness) else None)
