"""Something that is in a document, for those who ask what operations do to it."""

from __future__ import annotations

from collabkit.crdt.document import Document
from collabkit.sessions.session import Kind
from collabkit.sessions.workspace import Workspace


def update(text: str) -> bytes:
    """A document with this body, as one update."""
    document = Document()
    document.text("body").insert(0, text)
    return document.update()


async def write(workspace: Workspace, name: str, *words: str) -> None:
    """Write words into a session, each saved for itself."""
    async with workspace.open(name, create=Kind.COLLABORATIVE) as session:
        for word in words:
            session.document.text("body").append(word)
            await session.saved()
