"""One socket's core: dialects, doors, and time."""

from __future__ import annotations

import pytest

from collabkit.access.model import Identity, Refusal
from collabkit.ids import SessionId, Subject
from collabkit.sync import doors
from collabkit.sync.connection import Connection
from collabkit.sync.connection_effects import (
    Admitted,
    Ask,
    CloseSocket,
    ConnectionEffect,
    Deliver,
    Dismissed,
    Enter,
    Leave,
    Lost,
    Rang,
    Received,
    Requalify,
    SetAlarm,
    Started,
    TurnedAway,
    WriteFrame,
)
from collabkit.sync.dialects import Dialect
from collabkit.sync.events import Ticked
from collabkit.sync.hocuspocus import Authenticate, CloseAddress, write_hocuspocus
from collabkit.sync.messages import Ack, Awareness, Refused, SyncStep1, Update, write

STEP1 = write(SyncStep1(b"\x00"))
SESSION = SessionId("s")
ADA = Identity(Subject("user:ada"))


def hp(message: object, address: str = "doc") -> bytes:
    return write_hocuspocus(address, message)  # type: ignore[arg-type]


def asked(connection: Connection) -> int:
    """The number of the newest Ask."""
    return connection.doors.asked


def say(connection: Connection, *frames: bytes | str, now: float = 0.0) -> list[ConnectionEffect]:
    return [e for frame in frames for e in connection.handle(Received(frame), now=now)]


def entered(*, own_dialect: bool = False, path: str = "doc") -> Connection:
    connection = Connection(path=path, own_dialect=own_dialect, now=0.0)
    if own_dialect:
        connection.handle(Started(), now=0.0)
    else:
        say(connection, STEP1)
    connection.handle(Admitted("", asked(connection), SESSION, ADA), now=0.0)
    return connection


@pytest.mark.parametrize(
    ("first", "dialect"),
    [
        (STEP1, Dialect.YWEBSOCKET),
        (write(SyncStep1(b"\x01\x07\x02")), Dialect.YWEBSOCKET),
        (hp(Authenticate("t")), Dialect.HOCUSPOCUS),
        (hp(SyncStep1(b"\x00")), Dialect.HOCUSPOCUS),
        # Addresses may be empty; then byte 0 alone would lie.
        (hp(SyncStep1(b"\x00"), ""), Dialect.HOCUSPOCUS),
        (hp(Authenticate("t"), ""), Dialect.HOCUSPOCUS),
    ],
)
def test_the_first_frame_tells_the_dialect(first: bytes, dialect: Dialect) -> None:
    """Exactly a SyncStep1 is y-websocket, anything else Hocuspocus."""
    connection = Connection(path="doc", now=0.0)
    assert connection.handle(Started(), now=0.0) == [], "the relay does not speak first"
    say(connection, first)
    assert connection.dialect is dialect


def test_what_is_said_before_admission_is_held_and_then_delivered_in_order() -> None:
    """Nobody waits for the answer to his Authenticate; nothing of it is lost."""
    connection = Connection(path="", now=0.0)
    presence = Awareness(b"\x00")
    [ask] = say(connection, hp(Authenticate("t")), hp(SyncStep1(b"\x00")), hp(presence))
    assert isinstance(ask, Ask)
    assert ask.knock.token == "t"
    effects = connection.handle(Admitted("doc", asked(connection), SESSION, ADA), now=0.0)
    assert effects[0] == WriteFrame(bytes.fromhex("03646f6302020a726561642d7772697465"))
    assert isinstance(effects[1], Enter)
    assert effects[2:] == [Deliver("doc", SyncStep1(b"\x00")), Deliver("doc", presence)]


def test_frames_on_an_address_that_is_not_open_leave_no_trace() -> None:
    """Provider 2 sends presence after it has left."""
    connection = Connection(path="", now=0.0)
    assert say(connection, hp(Awareness(b"\x00")), hp(Update(b"\x00\x00"))) == []
    assert repr(connection) == "<Connection hocuspocus from ?, 0 seats>"


