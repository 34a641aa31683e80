"""What follows the death of an engine: the guilty are found, and kept apart.

Rules:

1. Edits that were not stored yet are tried on what the log has, where that harms nobody. Who is
   found guilty is for the room to refuse.
2. An engine may die of the log itself: while it is opened, or only when the document is told or
   made a checkpoint of. Then the log is tried, and each guilty row is set aside, and so is a
   guilty checkpoint: from then on a load leaves them out.
3. What was set aside may be in the engine's document; so the engine forgets it, and the room
   opens it anew.
4. Engines also die of what is not here, or are killed. So an opening is tried again, some times.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

from ..crdt.engine import Contested, Death, DocumentKey, Engine
from ..errors import CollabError, EngineLost
from ..ids import SessionId, Subject
from ..store.base import Checkpoint, Loaded, Row, Store
from .effects import Quarantine

__all__ = ["Inquest", "updates_of"]

_log = logging.getLogger("collabkit.room")

# Deaths are found many at a time; this is for those that are found only when others are gone.
MAX_OPENINGS = 16
# An engine that dies over a question once died of something else, nearly always.
MAX_DEATHS = 2


class Inquest:
    """Looks into the deaths over one document.

    Args:
        session: The session it belongs to.
        document: Its name in there.
        store: Where its log is.
    """

    def __init__(self, session: SessionId, document: str, store: Store) -> None:
        self._session = session
        self._document = document
        self._store = store
        self._deaths_over_questions = 0

    def __repr__(self) -> str:
        return f"<Inquest of {self._session}/{self._document}>"

    @property
    def _key(self) -> DocumentKey:
        return (self._session, self._document)

    async def load(self) -> Loaded:
        """Read checkpoint and rows."""
        return await self._store.load(self._session, self._document)

    async def opened(self, engine: Engine) -> tuple[Loaded, Mapping[int, int]]:
        """Open the document; returns what was loaded, and the state vector.

        Raises:
            EngineLost: It cannot be opened.
        """
        for _ in range(MAX_OPENINGS):
            loaded = await self.load()
            try:
                return loaded, await engine.open(self._key, updates_of(loaded))
            except EngineLost as lost:
                if lost.culprit is not None:
                    await self.try_log(engine, loaded)
        raise EngineLost(self._document)

    async def difference(self, engine: Engine, vector: bytes) -> bytes:
        """What a replica with this vector lacks.

        Raises:
            EngineLost: The engine died, perhaps over this.
        """
        try:
            return await engine.diff(self._key, vector)
        except EngineLost:
            self._deaths_over_questions += 1
            if self._deaths_over_questions == MAX_DEATHS:
                await self.try_suspects(engine, [])
            raise

    async def try_suspects(
        self, engine: Engine, suspects: Sequence[bytes | Contested]
    ) -> list[Death]:
        """Find which of the suspects the engine dies of."""
        loaded = await self.load()
        try:
            return await engine.examine(updates_of(loaded), suspects)
        except EngineLost:
            await self.try_log(engine, loaded)
            return []

    async def try_log(self, engine: Engine, loaded: Loaded) -> None:
        """Find which updates of the log the engine dies of, and set them aside."""
        pieces: list[Checkpoint | Row] = [*loaded.rows]
        if loaded.checkpoint is not None:
            pieces.insert(0, loaded.checkpoint)
        deaths = await engine.examine([], [piece.body for piece in pieces])
        for death in deaths:
            piece = pieces[death.index]
            row = piece if isinstance(piece, Row) else None
            _log.error("%s: row %d is set aside: %s", self._document, piece.seq, death.how)
            await self._store.quarantine(
                self._session,
                self._document,
                subject=row.subject if row else Subject(""),
                body=row.body if row else b"",
                reason=death.how,
                seq=piece.seq,
            )
        if deaths:
            await engine.close(self._key)

    async def keep(self, found: Quarantine) -> None:
        """Keep an update apart that never was stored."""
        name, subject, reason = self._document, found.subject, found.reason
        _log.warning("%s: an update of %s is kept apart: %s", name, subject, reason)
        try:
            await self._store.quarantine(
                self._session,
                self._document,
                subject=subject,
                body=found.update,
                reason=reason,
            )
        except CollabError as error:
            _log.error("%s: the update is not kept: %s", self._document, error)


def updates_of(loaded: Loaded) -> list[bytes]:
    """Checkpoint and rows, as an engine wants them."""
    rows = [row.body for row in loaded.rows]
    return rows if loaded.checkpoint is None else [loaded.checkpoint.body, *rows]
