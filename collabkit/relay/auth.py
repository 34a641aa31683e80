"""Who comes in: ways to answer a knock.

An :data:`~collabkit.access.model.Authenticate` is any async function from a Knock to an Identity or
a Refusal; here are the two that come with the relay. Refusals are data with a sentence: 4401 if the
client has not shown who it is, 4403 if it has and may not enter this room. Whether the room exists
is not looked at before, so that nobody learns it from being refused.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from ..access.model import Authenticate, Identity, Knock, Refusal
from ..access.tokens import allows, check_key, verify
from ..errors import InvalidToken
from ..ids import Subject

__all__ = ["jwt", "open_house"]

NAMELESS = "anonymous"


def open_house() -> Authenticate:
    """Let anybody in, under the name that they give.

    The subject is ``anonymous:`` and that name, or ``anonymous:anonymous``; it proves nothing.

    >>> import asyncio
    >>> from collabkit.ids import RoomName
    >>> asyncio.run(open_house()(Knock(RoomName.parse("notes"), name="Ada"))).subject
    'anonymous:Ada'
    """

    async def admit(knock: Knock) -> Identity | Refusal:
        return Identity(Subject(f"anonymous:{knock.name or NAMELESS}"))

    return admit


def jwt(key: bytes, *, clock: Callable[[], float] = time.time) -> Authenticate:
    """Let in who shows a token of this key; see :mod:`collabkit.access.tokens` for what it says.

    Args:
        key: What tokens are signed with, at least 32 bytes.
        clock: Unix time in seconds.

    Raises:
        InvalidToken: The key is too short to prove anything.
    """
    check_key(key)

    async def admit(knock: Knock) -> Identity | Refusal:
        if knock.token is None:
            return Refusal(4401, "a token is needed to enter")
        try:
            claims = verify(knock.token, key, now=clock())
        except InvalidToken as error:
            return Refusal(4401, str(error))
        if not allows(claims, "read", knock.room):
            return Refusal(4403, f"{claims.sub} may not enter {knock.room}")
        return Identity(
            Subject(claims.sub),
            can_write=allows(claims, "write", knock.room),
            expires_at_ms=claims.exp * 1000,
            can_forward=claims.forward,
            claims_ids=not claims.forward,
        )

    return admit
