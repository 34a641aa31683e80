"""``collabkit access audit``: what the audit was told of rights, and of what was refused."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from typing import Annotated, Any

import typer

from ..store.audit import Entry
from ..store.reader import Reader
from . import render
from .arguments import AsJson, Db
from .places import moment, path_of

__all__ = ["app", "told_with"]

app = typer.Typer()

# What is told of rights, and of projects.
_ACTIONS = ("access*", "project*")
_SPAN = re.compile(r"-?(?P<span>\d+[smhdw])")


@app.command()
def audit(
    db: Db,
    *,
    subject: Annotated[str | None, typer.Option(help="What this one did, or tried to.")] = None,
    denied: Annotated[bool, typer.Option("--denied", help="Only what was refused.")] = False,
    path: Annotated[
        str | None, typer.Option(metavar="PATH", help="Only what is of this, or beneath.")
    ] = None,
    since: Annotated[
        str | None, typer.Option(metavar="TIME", help="Of the last 2h or 30d, or since a date.")
    ] = None,
    limit: Annotated[
        int | None, typer.Option("--limit", "-n", min=1, help="The last so many lines.")
    ] = None,
    head: Annotated[
        bool,
        typer.Option("--head", help="Only the end of the chain, to be kept where the file is not."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Tell who changed rights, and who was refused what.

    Each line is sealed with the one before, of all that the audit is told; `collabkit verify`
    checks them. Never what anything contains.
    """
    with Reader(db) as reader:
        if head:
            render.line(str(reader.head()))
            return
        found = list(_lines(reader, subject, ("access-denied",) if denied else _ACTIONS, since))
    if path is not None:
        under = path_of(path)
        found = [line for line in found if _is_under(line, under)]
    found = found[-(limit or len(found)) :]
    if as_json:
        render.json(found)
        return
    render.listing(
        ("Line", "When", "Who", "What", "With"),
        (
            (str(line.no), render.clock(line.at_ms), line.subject, line.action, told_with(line))
            for line in found
        ),
        right=("Line",),
        empty="nothing is told of that",
    )


def _lines(
    reader: Reader, subject: str | None, actions: tuple[str, ...], since: str | None
) -> Iterator[Entry]:
    after, since_ms = 0, 0 if since is None else _since_ms(since)
    while page := reader.audit(after=after, subject=subject, actions=actions, since_ms=since_ms):
        yield from page
        after = page[-1].no


def _since_ms(written: str) -> int:
    now = time.time()
    span = _SPAN.fullmatch(written.strip())
    if span is None:
        return int(moment(written, now=now) * 1000)
    return int((2 * now - moment(span["span"], now=now)) * 1000)


def _is_under(line: Entry, under: str) -> bool:
    """Whether a line is of a path, or of what is beneath it."""
    path = line.data.get("path")
    return isinstance(path, str) and f"{path}/".startswith(f"{under.rstrip('/')}/")


def told_with(line: Entry) -> str:
    """Show what a line tells beside, without what only programs need."""
    data = line.data
    if line.action != "access":
        said = ((name, value) for name, value in data.items() if value not in (None, "", []))
        return ", ".join(f"{name} {_plain(value)}" for name, value in said)
    named = [f"{_sign(one)} {one['kind']} {one['key']}" for one in data.get("facts", ())]
    counts = (("+", data.get("put", {})), ("-", data.get("dropped", {})))
    many = [f"{sign} {count} {kind}" for sign, kinds in counts for kind, count in kinds.items()]
    why = [data["reason"]] if data.get("reason") else []
    return ", ".join([f"epoch {data['epoch']}", *(named or many), *why])


def _sign(fact: dict[str, Any]) -> str:
    return "-" if fact.get("body") is None else "+"


def _plain(value: Any) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)
