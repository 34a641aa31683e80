"""People who edit a session, each in a copy of his own, one row an edit."""

from __future__ import annotations

from collections.abc import Callable

from collabkit.crdt.document import Document
from collabkit.errors import SessionNotFound
from collabkit.ids import RoomName, Seq, Subject
from collabkit.sessions.operations import call
from collabkit.sessions.workspace import Workspace
from collabkit.sync.inquest import updates_of


class Author:
    """Somebody with a copy of a document."""

    def __init__(self, workspace: Workspace, subject: str, place: str = "note") -> None:
        self.workspace = workspace
        self.subject = Subject(subject)
        self.place = place
        self.document = Document()

    async def catch_up(self) -> None:
        """Take in what others wrote."""
        room = RoomName.parse(self.place)
        store = self.workspace.store
        try:
            record = await store.find_session(room.session, project=room.project)
        except SessionNotFound:
            return
        for update in updates_of(await store.load(record.id, room.document)):
            self.document.apply(update, trusted=True)

    async def edit(self, change: Callable[[Document], object]) -> Seq:
        """Edit, and bring it in; returns the row."""
        updates: list[bytes] = []
        stop = self.document.on_update(lambda told: updates.append(told.update))
        with self.document.edit():
            change(self.document)
        stop()
        asked = {"session": self.place, "updates": updates, "create": "collaborative"}
        done = await call(self.workspace, "import", asked, subject=self.subject)
        rows = await self.workspace.store.rows(done["id"], limit=100_000)
        return rows[-1].seq

    async def write(self, words: str, root: str = "body") -> Seq:
        """Append words to a text, after what there is of everybody."""
        await self.catch_up()
        return await self.edit(lambda document: document.text(root).append(words))
