"""Futures of any number of loops, kept from one thread."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Any, TypeAlias

__all__ = ["Promise", "deliver"]

Promise: TypeAlias = asyncio.Future[Any]


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
