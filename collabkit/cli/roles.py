"""``collabkit access role``, ``group`` and ``template``: what people can be, and forms for it."""

from __future__ import annotations

import time
from typing import Annotated, Any

import typer

from ..access.drafting import Draft
from ..access.facts import Drop, Put
from ..access.rules import Grant, Membership, Permission, Role, Template
from ..access.templates import ABOUT, ROLES, TEMPLATES
from ..ids import new_id
from ..sessions.workspace import user
from . import render
from .arguments import AsJson, Db, DryRun
from .places import Allow, Deny, moment, rules_of
from .policy import AtEpoch, Reason, amend, every, loaded, see_there, shipped_roles

__all__ = ["app"]

app = typer.Typer()
roles = typer.Typer(no_args_is_help=True, help="Names for what may be done.")
groups = typer.Typer(no_args_is_help=True, help="Subjects that are granted something together.")
templates = typer.Typer(no_args_is_help=True, help="Forms: roles and grants with slots.")
app.add_typer(roles, name="role")
app.add_typer(groups, name="group")
app.add_typer(templates, name="template")

Called = Annotated[
    str, typer.Argument(metavar="NAME", help="What it is called.", show_default=False)
]


@roles.command("ls")
def list_roles(db: Db, *, at: AtEpoch = None, as_json: AsJson = False) -> None:
    """List the roles of a file."""
    policy = loaded(db, at)
    found = every(policy, Role)
    if as_json:
        render.json(found)
        return
    granted = [grant.role for grant in every(policy, Grant)]
    render.listing(
        ("Role", "Rules", "Inherits", "Grants"),
        (
            (
                role.name,
                str(len(role.permissions)),
                ", ".join(role.inherits),
                str(granted.count(role.name)),
            )
            for role in found
        ),
        right=("Rules", "Grants"),
        empty=f"{db} has no roles; `collabkit access template ls` lists those that come along",
    )


@roles.command("show")
def show_role(db: Db, name: Called, *, at: AtEpoch = None, as_json: AsJson = False) -> None:
    """Show all rules of a role, those that it inherits too."""
    policy = loaded(db, at)
    known = {**ROLES, **{role.name: role for role in every(policy, Role)}}
    role = known.get(name)
    if role is None:
        see_there(policy, "role", name)
        return
    if as_json:
        render.json(role)
        return
    lines, wanted, seen = [], [name], {name}
    while wanted:
        of = known[wanted.pop(0)]
        lines += [(of.name, *_cells(each)) for each in of.permissions]
        wanted += [each for each in of.inherits if each not in seen]
        seen.update(of.inherits)
    render.listing(
        ("Role", "Effect", "Action", "Resource", "If"), lines, empty=f"{name} has no rules"
    )
    if policy.fact("role", name) is None:
        render.note(f"{name} comes with collabkit; it is not in {db} yet")


def _cells(permission: Permission) -> tuple[str, ...]:
    conditions = " and ".join(permission.conditions)
    return permission.effect, permission.action, permission.resource, conditions


