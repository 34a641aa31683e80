"""The tables of a collabkit file, as numbered migrations.

Rules:

1. A migration is never edited once released; a change is a new number. The number
   of the last one applied is SQLite's ``user_version``; ``application_id`` says
   that the file is ours at all.
2. Every table is STRICT. Every row that cannot be rebuilt carries a ``crc``.
3. The log is two tables. Commits append to ``hot``, which has no order but its
   own: fifty rooms that write at once share one page. Every few thousand rows they
   move, sorted, into ``log``, whose key *is* the order of reading. Measured with
   50 documents and 50 rows a commit: 1.1 KB of writes an edit, against 5.2 KB for
   one table in reading order and 3.1 KB for one with a secondary index.
4. ``log.place`` is ``document << 32 | seq``: one integer key instead of two columns,
   so that a document is one range of one B-tree, with no second index beside it.
5. A session that is being deleted has the empty project and its id as its name,
   which no living session can have.
6. The audit is only added to: SQLite itself refuses to change or delete a line of it. The
   hash of a line is its check sum, and takes in the line before.
7. A fact is never overwritten: it ``died`` in the epoch in which another took its place.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable

import sqlite_utils

from . import projects, rows

__all__ = ["APPLICATION_ID", "SUPPORTED", "migrate", "show", "tables"]

# "CoLb" in ASCII; `file(1)` and foreign tools tell our files by it.
APPLICATION_ID = 0x436F4C62

# What a row of the log says, whichever of the two tables it is in.
_LOG = {
    "prev": int,  # seq of the row before it in its document, 0 for the first
    "epoch": int,  # which opening of the file wrote it
    "at_ms": int,
    "subject": str,
    "kind": str,
    "seen": int,
    "group": str,
    "origin": str,
    "clients": bytes,
    "body": bytes,
    "crc": int,
}

# Tables by name, and their columns.
_FIRST_TABLES: dict[str, dict[str, type]] = {
    "file": {"no": int, "epoch": int},
    "sessions": {
        "no": int,
        "id": str,
        "project": str,
        "name": str,
        "kind": str,
        "created_at_ms": int,
        "created_by": str,
        "documents": int,  # how many it has
        "crc": int,
    },
    "documents": {
        "no": int,
        "session": int,
        "name": str,
        "lineage": str,
        "last_seq": int,  # of its rows in `log`; those in `hot` come after
        "floor": int,  # updates up to here were compacted away
        "gone": int,  # how many rows that were
        "rows": int,
        "size_bytes": int,
        "crc": int,
    },
    "hot": {"no": int, "document": int, "seq": int, **_LOG},
    "log": {"place": int, **_LOG},
    "checkpoints": {
        "no": int,
        "document": int,
        "seq": int,
        "size_bytes": int,
        "digest": str,
        "at_ms": int,
        "body": bytes,
        "crc": int,
    },
    "named": {"bucket": str, "key": str, "version": int, "value": str, "crc": int},
}


def _first(db: sqlite_utils.Database) -> None:
    keys = {"log": "place", "named": ("bucket", "key")}
    parents = {
        "documents": [("session", "sessions", "no")],
        "checkpoints": [("document", "documents", "no")],
    }
    for name, columns in _FIRST_TABLES.items():
        db.table(name).create(
            columns,
            pk=keys.get(name, "no"),
            not_null=set(columns) - {"group"},
            foreign_keys=parents.get(name, ()),
            strict=True,
        )
    db.table("sessions").create_index(["project", "name"], unique=True)
    # With the size in it, so that sizes are listed without a look at the bodies.
    db.table("checkpoints").create_index(["document", "seq", "size_bytes"])
    db.execute("INSERT INTO file VALUES (1, 0)")


# sqlite-utils has no words for WITHOUT ROWID and AUTOINCREMENT.
_SECOND_TABLES: dict[str, str] = {
    # One B-tree, whose key is the order of reading.
    "owners": """
        document INTEGER NOT NULL, client INTEGER NOT NULL, subject TEXT NOT NULL,
        crc INTEGER NOT NULL, PRIMARY KEY (document, client)
    ) STRICT, WITHOUT ROWID""",
    # A number that somebody has noted never becomes another's. A `digest` is a checkpoint's.
    "quarantined": """
        no INTEGER PRIMARY KEY AUTOINCREMENT, document INTEGER NOT NULL, seq INTEGER,
        subject TEXT NOT NULL, reason TEXT NOT NULL, at_ms INTEGER NOT NULL, digest TEXT,
        body BLOB NOT NULL, crc INTEGER NOT NULL
    ) STRICT""",
    # Of documents by number, and of the whole file under 0.
    "recoveries": """
        document INTEGER PRIMARY KEY, epoch INTEGER NOT NULL, until_ms INTEGER NOT NULL,
        crc INTEGER NOT NULL
    ) STRICT""",
}

# Columns that tables of before have gained, and what stands in rows of before.
_SECOND_COLUMNS = {
    "checkpoints": "inflated_bytes INTEGER",  # of a compressed body
    "file": "state TEXT NOT NULL DEFAULT 'closed'",  # see recovery.py
}


def _second(db: sqlite_utils.Database) -> None:
    for name, columns in _SECOND_TABLES.items():
        db.execute(f"CREATE TABLE {name} ({columns}")
    db.table("quarantined").create_index(["document"])
    for name, column in _SECOND_COLUMNS.items():
        db.execute(f"ALTER TABLE {name} ADD COLUMN {column}")


_THIRD_TABLES: dict[str, str] = {
    # A `document` of NULL: all of them.
    "versions": """
        no INTEGER PRIMARY KEY, session INTEGER NOT NULL, name TEXT NOT NULL,
        seq INTEGER NOT NULL, document TEXT, made_by TEXT NOT NULL, authors TEXT NOT NULL,
        note TEXT NOT NULL, at_ms INTEGER NOT NULL, kind TEXT NOT NULL, pinned INTEGER NOT NULL,
        crc INTEGER NOT NULL, UNIQUE (session, name)
    ) STRICT""",
    # What sessions were branched from; the parent is told by its id, because it may go first.
    "parents": """
        session INTEGER PRIMARY KEY, parent TEXT NOT NULL, seq INTEGER NOT NULL, document TEXT,
        crc INTEGER NOT NULL
    ) STRICT""",
    # SQLite remembers the highest number there ever was: so a tail that is cut off is missed.
    "audit": """
        no INTEGER PRIMARY KEY AUTOINCREMENT, at_ms INTEGER NOT NULL, session TEXT,
        subject TEXT NOT NULL, action TEXT NOT NULL, data TEXT NOT NULL, hash BLOB NOT NULL
    ) STRICT""",
}


def _third(db: sqlite_utils.Database) -> None:
    for name, columns in _THIRD_TABLES.items():
        db.execute(f"CREATE TABLE {name} ({columns}")
    for change in ("UPDATE", "DELETE"):
        db.execute(
            f"CREATE TRIGGER audit_no_{change.lower()} BEFORE {change} ON audit "
            "BEGIN SELECT RAISE(ABORT, 'the audit is only added to'); END"
        )


_FOURTH_TABLES: dict[str, str] = {
    "projects": """
        no INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, created_at_ms INTEGER NOT NULL,
        created_by TEXT NOT NULL, archived_at_ms INTEGER, crc INTEGER NOT NULL
    ) STRICT""",
    # A fact is of the epochs from `born` on, and not of those from `died` on.
    "facts": """
        no INTEGER PRIMARY KEY, kind TEXT NOT NULL, key TEXT NOT NULL, body TEXT NOT NULL,
        born INTEGER NOT NULL, died INTEGER, crc INTEGER NOT NULL
    ) STRICT""",
    # Without a digest it was only begun.
    "epochs": """
        no INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, made_by TEXT NOT NULL,
        reason TEXT NOT NULL, facts INTEGER NOT NULL, digest BLOB, crc INTEGER NOT NULL
    ) STRICT""",
}


def _fourth(db: sqlite_utils.Database) -> None:
    for name, columns in _FOURTH_TABLES.items():
        db.execute(f"CREATE TABLE {name} ({columns}")
    db.execute("CREATE UNIQUE INDEX facts_alive ON facts (kind, key) WHERE died IS NULL")
    # A session that does not verify tells nothing; one that is being deleted is in no project.
    known = [
        (fields[2], fields[5], fields[6])
        for *fields, crc in db.execute("SELECT * FROM sessions ORDER BY no").fetchall()
        if rows.crc(fields) == crc and fields[2]
    ]
    for project in projects.implied(known, at_ms=time.time_ns() // 1_000_000).values():
        projects.insert(db.conn, project)


_MIGRATIONS: tuple[Callable[[sqlite_utils.Database], None], ...] = (
    _first,
    _second,
    _third,
    _fourth,
)

SUPPORTED = len(_MIGRATIONS)

_LATER_TABLES: dict[int, dict[str, str]] = {2: _SECOND_TABLES, 3: _THIRD_TABLES, 4: _FOURTH_TABLES}

_TABLES = (frozenset(_FIRST_TABLES), *map(frozenset, _LATER_TABLES.values()))


def tables(version: int) -> frozenset[str]:
    """The names of the tables that a file of some number has."""
    return frozenset().union(*_TABLES[:version])


def show(connection: sqlite3.Connection, version: int) -> None:
    """Make an older file look new to a connection that may not change it."""
    connection.execute("PRAGMA temp_store = MEMORY")
    for number, later in _LATER_TABLES.items():
        for name, columns in later.items() if version < number else ():
            connection.execute(f"CREATE TEMP TABLE {name} ({columns}")
    if version < 2:
        connection.execute(
            "CREATE TEMP VIEW checkpoints AS SELECT *, NULL AS inflated_bytes FROM main.checkpoints"
        )
        connection.execute("CREATE TEMP VIEW file AS SELECT *, 'closed' AS state FROM main.file")


def migrate(connection: sqlite3.Connection, version: int) -> None:
    """Bring a file from ``version`` (0: nothing yet) to the one this code writes.

    Each step is one transaction together with its number, so a step that was
    interrupted is a step that never began.
    """
    db = sqlite_utils.Database(connection, execute_plugins=False)
    for number in range(version + 1, SUPPORTED + 1):
        connection.execute("BEGIN IMMEDIATE")
        try:
            _MIGRATIONS[number - 1](db)
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {number}")
            connection.execute("COMMIT")
        except BaseException:
            connection.execute("ROLLBACK")
            raise