def test_many_rooms_on_one_socket_are_apart() -> None:
    """Leaving one address leaves the others."""
    connection = Connection(path="", now=0.0)
    for address in ("a", "b"):
        say(connection, hp(Authenticate(""), address))
        connection.handle(Admitted(address, asked(connection), SESSION, ADA), now=0.0)
    assert say(connection, hp(CloseAddress(), "a")) == [Leave("a")]
    assert say(connection, hp(SyncStep1(b"\x00"), "b")) == [Deliver("b", SyncStep1(b"\x00"))]
    assert connection.handle(Lost(), now=0.0) == [Leave("b")]


def test_refused_y_websocket_is_told_and_closed_after_a_hold() -> None:
    """Closed at once, old clients come back ninety times in ten seconds."""
    connection = Connection(path="doc", now=0.0)
    say(connection, STEP1)
    [told] = connection.handle(TurnedAway("", asked(connection), Refusal(4403, "no")), now=0.0)
    assert told == WriteFrame(bytes.fromhex("0200026e6f"))
    assert connection.handle(Ticked(), now=1.0) == []
    assert say(connection, STEP1) == []
    assert connection.handle(Ticked(), now=5.0) == [CloseSocket(4403, "no")]


def test_refused_hocuspocus_keeps_its_socket_and_may_try_again() -> None:
    """Other addresses of the socket may be welcome."""
    connection = Connection(path="", now=0.0)
    say(connection, hp(Authenticate("bad")))
    [told] = connection.handle(TurnedAway("doc", asked(connection), Refusal(4403, "no")), now=0.0)
    assert told == WriteFrame(bytes.fromhex("03646f630201026e6f"))
    assert connection.handle(Ticked(), now=30.0) == []
    [ask] = say(connection, hp(Authenticate("good")))
    assert isinstance(ask, Ask)


def test_refused_own_dialect_is_told_and_closed() -> None:
    """Our own client knows what 4403 means."""
    connection = Connection(path="doc", own_dialect=True, now=0.0)
    [ask] = connection.handle(Started(), now=0.0)
    assert isinstance(ask, Ask)
    effects = connection.handle(TurnedAway("", asked(connection), Refusal(4403, "no")), now=0.0)
    assert effects[-1] == CloseSocket(4403, "no")


def test_endless_attempts_are_not_asked_about() -> None:
    """Past the bound a refusal costs nothing but its frame."""
    connection = Connection(path="", now=0.0)
    for _ in range(doors.MAX_REFUSALS):
        say(connection, hp(Authenticate("bad")))
        connection.handle(TurnedAway("doc", asked(connection), Refusal(4403, "no")), now=0.0)
    [effect] = say(connection, hp(Authenticate("bad")))
    assert isinstance(effect, WriteFrame)


@pytest.mark.parametrize("path", ["", "a//b", "../x", "a\x00b", "x" * 10_000, "a%2Fb"])
def test_names_that_name_no_room_are_refused(path: str) -> None:
    """A bad name is refused in words, before anybody is asked."""
    connection = Connection(path=path, now=0.0)
    [told] = say(connection, STEP1)
    assert isinstance(told, WriteFrame)
    assert told.frame[:2] == b"\x02\x00"
    [close] = connection.handle(Ticked(), now=9.0)
    assert isinstance(close, CloseSocket)
    assert close.code == 4400


def test_what_is_held_is_bounded() -> None:
    """Whoever is not let in yet cannot fill the memory."""
    connection = Connection(path="doc", now=0.0)
    say(connection, STEP1)
    big = write(Update(b"\x00" * 1024 * 1024))
    effects = say(connection, *([big] * 6))
    assert effects == [CloseSocket(1008, "bad frame: too much was sent before anybody was let in")]
    assert connection.closed


def test_rooms_on_one_socket_are_bounded() -> None:
    """One socket cannot open rooms without end."""
    connection = Connection(path="", now=0.0)
    for n in range(doors.MAX_ADDRESSES):
        say(connection, hp(Authenticate(""), f"room{n}"))
    [close] = say(connection, hp(Authenticate(""), "one-more"))
    assert isinstance(close, CloseSocket)
    assert close.code == 1008


