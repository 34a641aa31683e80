"""The process that looks back: what a document was, and what has changed since, told as JSON.

=========  ==================================================================================
asked for  told
=========  ==================================================================================
timeline   the newest row, the floor below which nothing is known, the versions, the newest
           changes, and the newest moments: row, time and author; oldest first
a moment   the document as it was after a row, root by root, and the lines of what is different
           now
=========  ==================================================================================

Rules:

1. It reads the file beside its holder and changes nothing. It runs at a low priority and with
   bounded memory, so the rooms of the relay do not feel it; what it dies of, it dies of alone.
2. A question is one line of JSON, an answer a status, a length and so many bytes.
3. What was woven for one question is kept for the next, as long as nothing was erased since: who
   moves a slider asks about one past again and again.
"""

from __future__ import annotations

import itertools
import struct
import sys
from typing import Any, TypeAlias

import msgspec

from ..errors import CollabError, InvalidName, MomentNotFound, SessionNotFound
from ..history.outline import outline
from ..history.past import Past
from ..history.rows import Kind
from ..history.timeline import Wanted
from ..history.tree import Node, TextNode, Tree, text_of
from ..history.unified import unified
from ..ids import RoomName, Seq
from ..sessions.apart import give_way
from ..sessions.session import Kind as SessionKind
from ..store.reader import Reader

__all__ = ["FRAME", "Question", "Shelf", "main"]

# Status and length of an answer.
FRAME = struct.Struct(">HI")
MEMORY_BYTES = 2 << 30

# What a page can show: stops of a slider, what was done there, characters of one text, lines.
MAX_MOMENTS = 5000
MAX_CHANGES = 500
MAX_TEXT = 1_000_000
MAX_LINES = 5000
# Who looks at more documents at a time waits a little longer.
MAX_KEPT = 4


class Question(msgspec.Struct, frozen=True, omit_defaults=True):
    """What somebody wants to know.

    Attributes:
        name: The document.
        at: The moment; None asks for the timeline.
        until: The row that counts as now; the newest one if it is not said.
    """

    name: str
    at: int | None = None
    until: int | None = None


Answer: TypeAlias = tuple[int, Any]
"""A status as of HTTP, and what JSON says."""


class Shelf:
    """The pasts that are kept.

    Args:
        path: The file.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self._kept: dict[tuple[str, str, int, str], Past] = {}

    def __repr__(self) -> str:
        return f"<Shelf of {self.path} with {len(self._kept)} pasts>"

    def answer(self, question: Question) -> Answer:
        """Answer a question; what is wrong with it is a status and a sentence too."""
        try:
            with Reader(self.path) as reader:
                return self._answer(reader, question)
        except (InvalidName, SessionNotFound, MomentNotFound) as error:
            return 404, {"error": str(error)}
        except MemoryError:
            self._kept.clear()
            return 503, {"error": "this document has too much history to be shown here"}
        except CollabError as error:
            return 500, {"error": str(error)}

    def _answer(self, reader: Reader, question: Question) -> Answer:
        place = RoomName.parse(question.name)
        record = reader.find(place.session, project=place.project)
        if record.kind == SessionKind.SINGLE_USER:
            return 403, {"error": f"{place} has no room: it is for one user alone"}
        if place.document not in record.documents:
            raise SessionNotFound(question.name)
        # An erasure is told to the audit: what was kept from before may have what is gone.
        upto = record.last_seq if question.until is None else question.until
        key = (record.id, place.document, upto, str(reader.head()))
        past = self._kept.pop(key, None)
        if past is None:
            chronicle = reader.chronicle(record.id, place.document, upto=upto)
            past = Past(place.document, chronicle)
        self._kept[key] = past
        while len(self._kept) > MAX_KEPT:
            del self._kept[next(iter(self._kept))]
        if question.at is not None:
            return 200, _moment(past, Seq(question.at))
        versions = reader.versions(record.id, document=place.document)
        told = [{"name": one.name, "seq": one.seq, "note": one.note} for one in versions]
        return 200, _timeline(past, [one.seq for one in versions]) | {"versions": told}


def _timeline(past: Past, versions: list[Seq]) -> dict[str, Any]:
    chronicle = past.chronicle
    spans = past.changes(Wanted(), versions=versions)
    rows = list(past.updates())[-MAX_MOMENTS:]
    authors = list(dict.fromkeys(row.subject for row in rows))
    newest = list(itertools.islice(itertools.chain.from_iterable(spans), MAX_CHANGES))
    fields = ("first", "last", "subject", "group", "origin", "from_ms", "to_ms")
    counts = ("inserted", "deleted")
    return {
        "document": past.document,
        "now": chronicle.upto,
        "floor": chronicle.floor,
        "authors": authors,
        "moments": [[row.seq, row.at_ms, authors.index(row.subject)] for row in rows],
        "changes": [
            {field: getattr(change, field) for field in (*fields, *counts)}
            for change in sorted(newest, key=lambda one: one.last)
        ],
    }


def _moment(past: Past, at: Seq) -> dict[str, Any]:
    then = past.tree(at)
    lines = unified(past.difference(at, None).roots)
    shown = [
        {"kind": line.kind, "spans": [[span.text, span.marked] for span in line.spans]}
        for line in itertools.islice(lines, MAX_LINES + 1)
    ]
    cut: Kind = "note"
    if len(shown) > MAX_LINES:
        shown[-1] = {"kind": cut, "spans": [["… and more", False]]}
    return {"at": at, "now": past.chronicle.upto, "roots": _roots(then), "difference": shown}


def _roots(tree: Tree) -> list[dict[str, Any]]:
    return [{"name": name, "text": _text(tree[name])} for name in sorted(tree)]


def _text(root: Node) -> str:
    shown = text_of(root) if isinstance(root, TextNode) else "\n".join(outline(root))
    return shown if len(shown) <= MAX_TEXT else f"{shown[:MAX_TEXT]}…"


def main(path: str) -> None:
    """Answer the questions that come at standard input, until it ends."""
    give_way(MEMORY_BYTES)
    shelf, decode = Shelf(path), msgspec.json.Decoder(Question).decode
    for line in sys.stdin.buffer:
        status, told = shelf.answer(decode(line))
        body = msgspec.json.encode(told)
        sys.stdout.buffer.write(FRAME.pack(status, len(body)) + body)
        sys.stdout.buffer.flush()
