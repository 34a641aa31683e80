"""The relay's table of presence: ownership, clocks, echoes, ghosts, bounds."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collabkit.crdt.awareness import MAX_CLOCK, Awareness, decode_awareness, encode_awareness
from collabkit.crdt.presence import Presence, PresenceLimits, stamped
from collabkit.errors import MalformedBytes

NOW = 2 * 10**12
ADA, BOB = "user:ada", "user:bob"


def one(client: int, clock: int, state: Any) -> bytes:
    return encode_awareness([(client, clock, json.dumps(state).encode())])


def told(news: bytes | None) -> list[tuple[int, int, Any]]:
    """What an update says, its states read."""
    entries = [] if news is None else decode_awareness(news)
    return [(client, clock, json.loads(state)) for client, clock, state in entries]


@pytest.fixture
def room() -> Presence:
    """A room where Ada is member 1 with id 7, and Bob member 2 with id 9."""
    room = Presence()
    room.receive(1, ADA, one(7, 1, "a"), now_ms=NOW)
    room.receive(2, BOB, one(9, 1, "b"), now_ms=NOW)
    return room


# Clocks


def test_states_go_out_at_the_relays_clock() -> None:
    """The first goes out at the wall clock, each next one above the last."""
    room = Presence()
    assert told(room.receive(1, ADA, one(7, 1, "a"), now_ms=NOW)) == [(7, NOW, "a")]
    assert told(room.receive(1, ADA, one(7, 2, "b"), now_ms=NOW)) == [(7, NOW + 1, "b")]
    assert told(room.receive(1, ADA, one(7, 3, "c"), now_ms=NOW - 99)) == [(7, NOW + 2, "c")]


def test_a_machine_without_a_clock_still_outbids_its_clients() -> None:
    """Clocks of the relay lie far above what clients count to, even in 1970."""
    room = Presence()
    assert told(room.receive(1, ADA, one(7, 1, "a"), now_ms=5)) == [(7, 1 << 40, "a")]


def test_a_client_that_counts_higher_is_followed() -> None:
    """Tabs that share a browser adopt the relay's clocks and count on from there."""
    room = Presence()
    room.receive(1, ADA, one(7, 1, "a"), now_ms=NOW)
    assert told(room.receive(1, ADA, one(7, NOW + 50, "b"), now_ms=NOW)) == [(7, NOW + 50, "b")]


def test_old_news_are_ignored(room: Presence) -> None:
    """Of its owner too, an id's clock must rise; at the same clock only `null` is news."""
    assert room.receive(1, ADA, one(7, 1, "x"), now_ms=NOW) is None
    assert room.receive(1, ADA, one(7, 0, None), now_ms=NOW) is None
    assert told(room.receive(1, ADA, one(7, 1, None), now_ms=NOW)) == [(7, NOW + 1, None)]


def test_a_snapshot_is_news_to_whoever_kept_old_states(room: Presence) -> None:
    """Each snapshot has clocks of its own, and never one's own entry."""
    bob = Awareness(9)
    bob.apply(room.snapshot(2, now_ms=NOW) or b"", now_ms=0)
    room.receive(1, ADA, one(7, 2, "moved"), now_ms=NOW)
    first, second = room.snapshot(2, now_ms=NOW), room.snapshot(2, now_ms=NOW)
    assert bob.apply(first or b"", now_ms=0).updated == (7,)
    assert [client for client, _, _ in told(second)] == [7]
    assert told(second)[0][1] > told(first)[0][1]
    assert [client for client, _, _ in told(room.snapshot(3, now_ms=NOW))] == [7, 9]


def test_presence_is_seen_at_once_after_the_relay_restarts() -> None:
    """A peer that kept a state from before takes the new one, though its own clock stood still."""
    before, after, bob = Presence(), Presence(), Awareness(9)
    bob.apply(before.receive(1, ADA, one(7, 4, "a"), now_ms=NOW) or b"", now_ms=0)
    news = after.receive(1, ADA, one(7, 4, "a, back"), now_ms=NOW + 1_000)
    assert bob.apply(news or b"", now_ms=0).updated == (7,)


# Ownership


