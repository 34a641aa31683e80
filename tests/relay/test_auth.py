"""Who is let in, and what the others are told."""

from __future__ import annotations

import pytest

from collabkit.access.model import Identity, Knock, Refusal
from collabkit.access.tokens import Claims, mint
from collabkit.errors import InvalidToken
from collabkit.ids import RoomName, Subject
from collabkit.relay.auth import jwt, open_house

KEY = b"k" * 32
NOTES = RoomName.parse("notes")


def token(*, key: bytes = KEY, read: str = "", write: str = "", exp: int = 2000) -> str:
    """A token of Ada, valid from 1000 on."""
    claims = Claims("user:ada", exp, tuple(read.split()), tuple(write.split()))
    return mint(claims, key, now=1000)


async def asked(shown: str | None, *, room: RoomName = NOTES, now: float = 1500.0) -> object:
    """What the door says to somebody who shows this."""
    return await jwt(KEY, clock=lambda: now)(Knock(room, shown))


@pytest.mark.parametrize(
    ("name", "subject"), [("Ada", "anonymous:Ada"), (None, "anonymous:anonymous")]
)
async def test_an_open_house_takes_everybody_by_name(name: str | None, subject: str) -> None:
    """Anybody may come in and write, as the anonymous one of that name."""
    answer = await open_house()(Knock(NOTES, name=name))
    assert isinstance(answer, Identity)
    assert (answer.subject, answer.can_write, answer.expires_at_ms) == (subject, True, None)


async def test_a_token_says_who_and_until_when() -> None:
    """The bearer's subject, rights and end are those of the token."""
    assert await asked(token(write="notes")) == Identity(Subject("user:ada"), True, 2_000_000)
    assert await asked(token(read="notes")) == Identity(Subject("user:ada"), False, 2_000_000)


async def test_a_token_that_forwards_says_so() -> None:
    """Its bearer brings what others wrote, and gets no client id by it."""
    shown = mint(Claims("server:b", 2000, (), ("notes",), forward=True), KEY, now=1000)
    answer = await asked(shown)
    assert isinstance(answer, Identity)
    assert (answer.can_forward, answer.claims_ids) == (True, False)


@pytest.mark.parametrize(
    "shown",
    [
        None,
        "",
        "not.a.token",
        token(write="notes", key=b"K" * 32),
        token(write="notes", exp=1500),
        token(write="notes")[:-2],
    ],
)
async def test_what_proves_nothing_is_4401(shown: str | None) -> None:
    """No token, or none that holds, is told so in a sentence without the token."""
    answer = await asked(shown)
    assert isinstance(answer, Refusal)
    assert answer.code == 4401
    assert " " in answer.reason
    assert not shown or shown not in answer.reason


async def test_a_token_for_elsewhere_is_4403() -> None:
    """Who is known and has no right to this room is told who he is and where he stands."""
    answer = await asked(token(write="notes other/**"), room=RoomName.parse("secret"))
    assert answer == Refusal(4403, "user:ada may not enter secret")


def test_a_short_key_is_found_at_once() -> None:
    """A key that could be guessed is refused before anybody knocks."""
    with pytest.raises(InvalidToken, match="32"):
        jwt(b"k" * 31)
