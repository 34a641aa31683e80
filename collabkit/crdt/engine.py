"""The seam between rooms and the CRDT engine.

An :class:`Engine` holds documents for those who must not: the process that talks
to sockets judges nothing by decoding it. It asks an engine to *taste* an update,
and the engine may die of it. Everything it holds can be rebuilt from the log.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol, TypeAlias

import msgspec

from ..errors import EngineLost
from .touches import Ranges

__all__ = [
    "Bad",
    "Built",
    "Contested",
    "Death",
    "DocumentKey",
    "Engine",
    "Gap",
    "Good",
    "Mended",
    "NothingNew",
    "Verdict",
]

DocumentKey: TypeAlias = tuple[str, str]
"""Session id and document name."""


class Contested(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """An update that is taken in parts: what may not stay of it is undone before anybody sees it.

    Attributes:
        update: All of it, as it came.
        refused: The structs that must not stay. Nothing of what they hold is kept anywhere.
        kept: What may stay deleted, of what it deletes. All else that was there is put back,
            whether the update names it or deletes it by taking its place.
        unchanged: Places at which nothing was to be done, by their steps, see `touches`. If other
            things are to be seen there afterwards, the update is not taken.
    """

    update: bytes
    refused: Ranges = ()
    kept: Ranges = ()
    unchanged: tuple[tuple[str | None, ...], ...] = ()


class Good(msgspec.Struct, frozen=True, tag=True, gc=False):
    """Applied, all of it: it brought something new, and nothing that had to be undone."""


class NothingNew(msgspec.Struct, frozen=True, tag=True, gc=False):
    """Applied, and the document is as before: no row, no message, but an acknowledgement."""


class Gap(msgspec.Struct, frozen=True, tag=True, gc=False):
    """Not applied: it builds on what the document does not have. Ask for a resync."""


class Bad(msgspec.Struct, frozen=True, tag=True, gc=False):
    """Not applied: the engine refuses it, or could not bear it."""

    code: str
    reason: str


class Mended(msgspec.Struct, frozen=True, tag=True, gc=False):
    """Applied in part: of a contested update, and of no other.

    Attributes:
        update: What went into the document instead: the parts that may stay, the refused structs
            emptied, and what was put back, under a client id that is nobody's.
    """

    update: bytes


Verdict: TypeAlias = Good | NothingNew | Gap | Bad | Mended


class Built(msgspec.Struct, frozen=True):
    """A document rebuilt by :meth:`Engine.checkpoint`: as one update, and its content digest."""

    body: bytes
    digest: str


class Death(msgspec.Struct, frozen=True):
    """One update that an engine cannot bear, found by :meth:`Engine.examine`.

    Attributes:
        index: Which of the suspects it is.
        how: What became of the engine: ``SIGSEGV``, ``no answer in 5 s``, a panic's words.
    """

    index: int
    how: str


class Engine(Protocol):
    """Holds documents by key. Every method may raise EngineLost.

    Whoever asks for one document may lose another: a document that an engine no longer
    holds is opened again from the log. An EngineLost with a ``culprit`` says which update
    was being applied; whether it is to blame is for :meth:`examine` to find out.
    """

    async def open(self, key: DocumentKey, updates: Sequence[bytes]) -> Mapping[int, int]:
        """Build a document from its checkpoint (if any, first) and rows; returns its state vector.

        Opening a key again replaces what was there.

        Raises:
            UpdateRefused: One of the updates cannot be applied: the log is damaged.
        """
        ...

    async def taste(self, key: DocumentKey, updates: Sequence[bytes | Contested]) -> list[Verdict]:
        """Apply updates in order and say of each how it went."""
        ...

    async def taste_all(
        self, trips: Sequence[tuple[DocumentKey, Sequence[bytes | Contested]]]
    ) -> list[list[Verdict] | EngineLost]:
        """Taste for many documents in one trip; returns what each taste returns or raises.

        A relay's rooms go together: what a trip costs is waking up, not what is carried.
        """
        ...

    async def diff(self, key: DocumentKey, vector: bytes) -> bytes:
        """What a replica with this state vector lacks, as one update (deletions included)."""
        ...

    async def survey(self, key: DocumentKey) -> bytes:
        """Say where each struct of a document is, after all that was tasted before.

        Returns:
            The :class:`collabkit.crdt.places.Places` of the document, encoded.
        """
        ...

    async def checkpoint(self, updates: Sequence[bytes]) -> Built:
        """Build a document in a fresh process, and load the result back before returning it.

        Raises:
            EngineLost: It could not be built, or did not load to the same digest.
        """
        ...

    async def examine(
        self, base: Sequence[bytes], suspects: Sequence[bytes | Contested]
    ) -> list[Death]:
        """Find which of the suspects an engine dies of, where that harms nobody.

        The base and then the suspects, in order, are applied by an engine that is made for
        this and thrown away; what kills it is left out, and the rest is tried again. At the
        end the document is encoded, loaded again and read, since some die only then.
        """
        ...

    async def close(self, key: DocumentKey) -> None:
        """Forget a document; unknown keys are fine."""
        ...