def test_what_others_say_of_an_id_is_ignored(room: Presence) -> None:
    """Echoes, goodbyes and lies of others change nothing, in whatever company."""
    lies = encode_awareness([(7, 9, b"null"), (7, 99, b'"Mallory"'), (9, 2, b'"b2"')])
    assert told(room.receive(2, BOB, lies, now_ms=NOW)) == [(9, NOW + 1, "b2")]
    assert room.states() == {7: "a", 9: "b2"}


def test_what_others_say_is_not_even_read(room: Presence) -> None:
    """A state that is no JSON costs its author nothing, if it is about somebody else."""
    assert room.receive(2, BOB, encode_awareness([(7, 9, b"{")]), now_ms=NOW) is None


@pytest.mark.parametrize("state", [b"{", b"[" * 1_000, b"\xff", b"NaN"], ids=repr)
def test_ones_own_state_must_be_json(room: Presence, state: bytes) -> None:
    """What others could not read is malformed, however deep; the old state stays."""
    with pytest.raises(MalformedBytes):
        room.receive(1, ADA, encode_awareness([(7, 2, state)]), now_ms=NOW)
    assert room.states()[7] == "a"


def test_states_go_on_as_they_came() -> None:
    """JSON is handed on byte by byte, lone surrogates and white space included."""
    text = b' {"name": "\\ud83d"} '
    news = Presence().receive(1, ADA, encode_awareness([(7, 1, text)]), now_ms=NOW)
    assert decode_awareness(news or b"") == [(7, NOW, text)]


def test_a_first_state_at_clock_zero_is_ignored() -> None:
    """A stock client says `{}` at clock 0 before its page has shown anything."""
    room = Presence()
    assert room.receive(1, ADA, one(7, 0, {}), now_ms=NOW) is None
    assert len(room) == 0


# Coming and going


def test_leaving_removes_at_once(room: Presence) -> None:
    """Others get a `null` that they take, and whoever never spoke leaves silently."""
    bob = Awareness(9)
    bob.apply(room.snapshot(2, now_ms=NOW) or b"", now_ms=0)
    assert bob.apply(room.leave(1, now_ms=NOW) or b"", now_ms=0).removed == (7,)
    assert room.states() == {9: "b"}
    assert room.leave(1, now_ms=NOW) is None
    assert room.leave(99, now_ms=NOW) is None


def test_the_goodbyes_of_stock_clients(room: Presence) -> None:
    """y-websocket says `null` at the same clock; Hocuspocus one above, and then once more."""
    assert told(room.receive(1, ADA, one(7, 1, None), now_ms=NOW)) == [(7, NOW + 1, None)]
    assert told(room.receive(2, BOB, one(9, 2, None), now_ms=NOW)) == [(9, NOW + 1, None)]
    assert room.receive(2, BOB, one(9, 3, None), now_ms=NOW) is None
    assert room.leave(2, now_ms=NOW) is None
    assert len(room) == 0


def test_whoever_cleared_his_state_can_show_another(room: Presence) -> None:
    """After `null`, the next state is seen by those who took the `null`."""
    bob = Awareness(9)
    for state, clock in (("a", 2), (None, 3), ("again", 4)):
        bob.apply(room.receive(1, ADA, one(7, clock, state), now_ms=NOW) or b"", now_ms=0)
    assert bob.states == {7: "again"}


def test_an_echo_does_not_bring_back_who_is_gone(room: Presence) -> None:
    """Bob sends on what he heard of Ada, after she left: the relay knows its own clocks."""
    heard = room.receive(1, ADA, one(7, 2, "a2"), now_ms=NOW) or b""
    snapshot = room.snapshot(2, now_ms=NOW) or b""
    goodbye = room.leave(1, now_ms=NOW) or b""
    for echo in (heard, snapshot, goodbye):
        assert room.receive(2, BOB, echo, now_ms=NOW) is None
    assert room.states() == {9: "b"}


def test_ada_returns_with_the_clock_she_left_with(room: Presence) -> None:
    """A reconnect repeats an old clock of the client's own, and is seen at once."""
    bob = Awareness(9)
    bob.apply(room.leave(1, now_ms=NOW) or b"", now_ms=0)
    news = room.receive(3, ADA, one(7, 1, "a"), now_ms=NOW) or b""
    assert bob.apply(news, now_ms=0).added == (7,)


