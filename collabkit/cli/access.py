"""``collabkit access``: who may do what in a file, and its policy as a whole."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from ..access.facts import Change, Drop, Put, name_of
from ..access.planning import plan
from ..access.policy import Policy
from ..access.policyfile import PolicyFile
from ..access.policytext import policy_text
from ..errors import InvalidPolicy, OperationFailed
from ..store.reader import Reader
from . import grants, render, rights, roles, token, told
from .arguments import AsJson, Db, DryRun
from .policy import AtEpoch, Reason, amend, loaded, show_plan

__all__ = ["app"]

app = typer.Typer()
access = typer.Typer(
    no_args_is_help=True,
    help="Who may do what, from a whole project down to one key, and why.",
)
app.add_typer(access, name="access")

PolicyPath = Annotated[
    Path,
    typer.Argument(
        metavar="FILE",
        help="A policy, in TOML or JSON by the end of its name.",
        show_default=False,
    ),
]
Prune = Annotated[bool, typer.Option("--prune", help="Strike out all that the file does not say.")]


@access.command("plan")
def plan_file(db: Db, file: PolicyPath, *, prune: Prune = False, as_json: AsJson = False) -> None:
    """Tell what a policy file would change, and for whom, before it is applied."""
    read, policy = _read(file), loaded(db)
    with read.pointing():
        show_plan(plan(policy, _changes(read, policy, prune), now=time.time()), as_json=as_json)


@access.command("apply")
def apply_file(
    db: Db,
    file: PolicyPath,
    *,
    prune: Prune = False,
    reason: Reason = "",
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Write down what a policy file says, all of it at once, or nothing of it."""
    read, policy = _read(file), loaded(db)
    changes = _changes(read, policy, prune)
    said = f"{render.count(len(changes), 'fact')} changed"
    with read.pointing():
        try:
            amend(db, policy, changes, said=said, reason=reason, dry_run=dry_run, as_json=as_json)
        except OperationFailed as failed:
            if failed.kind == InvalidPolicy.__name__:
                read.refuse(failed.reason)
            raise


def _read(file: Path) -> PolicyFile:
    return PolicyFile(file.read_bytes(), name=file.name)


def _changes(read: PolicyFile, policy: Policy, prune: bool) -> list[Change]:
    """What makes a policy say what a file does; what it says already is no change."""
    said = {name_of(fact): fact for fact in read.facts}
    there = {name_of(fact): fact for fact in policy.facts()}
    dropped = [Drop(*name) for name in there if prune and name not in said]
    return [*dropped, *(Put(fact) for name, fact in said.items() if there.get(name) != fact)]


@access.command()
def export(
    db: Db,
    *,
    at: AtEpoch = None,
    as_json: Annotated[bool, typer.Option("--json", help="In JSON, and not in TOML.")] = False,
) -> None:
    """Write the policy of a file out, as `apply` takes it."""
    render.raw(policy_text(loaded(db, at).facts(), form="json" if as_json else "toml"))


@access.command()
def epochs(db: Db, *, as_json: AsJson = False) -> None:
    """List when the policy changed, by whom and why, the newest first."""
    found, after = [], 0
    with Reader(db) as reader:
        while page := reader.epochs(after=after):
            found += page
            after = page[-1].no
    found.reverse()
    if as_json:
        render.json(found)
        return
    render.listing(
        ("Epoch", "When", "By", "Facts", "Why"),
        ((str(e.no), render.clock(e.at_ms), e.by, str(e.facts), e.reason) for e in found),
        right=("Epoch", "Facts"),
        empty=f"{db} has no policy: tokens alone decide",
    )


for part in (roles, grants, rights, told, token):
    access.add_typer(part.app)
