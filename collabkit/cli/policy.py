"""The policy of a file: read beside whoever holds the file, and changed through him."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec
import typer

from ..access.facts import Change, Drop, Kind, Put, name_of, place_of
from ..access.planning import Plan, plan
from ..access.policy import Policy
from ..access.reading import read_policy
from ..access.rules import Confines, Grant, Membership, Role, Template
from ..access.templates import ROLES
from ..store.reader import Reader
from . import render
from .arguments import operate

__all__ = [
    "AtEpoch",
    "Reason",
    "amend",
    "every",
    "loaded",
    "see_there",
    "shipped_roles",
    "show_plan",
    "times",
]

AtEpoch = Annotated[
    int | None,
    typer.Option(
        "--at",
        min=0,
        metavar="EPOCH",
        help="As it was in this epoch; `collabkit access epochs` lists them.",
        show_default=False,
    ),
]
Reason = Annotated[str, typer.Option(help="Why; the audit is told.")]

F = TypeVar("F", Role, Grant, Membership, Template, Confines)

_FIRST = (
    "so far tokens alone decided who may do what; "
    "from now on nobody may do what no rule of this file allows"
)
_LAST = "no rule is left: from now on tokens alone decide again who may do what"


def loaded(db: Path, at: int | None = None) -> Policy:
    """Read the policy of a file.

    Raises:
        MomentNotFound: There was no such epoch.
        InvalidPolicy: It says what this version does not understand.
    """
    with Reader(db) as reader:
        return read_policy(reader, at=at)


def every(policy: Policy, kind: type[F]) -> tuple[F, ...]:
    """All facts of a kind, by their names."""
    return tuple(fact for fact in policy.facts() if isinstance(fact, kind))


def see_there(policy: Policy, kind: Kind, *keys: str) -> None:
    """End with exit code 1 if one of some facts is not there."""
    for key in keys:
        if policy.fact(kind, key) is None:
            render.error(f"there is no {place_of(kind, key)}")
            raise typer.Exit(1)


def shipped_roles(name: str, policy: Policy) -> list[Change]:
    """What to put so that a role that comes with collabkit is there, with what it inherits."""
    wanted, found = [name], []
    while wanted:
        role = ROLES.get(wanted.pop())
        if role is not None and policy.fact("role", role.name) is None:
            found.append(role)
            wanted.extend(role.inherits)
    return [Put(role) for role in found]


def amend(
    db: Path,
    policy: Policy,
    changes: Sequence[Change],
    *,
    said: str,
    reason: str = "",
    dry_run: bool = False,
    as_json: bool = False,
) -> None:
    """Make changes, all or none, through whoever holds the file, and say so.

    Args:
        db: The file.
        policy: As it is.
        changes: Which.
        said: What has happened then, in words.
        reason: Why, for the audit.
        dry_run: Only tell what they would change.
        as_json: Answer in JSON.
    """
    if dry_run:
        show_plan(plan(policy, changes, now=time.time()), as_json=as_json)
        return
    done = operate(db, "access", changes=list(map(_written, changes)), reason=reason)
    if policy.is_empty and changes:
        render.note(_FIRST)
    elif _leaves_none(policy, changes):
        render.note(_LAST)
    if as_json:
        render.json(done)
    else:
        render.note(said)


def _leaves_none(policy: Policy, changes: Sequence[Change]) -> bool:
    strikes_out = bool(changes) and all(isinstance(each, Drop) for each in changes)
    return strikes_out and policy.changed(changes, epoch=policy.epoch + 1).is_empty


def _written(change: Change) -> dict[str, Any]:
    match change:
        case Put(fact):
            return {"kind": name_of(fact)[0], "put": msgspec.to_builtins(fact)}
        case Drop(kind, key):
            return {"kind": kind, "drop": key}


def show_plan(told: Plan, *, as_json: bool) -> None:
    """Show what changes would change."""
    if as_json:
        render.json(told)
        return
    for sentence in str(told).splitlines():
        render.line(sentence)
    if not told:
        render.note("nothing would change")


def times(moments: Iterable[float | None]) -> list[str]:
    """Show Unix seconds for people; nothing for those that are none."""
    return ["" if one is None else render.clock(int(one * 1000), to="minutes") for one in moments]