def test_ghosts_are_forgotten_after_a_minute(room: Presence) -> None:
    """The table does not remember for ever who once was here."""
    heard = room.receive(1, ADA, one(7, 2, "a2"), now_ms=NOW) or b""
    room.leave(1, now_ms=NOW)
    room.receive(2, BOB, one(9, 2, "b"), now_ms=NOW + 50_000)
    assert room.expire(now_ms=NOW + 59_999) is None
    assert room.receive(2, BOB, heard, now_ms=NOW + 59_999) is None
    room.expire(now_ms=NOW + 60_000)
    assert room.receive(2, BOB, heard, now_ms=NOW + 60_000) is not None


def test_silence_expires(room: Presence) -> None:
    """Who does not renew for 30 s is removed, and may come back."""
    room.receive(2, BOB, one(9, 2, "b"), now_ms=NOW + 15_000)
    assert room.expire(now_ms=NOW + 29_999) is None
    assert told(room.expire(now_ms=NOW + 30_000)) == [(7, NOW + 1, None)]
    assert room.states() == {9: "b"}
    assert told(room.receive(1, ADA, one(7, 2, "a"), now_ms=NOW + 31_000)) == [
        (7, NOW + 31_000, "a")
    ]


# A reconnect before the old connection is found dead


def test_a_newcomers_first_words_take_his_id_over(room: Presence) -> None:
    """Ada is back as member 3; the old connection, found dead later, takes nothing with it."""
    assert told(room.receive(3, ADA, one(7, 1, "back"), now_ms=NOW)) == [(7, NOW + 1, "back")]
    assert room.receive(1, ADA, one(7, 9, "late"), now_ms=NOW) is None
    assert room.leave(1, now_ms=NOW) is None
    assert told(room.leave(3, now_ms=NOW)) == [(7, NOW + 2, None)]


@pytest.mark.parametrize(
    ("subject", "words"),
    [
        (BOB, one(7, 5, "Mallory")),
        (ADA, encode_awareness([(7, 5, b'"x"'), (8, 1, b'"y"')])),
        (ADA, one(7, NOW, "an echo")),
        (ADA, one(7, 5, None)),
        (ADA, one(7, 0, "x")),
    ],
    ids=["another subject", "more than one state", "an issued clock", "null", "clock zero"],
)
def test_nothing_else_takes_an_id_over(room: Presence, subject: str, words: bytes) -> None:
    """Ids change hands for their own subject's first, single, original state alone."""
    room.receive(3, subject, words, now_ms=NOW)
    assert room.states()[7] == "a"


def test_later_words_take_nothing_over(room: Presence) -> None:
    """Whoever has spoken before is no newcomer."""
    room.receive(3, ADA, one(8, 1, "second tab"), now_ms=NOW)
    assert room.receive(3, ADA, one(7, 5, "x"), now_ms=NOW) is None


def test_a_keep_alive_is_no_word(room: Presence) -> None:
    """Presence of nobody leaves a newcomer his first words."""
    assert room.receive(3, ADA, b"\0", now_ms=NOW) is None
    assert room.receive(3, ADA, one(7, 1, "back"), now_ms=NOW) is not None


# Bounds


def test_a_member_owns_few_ids() -> None:
    """The id beyond the limit is ignored; clearing one makes room."""
    room = Presence(PresenceLimits(member_ids=2))
    for client in (1, 2, 3):
        room.receive(1, ADA, one(client, 1, "x"), now_ms=NOW)
    assert set(room.states()) == {1, 2}
    room.receive(1, ADA, one(1, 1, None), now_ms=NOW)
    room.receive(1, ADA, one(3, 1, "x"), now_ms=NOW)
    assert set(room.states()) == {2, 3}


def test_the_room_holds_so_many() -> None:
    """When the table is full, newcomers wait until somebody leaves."""
    room = Presence(PresenceLimits(ids=2))
    for member in (1, 2, 3):
        room.receive(member, ADA, one(member, 1, "x"), now_ms=NOW)
    assert set(room.states()) == {1, 2}
    room.leave(1, now_ms=NOW)
    assert room.receive(3, ADA, one(3, 2, "x"), now_ms=NOW) is not None


def test_ghosts_are_bounded_too() -> None:
    """A client that comes and goes under ever new ids leaves a bounded trace."""
    room = Presence(PresenceLimits(ids=4))
    for member in range(100):
        room.receive(member, ADA, one(member, 1, "x"), now_ms=NOW)
        room.leave(member, now_ms=NOW)
    assert len(room._ghosts) == 4
    assert room._members == {}


