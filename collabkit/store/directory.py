"""Which sessions and documents a file has: read once, whole, and then kept in memory.

Rules:

1. Nothing is looked up in an index of the file. A damaged index answers "not there",
   and not-there is how an empty session would be made out of a lost one.
2. Where a row of ``sessions`` is damaged, absence cannot be proved any more: what is found
   is served, what is not found raises Corrupt.
3. A session says how many documents it has. One that lacks some is not served at all: its
   last ``seq`` is unknown, and what is written to it would get a place that is taken.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

import msgspec

from ..errors import Corrupt, SessionExists, SessionNotFound
from ..ids import Lineage, Seq, SessionId, Subject, new_id
from . import checkpoints, parents, projects, rows
from .base import Parent, SessionRecord
from .charter import Project
from .rows import Values

__all__ = ["Directory", "Document", "Session"]


class Document(msgspec.Struct):
    """A document as the file knows it, with what is still in ``hot`` counted in."""

    no: int
    session: int
    name: str
    lineage: Lineage
    last_seq: int = 0
    floor: int = 0
    gone: int = 0
    rows: int = 0
    size_bytes: int = 0
    checkpoint_bytes: int = 0

    def sealed(self) -> Values:
        """The values of its row in ``documents``."""
        fields = msgspec.structs.astuple(self)[:9]
        return (*fields, rows.crc(fields))


class Session(msgspec.Struct):
    """A session as the file knows it.

    Attributes:
        listed: How many documents the file said it has.
        damage: Why it cannot be served, if so.
    """

    no: int
    id: SessionId
    project: str
    name: str
    kind: str
    created_at_ms: int
    created_by: Subject
    listed: int = 0
    last_seq: int = 0
    damage: str = ""
    documents: dict[str, Document] = {}
    parent: Parent | None = None

    def sealed(self) -> Values:
        """The values of its row in ``sessions``."""
        fields = (*msgspec.structs.astuple(self)[:7], len(self.documents))
        return (*fields, rows.crc(fields))

    def record(self) -> SessionRecord:
        """What others may know of it."""
        return SessionRecord(
            id=self.id,
            project=self.project,
            name=self.name,
            kind=self.kind,
            created_at_ms=self.created_at_ms,
            created_by=self.created_by,
            last_seq=Seq(self.last_seq),
            size_bytes=sum(
                document.size_bytes + document.checkpoint_bytes
                for document in self.documents.values()
            ),
            documents=tuple(sorted(self.documents)),
            parent=self.parent,
        )


class Directory:
    """All sessions of a file, their documents, and the projects they are in.

    Attributes:
        projects: By name; add to them what was committed.
        leaving: Sessions whose deletion has begun.
        damage: One sentence for each fault.
        unsettled: Documents with rows in ``hot``, by number.
        hot_rows: How many rows that are.
        hot_bytes: And how many bytes of bodies.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.projects: dict[str, Project] = {}
        self.leaving: list[Session] = []
        self.damage: list[str] = []
        self.unsettled: dict[int, Document] = {}
        self.hot_rows = 0
        self.hot_bytes = 0
        self._unsure = False
        self._unsure_projects = ""
        self._next_session = 1
        self._next_document = 1
        self._numbers = {0}
        self._by_no: dict[int, Session] = {}
        self._by_id: dict[SessionId, Session] = {}
        self._by_name: dict[tuple[str, str], Session] = {}

    def __repr__(self) -> str:
        return f"<Directory {self.path} sessions={len(self._by_id)}>"

    def __iter__(self) -> Iterator[Session]:
        return iter(sorted(self._by_id.values(), key=lambda one: (one.project, one.name)))

    @classmethod
    def read(cls, connection: sqlite3.Connection, path: str) -> Directory:
        """Read a file's tables; the caller sees to it that they stand still meanwhile."""
        directory = cls(path)
        # Text that a flipped bit made unreadable is one row's damage, not the file's.
        before, connection.text_factory = connection.text_factory, lenient
        try:
            directory._read_sessions(connection)
            documents = directory._read_documents(connection)
            directory._read_projects(connection)
        finally:
            connection.text_factory = before
        directory._count_hot(connection, documents)
        for no, size_bytes in checkpoints.sizes(connection):
            if no in documents:
                documents[no].checkpoint_bytes = size_bytes
        return directory

    def _read_sessions(self, connection: sqlite3.Connection) -> None:
        self._unsure = self._check(connection, "quick_check(sessions)")
        for *fields, crc in connection.execute("SELECT * FROM sessions ORDER BY no"):
            session = Session(*fields)
            self._next_session = session.no + 1
            if rows.crc(fields) != crc:
                self.damage.append(f"session {session.name!r}: its check sum is wrong")
                self._unsure = True
            elif session.project:
                self.add(session)
            else:
                self._by_no[session.no] = session
                self.leaving.append(session)
        for no, parent in parents.read(connection):
            if parent is None:
                self.damage.append(f"the parent of session number {no}: {rows.WRONG_SUM}")
            elif no in self._by_no:
                self._by_no[no].parent = parent

    def _read_documents(self, connection: sqlite3.Connection) -> dict[int, Document]:
        documents: dict[int, Document] = {}
        self._check(connection, "quick_check(documents)")
        for *fields, crc in connection.execute("SELECT * FROM documents ORDER BY no"):
            document = Document(*fields)
            self._next_document = document.no + 1
            self._numbers.add(document.no)
            session = self._by_no.get(document.session)
            if rows.crc(fields) != crc:
                self.damage.append(f"document {document.name!r}: its check sum is wrong")
            elif session is None:
                self.damage.append(f"document {document.name!r}: its session is missing")
            else:
                session.documents[document.name] = document
                session.last_seq = max(session.last_seq, document.last_seq)
                documents[document.no] = document
        for session in self:
            if len(session.documents) != session.listed:
                session.damage = f"{session.listed} documents, {len(session.documents)} found"
                self.damage.append(f"{session.project}~{session.name}: {session.damage}")
        return documents

    def _read_projects(self, connection: sqlite3.Connection) -> None:
        before = len(self.damage)
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        self._check(connection, "quick_check(projects)")
        listed = dict(projects.read(connection))
        for name, project in listed.items():
            if project is None:
                self.damage.append(f"project {name!r}: {rows.WRONG_SUM}")
            else:
                self.projects[name] = project
        by_age = sorted(self, key=lambda one: one.no)
        known = [(one.project, one.created_at_ms, one.created_by) for one in by_age]
        for name, project in projects.implied(known, at_ms=0).items():
            if name not in listed and version >= projects.LISTED_SINCE:
                self.damage.append(f"project {name!r}: it is not listed")
            if name not in listed:
                self.projects[name] = project
        self._unsure_projects = next(iter(self.damage[before:]), "")

    def _check(self, connection: sqlite3.Connection, pragma: str) -> bool:
        problems = [row[0] for row in connection.execute(f"PRAGMA {pragma}") if row[0] != "ok"]
        self.damage += [f"SQLite: {problem}" for problem in problems]
        return bool(problems)

    def _count_hot(self, connection: sqlite3.Connection, documents: dict[int, Document]) -> None:
        for no, count, last_seq, size_bytes in rows.hot_totals(connection):
            self.hot_rows += count
            self.hot_bytes += size_bytes
            document = documents.get(no)
            if document is None:
                self.unlisted(no)
                continue
            document.rows += count
            document.size_bytes += size_bytes
            document.last_seq = last_seq
            session = self.owner(document)
            session.last_seq = max(session.last_seq, last_seq)
            self.unsettled[no] = document
        self.unlisted(rows.last_document(connection))

    def unlisted(self, no: int) -> None:
        """Take note of a document that has rows: it must be listed, sound or not.

        If it is not, its number must at least not be given again.
        """
        if no not in self._numbers:
            self._numbers.add(no)
            self.damage.append(f"document number {no} has rows, but is not listed")
            self._next_document = max(self._next_document, no + 1)

    def find(self, name_or_id: str, project: str) -> Session:
        """Find a session by id within its project, or by name. Raises SessionNotFound."""
        # An id first: whoever calls his session by the id of another one does not get its visitors.
        found = self._by_id.get(SessionId(name_or_id))
        # An id is no way around what a caller may do in which project.
        if found is None or found.project != project:
            found = self._by_name.get((project, name_or_id))
        if found is None:
            self.vouch()
            raise SessionNotFound(name_or_id)
        return self._sound(found)

    def get(self, session: SessionId) -> Session:
        """Find a session by its id. Raises SessionNotFound."""
        found = self._by_id.get(session)
        if found is None:
            self.vouch()
            raise SessionNotFound(session)
        return self._sound(found)

    def _sound(self, session: Session) -> Session:
        if session.damage:
            raise Corrupt(self.path, f"{session.project}~{session.name}", session.damage)
        return session

    def find_id(self, session: SessionId) -> Session | None:
        """The session of this id, if it is there."""
        return self._by_id.get(session)

    def vouch(self) -> None:
        """Say that a session which was not found is not there. Raises Corrupt if nobody can."""
        if self._unsure:
            raise Corrupt(self.path, "its list of sessions", self.damage[0])

    def all(self) -> list[Session]:
        """List all sessions by project and name. Raises Corrupt if that would not be all."""
        self.vouch()
        return [self._sound(session) for session in self]

    def add(self, session: Session) -> None:
        """Take a session in."""
        self._by_no[session.no] = session
        self._by_id[session.id] = session
        self._by_name[session.project, session.name] = session

    def remove(self, session: Session) -> None:
        """Let a session go."""
        del self._by_no[session.no]
        del self._by_id[session.id]
        del self._by_name[session.project, session.name]

    def new_session(self, project: str, name: str, kind: str, by: Subject, at_ms: int) -> Session:
        """Make a session, not taken in yet. Raises SessionExists."""
        self.vacant(project, name)
        self.vouch()
        no = self._next_session
        self._next_session += 1
        return Session(no, SessionId(new_id()), project, name, kind, at_ms, by)

    def vacant(self, project: str, name: str) -> None:
        """Make sure that no session has a name, or is found by it. Raises SessionExists."""
        one = self._by_id.get(SessionId(name))
        if (project, name) in self._by_name or (one is not None and one.project == project):
            raise SessionExists(name)

    def project(self, name: str) -> Project | None:
        """Find a project by its name. Raises Corrupt if it may be one of those that are damaged."""
        found = self.projects.get(name)
        if found is None:
            self.vouch_projects()
        return found

    def all_projects(self) -> list[Project]:
        """List all projects by name. Raises Corrupt if that would not be all."""
        self.vouch_projects()
        return sorted(self.projects.values(), key=lambda one: one.name)

    def vouch_projects(self) -> None:
        """Say that the projects that are known are all. Raises Corrupt if nobody can."""
        if self._unsure_projects:
            raise Corrupt(self.path, "its list of projects", self._unsure_projects)

    def new_document(self, session: Session, name: str) -> Document:
        """Take a new document in, with a lineage of its own."""
        document = Document(self._next_document, session.no, name, Lineage(new_id()))
        self._next_document += 1
        session.documents[name] = document
        return document

    def document(self, no: int) -> Document | None:
        """The document of a number, if it is there."""
        every = (one for session in self._by_no.values() for one in session.documents.values())
        return next((one for one in every if one.no == no), None)

    def owner(self, document: Document) -> Session:
        """The session of a document."""
        return self._by_no[document.session]

    def forget(self, document: Document) -> None:
        """Take back a document that did not reach the file."""
        del self.owner(document).documents[document.name]

    def appended(self, document: Document, size_bytes: int) -> None:
        """Count a row that was committed to ``hot``."""
        document.rows += 1
        document.size_bytes += size_bytes
        self.unsettled[document.no] = document
        self.hot_rows += 1
        self.hot_bytes += size_bytes

    def settled(self) -> None:
        """``hot`` is empty now."""
        self.unsettled.clear()
        self.hot_rows = self.hot_bytes = 0


def lenient(text: bytes) -> str:
    """Read text that may be damaged: what is wrong in it does not verify."""
    return text.decode("utf-8", "replace")
