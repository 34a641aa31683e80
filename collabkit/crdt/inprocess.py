"""The engine in this process, for those who trust what they are given.

It knows what an update is judged by, see :mod:`collabkit.crdt.replay`, and it survives all
that raises or panics. It does not survive what crashes a process: whoever takes updates
from strangers uses the engine in a child process instead.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from ..errors import EngineLost
from .budget import NO_BUDGET
from .core import is_panic
from .engine import Built, Contested, Death, DocumentKey, Verdict
from .nursery import CAN_FORK, Nursery
from .replay import Replay
from .trials import examine, rebuild
from .update import decode_state_vector

__all__ = ["InProcessEngine"]


class InProcessEngine:
    """Holds documents here; implements :class:`collabkit.crdt.engine.Engine`.

    >>> import asyncio
    >>> from collabkit.crdt.document import Document
    >>> document = Document()
    >>> document.text("body").insert(0, "hello")
    >>> async def main():
    ...     engine = InProcessEngine()
    ...     await engine.open(("session", "main"), [])
    ...     return await engine.taste(("session", "main"), [document.update()] * 2)
    >>> asyncio.run(main())
    [Good(), NothingNew()]
    """

    def __init__(self) -> None:
        self._held: dict[DocumentKey, Replay] = {}

    def __repr__(self) -> str:
        return f"<InProcessEngine holding {len(self._held)} documents>"

    async def open(self, key: DocumentKey, updates: Sequence[bytes]) -> Mapping[int, int]:
        """Build a document from its checkpoint and rows; returns its state vector.

        Raises:
            UpdateRefused: One of the updates cannot be applied: the log is damaged.
            EngineLost: The engine died of one.
        """
        self._held.pop(key, None)
        replay = Replay("/".join(key))
        replay.load(updates)
        self._held[key] = replay
        return dict(replay.vector)

    async def taste(self, key: DocumentKey, updates: Sequence[bytes | Contested]) -> list[Verdict]:
        """Apply updates in order and say of each how it went.

        Raises:
            EngineLost: The engine died of one, or does not hold this document: open it again.
        """
        held = self._get(key)
        try:
            return held.taste(updates)
        except EngineLost:
            del self._held[key]
            raise

    async def taste_all(
        self, trips: Sequence[tuple[DocumentKey, Sequence[bytes | Contested]]]
    ) -> list[list[Verdict] | EngineLost]:
        """Taste for many documents; returns what each taste returns or raises."""
        told: list[list[Verdict] | EngineLost] = []
        for key, updates in trips:
            try:
                told.append(await self.taste(key, updates))
            except EngineLost as lost:
                told.append(lost)
        return told

    async def diff(self, key: DocumentKey, vector: bytes) -> bytes:
        """What a replica with this state vector lacks, as one update, deletions included.

        Raises:
            MalformedBytes: This is no state vector.
            EngineLost: The engine died, or does not hold this document: open it again.
        """
        # The engine believes the count that a vector begins with: five bytes cost it 1 GB.
        decode_state_vector(vector, NO_BUDGET.clients)
        return self._ask(key, lambda held: held.core.encode(vector))

    async def survey(self, key: DocumentKey) -> bytes:
        """Say where each struct of a document is.

        Raises:
            EngineLost: The engine died, or does not hold this document: open it again.
        """
        return self._ask(key, Replay.survey)

    def _ask(self, key: DocumentKey, ask: Callable[[Replay], bytes]) -> bytes:
        held = self._get(key)
        try:
            return ask(held)
        except BaseException as error:
            if not is_panic(error):
                raise
            del self._held[key]
            raise EngineLost(held.name) from error

    async def checkpoint(self, updates: Sequence[bytes]) -> Built:
        """Build a document from updates in a fresh process, which also loads the result.

        Raises:
            EngineLost: It could not be built, or did not load to the same digest.
        """
        return await rebuild(updates)

    async def examine(
        self, base: Sequence[bytes], suspects: Sequence[bytes | Contested]
    ) -> list[Death]:
        """Find which of the suspects an engine dies of, in processes of their own.

        Where there can be none, nobody is found guilty.

        Raises:
            EngineLost: It dies of the base.
        """
        if not CAN_FORK:
            return []
        async with Nursery() as nursery:
            return await examine(nursery, base, suspects)

    async def close(self, key: DocumentKey) -> None:
        """Forget a document; unknown keys are fine."""
        self._held.pop(key, None)

    def _get(self, key: DocumentKey) -> Replay:
        held = self._held.get(key)
        if held is None:
            raise EngineLost("/".join(key))
        return held
