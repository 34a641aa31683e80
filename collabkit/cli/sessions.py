"""Commands about sessions: ``ls show create rm``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from ..ids import RoomName, SessionId
from ..sessions.session import Kind
from ..sessions.solo import document_of
from ..store.base import SessionRecord
from ..store.reader import Reader
from . import render
from .arguments import DEFAULT_DB, AsJson, Db, DryRun, Name, OptionalDb, Yes, find, listed, operate
from .moments import At, seq_of

__all__ = ["app"]

app = typer.Typer()


class DocumentShown(msgspec.Struct, frozen=True):
    """What ``show`` says of a document.

    Attributes:
        checkpoint: The row that its newest checkpoint reaches; 0 without one.
        tail: How many rows come after that.
        quarantined: How many updates are kept apart; ``collabkit doctor`` shows them.
        epoch: Of its last recovery; 0 if there was none.
    """

    name: str
    lineage: str
    checkpoint: int
    digest: str
    tail: int
    tail_bytes: int
    quarantined: int
    epoch: int


@app.command("ls")
def list_sessions(
    db: OptionalDb = DEFAULT_DB,
    *,
    project: Annotated[str | None, typer.Option(help="Of this project only.")] = None,
    as_json: AsJson = False,
) -> None:
    """List the sessions of a file."""
    with Reader(db) as reader:
        records, damage = listed(reader)
    if project is not None:
        records = [record for record in records if record.project == project]
        if not records and damage is None:
            render.error(f"no project {project!r} in {db}: no session is of it")
            raise typer.Exit(1)
    if as_json:
        render.json(records)
    else:
        _show_list(db, records)
    if damage is not None:
        raise damage


def _show_list(db: Path, records: list[SessionRecord]) -> None:
    render.listing(
        ("Project", "Name", "Kind", "Docs", "Rows", "Size", "Created", "By"),
        (
            (
                record.project,
                record.name,
                record.kind,
                str(len(record.documents)),
                str(record.last_seq),
                render.size(record.size_bytes),
                render.clock(record.created_at_ms, to="minutes"),
                record.created_by,
            )
            for record in records
        ),
        right=("Docs", "Rows", "Size"),
        empty=f"{db} has no sessions",
    )


@app.command()
def show(db: Db, name: Name, *, at: At = None, as_json: AsJson = False) -> None:
    """Show what a file knows of a session, or what its documents were at a moment."""
    with Reader(db) as reader:
        record, _ = find(reader, name)
        if at is not None:
            _show_at(reader, record, at, as_json=as_json)
            return
        documents = [_shown(reader, record.id, document) for document in record.documents]
    if as_json:
        render.json({**msgspec.to_builtins(record), "documents": documents})
        return
    render.answers(
        (
            ("name", record.name),
            ("project", record.project),
            ("id", record.id),
            ("kind", record.kind),
            ("created", f"{render.clock(record.created_at_ms)} by {record.created_by}"),
            ("rows", str(record.last_seq)),
            ("size", render.size(record.size_bytes)),
            *_branched(record),
        )
    )
    render.listing(
        ("Document", "Checkpoint", "Tail", "Tail size", "Lineage"),
        (
            (
                document.name,
                str(document.checkpoint or "-"),
                str(document.tail),
                render.size(document.tail_bytes),
                document.lineage,
            )
            for document in documents
        ),
        right=("Checkpoint", "Tail", "Tail size"),
        empty="nothing was written to it yet",
    )
    if kept := sum(document.quarantined for document in documents):
        render.note(
            f"{render.count(kept, 'update')} quarantined: `collabkit doctor {db}` shows them"
        )


def _branched(record: SessionRecord) -> Iterator[tuple[str, str]]:
    parent = record.parent
    if parent is not None:
        document = f"/{parent.document}" if parent.document else ""
        yield "branched", f"from {parent.session}{document} after row {parent.seq}"


def _show_at(reader: Reader, record: SessionRecord, at: str, *, as_json: bool) -> None:
    """Show each document at a moment, so that two moments, or two files, can be compared."""
    seq = seq_of(reader, record, at)
    documents = []
    for name in record.documents:
        place = RoomName(record.project, record.name, name)
        document = document_of(reader.load_at(record.id, name, seq), place, path=reader.path)
        if document.roots:
            documents.append((name, document.roots, document.digest()))
    if as_json:
        shown = [
            {"name": name, "roots": roots, "digest": digest} for name, roots, digest in documents
        ]
        render.json({"id": record.id, "at": seq, "documents": shown})
        return
    render.listing(
        ("Document", "Roots", "Digest"),
        ((name, ", ".join(sorted(roots)), digest) for name, roots, digest in documents),
        empty=f"{record.name} was empty",
    )
    render.note(f"{record.name} after row {seq} of {record.last_seq}")


def _shown(reader: Reader, session: SessionId, name: str) -> DocumentShown:
    loaded = reader.load(session, name)
    checkpoint = loaded.checkpoint
    return DocumentShown(
        name=name,
        lineage=loaded.lineage,
        checkpoint=checkpoint.seq if checkpoint else 0,
        digest=checkpoint.digest if checkpoint else "",
        tail=len(loaded.rows),
        tail_bytes=sum(len(row.body) for row in loaded.rows),
        quarantined=len(loaded.quarantined),
        epoch=loaded.epoch,
    )


@app.command()
def create(
    db: Db,
    name: Name,
    *,
    kind: Annotated[Kind, typer.Option(help="What it is for.")] = Kind.COLLABORATIVE,
    as_json: AsJson = False,
) -> None:
    """Create a session."""
    made = operate(db, "create", session=name, kind=kind.value)
    if as_json:
        render.json(made)
    else:
        render.line(made["id"])


@app.command("rm")
def remove(
    db: Db,
    name: Name,
    *,
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Remove a session and all it has: documents, history, everything.

    Whoever is connected to it is put out.
    """
    with Reader(db) as reader:
        place = find(reader, name)[1]
    if "/" in name:
        raise typer.BadParameter("a session is removed as a whole, not one document of it")
    if not dry_run and not yes:
        would = operate(db, "rm", session=str(place), dry_run=True)
        if not typer.confirm(f"Remove {place} ({_going(would)}) for ever?"):
            render.note(f"{place} is kept")
            raise typer.Exit(1)
    done = operate(db, "rm", session=str(place), dry_run=dry_run)
    if as_json:
        render.json(done)
    elif dry_run:
        render.note(f"{place} would be removed: {_going(done)}")
    else:
        render.note(f"{place} is removed")


def _going(told: dict[str, Any]) -> str:
    """What goes with a session."""
    documents, rows = len(told["documents"]), told["rows"]
    counts = f"{render.count(documents, 'document')}, {render.count(rows, 'row')}"
    return f"{counts}, {render.size(told['size_bytes'])}"
