"""What is wrong with a document, or with the engine that holds it."""

from __future__ import annotations

from .root import CollabError

__all__ = [
    "DocumentError",
    "EngineError",
    "EngineLost",
    "Gone",
    "OutOfRange",
    "ReadOnlyDocument",
    "ValueNotStorable",
    "WrongRoot",
]


class DocumentError(CollabError):
    """Something is wrong with how a document is used."""


class ValueNotStorable(DocumentError, ValueError):
    """A value that a document cannot hold."""

    reason: str
    _says = "cannot be stored in a document: {reason}"


class OutOfRange(DocumentError, IndexError):
    """An index outside the text or array."""

    index: int
    length: int
    _says = "index {index} is out of range for length {length}"


class WrongRoot(DocumentError, TypeError):
    """A root that exists with another type."""

    root: str
    kind: str
    requested: str
    _says = "root {root!r} is {kind}, not {requested}"


class Gone(DocumentError, LookupError):
    """A handle of something that is not in the document any more."""

    place: str  # where it was, from its root
    _says = "{place} is not in the document any more"


class ReadOnlyDocument(DocumentError):
    """A write to a document that only shows."""

    document: str
    _says = "document {document!r} is read-only here"


class EngineError(CollabError):
    """The CRDT engine failed."""


class EngineLost(EngineError):
    """The engine died, or poisoned a document; what it held must be rebuilt from the log."""

    document: str
    culprit: int | None = None  # which of the call's updates did it, if that is known

    def __str__(self) -> str:
        at = "" if self.culprit is None else f" at update {self.culprit}"
        return f"the engine lost document {self.document!r}{at}; rebuild it from the log"
