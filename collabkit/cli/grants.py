"""``collabkit access grant``, ``grants``, ``revoke`` and ``confine``: who may do what, where."""

from __future__ import annotations

import time
from typing import Annotated

import typer
from msgspec.structs import replace

from ..access.drafting import Draft
from ..access.facts import Change, Drop, Put
from ..access.paths import covers, pattern
from ..access.rules import ACTIONS, Confines, Grant, Join
from ..ids import new_id
from ..sessions.workspace import user
from . import render
from .arguments import AsJson, Db, DryRun
from .places import Allow, Deny, Scope, moment, path_of, pattern_of, rules_of
from .policy import AtEpoch, Reason, amend, every, loaded, see_there, shipped_roles, times

__all__ = ["app"]

app = typer.Typer()

Until = Annotated[
    str | None,
    typer.Option(
        metavar="TIME",
        help="Until then: 2h, 30d, 2027-01-31, 2027-01-31T09:30.",
        show_default=False,
    ),
]
Since = Annotated[
    str | None, typer.Option("--from", metavar="TIME", help="Not before.", show_default=False)
]
OfSubject = Annotated[str | None, typer.Option("--subject", help="To this one.")]
OfRole = Annotated[str | None, typer.Option("--role", help="Of this role.")]
Under = Annotated[
    str | None, typer.Option("--under", metavar="WHERE", help="That say nothing outside of it.")
]


