"""Places as bytes."""

from __future__ import annotations

from random import Random

import pytest

from collabkit.crdt.document import Document
from collabkit.crdt.places import Places
from collabkit.errors import MalformedBytes
from crdt.placing import placed
from history.crowd import Crowd


@pytest.mark.parametrize("number", range(3))
def test_what_was_written_is_read_again(number: int, seed: int) -> None:
    """All of it: what goes on from there is told as it would have been."""
    crowd = Crowd(Random(seed + number))
    for _ in range(40):
        crowd.step()
    crowd.settle()
    updates = [row.update for row in crowd.rows]
    half = len(updates) // 2
    places, vector, _ = placed(updates[:half])
    again = Places.decode(places.encode())
    assert again.encode() == places.encode()
    told = placed(updates[half:], again, dict(vector))[2]
    assert told == placed(updates[half:], places, vector)[2]
    assert again.encode() == places.encode()


def test_typing_takes_no_room() -> None:
    """One client in one text is one run, however long he types."""
    document, updates = Document(client_id=7), []
    document.on_update(lambda change: updates.append(change.update))
    for _ in range(300):
        document.text("t").append("a")
    assert len(placed(updates)[0].encode()) < 80


@pytest.mark.parametrize("data", [b"", b"\xc0", b"\x94\x90\x90\x80\x90", b"\x94\x91\x92\x90\xc2"])
def test_other_bytes_are_refused(data: bytes) -> None:
    """Whatever they are."""
    with pytest.raises(MalformedBytes):
        Places.decode(data)
