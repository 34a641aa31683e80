"""What a document is put through in a process of its own, before anybody relies on it.

A checkpoint must load: it is what every later opening of the document begins with. So it is
built from the log, encoded, and loaded into a second document, whose content must have the
same digest. A rehearsal does all of that too, and says which update it broke of: it is for
updates of which an engine died, and some kill only who encodes, loads or reads them.

Either may crash or hang this process; see :mod:`collabkit.crdt.trials`.
"""

from __future__ import annotations

from collections.abc import Iterable

from ..errors import EngineLost, UpdateRefused
from .budget import NO_BUDGET
from .digest import content_digest
from .engine import Built, Contested
from .replay import Replay

__all__ = ["build", "rehearse"]


def build(updates: Iterable[bytes]) -> Built:
    """Build a document from a checkpoint, if any, and the rows behind it.

    Raises:
        UpdateRefused: The updates cannot be applied.
        EngineLost: Nor can what they make, or it is something else.
    """
    built = Replay("built", guarded=False)
    built.load(updates)
    return _proven(built)


def rehearse(updates: Iterable[bytes | Contested]) -> None:
    """Do to a document all that is ever done to one. What it refuses is left out.

    Raises:
        EngineLost: It broke of the culprit, or of what they make together.
    """
    rehearsed = Replay("rehearsed", guarded=False)
    rehearsed.taste(updates, NO_BUDGET)
    try:
        _proven(rehearsed)
    except UpdateRefused as refused:
        raise EngineLost("rehearsed") from refused


def _proven(built: Replay) -> Built:
    """The document as one update, which was loaded."""
    body = built.core.encode()
    loaded = Replay("loaded", guarded=False)
    loaded.load([body])
    digest = content_digest(loaded.core)
    if loaded.vector != built.vector or content_digest(built.core) != digest:
        raise EngineLost("checkpoint")
    return Built(body, digest)
