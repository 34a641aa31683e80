"""What one member is owed."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from collabkit.crdt.update import scan
from collabkit.sync.answers import ASK_AGAIN_AFTER, Answers, covers
from collabkit.sync.intake import MAX_GAPS
from collabkit.sync.messages import Ack, Message
from crdt.crafting import gc, update

HI = scan(bytes.fromhex("010107000401017402686900"))
YO = scan(bytes.fromhex("0101070284070102796f00"))


@given(st.permutations(range(6)))
def test_answers_leave_in_the_order_of_their_edits(order: list[int]) -> None:
    """Whatever order they are found in."""
    answers = Answers()
    tickets = [answers.expect() for _ in order]
    sent: list[Message] = []
    for n in order:
        sent += answers.resolve(tickets[n], Ack(n))
    assert sent == [Ack(n) for n in range(6)]


def test_a_gap_is_answered_only_when_its_own_content_is_stored() -> None:
    """A later edit that is stored does not vouch for an earlier one that is not."""
    answers = Answers()
    gap, later = answers.expect(), answers.expect()
    answers.leave_open(gap, YO)
    assert answers.gaps == 1
    answers.close_gaps(HI, {7: 2}, Ack(1))
    assert answers.resolve(later, Ack(1)) == []
    again = answers.expect()
    answers.close_gaps(YO, {7: 4}, Ack(2))
    assert answers.resolve(again, Ack(2)) == [Ack(2), Ack(1), Ack(2)]
    assert answers.gaps == 0


def test_a_gap_that_deletes_waits_for_the_same_deletions() -> None:
    """A state vector knows nothing of deletions, so the answer must hold them."""
    deleting = scan(bytes.fromhex("000107010001"))
    answers = Answers()
    answers.leave_open(answers.expect(), deleting)
    answers.close_gaps(HI, {7: 9}, Ack(1))
    assert answers.gaps == 1
    answers.close_gaps(deleting, {7: 9}, Ack(1))
    assert answers.gaps == 0


def test_a_gap_that_tells_much_counts_for_many() -> None:
    """What is remembered of it, and what is compared with each later edit, is bounded."""
    deletes = {7: [(2 * at, 1) for at in range(100_000)]}
    large = scan(update((7, 0, [gc(200_000)]), deletes=deletes))
    answers = Answers()
    first, second = answers.expect(), answers.expect()
    answers.leave_open(first, HI)
    assert answers.gaps == 1
    answers.leave_open(second, large)
    answers.leave_open(second, large)
    assert MAX_GAPS // 2 < answers.gaps <= MAX_GAPS
    answers.close_gaps(large, {7: 200_000}, Ack(1))
    assert answers.gaps == 0


def test_a_member_is_not_asked_twice_while_it_may_still_answer() -> None:
    """A flood of gaps costs one question."""
    answers = Answers()
    assert [answers.ask(now) for now in (0.0, 1.0, ASK_AGAIN_AFTER)] == [True, False, True]


RANGES = st.lists(st.tuples(st.integers(1, 3), st.integers(0, 20), st.integers(1, 8)), max_size=8)


@given(RANGES, RANGES)
def test_covers_is_containment_of_ids(
    these: list[tuple[int, int, int]], those: list[tuple[int, int, int]]
) -> None:
    """Ranges are compared as the sets of ids they stand for."""

    def ids(ranges: list[tuple[int, int, int]]) -> set[tuple[int, int]]:
        return {(c, clock + n) for c, clock, length in ranges for n in range(length)}

    assert covers(these, those) == (ids(those) <= ids(these))
