"""What leaves a room of presence, and when."""

from __future__ import annotations

from collabkit.crdt.awareness import decode_awareness, encode_awareness
from collabkit.crdt.presence import Presence
from collabkit.sync.effects import RoomEffect, Send, Wake
from collabkit.sync.messages import Awareness
from collabkit.sync.showing import EVERY, Showing


def showing(members: int) -> Showing:
    return Showing(dict.fromkeys(range(1, members + 1)), Presence())


def state(client: int, clock: int, text: bytes = b"{}") -> bytes:
    return encode_awareness([(client, clock, text)])


def said(it: Showing, member: int, update: bytes, now: float) -> list[RoomEffect]:
    return it.said(member, f"user:{member}", update, now=now)


def told(effects: list[RoomEffect]) -> dict[int, set[tuple[int, bytes]]]:
    """Of each member, the client ids and states that he is sent."""
    heard: dict[int, set[tuple[int, bytes]]] = {}
    for effect in effects:
        assert isinstance(effect, Send)
        assert isinstance(effect.message, Awareness)
        entries = {(c, text) for c, _, text in decode_awareness(effect.message.update)}
        for member in effect.to:
            if member != effect.but:
                assert member not in heard, "one message each"
                heard[member] = entries
    return heard


def test_the_first_change_goes_out_at_once() -> None:
    """Nobody waits for a cursor that moves now and then; its owner is not sent it."""
    assert told(said(showing(3), 1, state(7, 1), 100.0)) == {2: {(7, b"{}")}, 3: {(7, b"{}")}}


def test_changes_of_a_short_time_leave_as_one() -> None:
    """Each member gets one message, of all but his own, and of each client the newest state."""
    it = showing(3)
    said(it, 1, state(7, 1), 100.0)
    assert said(it, 1, state(7, 2, b"1"), 100.01) == [Wake()]
    assert said(it, 2, state(8, 1, b"2"), 100.02) == []
    assert said(it, 1, state(7, 3, b"3"), 100.03) == []
    assert it.woke(now=100.05) == [Wake()]
    assert told(it.woke(now=100.0 + EVERY)) == {
        1: {(8, b"2")},
        2: {(7, b"3")},
        3: {(7, b"3"), (8, b"2")},
    }
    assert it.woke(now=101.0) == []


def test_who_moves_while_another_leaves_is_told() -> None:
    """A ghost would stay with him alone, until he grows tired of it."""
    members = dict.fromkeys((1, 2, 3))
    it = Showing(members, Presence())
    said(it, 1, state(7, 1), 100.0)
    said(it, 2, state(8, 1), 100.01)
    it.woke(now=100.0 + EVERY)
    said(it, 1, state(7, 2, b"1"), 100.11)
    del members[2]
    it.left(2, now=100.12)
    assert told(it.woke(now=100.0 + 2 * EVERY)) == {
        1: {(8, b"null")},
        3: {(7, b"1"), (8, b"null")},
    }


def test_an_echo_costs_nothing_and_changes_nothing() -> None:
    """Who says again what he heard, in the same bytes or others, is heard by nobody."""
    it = showing(3)
    [send] = said(it, 1, state(7, 1), 100.0)
    assert isinstance(send, Send)
    assert isinstance(send.message, Awareness)
    echo = send.message.update
    assert said(it, 2, echo, 101.0) == []
    other = encode_awareness([*decode_awareness(echo), (9, 1, b"null")])
    assert said(it, 3, other, 102.0) == []


def test_who_left_is_told_with_the_rest() -> None:
    """A state that waits is not told after its owner has gone, but that he has."""
    members = dict.fromkeys((1, 2))
    it = Showing(members, Presence())
    said(it, 1, state(7, 1), 100.0)
    said(it, 1, state(7, 2, b"2"), 100.01)
    del members[1]
    assert it.left(1, now=100.02) == []
    assert told(it.woke(now=100.2)) == {2: {(7, b"null")}}


def test_the_silent_are_told_to_be_gone() -> None:
    """Half a minute after his last word a client shows nothing any more, also to himself."""
    it = showing(2)
    said(it, 1, state(7, 1), 100.0)
    assert told(it.ticked(now=131.0)) == {1: {(7, b"null")}, 2: {(7, b"null")}}