def test_a_socket_on_which_nobody_is_let_in_ends() -> None:
    """The deadline is absolute: traffic does not move it."""
    connection = Connection(path="doc", now=0.0)
    say(connection, STEP1, now=50.0)
    assert connection.handle(Ticked(), now=59.0) == []
    [close] = connection.handle(Ticked(), now=60.0)
    assert isinstance(close, CloseSocket)
    assert close.code == 4408


def test_something_is_said_within_fifteen_seconds() -> None:
    """Stock clients reconnect after thirty seconds of silence."""
    connection = entered()
    assert connection.handle(Ticked(), now=14.0) == []
    assert connection.handle(Ticked(), now=15.0) == [WriteFrame(bytes.fromhex("010100"))]
    assert connection.handle(Ticked(), now=16.0) == []
    connection.encode("", Update(b"\x00\x00"), now=20.0)
    assert connection.handle(Ticked(), now=31.0) == []


def test_an_expired_identity_is_put_out() -> None:
    """A token's end ends the seat, not only the next attempt."""
    connection = Connection(path="doc", now=0.0)
    say(connection, STEP1)
    identity = Identity(Subject("user:ada"), expires_at_ms=10_000)
    connection.handle(Admitted("", asked(connection), SESSION, identity), now=0.0)
    assert connection.handle(Rang(), now=9.9) == [SetAlarm(10.0)]
    left, told = connection.handle(Rang(), now=10.0)
    assert left == Leave("")
    assert isinstance(told, WriteFrame)
    assert connection.handle(Ticked(), now=15.0) == [CloseSocket(4401, "the token has expired")]


def test_a_new_token_on_an_open_address_requalifies() -> None:
    """Hocuspocus sends a fresh token on the same address."""
    connection = Connection(path="", now=0.0)
    say(connection, hp(Authenticate("t")))
    connection.handle(Admitted("doc", asked(connection), SESSION, ADA), now=0.0)
    [ask] = say(connection, hp(Authenticate("t2")))
    assert isinstance(ask, Ask)
    reader = Identity(Subject("user:ada"), can_write=False)
    effects = connection.handle(Admitted("doc", asked(connection), SESSION, reader), now=0.0)
    assert effects[-1] == Requalify("doc", reader)


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        ("hello", 1003),
        (b"", 1007),
        (b"\xff" * 12, 1007),
        (b"\x00\x03\x00", 1002),
        (b"\x07", 1003),
        (write(Ack(1)), 1003),
    ],
)
def test_a_frame_that_does_not_parse_ends_the_socket(frame: bytes | str, code: int) -> None:
    """Each with its code, after the seat was given up."""
    left, close = say(entered(), frame)
    assert left == Leave("")
    assert isinstance(close, CloseSocket)
    assert close.code == code
    assert close.reason


def test_dismissal_in_words_or_by_the_end_of_the_socket() -> None:
    """44xx is meant for the seat; the rest ends the socket, as no client rejoins an address."""
    assert entered().handle(Dismissed("", 1012, "restart"), now=0.0) == [
        Leave(""),
        CloseSocket(1012, "restart"),
    ]
    left, told = entered().handle(Dismissed("", 4403, "revoked"), now=0.0)
    assert (left, told) == (Leave(""), WriteFrame(b"\x02\x00\x07revoked"))


@pytest.mark.parametrize("code", [1007, 1008])
def test_whoever_would_say_it_again_is_not_just_closed(code: int) -> None:
    """The author of a refused edit is told in words, and held as one who was turned away."""
    left, told = entered().handle(Dismissed("", code, "bad"), now=0.0)
    assert (left, told) == (Leave(""), WriteFrame(b"\x02\x00\x03bad"))
    own = entered(own_dialect=True).handle(Dismissed("", code, "bad"), now=0.0)
    assert own[-1] == CloseSocket(4422, "bad")


