"""The seam for whoever else decides: a question in the shape of AuthZEN, and what stands before it.

A host that has its rules elsewhere gives an :class:`AccessEngine`, and a :class:`Front` stands
before it. Rules:

1. An engine answers requests (subject, action, resource, context) with decisions, as OpenID's
   AuthZEN 1.0 asks its questions. It decides about documents and operations as a whole; what goes
   on inside a document is judged by the built-in one alone, which can answer at once.
2. An engine that raises, answers late, or answers with what is no decision has denied, with the
   code ``engine-error``, and whoever listens for failures is told. Nothing of it is remembered.
3. What an engine said is remembered as long as its :meth:`~AccessEngine.epoch` stays, until the
   decision's own ``valid_until``. Requests differ in all of their parts, the context too.
4. What is no action or no path never reaches an engine.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Protocol, TypeAlias

import msgspec

from ..errors import InvalidPolicy
from .paths import parse
from .rules import ACTIONS, Decision, Request

__all__ = ["AccessEngine", "Front", "OnFailure"]

# Engines in this process answer in a millisecond, services next door in some tens; who waits for
# longer keeps somebody at the door.
DECIDE_WITHIN = 2.0
# Decisions; some 300 bytes each.
REMEMBERED = 65_536

_key = msgspec.json.Encoder(order="deterministic").encode


class AccessEngine(Protocol):
    """Decides who may do what.

    Attributes:
        name: What it is called in logs and errors.
    """

    name: str

    def epoch(self) -> object:
        """What differs whenever an answer may; None if nothing may be remembered."""
        ...

    async def decide(self, requests: Sequence[Request]) -> Sequence[Decision]:
        """Answer each request, in order."""
        ...


OnFailure: TypeAlias = Callable[[Sequence[Request], str], None]
"""Told what an engine was asked when it failed, and how it did."""


class Front:
    """Asks an engine, and holds it to the rules of this module.

    Args:
        engine: Who decides.
        clock: Unix time in seconds.
        within: How many seconds an answer may take.
        on_failure: Told of each failure; it writes the audit.

    >>> class Nobody:
    ...     name = "nobody"
    ...     def epoch(self):
    ...         return 1
    ...     async def decide(self, requests):
    ...         raise OSError("the service is down")
    >>> front = Front(Nobody(), clock=lambda: 0.0)
    >>> asyncio.run(front.decide([Request("user:ada", "read", "/projects/acme")]))[0].code
    'engine-error'
    """

    def __init__(
        self,
        engine: AccessEngine,
        *,
        clock: Callable[[], float],
        within: float = DECIDE_WITHIN,
        on_failure: OnFailure | None = None,
    ) -> None:
        self.engine = engine
        self._clock = clock
        self._within = within
        self._on_failure = on_failure
        self._epoch: object = None
        self._known: dict[bytes, Decision] = {}

    def __repr__(self) -> str:
        return f"<Front of {self.engine.name}, {len(self._known)} decisions remembered>"

    async def decide(self, requests: Sequence[Request]) -> list[Decision]:
        """Answer each request, in order; never raises for what an engine does."""
        decisions = [_unaskable(request) for request in requests]
        epoch = self._renew()
        keys: list[bytes | None] = [None] * len(requests)
        for place, request in enumerate(requests):
            if epoch is not None and decisions[place] is None:
                keys[place] = key = _key_of(request)
                decisions[place] = None if key is None else self._remembered(key)
        asked = [place for place, decision in enumerate(decisions) if decision is None]
        if asked:
            answers = await self._ask([requests[place] for place in asked])
            for place, answer in zip(asked, answers, strict=True):
                decisions[place] = answer
                key = keys[place]
                if key is not None and answer.code != "engine-error" and epoch == self._epoch:
                    self._remember(key, answer)
        return [decision for decision in decisions if decision is not None]

    def _renew(self) -> object:
        try:
            epoch = self.engine.epoch()
        except Exception:
            epoch = None
        if epoch != self._epoch:
            self._epoch = epoch
            self._known = {}
        return epoch

    def _remembered(self, key: bytes) -> Decision | None:
        found = self._known.get(key)
        return found if found is not None and self._clock() < found.valid_until else None

    def _remember(self, key: bytes, decision: Decision) -> None:
        if len(self._known) >= REMEMBERED:
            del self._known[next(iter(self._known))]  # the oldest
        self._known[key] = decision

    async def _ask(self, requests: Sequence[Request]) -> Sequence[Decision]:
        try:
            async with asyncio.timeout(self._within):
                answers = list(await self.engine.decide(requests))
        except TimeoutError:
            return self._failed(requests, f"no answer within {self._within:g} s")
        except Exception as error:
            return self._failed(requests, f"{type(error).__name__}: {error}")
        if len(answers) != len(requests) or not all(isinstance(a, Decision) for a in answers):
            return self._failed(requests, "it did not answer each request with a decision")
        return answers

    def _failed(self, requests: Sequence[Request], how: str) -> list[Decision]:
        if self._on_failure is not None:
            self._on_failure(requests, f"{self.engine.name}: {how}")
        return [Decision(False, "engine-error", (how,)) for _ in requests]


def _unaskable(request: Request) -> Decision | None:
    if request.action not in ACTIONS:
        return Decision(False, "unknown-action")
    try:
        parse(request.resource)
    except InvalidPolicy as error:
        return Decision(False, "bad-path", (error.reason,))
    return None


def _key_of(request: Request) -> bytes | None:
    try:
        return _key(msgspec.structs.astuple(request))
    except (TypeError, ValueError, msgspec.MsgspecError):
        return None  # its context is no JSON, and may be anything
