"""Whose copy is of a document, and whose of another one."""

from __future__ import annotations

import pytest

from collabkit.sync.events import Opened
from collabkit.sync.histories import MAX_WELCOME, WORDS_TO_UNSEEN, Histories
from collabkit.sync.recovery import Recovery


def test_a_copy_that_shares_nothing_is_unseen() -> None:
    """It has edits, the document has edits, and nobody wrote in both."""
    histories = Histories(Recovery())
    assert histories.unseen({9: 3}, {8: 5}, now=0.0)
    assert not histories.unseen({9: 3, 8: 1}, {8: 5}, now=0.0)


@pytest.mark.parametrize(("theirs", "ours"), [({}, {8: 5}), ({9: 0}, {8: 5}), ({9: 3}, {})])
def test_where_one_side_has_nothing_nobody_is_unseen(
    theirs: dict[int, int], ours: dict[int, int]
) -> None:
    """An empty copy takes what there is, and an empty document what comes."""
    assert not Histories(Recovery()).unseen(theirs, ours, now=0.0)


def test_a_document_may_take_in_all() -> None:
    """Where unseen histories are allowed nobody is unseen."""
    histories = Histories(Recovery())
    histories.opened(Opened("L", 1, 0, {}, unseen_histories=True))
    assert not histories.unseen({9: 3}, {8: 5}, now=0.0)


def test_a_recovery_takes_in_all_until_it_ends() -> None:
    """What a copy shares with a document may be just what the log has lost."""
    recovery = Recovery()
    histories = Histories(recovery)
    recovery.opened(20_000)
    assert not histories.unseen({9: 3}, {8: 5}, now=19.0)
    assert histories.unseen({10: 3}, {8: 5}, now=20.0)


def test_who_was_welcome_stays_so() -> None:
    """Who was here while the document was empty may come back once it is not."""
    histories = Histories(Recovery())
    histories.met([9])
    assert not histories.unseen({7: 3}, {}, now=0.0)
    assert not histories.unseen({9: 3}, {8: 5}, now=0.0)
    assert not histories.unseen({7: 4}, {8: 5}, now=0.0)


def test_memory_is_bounded() -> None:
    """However many come, it is the newest that are remembered."""
    histories = Histories(Recovery())
    histories.met(range(1, 3 * MAX_WELCOME))
    assert histories.unseen({1: 3}, {8 * MAX_WELCOME: 5}, now=0.0)
    assert not histories.unseen({3 * MAX_WELCOME - 1: 3}, {8 * MAX_WELCOME: 5}, now=0.0)


def test_the_refusal_fits_a_close_frame() -> None:
    """RFC 6455 leaves 123 bytes for a reason."""
    assert len(WORDS_TO_UNSEEN.encode()) <= 123
