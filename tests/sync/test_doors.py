"""The addresses of one socket, and until when who was let in may stay."""

from __future__ import annotations

import pytest

from collabkit.access.model import Identity, Knock, Refusal, Rights
from collabkit.errors import BadFrame
from collabkit.ids import RoomName, Subject
from collabkit.sync import doors as module
from collabkit.sync.doors import NEVER, Doors, Seat
from collabkit.sync.messages import SyncStep1

SHOWN = ("token", "192.0.2.1", "Ada")
STEP = SyncStep1(b"\x00")


def knocked(doors: Doors, address: str = "") -> Seat:
    answer = doors.knock(address, "notes", SHOWN)
    assert not isinstance(answer, Refusal)
    return answer[0]


def test_a_knock_says_who_and_where() -> None:
    """With the token that was shown, and none where it is empty."""
    doors = Doors()
    room = RoomName.parse("notes")
    _, knock = doors.knock("", "notes", SHOWN)  # type: ignore[misc]
    assert knock == Knock(room, "token", "192.0.2.1", "Ada")
    _, again = doors.knock("", "notes", ("", "192.0.2.1", None))  # type: ignore[misc]
    assert again == Knock(room, None, "192.0.2.1", None)
    assert len(doors) == 1
    assert list(doors) == [], "nobody was let in"


def test_a_name_that_is_none_opens_nothing() -> None:
    """It is refused before anybody is asked."""
    doors = Doors()
    answer = doors.knock("", "..", SHOWN)
    assert isinstance(answer, Refusal)
    assert (answer.code, len(doors)) == (4400, 0)


def test_an_answer_is_for_the_newest_question() -> None:
    """What comes late for an address that was left, or asked about again, is for nobody."""
    doors = Doors()
    seat = knocked(doors)
    first, second = doors.ask(seat), doors.ask(seat)
    assert doors.answered("", first) is None
    assert doors.answered("", second) is seat
    third = doors.ask(seat)
    doors.pop("")
    assert doors.answered("", third) is None


def test_so_many_questions_wait_at_once() -> None:
    """One for each document that a socket may have."""
    doors = Doors()
    doors.most = 2
    seat = knocked(doors)
    doors.ask(seat)
    doors.ask(seat)
    with pytest.raises(BadFrame, match="too many attempts"):
        doors.ask(seat)


def test_what_is_held_is_bounded_until_all_are_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """For the whole socket; who is let in frees it for those who knock later."""
    monkeypatch.setattr(module, "MAX_HELD_BYTES", 10)
    doors = Doors()
    ada, bob = knocked(doors, "a"), knocked(doors, "b")
    doors.hold(ada, STEP, 6)
    doors.hold(bob, STEP, 4)
    ada.take(Identity(Subject("user:ada")), Rights(), now=0.0)
    assert doors.released(ada) == [STEP]
    with pytest.raises(BadFrame, match="before anybody was let in"):
        doors.hold(bob, STEP, 1)
    bob.take(Identity(Subject("user:ada")), Rights(), now=0.0)
    doors.released(bob)
    doors.hold(knocked(doors, "c"), STEP, 10)


@pytest.mark.parametrize(
    ("ends_at", "until", "expected"),
    [
        (None, NEVER, NEVER),
        (None, 70.0, 70.0),
        (1000.0, NEVER, 970.0),
        (1000.0, 500.0, 500.0),
        (110.0, NEVER, 105.0),
    ],
    ids=["never", "a window", "half a minute before", "a window before that", "a short token"],
)
def test_a_seat_wakes_when_something_ends(
    ends_at: float | None, until: float, expected: float
) -> None:
    """Its rights, its token, or the time at which its client is to show another."""
    seat = Seat("", RoomName.parse("notes"))
    ends_ms = None if ends_at is None else int(ends_at * 1000)
    identity = Identity(Subject("user:ada"), expires_at_ms=ends_ms)
    seat.take(identity, Rights(until=until), now=100.0)
    assert seat.wakes_at == expected
