"""``collabkit access can``, ``explain``, ``who-can`` and ``reach``: asking a policy."""

from __future__ import annotations

import time
from typing import Annotated, Any

import msgspec
import typer

from ..access.explaining import explain
from ..access.rules import ACTIONS, CODES, Request
from . import render
from .arguments import AsJson, Db
from .places import Where, moment, path_of
from .policy import AtEpoch, loaded

__all__ = ["app"]

app = typer.Typer()


def _action(name: str) -> str:
    if name not in ACTIONS:
        raise typer.BadParameter(f"{name!r} is none of {', '.join(ACTIONS)}")
    return name


Subject = Annotated[
    str, typer.Argument(metavar="SUBJECT", help="Such as user:ada.", show_default=False)
]
Doing = Annotated[
    str,
    typer.Argument(
        metavar="ACTION",
        help="read, write, execute, delete or admin.",
        show_default=False,
        callback=_action,
    ),
]
When = Annotated[
    str | None,
    typer.Option(metavar="TIME", help="At this time: 2h from now, 2027-01-31T09:30."),
]
With = Annotated[
    list[str] | None,
    typer.Option(
        "--with",
        metavar="NAME=VALUE",
        help="What conditions may ask for, as context.peer=10.0.0.1; repeatable.",
    ),
]


@app.command()
def can(
    db: Db,
    subject: Subject,
    action: Doing,
    path: Where,
    *,
    context: With = None,
    when: When = None,
    at: AtEpoch = None,
    as_json: AsJson = False,
) -> None:
    """Say whether somebody may do something. Exit code 1 if not."""
    request = Request(subject, action, path_of(path), _context(context))
    decision = loaded(db, at).decide(request, now=_now(when))
    if as_json:
        render.json(_finite(decision))
    else:
        render.line("yes" if decision.allowed else f"no: {CODES[decision.code]}")
    if not decision.allowed:
        raise typer.Exit(1)


@app.command("explain")
def tell_why(
    db: Db,
    subject: Subject,
    action: Doing,
    path: Where,
    *,
    context: With = None,
    when: When = None,
    at: AtEpoch = None,
    as_json: AsJson = False,
) -> None:
    """Say why somebody may do something, or may not, and what is missing. Exit code 1 if not."""
    request = Request(subject, action, path_of(path), _context(context))
    told = explain(loaded(db, at), request, _now(when))
    if as_json:
        render.json(_finite(told))
    else:
        for sentence in str(told).splitlines():
            render.line(sentence)
    if not told.allowed:
        raise typer.Exit(1)


@app.command()
def who_can(
    db: Db,
    action: Doing,
    path: Where,
    *,
    context: With = None,
    when: When = None,
    at: AtEpoch = None,
    as_json: AsJson = False,
) -> None:
    """List all who may do something. Exit code 1 if nobody may."""
    holders = loaded(db, at).who_can(action, path_of(path), _context(context), now=_now(when))
    if as_json:
        render.json(holders)
    else:
        everybody = [["anyone"]] if holders.anyone else []
        subjects = [[subject] for subject in holders.subjects]
        render.listing(("Subject",), everybody + subjects, empty="nobody may")
        if holders.but:
            render.note(f"but not {', '.join(holders.but)}")
    if not (holders.subjects or holders.anyone):
        raise typer.Exit(1)


@app.command()
def reach(
    db: Db,
    subject: Subject,
    action: Doing,
    path: Annotated[
        str,
        typer.Argument(metavar="PATH", help="In all beneath this.", show_default=False),
    ] = "/",
    *,
    when: When = None,
    at: AtEpoch = None,
    as_json: AsJson = False,
) -> None:
    """List what somebody may do something to, as patterns. Exit code 1 if nothing."""
    found = loaded(db, at).list_resources(subject, action, path_of(path), now=_now(when))
    if as_json:
        render.json(found)
    else:
        whether = (("yes", found.allowed), ("if", found.conditional), ("no", found.denied))
        render.listing(
            ("May", "Pattern"),
            [(may, each) for may, patterns in whether for each in patterns],
            empty="nothing",
        )
        if found.confined:
            render.note(f"restrictions of sessions apply too: {', '.join(found.confined)}")
    if not (found.allowed or found.conditional):
        raise typer.Exit(1)


def _now(when: str | None) -> float:
    now = time.time()
    return now if when is None else moment(when, now=now)


def _context(given: list[str] | None) -> dict[str, Any]:
    """What is given, by the dots in its names; numbers, booleans and lists as JSON writes them."""
    context: dict[str, Any] = {}
    for each in given or ():
        name, equals, value = each.partition("=")
        steps = name.split(".")
        if not equals or len(steps) != 2 or not all(steps):
            raise typer.BadParameter(f"{each!r} is not NAME=VALUE, such as context.peer=10.0.0.1")
        context.setdefault(steps[0], {})[steps[1]] = _value(value)
    return context


def _value(text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        return text


def _finite(told: msgspec.Struct) -> dict[str, Any]:
    """What is told, as JSON says it: what holds for ever ends at no time."""
    shown: dict[str, Any] = msgspec.to_builtins(told)
    if shown["valid_until"] == float("inf"):
        shown["valid_until"] = None
    return shown
