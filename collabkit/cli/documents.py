"""Commands about one document: ``inspect export import``."""

from __future__ import annotations

import enum
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import msgspec
import typer
from rich.text import Text as Line
from rich.tree import Tree

from ..crdt.containers import Array, Map
from ..crdt.document import Document
from ..crdt.text import Text
from ..crdt.update import scan, splice
from ..errors import (
    CannotWrite,
    InvalidArguments,
    InvalidName,
    OperationFailed,
    RemoteProtocolError,
)
from ..history.container import SUFFIX, Container
from ..ids import DEFAULT_DOCUMENT, RoomName
from ..sessions.attendance import rehearse
from ..sessions.moving import export
from ..sessions.session import Kind
from ..sessions.solo import document_of
from ..store.foreign import ForeignDocument, read_foreign
from ..store.reader import Reader
from . import render
from .arguments import AsJson, Db, DryRun, Name, find, operate
from .moments import At, seq_of

__all__ = ["STDOUT", "app", "write_new"]

app = typer.Typer()

# As much of a text as fits beside its key on most terminals.
PREVIEW = 60

# What people write for stdout, where a file is asked for.
STDOUT = Path("-")

_SQLITE, _ZIP = b"SQLite format 3\0", b"PK\x03\x04"


def _document(db: Path, name: str, at: str | None) -> tuple[RoomName, Document]:
    with Reader(db) as reader:
        record, place = find(reader, name)
        if at is None:
            loaded = reader.load(record.id, place.document)
        else:
            loaded = reader.load_at(record.id, place.document, seq_of(reader, record, at))
        return place, document_of(loaded, place, path=reader.path)


# Looking


@app.command()
def inspect(
    db: Db,
    name: Name,
    *,
    text: Annotated[
        str | None, typer.Option("--text", metavar="ROOT", help="Print this root text, whole.")
    ] = None,
    at: At = None,
    as_json: AsJson = False,
) -> None:
    """Show what is in a document, and of which types it is made."""
    place, document = _document(db, name, at)
    roots = document.roots
    if text is not None:
        if text not in roots:
            raise typer.BadParameter(f"{place} has no root {text!r}; it has {_listed(roots)}")
        render.raw(str(document.text(text)))
    elif as_json:
        values = _content(document)
        render.json(
            {
                "name": str(place),
                "digest": document.digest(),
                "roots": {root: {"kind": roots[root], "value": values[root]} for root in values},
            }
        )
    else:
        render.tree(_tree(str(place), document))


def _content(document: Document) -> dict[str, Any]:
    """All content, as JSON can write it, in the order of its keys: the engine has none."""
    content: dict[str, Any] = msgspec.to_builtins(document.to_dict(), order="deterministic")
    return content


def _listed(names: Iterable[str]) -> str:
    return ", ".join(map(repr, sorted(names))) or "none"


def _tree(title: str, document: Document) -> Tree:
    tree = Tree(Line(render.plain(title), style="bold"))
    for name, kind in sorted(document.roots.items()):
        root = getattr(document, kind)(name)
        _grow(tree, name, root)
    if not tree.children:
        tree.add(Line("nothing yet", style="dim"))
    return tree


def _grow(tree: Tree, label: str, value: Any) -> None:
    key = Line(render.plain(label), style="cyan")
    match value:
        case Map():
            branch = tree.add(
                Line.assemble(key, (f"  map, {render.count(len(value), 'key')}", "dim"))
            )
            for name in sorted(value):
                _grow(branch, name, value[name])
        case Array():
            branch = tree.add(
                Line.assemble(key, (f"  array, {render.count(len(value), 'item')}", "dim"))
            )
            for index, item in enumerate(value):
                _grow(branch, str(index), item)
        case Text():
            shown = _preview(str(value))
            tree.add(
                Line.assemble(
                    key, (f"  text, {render.count(len(value), 'character')}  ", "dim"), shown
                )
            )
        case _ if hasattr(value, "plain"):
            tree.add(Line.assemble(key, ("  xml  ", "dim"), _preview(str(value.plain()))))
        case _:
            tree.add(Line.assemble(key, "  ", _preview(repr(value))))


def _preview(text: str) -> str:
    shown = render.plain(text)
    return shown if len(shown) <= PREVIEW else f"{shown[: PREVIEW - 1]}…"


# Taking out


class _Format(enum.StrEnum):
    YJS = "yjs"
    JSON = "json"


@app.command("export")
def export_document(
    db: Db,
    name: Name,
    out: Annotated[
        Path | None,
        typer.Argument(help="Where to write; without it, or with -, stdout.", show_default=False),
    ] = None,
    *,
    form: Annotated[
        _Format | None,
        typer.Option(
            "--format", help="A Yjs update, or JSON; .json says so too.", show_default=False
        ),
    ] = None,
    at: At = None,
    history: Annotated[
        bool,
        typer.Option(
            "--history",
            help="The session, or the one document that NAME names, with all its history; "
            ".collab says so too.",
        ),
    ] = False,
) -> None:
    """Write a document to a file.

    A Yjs update holds all of it but its history; JSON is for reading. A .collab file holds every
    row, author, time and version, and `collabkit import` makes a session of it.
    """
    out = None if out == STDOUT else out
    if history or (form is None and out is not None and out.suffix == SUFFIX):
        if at is not None:
            raise typer.BadParameter("a history has all moments: leave out --at")
        _export_history(db, name, out, form)
        return
    if form is None:
        form = _Format.JSON if out is not None and out.suffix == ".json" else _Format.YJS
    _, document = _document(db, name, at)
    if form is _Format.JSON:
        data = msgspec.json.format(msgspec.json.encode(_content(document)), indent=2) + b"\n"
    else:
        data = document.update()
    if out is not None:
        write_new(out, data)
        render.note(f"{out}: {render.size(len(data))}")
    elif form is _Format.YJS and sys.stdout.isatty():
        raise typer.BadParameter("a Yjs update is not for a terminal: name a file, or use a pipe")
    else:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()


