"""What somebody sees who reads a file beside its holder."""

from __future__ import annotations

from pathlib import Path

from collabkit.crdt.document import Document
from collabkit.ids import RoomName
from collabkit.sessions.solo import document_of
from collabkit.store.base import Row
from collabkit.store.reader import Reader


class OnDisk:
    """A file, read from outside."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def document(self, name: str) -> Document:
        """A document, built from checkpoint and rows."""
        place = RoomName.parse(name)
        with Reader(self.path) as reader:
            record = reader.find(place.session, project=place.project)
            loaded = reader.load(record.id, place.document)
        return document_of(loaded, place, path=str(self.path))

    def text(self, name: str, root: str = "body") -> str:
        """A root text of a document."""
        return str(self.document(name).text(root))

    def rows(self, name: str) -> list[Row]:
        """The log of a session."""
        place = RoomName.parse(name)
        with Reader(self.path) as reader:
            record = reader.find(place.session, project=place.project)
            return reader.rows(record.id, limit=100_000)

    def faults(self) -> list[str]:
        """What is damaged."""
        with Reader(self.path) as reader:
            return list(reader.verify())
