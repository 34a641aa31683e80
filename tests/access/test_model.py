"""Who knocks, and what may be answered: values that can be logged."""

from __future__ import annotations

import msgspec
import pytest

from collabkit.access.model import Identity, Knock, Refusal
from collabkit.ids import RoomName, Subject

ROOM = RoomName.parse("acme~plan/budget")


def test_a_knock_never_shows_its_token() -> None:
    """Whatever logs a knock logs that there was a token, and not which."""
    knock = Knock(ROOM, token="secret", peer="127.0.0.1:5", name="Ada")
    for shown in (repr(knock), str(knock), f"{knock}", repr([knock])):
        assert "secret" not in shown
        assert "token=…" in shown
    assert repr(Knock(ROOM)) == "Knock('acme~plan/budget', token=None, peer='', name=None)"


def test_who_is_let_in_may_write_unless_it_is_said_otherwise() -> None:
    """An identity without an end and without a limit is the common one."""
    identity = Identity(Subject("user:ada"))
    assert (identity.can_write, identity.expires_at_ms) == (True, None)


@pytest.mark.parametrize(
    "value", [Knock(ROOM), Identity(Subject("user:ada")), Refusal(4403, "not here")]
)
def test_answers_cannot_be_changed_afterwards(value: msgspec.Struct) -> None:
    """What was decided once stays decided: all of these are values."""
    field = value.__struct_fields__[0]
    with pytest.raises(AttributeError):
        setattr(value, field, "other")
    assert value == msgspec.structs.replace(value)