def _export_history(db: Path, name: str, out: Path | None, form: _Format | None) -> None:
    if out is None or form is not None:
        raise typer.BadParameter("a history goes to a file, and has one format")
    with Reader(db) as reader:
        record, place = find(reader, name)
        with render.waiting(f"writing {out.name}"):
            export(reader, record, out, document=place.document if "/" in name else None)
    render.note(f"{out}: {render.size(out.stat().st_size)}")


def write_new(out: Path, data: bytes) -> None:
    """Write a file that is not there yet. Raises CannotWrite if it is."""
    try:
        with out.open("xb") as file:
            file.write(data)
    except FileExistsError:
        raise CannotWrite(str(out), "it is there already") from None


# Taking in


@app.command("import")
def import_document(
    db: Db,
    source: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="A Yjs update, a .json file, a .collab file, or the SQLite file of pycrdt-store "
            "or Hocuspocus.",
            show_default=False,
        ),
    ],
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="NAME",
            help="What to call the document; without it, what the file is called. Of an SQLite "
            "file: which of its documents to take, under its own name; without it, all.",
            show_default=False,
        ),
    ] = None,
    *,
    kind: Annotated[Kind, typer.Option(help="Of the sessions that are made.")] = Kind.COLLABORATIVE,
    dry_run: DryRun = False,
) -> None:
    """Take documents in from elsewhere, as an edit; a session is made if there is none.

    A Yjs update may be imported again: what is known already changes nothing. JSON becomes new
    content, so the document must be empty: strings become texts, objects maps, arrays arrays.
    A .collab file becomes a session of its own, with all its history; NAME is what to call it.
    """
    with _written(db, dry_run=dry_run) as into:
        if _is_container(source):
            _take_in(into, source, name, dry_run=dry_run)
            return
        data = source.read_bytes()
        asked: dict[str, Any] = {"create": kind.value, "dry_run": dry_run}
        if data.startswith(_SQLITE):
            _import_all(into, read_foreign(source), name, **asked)
            return
        name = name or source.stem
        fresh = source.suffix == ".json"
        update = _from_json(source, data) if fresh else data
        _import(into, session=name, updates=[update], fresh=fresh, **asked)
    render.note(f"{name}: {render.size(len(data))} {_done('imported', dry_run)}")


@contextmanager
def _written(db: Path, *, dry_run: bool) -> Iterator[Path]:
    """The file to take into; to see whether one could be that is not there, one that passes."""
    if db.exists() or not dry_run:
        yield db
        return
    with TemporaryDirectory() as folder:
        yield Path(folder) / "new.db"


def _done(verb: str, dry_run: bool) -> str:
    return f"would be {verb}" if dry_run else verb


def _is_container(source: Path) -> bool:
    with source.open("rb") as file:
        return file.read(len(_ZIP)) == _ZIP or source.suffix == SUFFIX


def _take_in(db: Path, source: Path, name: str | None, *, dry_run: bool) -> None:
    with Container(source) as container:
        origin = container.manifest.session
        if not db.exists():
            # What cannot be taken makes no file.
            container.check()
    session = name or str(RoomName(origin.project, origin.name, DEFAULT_DOCUMENT))
    asked = {"session": session, "path": str(source.resolve()), "dry_run": dry_run}
    with render.waiting(f"taking in {source.name}"):
        done = operate(db, "take-in", **asked)
    documents, rows = len(done["documents"]), done["last_seq"]
    counts = f"{render.count(documents, 'document')}, {render.count(rows, 'row')}"
    size = f", {render.size(done['size_bytes'])} would be taken in" if dry_run else ""
    render.note(f"{session}: {counts}{size}")


def _import(db: Path, *, updates: list[bytes], **arguments: Any) -> None:
    if not db.exists():
        # What cannot be taken makes no file.
        rehearse(updates)
    operate(db, "import", updates=updates, **arguments)


def _import_all(
    db: Path,
    documents: Iterable[ForeignDocument],
    only: str | None,
    *,
    create: str,
    dry_run: bool,
) -> None:
    chosen = [document for document in documents if only in (None, document.name)]
    if not chosen:
        raise InvalidArguments("import", f"the file has no document {only!r}")
    left = 0
    with render.progress() as bar:
        for document in bar.track(chosen, description="importing"):
            try:
                updates = splice([(each, scan(each)) for each in document.updates])
                asked = {"session": document.name, "create": create, "dry_run": dry_run}
                _import(db, updates=updates, **asked)
                if dry_run:
                    size = render.size(sum(map(len, updates)))
                    render.note(f"{document.name}: {size} would be imported")
            except (InvalidName, OperationFailed, RemoteProtocolError) as error:
                left += 1
                render.error(f"{document.name!r} is left out: {error}")
    verb = _done("imported", dry_run)
    render.note(f"{len(chosen) - left} of {render.count(len(chosen), 'document')} {verb}")
    if left:
        raise typer.Exit(1)


def _from_json(source: Path, data: bytes) -> bytes:
    try:
        content = msgspec.json.decode(data, type=dict[str, Any])
    except msgspec.DecodeError as error:
        raise InvalidArguments("import", f"{source} is not a JSON object: {error}") from None
    document = Document()
    with document.edit():
        for root, value in content.items():
            match value:
                case str():
                    document.text(root).insert(0, value)
                case dict():
                    document.map(root).update(value)
                case list():
                    document.array(root).extend(value)
                case _:
                    raise InvalidArguments(
                        "import", f"{root!r} is neither a string, an object nor an array"
                    )
    return document.update()
