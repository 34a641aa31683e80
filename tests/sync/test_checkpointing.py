"""When a room has a checkpoint made."""

from __future__ import annotations

import pytest

from collabkit.sync.checkpointing import (
    DIGEST_EVERY,
    EVERY,
    ROWS,
    ROWS_AT_ONCE,
    Checkpointing,
)
from collabkit.sync.edits import Edits
from collabkit.sync.effects import MakeCheckpoint
from collabkit.sync.events import CheckpointKept, Opened
from collabkit.sync.messages import Digest

MAKE = [MakeCheckpoint()]


@pytest.fixture
def edits() -> Edits:
    return Edits("main")


@pytest.fixture
def checkpoints(edits: Edits) -> Checkpointing:
    return Checkpointing(edits, now=0.0)


def test_rows_and_time_make_one_due(checkpoints: Checkpointing) -> None:
    """Neither a long log alone, nor a long time, is enough."""
    assert checkpoints.committed(ROWS, now=EVERY - 1) == []
    assert checkpoints.committed(1, now=EVERY) == MAKE
    checkpoints.kept(CheckpointKept(0))
    assert checkpoints.committed(ROWS - 1, now=3 * EVERY) == []


def test_a_flood_has_one_made_at_once(checkpoints: Checkpointing) -> None:
    """A tail that nobody should replay does not wait for the clock."""
    assert checkpoints.committed(ROWS_AT_ONCE, now=0.0) == MAKE


def test_one_is_made_at_a_time(checkpoints: Checkpointing) -> None:
    """While one is being made no other is asked for, however much comes."""
    assert checkpoints.committed(ROWS_AT_ONCE, now=0.0) == MAKE
    assert checkpoints.making
    assert checkpoints.committed(ROWS_AT_ONCE, now=EVERY) == []
    assert checkpoints.left(now=EVERY) == []
    checkpoints.kept(CheckpointKept(0))
    assert checkpoints.committed(1, now=EVERY) == MAKE


def test_who_leaves_leaves_a_room_that_opens_fast(checkpoints: Checkpointing) -> None:
    """An empty room makes the one that is due, and no other."""
    checkpoints.opened(ROWS - 1)
    assert checkpoints.left(now=0.0) == []
    checkpoints.committed(1, now=0.0)
    assert checkpoints.left(now=0.0) == MAKE


def test_an_idle_room_has_one_made_to_compare(checkpoints: Checkpointing) -> None:
    """If anything was stored since, and somebody could compare."""
    assert checkpoints.idle(now=DIGEST_EVERY, can_compare=True) == []
    checkpoints.committed(1, now=0.0)
    assert checkpoints.idle(now=DIGEST_EVERY, can_compare=False) == []
    assert checkpoints.idle(now=DIGEST_EVERY - 1, can_compare=True) == []
    assert checkpoints.idle(now=DIGEST_EVERY, can_compare=True) == MAKE


def test_a_digest_tells_of_a_log_that_did_not_move(
    checkpoints: Checkpointing, edits: Edits
) -> None:
    """Of what was stored since, it says nothing."""
    edits.opened(Opened("L", 5, 0, {7: 1}))
    assert checkpoints.kept(CheckpointKept(5, "digest")) == Digest(5, "digest")
    assert checkpoints.kept(CheckpointKept(4, "digest")) is None
    assert checkpoints.kept(CheckpointKept(0)) is None
