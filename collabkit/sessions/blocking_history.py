"""The past of a document, for code without an event loop.

Each method waits for what the one of this name of :class:`collabkit.sessions.history.History`
gives, and raises what that raises.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from anyio.from_thread import BlockingPortal

from ..crdt.document import Document
from ..history.blame import Blame
from ..history.difference import Difference
from ..history.moments import NOW, START
from ..history.timeline import Change, Path
from ..history.tree import Tree
from ..ids import Seq
from ..store.base import Version
from . import history as _history
from .history import Done
from .moments import Moment
from .versions import Reason

__all__ = ["History"]


class History:
    """The past of one document of a session; ``session.history`` is that of ``main``.

    Do not ask inside an ``edit()`` block of the document: what it asks for would wait for the
    block to end.

    >>> import collabkit, tempfile
    >>> with tempfile.TemporaryDirectory() as folder, collabkit.open(f"{folder}/a.db") as workspace:
    ...     with workspace.create("note") as note:
    ...         note.document.text("body").insert(0, "hello")
    ...         _ = note.history.save_version("draft")
    ...         note.document.text("body").append(" world")
    ...         _ = note.history.restore("draft")
    ...         str(note.document.text("body"))
    'hello'
    """

    def __init__(self, inner: _history.History, loop: Callable[[], BlockingPortal]) -> None:
        self._inner = inner
        self._loop = loop

    def __repr__(self) -> str:
        return f"<blocking {self._inner!r}>"

    @property
    def document(self) -> str:
        """Name of the document."""
        return self._inner.document

    def of(self, document: str) -> History:
        """The history of another document of this session."""
        return History(self._inner.of(document), self._loop)

    # What happened

    def changes(
        self,
        *,
        author: str | None = None,
        path: Path | None = None,
        since: Moment | None = None,
        until: Moment = NOW,
        before: int | None = None,
        limit: int = 50,
        parts: bool = False,
    ) -> list[Change]:
        """What happened, as changes that a person can read, the newest first."""
        told: dict[str, Any] = {"author": author, "path": path, "since": since, "until": until}
        return self._loop().call(
            lambda: self._inner.changes(**told, before=before, limit=limit, parts=parts)
        )

    def versions(self) -> list[Version]:
        """The versions that this document has, the oldest moment first."""
        return self._loop().call(self._inner.versions)

    def seq(self, moment: Moment) -> Seq:
        """The row that a moment is after."""
        return self._loop().call(self._inner.seq, moment)

    # As it was

    def checkout(self, at: Moment = NOW) -> Document:
        """The document as it was, to read."""
        return self._loop().call(self._inner.checkout, at)

    def to_dict(self, at: Moment = NOW) -> dict[str, Any]:
        """All content as it was, as plain values by root."""
        return self._loop().call(self._inner.to_dict, at)

    def text(self, root: str, at: Moment = NOW) -> str:
        """A root text as it was."""
        return self._loop().call(self._inner.text, root, at)

    def update(self, at: Moment = NOW) -> bytes:
        """All of the document as it was, as one Yjs update."""
        return self._loop().call(self._inner.update, at)

    def tree(self, at: Moment = NOW) -> Tree:
        """The document as it was, each part with who put it there."""
        return self._loop().call(self._inner.tree, at)

    def diff(self, old: Moment, new: Moment = NOW) -> Difference:
        """What is different between two moments, each part with its author."""
        return self._loop().call(self._inner.diff, old, new)

    def blame(self, at: Moment = NOW) -> Blame:
        """Whose each range of a text and each value was."""
        return self._loop().call(self._inner.blame, at)

    # What can be done with it

    def save_version(
        self,
        name: str,
        *,
        at: Moment = NOW,
        note: str = "",
        pinned: bool = True,
        kind: Reason = "manual",
    ) -> Version:
        """Give a moment of this document a name."""
        return self._loop().call(
            lambda: self._inner.save_version(name, at=at, note=note, pinned=pinned, kind=kind)
        )

    def drop_version(self, name: str) -> None:
        """Take a version's name away."""
        self._loop().call(self._inner.drop_version, name)

    def restore(self, at: Moment, *, dry_run: bool = False) -> Done:
        """Bring the document back to what it was, by one edit."""
        return self._loop().call(lambda: self._inner.restore(at, dry_run=dry_run))

    def revert(
        self,
        change: str | int | None = None,
        *,
        author: str | None = None,
        since: Moment = START,
        until: Moment = NOW,
        dry_run: bool = False,
    ) -> Done:
        """Take back a change, or what somebody wrote, by one edit; everybody else's work stays."""
        told: dict[str, Any] = {"author": author, "since": since, "until": until}
        return self._loop().call(lambda: self._inner.revert(change, **told, dry_run=dry_run))

    def fork(self, name: str, *, at: Moment = NOW, whole: bool = False) -> str:
        """Branch this document from a moment, as a session of its own; returns its id."""
        return self._loop().call(lambda: self._inner.fork(name, at=at, whole=whole))

    def merge(self, fork: str, *, dry_run: bool = False) -> Done:
        """Take what a fork of this document has beyond it, by one edit."""
        return self._loop().call(lambda: self._inner.merge(fork, dry_run=dry_run))
