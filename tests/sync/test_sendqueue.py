"""What waits for a slow reader."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from pycrdt import Doc, Text

from collabkit.sync.messages import Ack, Awareness, Row, Synced, SyncStep2, Update
from collabkit.sync.sendqueue import OVERHEAD_BYTES, SendQueue


def typed(count: int, *, client: int = 5, size: int = 1) -> list[bytes]:
    doc: Doc[Any] = Doc(client_id=client)
    doc["t"] = text = Text()
    updates = []
    for _ in range(count):
        before = doc.get_state()
        text += "x" * size
        updates.append(doc.get_update(before))
    return updates


def length(messages: list[Any]) -> int:
    doc: Doc[Any] = Doc()
    doc["t"] = text = Text()
    for message in messages:
        if isinstance(message, Update | SyncStep2):
            doc.apply_update(message.update)
    return len(str(text))


def test_waiting_updates_leave_as_one() -> None:
    """Fifty keystrokes cost a slow reader one frame."""
    queue = SendQueue()
    for update in typed(50):
        assert queue.put(Update(update))
    [one] = queue.take()
    assert length([one]) == 50
    assert (len(queue), queue.waiting_bytes, queue.caught_up()) == (0, 0, None)


def test_order_among_kinds_is_kept() -> None:
    """An answer does not overtake the updates before it."""
    queue = SendQueue()
    first, second = typed(2)
    for message in (Update(first), Ack(1), Update(second), Awareness(b"\x00")):
        queue.put(message)
    assert queue.take() == [Update(first), Ack(1), Update(second), Awareness(b"\x00")]


@given(st.integers(1, 30), st.integers(1, 30))
def test_overflow_tells_exactly_what_is_missing(kept: int, dropped: int) -> None:
    """What fits leaves as it came; the lag names the first clock that did not, and none before."""
    updates = typed(kept + dropped, size=100)
    queue = SendQueue(limit_bytes=sum(len(u) + OVERHEAD_BYTES for u in updates[:kept]))
    for update in updates:
        assert queue.put(Update(update))
    assert queue.behind
    assert length(queue.take()) == kept * 100
    lag = queue.caught_up()
    assert lag is not None
    assert (lag.clocks, lag.after, lag.synced) == ({5: kept * 100}, None, False)
    assert not queue.behind


def test_answers_survive_an_overflow() -> None:
    """An Ack is dropped for nobody's convenience."""
    queue = SendQueue(limit_bytes=500)
    queue.put(Ack(1))
    for update in typed(10, size=200):
        queue.put(Update(update))
    queue.put(Ack(2))
    assert [m for m in queue.take() if isinstance(m, Ack)] == [Ack(1), Ack(2)]


def test_a_follower_resumes_before_its_first_dropped_row() -> None:
    """The word Synced comes again after the rows it speaks of."""
    queue = SendQueue(limit_bytes=350)
    rows = [Row(seq, b"\x00" * 100) for seq in range(7, 12)]
    for row in rows:
        queue.put(row)
    queue.put(Synced(11))
    assert queue.take() == rows[:2]
    lag = queue.caught_up()
    assert lag is not None
    assert (lag.after, lag.clocks) == (8, None)


def test_dropped_presence_alone_costs_no_content() -> None:
    """Who misses cursors is sent cursors."""
    queue = SendQueue(limit_bytes=100)
    for _ in range(9):
        queue.put(Awareness(b"\x00" * 50))
    lag = queue.caught_up()
    assert lag is not None
    assert (lag.clocks, lag.after, lag.synced) == (None, None, False)


def test_the_word_that_a_reader_is_in_sync_is_owed() -> None:
    """A dropped SyncStep2 must come after all, with what was in it."""
    queue = SendQueue(limit_bytes=100)
    [update] = typed(1, size=500)
    queue.put(Ack(1))
    queue.put(SyncStep2(update))
    lag = queue.caught_up()
    assert lag is not None
    assert (lag.synced, lag.clocks) == (True, {5: 0})


def test_one_message_may_be_as_big_as_it_is() -> None:
    """A large document is not resent for ever because it is larger than the limit."""
    queue = SendQueue(limit_bytes=100)
    [update] = typed(1, size=5000)
    queue.put(Update(update))
    assert not queue.behind
    assert length(queue.take()) == 5000


def test_an_answer_behind_a_large_message_is_no_end() -> None:
    """The first message may be larger than the limit, and answers may wait behind it."""
    queue = SendQueue(limit_bytes=1000)
    assert queue.put(Row(1, b"x" * 5000))
    assert all(queue.put(Ack(number)) for number in range(10))
    assert not all(queue.put(Ack(number)) for number in range(6))
    queue.take()
    assert all(queue.put(Ack(number)) for number in range(10))


def test_a_reader_that_only_sends_is_beyond_hope() -> None:
    """Answers alone past the limit: nothing may be dropped, so the reader is."""
    queue = SendQueue(limit_bytes=10 * OVERHEAD_BYTES)
    assert all(queue.put(Ack(n)) for n in range(10))
    assert not queue.put(Ack(11))
    assert repr(queue) == "<SendQueue 11 waiting, 704 bytes, in order>"
