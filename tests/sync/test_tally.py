"""Counting edits from being made to being acknowledged."""

from __future__ import annotations

from collabkit.sync.tally import PART, Tally


def made(count: int) -> Tally:
    tally = Tally()
    tally.made = count
    return tally


def test_single_answers() -> None:
    """Each answer acknowledges the oldest edit on its way."""
    tally = made(2)
    tally.leaves(tally.one())
    tally.leaves(tally.one())
    assert tally.answered(taken=True)
    assert (tally.acked, tally.pending, tally.unsent) == (1, 1, 0)


def test_one_difference_for_many() -> None:
    """The answer to a difference acknowledges all that was pending when it was made."""
    tally = made(5)
    tally.leaves(tally.all())
    tally.made = 6
    assert tally.answered(taken=True)
    assert (tally.acked, tally.pending) == (5, 1)


def test_pieces() -> None:
    """What leaves in pieces is sent with the first, and acknowledged with the last."""
    tally = made(2)
    span = tally.all()
    assert (tally.sent, tally.owed) == (2, 0)
    for piece in (PART, PART, span):
        tally.leaves(piece)
        assert (tally.pending, tally.owed) == (2, 1)
        assert tally.answered(taken=True) == piece
    assert tally.pending == 0


def test_refused_holds_the_rest() -> None:
    """What was acknowledged after a refused edit does not acknowledge the refused one."""
    tally = made(3)
    for _ in range(3):
        tally.leaves(tally.one())
    tally.answered(taken=True)
    tally.answered(taken=False)
    tally.answered(taken=True)
    assert (tally.acked, tally.pending) == (1, 2)


def test_difference_after_refusal() -> None:
    """A difference that was made after a refusal contains the refused edit."""
    tally = made(2)
    tally.leaves(tally.one())
    tally.leaves(tally.one())
    tally.answered(taken=False)
    tally.leaves(tally.all())
    tally.answered(taken=False)
    tally.answered(taken=True)
    assert tally.pending == 0


def test_answer_to_nothing() -> None:
    """An answer that nothing was asked for is told from one that is owed."""
    assert Tally().answered(taken=True) is None


def test_lost_link() -> None:
    """What was on its way when the link was lost has not been sent."""
    tally = made(3)
    tally.leaves(tally.one())
    tally.leaves(tally.one())
    tally.answered(taken=True)
    tally.lost()
    assert (tally.acked, tally.sent, tally.unsent) == (1, 1, 2)
    assert tally.answered(taken=True) is None


def test_handed_over() -> None:
    """With a peer that never answers, what left is done with, and what did not is pending."""
    tally = made(2)
    tally.leaves(tally.one())
    tally.handed_over()
    assert (tally.acked, tally.pending) == (1, 1)
    tally.lost()
    assert tally.unsent == 1
