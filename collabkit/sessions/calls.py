"""Calls with a key: each happens once, however often it is repeated.

Rules:

1. A repetition gets the result of the first, also from another process after this one.
2. A key is its subject's, and names one call: used for another one it is refused.
3. A key whose call failed is free again. One whose call was cut off by the end of the process
   runs again, and is told so, because its work may have been done.
4. What was answered of a session in which something was erased is forgotten, and so is whose calls
   those of an erased subject were: their keys are free.
5. The file remembers the last :data:`REMEMBERED` calls, in as many places, used in turn.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from weakref import WeakValueDictionary

import msgspec

from ..errors import InvalidArguments
from ..ids import SessionId, Subject
from ..store.sqlite import SQLiteStore

__all__ = ["REMEMBERED", "Calls"]

# A repetition comes seconds after the first; so many calls fill about a megabyte.
REMEMBERED = 4096

# As long as a subject, which is kept beside it. It comes from a room: whoever may call anything
# could fill the disk with keys as long as messages may be.
MAX_KEY_CHARACTERS = 255

_TABLE = "calls"


class _Past(msgspec.Struct):
    """What is known of a keyed call.

    Attributes:
        number: Which keyed call of this file it was.
        whose: The subject, and the key.
        call: Digest of the operation and its arguments.
        state: ``started``, ``done`` or ``failed``.
    """

    number: int
    whose: tuple[str, str]
    call: str
    state: str = "started"
    result: Any = None


class Calls:
    """The keyed calls of an open file."""

    def __init__(self, store: SQLiteStore) -> None:
        self._store = store
        self._known: dict[tuple[str, str], _Past] | None = None
        self._places: dict[int, _Past] = {}
        self._next = 0
        self._reading = asyncio.Lock()
        self._running: WeakValueDictionary[tuple[str, str], asyncio.Lock] = WeakValueDictionary()

    def __repr__(self) -> str:
        return f"<Calls of {self._store.path}, {len(self._places)} remembered>"

    async def once(
        self,
        operation: str,
        digest: str,
        run: Callable[[bool], Awaitable[Any]],
        *,
        subject: Subject,
        key: str,
    ) -> Any:
        """Run a call unless it was, and return its result.

        Args:
            operation: Its name, for errors.
            digest: Of the operation and its arguments.
            run: Does it; told whether it may have been done already. Returns JSON values.
            subject: Whose call it is.
            key: What he calls it.

        Raises:
            InvalidArguments: The key was used for another call, or is too long.
        """
        if len(key) > MAX_KEY_CHARACTERS:
            raise InvalidArguments(operation, f"its key has over {MAX_KEY_CHARACTERS} characters")
        whose = (subject, key)
        async with self._running.setdefault(whose, asyncio.Lock()):
            past = (await self._read()).get(whose)
            if past is not None and past.call != digest:
                raise InvalidArguments(operation, "its key was used for another call")
            if past is not None and past.state == "done":
                return past.result
            again = past is not None and past.state == "started"
            past = past or self._place(whose, digest)
            await self._note(past, "started")
            try:
                result = await run(again)
            except Exception:
                await self._note(past, "failed")
                raise
            await self._note(past, "done", result)
            return result

    async def forget(self, session: SessionId, subject: str | None) -> None:
        """Forget what was answered of a session, and whose calls were a subject's."""
        known = await self._read()
        for past in list(self._places.values()):
            his = past.whose[0] == subject
            about = isinstance(past.result, dict) and past.result.get("id") == session
            if his or about:
                del known[past.whose]
                past.whose, past.call = ("", str(past.number)), ""
                known[past.whose] = past
                await self._note(past, "failed")

    async def _read(self) -> dict[tuple[str, str], _Past]:
        # Read once: a second reading would forget what was placed since the first.
        async with self._reading:
            if self._known is None:
                found = await self._store.entries(_TABLE)
                pasts = [msgspec.convert(value, _Past) for _, value, _ in found]
                self._places = {past.number % REMEMBERED: past for past in pasts}
                self._next = max((past.number + 1 for past in pasts), default=0)
                self._known = {past.whose: past for past in pasts}
            return self._known

    def _place(self, whose: tuple[str, str], digest: str) -> _Past:
        assert self._known is not None
        past = _Past(self._next, whose, digest)
        self._next += 1
        forgotten = self._places.get(past.number % REMEMBERED)
        if forgotten is not None:
            del self._known[forgotten.whose]
        self._places[past.number % REMEMBERED] = self._known[whose] = past
        return past

    async def _note(self, past: _Past, state: str, result: Any = None) -> None:
        past.state, past.result = state, result
        place = str(past.number % REMEMBERED)
        await self._store.put(_TABLE, place, msgspec.to_builtins(past))