def test_a_large_state_is_ignored(room: Presence) -> None:
    """What exceeds the limit is not shown; the state before it stays."""
    assert room.receive(1, ADA, one(7, 2, "x" * (16 << 10)), now_ms=NOW) is None
    assert room.states()[7] == "a"


def test_clocks_leave_room_to_count_on(room: Presence) -> None:
    """Nobody drives an id's clock to where it cannot move."""
    assert room.receive(1, ADA, one(7, MAX_CLOCK, "x"), now_ms=NOW) is None
    assert told(room.receive(1, ADA, one(7, MAX_CLOCK - 1, "x"), now_ms=NOW)) == [
        (7, MAX_CLOCK - 1, "x")
    ]
    assert told(room.leave(1, now_ms=NOW)) == [(7, MAX_CLOCK, None)]


@given(st.lists(st.binary(max_size=60), max_size=5))
def test_the_table_is_total(words: list[bytes]) -> None:
    """Whatever is said, it is taken or malformed, and the table stays readable."""
    room = Presence()
    for member, update in enumerate(words):
        try:
            room.receive(member, ADA, update, now_ms=NOW)
        except MalformedBytes:
            room.leave(member, now_ms=NOW)
    assert len(room.states()) == len(room)


@pytest.mark.parametrize(
    ("state", "subject", "shown"),
    [
        ('{"user":{"name":"Ada"},"a":1}', ADA, {"user": {"name": "Ada", "subject": ADA}, "a": 1}),
        ('{"user":{"subject":"user:eve"}}', ADA, {"user": {"subject": ADA}}),
        ('{"user":{},"user":{"subject":"user:eve"}}', ADA, {"user": {"subject": ADA}}),
        ('{"user":{"subject":1,"subject":2}}', ADA, {"user": {"subject": ADA}}),
        (r'{"\u0075ser":{"s\u0075bject":"user:eve"}}', ADA, {"user": {"subject": ADA}}),
        (r'{"\ud800":1,"user":{"subject":"x"}}', ADA, {"\ud800": 1, "user": {"subject": ADA}}),
        (r'{"user":{"\ud800":"x"}}', ADA, {"user": {"\ud800": "x", "subject": ADA}}),
        ('{"user":{"name":"Ada"}}', "anonymous:Ada", {"user": {"name": "Ada"}}),
        ('{"user":{"subject":"user:ada"}}', "anonymous:Ada", {"user": {}}),
        (r'{"user":{"\u0073ubject":"user:ada"}}', "anonymous:Ada", {"user": {}}),
        ('{"user":{"subject":"user:ada"}}', "anonymous", {"user": {}}),
        ('{"user":"Ada"}', ADA, {"user": "Ada"}),
        ('{"user":null,"subject":"user:eve"}', ADA, {"user": None, "subject": "user:eve"}),
        ('["user",{"user":{}}]', ADA, ["user", {"user": {}}]),
        ('{"name":"Ada"}', ADA, {"name": "Ada"}),
    ],
)
def test_the_user_is_the_relays_word(state: str, subject: str, shown: Any) -> None:
    """What others see of who somebody is cannot be forged, and nothing else is changed."""
    room = Presence()
    news = room.receive(1, subject, encode_awareness([(7, 1, state.encode())]), now_ms=NOW)
    assert told(news) == [(7, NOW, shown)]
    assert told(room.snapshot(2, now_ms=NOW)) == [(7, NOW + 1, shown)]


def test_numbers_beside_the_user_stay_as_they_were_written() -> None:
    """What a float or a large integer cannot hold passes through."""
    state = b'{"at":0.10000000000000000001,"n":123456789012345678901,"user":{"x":1e400}}'
    stamp = b',"subject":"user:ada"}}'
    assert stamped(state, ADA) == state[:-2] + stamp


def test_echoes_are_cheap_to_refuse() -> None:
    """A frame of 200 echoes changes nothing, whatever it says."""
    room, dice = Presence(), random.Random(1)
    for member in range(200):
        room.receive(member, f"user:{member}", one(member, 1, "x"), now_ms=NOW)
    before = room.states()
    echo = encode_awareness([(c, dice.randrange(1, 99), b'"y"') for c in range(1, 200)])
    assert room.receive(0, "user:0", echo, now_ms=NOW) is None
    assert room.states() == before
