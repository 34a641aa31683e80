"""Every listener hears every change, in order."""

from __future__ import annotations

import pytest

from collabkit.crdt.audience import Audience
from collabkit.crdt.changes import Change


def change(name: str) -> Change:
    """A change that can be told from others."""
    return Change(name.encode(), True, "local")


def test_a_listener_that_makes_changes_does_not_get_ahead_of_others() -> None:
    """All hear the first change before anybody hears of what it led to."""
    audience = Audience("plan")
    heard: list[tuple[str, bytes]] = []

    def eager(told: Change) -> None:
        heard.append(("eager", told.update))
        if told.update == b"one":
            audience.tell(change("two"))

    audience.add(eager)
    audience.add(lambda told: heard.append(("other", told.update)))
    audience.tell(change("one"))
    assert heard == [("eager", b"one"), ("other", b"one"), ("eager", b"two"), ("other", b"two")]


def test_a_listener_may_stop_listening_while_it_is_told() -> None:
    """It hears no more, and the others miss nothing."""
    audience = Audience("plan")
    heard: list[str] = []

    def once(_change: Change) -> None:
        heard.append("once")
        audience.remove(once)
        audience.remove(once)

    audience.add(once)
    audience.add(lambda _change: heard.append("always"))
    audience.tell(change("one"))
    audience.tell(change("two"))
    assert heard == ["once", "always", "always"]
    assert repr(audience) == "<Audience of 'plan', 1 listeners>"


def test_errors_are_raised_when_all_have_been_told() -> None:
    """One as itself, several as a group."""
    audience = Audience("plan")
    heard: list[Change] = []

    def fail(_change: Change) -> None:
        raise KeyError("x")

    audience.add(fail)
    audience.add(heard.append)
    with pytest.raises(KeyError):
        audience.tell(change("one"))
    audience.add(fail)
    with pytest.raises(ExceptionGroup, match="listeners of document 'plan' failed"):
        audience.tell(change("two"))
    assert len(heard) == 2
