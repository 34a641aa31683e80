"""What stands before an engine: it fails closed, remembers exactly, and asks no nonsense."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from collabkit.access.engine import Front
from collabkit.access.rules import Decision, Request

READ = Request("user:ada", "read", "/projects/acme")


class Engine:
    """Answers as it is told to, and counts."""

    name = "told"

    def __init__(self, answer: object = Decision(True, "allow")) -> None:
        self.answer = answer
        self.version: object = 1
        self.asked: list[Request] = []

    def epoch(self) -> object:
        """The version."""
        if isinstance(self.version, Exception):
            raise self.version
        return self.version

    async def decide(self, requests: Sequence[Request]) -> list[Decision]:
        """Answer all alike."""
        self.asked += requests
        if isinstance(self.answer, Exception):
            raise self.answer
        if self.answer is None:
            await asyncio.Event().wait()
        return [self.answer] * len(requests)  # type: ignore[list-item]  # wrong on purpose


class Clock:
    """Time as a test sets it."""

    now = 0.0

    def __call__(self) -> float:
        """Unix time in seconds."""
        return self.now


@pytest.mark.parametrize(
    ("answer", "how"),
    [
        (OSError("down"), "told: OSError: down"),
        (None, "told: no answer within 0.01 s"),
        (True, "told: it did not answer each request with a decision"),
    ],
    ids=["raises", "late", "nonsense"],
)
async def test_an_engine_that_fails_has_denied(answer: object, how: str) -> None:
    """Whatever it does, the answer is no, somebody is told, and it is asked again next time."""
    told: list[tuple[Sequence[Request], str]] = []
    engine = Engine(answer)
    front = Front(
        engine, clock=Clock(), within=0.01, on_failure=lambda asked, how: told.append((asked, how))
    )
    for _ in range(2):
        [decision] = await front.decide([READ])
        assert (decision.allowed, decision.code) == (False, "engine-error")
    assert told == [([READ], how)] * 2
    assert engine.asked == [READ] * 2


async def test_what_was_said_is_remembered() -> None:
    """The same request is asked once; another context makes another request."""
    engine = Engine()
    front = Front(engine, clock=Clock())
    other = Request("user:ada", "read", "/projects/acme", {"peer": "::1"})
    for _ in range(3):
        assert all(await front.decide([READ, other]))
    assert engine.asked == [READ, other]
    assert repr(front) == "<Front of told, 2 decisions remembered>"


async def test_a_decision_ends_when_it_says() -> None:
    """Exactly then, and not before."""
    clock = Clock()
    engine = Engine(Decision(True, "allow", valid_until=10.0))
    front = Front(engine, clock=clock)
    await front.decide([READ])
    clock.now = 9.9
    await front.decide([READ])
    assert len(engine.asked) == 1
    clock.now = 10.0
    await front.decide([READ])
    assert len(engine.asked) == 2


async def test_another_epoch_forgets() -> None:
    """And what was decided before is asked anew; without an epoch nothing is remembered."""
    engine = Engine()
    front = Front(engine, clock=Clock())
    for version in (1, 2, None, None, OSError("no epoch")):
        engine.version = version
        await front.decide([READ])
    assert len(engine.asked) == 5


async def test_a_context_that_is_no_json_is_not_remembered() -> None:
    """What cannot be told apart is asked each time."""
    engine = Engine()
    front = Front(engine, clock=Clock())
    for _ in range(2):
        await front.decide([Request("user:ada", "read", "/projects/acme", {"x": object()})])
    assert len(engine.asked) == 2


async def test_nonsense_is_not_asked() -> None:
    """No engine sees an action or a path that there is not."""
    engine = Engine()
    asked = [Request("user:ada", "fly", "/a"), Request("user:ada", "read", "a/../b"), READ]
    answers = await Front(engine, clock=Clock()).decide(asked)
    assert [answer.code for answer in answers] == ["unknown-action", "bad-path", "allow"]
    assert engine.asked == [READ]
