"""Futures of any number of loops, kept from one thread."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Any, Protocol

__all__ = ["Joint", "Promise", "deliver"]


class Promise(Protocol):
    """What is kept: a future, or a part of a :class:`Joint`."""

    def get_loop(self) -> asyncio.AbstractEventLoop:
        """Where it is awaited."""
        ...

    def done(self) -> bool:
        """Whether nobody waits for it any more."""
        ...

    def set_result(self, result: Any, /) -> None:
        """Keep it."""
        ...

    def set_exception(self, error: BaseException, /) -> None:
        """Say why it is not kept."""
        ...


class Joint:
    """Promises that one caller awaits together: a future for each would cost more than a row.

    Attributes:
        future: Done when the last of them is, with what became of each; errors among them.
    """

    def __init__(self, count: int) -> None:
        self.future: asyncio.Future[list[Any]] = asyncio.get_running_loop().create_future()
        self._told: list[Any] = [None] * count
        self._left = count
        if not count:
            self.future.set_result([])

    def __repr__(self) -> str:
        return f"<Joint {self._left} of {len(self._told)} open>"

    def parts(self) -> list[Promise]:
        """The promises."""
        return [_Part(self, place) for place in range(len(self._told))]

    def tell(self, place: int, outcome: Any) -> None:
        """One of them is over."""
        self._told[place] = outcome
        self._left -= 1
        if not self._left and not self.future.done():
            self.future.set_result(self._told)


class _Part:
    __slots__ = ("_joint", "_place")

    def __init__(self, joint: Joint, place: int) -> None:
        self._joint = joint
        self._place = place

    def get_loop(self) -> asyncio.AbstractEventLoop:
        return self._joint.future.get_loop()

    def done(self) -> bool:
        return self._joint.future.done()

    def set_result(self, result: Any, /) -> None:
        self._joint.tell(self._place, result)

    set_exception = set_result


def deliver(results: Sequence[tuple[Promise, Any]]) -> None:
    """Tell each loop once what became of all that was promised to it."""
    by_loop: dict[asyncio.AbstractEventLoop, list[tuple[Promise, Any]]] = {}
    for promise, outcome in results:
        by_loop.setdefault(promise.get_loop(), []).append((promise, outcome))
    for loop, its in by_loop.items():
        # A loop that was closed meanwhile has nobody left who waits.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(_keep_promises, its)


def _keep_promises(results: Sequence[tuple[Promise, Any]]) -> None:
    for promise, outcome in results:
        if promise.done():
            continue
        if isinstance(outcome, BaseException):
            promise.set_exception(outcome)
        else:
            promise.set_result(outcome)