def test_words_that_a_dialect_lacks_are_left_out() -> None:
    """y-websocket has no acknowledgement; Hocuspocus has one of its own."""
    assert entered().encode("", Ack(1), now=0.0) is None
    connection = Connection(path="", now=0.0)
    say(connection, hp(Authenticate("")))
    assert connection.encode("doc", Ack(1), now=0.0) == bytes.fromhex("03646f630801")
    assert connection.encode("doc", Refused("c", "r"), now=0.0) == bytes.fromhex("03646f630800")
    assert entered(own_dialect=True).encode("", Ack(1), now=0.0) == write(Ack(1))


def test_trouble_of_the_relay_is_no_refusal() -> None:
    """Who is turned away by trouble is closed with its code, without the word that is final."""
    own = Connection(path="doc", own_dialect=True, now=0.0)
    own.handle(Started(), now=0.0)
    trouble = Refusal(4500, "the relay failed")
    effects = own.handle(TurnedAway("", asked(own), trouble), now=0.0)
    assert effects == [CloseSocket(4500, "the relay failed")]
    for frames in ([STEP1], [hp(Authenticate("t"))]):
        stock = Connection(path="doc", now=0.0)
        say(stock, *frames)
        address = "" if frames == [STEP1] else "doc"
        assert stock.handle(TurnedAway(address, asked(stock), trouble), now=0.0) == []
        assert stock.handle(Ticked(), now=5.0) == [CloseSocket(4500, "the relay failed")]


def test_one_question_at_a_time_and_the_newest_token_counts() -> None:
    """Tokens that come while one is asked about do not pile up, and the last one wins."""
    connection = Connection(path="", now=0.0)
    [first] = say(connection, hp(Authenticate("t1")))
    assert say(connection, hp(Authenticate("t2")), hp(Authenticate("t3"))) == []
    assert isinstance(first, Ask)
    [second] = connection.handle(Admitted("doc", first.number, SESSION, ADA), now=0.0)
    assert isinstance(second, Ask)
    assert second.knock.token == "t3"


def test_an_answer_for_a_seat_that_was_left_is_for_nobody() -> None:
    """A client that left and came again is not let in by the answer to its first knock."""
    connection = Connection(path="", now=0.0)
    [old] = say(connection, hp(Authenticate("old")))
    [new] = say(connection, hp(CloseAddress()), hp(Authenticate("new")))
    assert isinstance(old, Ask)
    assert isinstance(new, Ask)
    assert connection.handle(Admitted("doc", old.number, SESSION, ADA), now=0.0) == []
    effects = connection.handle(Admitted("doc", new.number, SESSION, ADA), now=0.0)
    assert isinstance(effects[-1], Enter)


def test_questions_of_one_socket_are_bounded() -> None:
    """Knocking and leaving at once does not buy a question each time."""
    connection = Connection(path="", now=0.0)
    for _ in range(doors.MAX_ADDRESSES):
        say(connection, hp(Authenticate("t")), hp(CloseAddress()))
    [close] = say(connection, hp(Authenticate("t")))
    assert isinstance(close, CloseSocket)
    assert close.code == 1008


def test_a_token_of_somebody_else_is_somebody_else() -> None:
    """The old subject leaves the seat before the new one takes it."""
    connection = Connection(path="", now=0.0)
    say(connection, hp(Authenticate("ada")))
    connection.handle(Admitted("doc", asked(connection), SESSION, ADA), now=0.0)
    say(connection, hp(Authenticate("bob")))
    bob = Identity(Subject("user:bob"))
    effects = connection.handle(Admitted("doc", asked(connection), SESSION, bob), now=0.0)
    assert [type(effect) for effect in effects] == [WriteFrame, Leave, Enter]


def test_an_old_socket_has_its_time_after_its_last_seat() -> None:
    """The deadline counts from when nobody was seated, not from when the socket was opened."""
    connection = Connection(path="", now=0.0)
    say(connection, hp(Authenticate("t")))
    connection.handle(Admitted("doc", asked(connection), SESSION, ADA), now=0.0)
    say(connection, hp(CloseAddress()), now=100.0)
    assert connection.handle(Ticked(), now=101.0) == []
    [close] = connection.handle(Ticked(), now=160.0)
    assert isinstance(close, CloseSocket)
    assert close.code == 4408