@roles.command("put")
def put_role(
    db: Db,
    name: Called,
    *,
    allow: Allow = None,
    deny: Deny = None,
    inherit: Annotated[
        list[str] | None, typer.Option(metavar="ROLE", help="Has all of it too; repeatable.")
    ] = None,
    reason: Reason = "",
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Write a role down, in place of the one of its name.

    Without options it is the role of this name that comes with collabkit.
    """
    policy = loaded(db)
    made = Role(name, rules_of(allow, deny), tuple(inherit or ()))
    if not (made.permissions or made.inherits):
        if name not in ROLES:
            raise typer.BadParameter("say what it may: --allow, --deny or --inherit")
        made = ROLES[name]
    below = [change for each in made.inherits for change in shipped_roles(each, policy)]
    said = f"the role {name} is written down"
    changes = [*below, Put(made)]
    amend(db, policy, changes, said=said, reason=reason, dry_run=dry_run, as_json=as_json)


@roles.command("rm")
def remove_role(
    db: Db, name: Called, *, reason: Reason = "", dry_run: DryRun = False, as_json: AsJson = False
) -> None:
    """Strike a role out; nothing may be granted or inherited of it any more."""
    policy = loaded(db)
    see_there(policy, "role", name)
    said, changes = f"the role {name} is struck out", [Drop("role", name)]
    amend(db, policy, changes, said=said, reason=reason, dry_run=dry_run, as_json=as_json)


@groups.command("ls")
def list_groups(
    db: Db,
    group: Annotated[str | None, typer.Argument(metavar="GROUP", help="This one only.")] = None,
    *,
    at: AtEpoch = None,
    as_json: AsJson = False,
) -> None:
    """List who is in which group."""
    members: tuple[Membership, ...] = every(loaded(db, at), Membership)
    found = [one for one in members if group in (None, one.group)]
    if as_json:
        render.json(found)
        return
    render.listing(
        ("Group", "Member"),
        ((one.group, one.member) for one in found),
        empty=f"nobody is in {group}" if group else f"{db} has no groups",
    )


Group = Annotated[
    str, typer.Argument(metavar="GROUP", help="Such as group:staff.", show_default=False)
]
Members = Annotated[
    list[str],
    typer.Argument(metavar="MEMBER…", help="Subjects, or other groups.", show_default=False),
]


@groups.command("add")
def add_members(
    db: Db,
    group: Group,
    members: Members,
    *,
    reason: Reason = "",
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Put subjects, or other groups, into a group."""
    changes = [Put(Membership(group, member)) for member in members]
    said = f"{', '.join(members)} in {group} from now on"
    amend(db, loaded(db), changes, said=said, reason=reason, dry_run=dry_run, as_json=as_json)


@groups.command("rm")
def remove_members(
    db: Db,
    group: Group,
    members: Members,
    *,
    reason: Reason = "",
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Take subjects, or other groups, out of a group."""
    policy = loaded(db)
    see_there(policy, "membership", *(f"{group} {member}" for member in members))
    changes = [Drop("membership", f"{group} {member}") for member in members]
    said = f"{', '.join(members)} in {group} no longer"
    amend(db, policy, changes, said=said, reason=reason, dry_run=dry_run, as_json=as_json)


@templates.command("ls")
def list_templates(db: Db, *, at: AtEpoch = None, as_json: AsJson = False) -> None:
    """List the templates of a file, and those that come with collabkit."""
    found = {**TEMPLATES, **{one.name: one for one in every(loaded(db, at), Template)}}
    if as_json:
        render.json(list(found.values()))
        return
    render.listing(
        ("Template", "Slots", "What it gives"),
        (
            (name, " ".join(f"{slot}={kind}" for slot, kind in one.slots.items()), _gives(one))
            for name, one in found.items()
        ),
        empty="there are none",
    )


def _gives(template: Template) -> str:
    if TEMPLATES.get(template.name) == template:
        return ABOUT[template.name]
    roles, grants = len(template.roles), len(template.grants)
    return f"{render.count(roles, 'role')}, {render.count(grants, 'grant')}"


@templates.command("apply")
def apply_template(
    db: Db,
    name: Called,
    slots: Annotated[
        list[str],
        typer.Argument(metavar="SLOT=VALUE…", help="What fills it in.", show_default=False),
    ],
    *,
    reason: Reason = "",
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Fill a template in; what it gave before, filled in so, and gives no more is struck out.

    A time is written as 2h, 30d, 2027-01-31 or 2027-01-31T09:30.
    """
    policy = loaded(db)
    own = {one.name: one for one in every(policy, Template)}
    template = own.get(name) or TEMPLATES.get(name)
    if template is None:
        see_there(policy, "template", name)
        return
    draft = Draft(new_id, by=f"cli:{user()}")
    draft.apply_template(name, **dict(_slot(each, template) for each in slots))
    changes = list(draft.changes(policy))
    grants = [
        change.fact.id
        for change in changes
        if isinstance(change, Put) and isinstance(change.fact, Grant)
    ]
    said = f"granted: {', '.join(grants)}"
    amend(db, policy, changes, said=said, reason=reason, dry_run=dry_run, as_json=as_json)


def _slot(written: str, template: Template) -> tuple[str, Any]:
    name, equals, value = written.partition("=")
    if not equals:
        raise typer.BadParameter(f"{written!r} is not SLOT=VALUE")
    if template.slots.get(name) == "time":
        return name, moment(value, now=time.time())
    return name, value
