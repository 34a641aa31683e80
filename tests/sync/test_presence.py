"""A participant's own view of who is here."""

from __future__ import annotations

from typing import Any

import pytest

from collabkit.crdt.awareness import Awareness, Change
from collabkit.errors import MalformedBytes, ValueNotStorable
from collabkit.sync.presence import Presence


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def shown(client: int, state: Any) -> bytes:
    awareness = Awareness(client)
    awareness.set_local(state, now_ms=0)
    return awareness.encode()


def test_nothing_to_say(clock: Clock) -> None:
    """Who shows nothing says nothing."""
    assert Presence(7, clock=clock).words(anew=False) is None
    assert Presence(7, clock=clock).words(anew=True) is None


def test_own_state(clock: Clock) -> None:
    """What is set is announced once, and said on every link."""
    announced: list[bool] = []
    presence = Presence(7, clock=clock, announce=lambda: announced.append(True))
    presence.set({"name": "Ada"})
    assert announced == [True]
    other = Awareness(8)
    words = presence.words(anew=False)
    assert words is not None
    assert other.apply(words, now_ms=0).added == (7,)
    assert presence.words(anew=False) == words
    assert presence.others == {}


def test_cleared_state_is_said_once(clock: Clock) -> None:
    """That one shows nothing any more is said once, and not to a link that never knew."""
    presence = Presence(7, clock=clock)
    presence.set({"name": "Ada"})
    presence.clear()
    assert presence.words(anew=False) is not None
    assert presence.words(anew=False) is None
    presence.set({"name": "Ada"})
    presence.clear()
    presence.hear(None)
    assert presence.words(anew=False) is None


def test_renewed_state_is_news(clock: Clock) -> None:
    """A breath gives one's state a new clock, so that it does not expire at the others."""
    presence = Presence(7, clock=clock)
    presence.set({"name": "Ada"})
    first, again = presence.words(anew=False), presence.words(anew=True)
    assert first != again


def test_others(clock: Clock) -> None:
    """What others show is told to observers, until they stop."""
    presence = Presence(7, clock=clock)
    seen: list[Change] = []
    stop = presence.observe(seen.append)
    presence.hear(shown(8, {"name": "Bob"}))
    assert presence.others == {8: {"name": "Bob"}}
    stop()
    presence.hear(None)
    assert presence.others == {}
    assert [change.added for change in seen] == [(8,)]


def test_others_expire(clock: Clock) -> None:
    """Who has been silent for half a minute is gone."""
    presence = Presence(7, clock=clock)
    presence.hear(shown(8, {"name": "Bob"}))
    clock.now = 30.0
    presence.words(anew=True)
    assert presence.others == {}


def test_contradiction(clock: Clock) -> None:
    """If others hold that one is gone, that must be contradicted."""
    presence = Presence(7, clock=clock)
    presence.set({"name": "Ada"})
    gone = Awareness(7)
    for _ in range(3):
        gone.set_local(None, now_ms=0)
    assert presence.hear(gone.encode())
    assert presence.local == {"name": "Ada"}


def test_what_is_no_json(clock: Clock) -> None:
    """What cannot be shown is refused, and what was shown stays."""
    presence = Presence(7, clock=clock)
    presence.set({"name": "Ada"})
    with pytest.raises(ValueNotStorable):
        presence.set({"name": object()})
    assert presence.local == {"name": "Ada"}


def test_what_is_no_presence(clock: Clock) -> None:
    """Bytes that are no awareness update raise."""
    with pytest.raises(MalformedBytes):
        Presence(7, clock=clock).hear(b"\xff")