@app.command("grant")
def give(
    db: Db,
    subject: Annotated[
        str,
        typer.Argument(help="Such as user:ada, group:staff or anyone.", show_default=False),
    ],
    what: Annotated[
        str,
        typer.Argument(
            metavar="WHAT",
            help="The name of a role; or one of read, write, execute, delete, admin.",
            show_default=False,
        ),
    ],
    where: Scope,
    *,
    deny: Annotated[bool, typer.Option("--deny", help="He may not: this wins.")] = False,
    condition: Annotated[
        list[str] | None,
        typer.Option("--if", metavar="CONDITION", help="Only if this holds; repeatable."),
    ] = None,
    since: Since = None,
    until: Until = None,
    uses: Annotated[
        int | None, typer.Option(min=1, help="For so many operations.", show_default=False)
    ] = None,
    reason: Reason = "",
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Give somebody a role, or let him do one thing, somewhere and in all beneath."""
    policy = loaded(db)
    scope = pattern_of(where)
    permission = None
    changes: list[Change] = []
    if what in ACTIONS:
        # A rule is written as it is on the command line, where a scope goes without `/**`.
        (made,) = rules_of(*([None, [f"{what} {scope}"]] if deny else [[f"{what} {scope}"], None]))
        permission = replace(made, conditions=tuple(condition or ()))
    elif deny or condition:
        raise typer.BadParameter("--deny and --if go with one of read, write, execute, …")
    else:
        changes += shipped_roles(what, policy)
    begins, ends = _window(since, until)
    draft = Draft(new_id, by=f"cli:{user()}")
    grant = draft.grant(
        subject,
        None if permission else what,
        permission=permission,
        scope=scope,
        not_before=begins,
        not_after=ends,
        uses=uses,
        reason=reason,
    )
    said = f"granted: {grant.id}"
    changes.append(Put(grant))
    amend(db, policy, changes, said=said, reason=reason, dry_run=dry_run, as_json=as_json)


def _window(since: str | None, until: str | None) -> tuple[float | None, float | None]:
    """From when until when something is given."""
    now = time.time()
    begins = None if since is None else moment(since, now=now)
    ends = None if until is None else moment(until, now=now)
    if ends is not None and ends <= now:
        raise typer.BadParameter(f"--until {until} is over; it would give nothing")
    return begins, ends


def _chosen(
    grants: tuple[Grant, ...], subject: str | None, role: str | None, under: str | None
) -> list[Grant]:
    within = None
    if under is not None:
        within = pattern(pattern_of(under))
        within = within if within[-1:] == ("**",) else (*within, "**")
    return [
        grant
        for grant in grants
        if subject in (None, grant.subject)
        and role in (None, grant.role)
        and (within is None or covers(within, pattern(grant.scope)))
    ]


@app.command("grants")
def list_grants(
    db: Db,
    *,
    subject: OfSubject = None,
    role: OfRole = None,
    under: Under = None,
    at: AtEpoch = None,
    as_json: AsJson = False,
) -> None:
    """List who was granted what."""
    found = _chosen(every(loaded(db, at), Grant), subject, role, under)
    if as_json:
        render.json(found)
        return
    render.listing(
        ("Grant", "Subject", "What", "Where", "From", "Until", "Uses", "By", "Why"),
        (
            (
                grant.id,
                grant.subject,
                _what(grant),
                grant.scope,
                *times((grant.not_before, grant.not_after)),
                "" if grant.uses is None else str(grant.uses),
                grant.granted_by,
                grant.reason,
            )
            for grant in found
        ),
        right=("Uses",),
        empty="nothing is granted",
    )


def _what(grant: Grant) -> str:
    permission = grant.permission
    if permission is None:
        return grant.role or ""
    conditions = "".join(f" if {each}" for each in permission.conditions)
    return f"{'not ' if permission.effect == 'deny' else ''}{permission.action}{conditions}"


@app.command()
def revoke(
    db: Db,
    grants: Annotated[
        list[str] | None,
        typer.Argument(metavar="GRANT…", help="As `grants` lists them.", show_default=False),
    ] = None,
    *,
    subject: OfSubject = None,
    role: OfRole = None,
    under: Under = None,
    reason: Reason = "",
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Take back what was granted: these, or all of a subject, of a role, or somewhere.

    Whoever is connected has it no more at once.
    """
    policy = loaded(db)
    chosen = list(grants or ())
    if (subject, role, under) != (None, None, None):
        chosen += [one.id for one in _chosen(every(policy, Grant), subject, role, under)]
    elif not chosen:
        raise typer.BadParameter("say which: by their names, or by --subject, --role, --under")
    see_there(policy, "grant", *chosen)
    changes = [Drop("grant", each) for each in dict.fromkeys(chosen)]
    said = f"{render.count(len(changes), 'grant')} revoked"
    amend(db, policy, changes, said=said, reason=reason, dry_run=dry_run, as_json=as_json)


@app.command()
def confine(
    db: Db,
    session: Annotated[
        str, typer.Argument(metavar="SESSION", help="As acme~plan.", show_default=False)
    ],
    *,
    join: Annotated[
        Join | None, typer.Option(help="Who may join: who may read, who was invited, nobody.")
    ] = None,
    participants: Annotated[
        int | None, typer.Option(min=1, help="How many subjects at a time.", show_default=False)
    ] = None,
    connections: Annotated[
        int | None, typer.Option(min=1, help="How many each may have.", show_default=False)
    ] = None,
    allow: Allow = None,
    deny: Deny = None,
    off: Annotated[bool, typer.Option("--off", help="Let it be as its rules say.")] = False,
    reason: Reason = "",
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Say what a session lets nobody exceed, in place of what was said before.

    With --allow, nothing else can be allowed in it, whatever was granted.
    """
    policy = loaded(db)
    path = path_of(session)
    limits = (join, participants, connections)
    changes: list[Change]
    if off:
        see_there(policy, "confines", path)
        changes, said = [Drop("confines", path)], f"{session} is not confined any more"
    elif limits == (None, None, None) and not (allow or deny):
        raise typer.BadParameter("say how: --join, --participants, --connections, --allow, --deny")
    else:
        rules = rules_of(allow, deny)
        made = Confines(path, rules, join or "open", participants, connections)
        changes, said = [Put(made)], f"{session} is confined"
    amend(db, policy, changes, said=said, reason=reason, dry_run=dry_run, as_json=as_json)
