"""What an engine elsewhere has said: known at doors, renewed in time, and never guessed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from collabkit.access.consulting import Consulting
from collabkit.access.engine import Front
from collabkit.access.rules import Decision, Request
from collabkit.ids import RoomName

PLAN = RoomName.parse("acme~plan")
DOCUMENT = "/projects/acme/sessions/plan/docs/main"


class Engine:
    """Allows what it is told to, until a time."""

    name = "told"

    def __init__(self, *actions: str, until: float = float("inf")) -> None:
        self.actions = set(actions)
        self.until = until
        self.asked: list[Request] = []
        self.waits: Callable[[], Awaitable[object]] | None = None

    def epoch(self) -> object:
        """Nothing is remembered before it, so that it is asked each time."""
        return None

    async def decide(self, requests: Sequence[Request]) -> list[Decision]:
        """Answer by the action."""
        self.asked += requests
        if self.waits is not None:
            await self.waits()
        return [
            Decision(r.action in self.actions, "allow", valid_until=self.until) for r in requests
        ]


def consulting(engine: Engine, changed: Callable[[str], None] = lambda _: None) -> Consulting:
    """What stands before it, at the time 0."""
    front = Front(engine, clock=lambda: 0.0)
    return Consulting(front, clock=lambda: 0.0, changed=changed)


def may(answers: Consulting, action: str, path: str = DOCUMENT) -> bool:
    """What is known of Ada."""
    return answers.decide(Request("user:ada", action, path), now=0.0).allowed


async def test_what_was_never_asked_is_denied() -> None:
    """At a door nobody waits, so nobody is let in on a guess."""
    answers = consulting(Engine("read"))
    assert not may(answers, "read")
    await answers.consult("user:ada", PLAN, {})
    assert may(answers, "read")
    assert not may(answers, "read", "/projects/acme/sessions/other/docs/main")


async def test_what_is_said_of_a_document_holds_in_it() -> None:
    """An engine is asked about documents, and a guard about keys."""
    answers = consulting(Engine("read", "write"))
    await answers.consult("user:ada", PLAN, {})
    assert may(answers, "write", f"{DOCUMENT}/notes/a/b")
    assert not may(answers, "delete", f"{DOCUMENT}/notes/a/b")
    share = answers.uniform("user:ada", PLAN, now=0.0)
    assert (share.write, share.delete) == ("all", "none")


async def test_rules_that_changed_hold_when_they_are_renewed() -> None:
    """For all who are there, and they are asked about again."""
    told: list[str] = []
    engine = Engine("read")
    answers = consulting(engine, told.append)
    await answers.consult("user:ada", PLAN, {})
    await answers.consult("user:bob", PLAN, {})
    assert may(answers, "read")
    engine.actions = set()
    engine.asked.clear()
    await answers.renew()
    assert not may(answers, "read")
    assert told == ["user:ada"], "of Bob nobody has asked anything"
    assert {request.subject for request in engine.asked} == {"user:ada"}


async def test_a_decision_that_ends_is_asked_for_again() -> None:
    """When it does; it holds until the answer is there, and nobody is put out meanwhile."""
    asked, go, told = asyncio.Event(), asyncio.Event(), asyncio.Event()
    engine = Engine("read", until=0.0)
    answers = consulting(engine, lambda _: told.set())

    async def hold() -> None:
        asked.set()
        await go.wait()

    await answers.consult("user:ada", PLAN, {})
    assert may(answers, "read")
    engine.waits, engine.until, engine.actions = hold, float("inf"), set()
    await asyncio.wait_for(asked.wait(), 10)
    assert may(answers, "read")
    go.set()
    await asyncio.wait_for(told.wait(), 10)
    assert not may(answers, "read")
    answers.close()
