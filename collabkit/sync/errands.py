"""The operations that a replica has asked for and that were not answered yet."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

from ..errors import InvalidArguments, MalformedBytes, OperationFailed, UnknownOperation
from ..ids import new_id
from .messages import Call, Result

__all__ = ["Errands", "outcome"]


class Errands:
    """Calls by number, each with the place where its result goes."""

    def __init__(self) -> None:
        self._waiting: dict[int, asyncio.Future[Result]] = {}
        self._last = 0

    def __repr__(self) -> str:
        return f"<Errands: {len(self._waiting)} wait>"

    def begin(
        self, operation: str, arguments: Mapping[str, Any], key: str | None
    ) -> tuple[Call, asyncio.Future[Result]]:
        """Make a call; :meth:`end` it, however it went. Raises InvalidArguments."""
        try:
            body = json.dumps(arguments).encode()
        except (TypeError, ValueError) as error:
            raise InvalidArguments(operation, str(error)) from error
        self._last += 1
        future = self._waiting[self._last] = asyncio.get_running_loop().create_future()
        return Call(self._last, operation, key or new_id(), body), future

    def answered(self, result: Result) -> None:
        """A result came."""
        waiting = self._waiting.get(result.id)
        if waiting is not None and not waiting.done():
            waiting.set_result(result)

    def end(self, call: Call) -> None:
        """Nobody waits any more."""
        del self._waiting[call.id]


def outcome(operation: str, result: Result) -> Any:
    """What a result says: returns it, or raises it.

    >>> outcome("versions", Result(1, True, "", b"[1, 2]"))
    [1, 2]
    """
    try:
        told = json.loads(result.body)
    except ValueError:
        raise MalformedBytes("a result is not JSON", 0) from None
    if result.ok:
        return told
    if result.kind == UnknownOperation.__name__:
        raise UnknownOperation(operation)
    raise OperationFailed(operation, result.kind, str(told))
