"""What a socket speaks, told by what was agreed on and by what comes first."""

from __future__ import annotations

import pytest

from collabkit.sync.dialects import (
    PROTOCOL_VERSION,
    SUBPROTOCOL,
    SUBPROTOCOLS,
    Dialect,
    told_by,
)
from collabkit.sync.hocuspocus import Authenticate, write_hocuspocus
from collabkit.sync.messages import Awareness, SyncStep1, Update, write


def test_the_latest_version_is_offered_first() -> None:
    """Two peers of ours agree on the best that both know."""
    assert next(iter(SUBPROTOCOLS)) == SUBPROTOCOL
    assert list(SUBPROTOCOLS.values()) == [PROTOCOL_VERSION, 2, 1]


@pytest.mark.parametrize(
    ("first", "dialect"),
    [
        (write(SyncStep1(b"\x00")), Dialect.YWEBSOCKET),
        (write(Update(b"\x00\x00")), Dialect.HOCUSPOCUS),
        (write(Awareness(b"\x00")), Dialect.HOCUSPOCUS),
        (write_hocuspocus("notes", Authenticate("token")), Dialect.HOCUSPOCUS),
        (b"\x00\x00", Dialect.HOCUSPOCUS),
        (b"\x00\x00\x00", Dialect.HOCUSPOCUS),
    ],
)
def test_only_a_whole_first_step_is_ywebsocket(first: bytes, dialect: Dialect) -> None:
    """Everything else is an address of Hocuspocus, the empty one too."""
    assert told_by(first) is dialect
