"""``collabkit project``: what sessions are in."""

from __future__ import annotations

from collections import Counter
from typing import Annotated

import msgspec
import typer

from ..store.reader import Reader
from . import render
from .arguments import AsJson, Db, listed, operate

__all__ = ["app"]

app = typer.Typer()
projects = typer.Typer(no_args_is_help=True, help="What sessions are in.")
app.add_typer(projects, name="project")

Called = Annotated[
    str, typer.Argument(metavar="PROJECT", help="What it is called.", show_default=False)
]


@projects.command("ls")
def list_projects(db: Db, *, as_json: AsJson = False) -> None:
    """List the projects of a file."""
    with Reader(db) as reader:
        found = reader.projects()
        sessions = Counter(record.project for record in listed(reader)[0])
    if as_json:
        render.json(
            [{**msgspec.structs.asdict(one), "sessions": sessions[one.name]} for one in found]
        )
        return
    render.listing(
        ("Project", "Sessions", "Created", "By", "Archived"),
        (
            (
                one.name,
                str(sessions[one.name]),
                render.clock(one.created_at_ms, to="minutes"),
                one.created_by,
                ""
                if one.archived_at_ms is None
                else render.clock(one.archived_at_ms, to="minutes"),
            )
            for one in found
        ),
        right=("Sessions",),
        empty=f"{db} has no projects",
    )


@projects.command("create")
def create_project(
    db: Db,
    name: Called,
    *,
    owner: Annotated[
        str | None,
        typer.Option(metavar="SUBJECT", help="Whose it is, such as user:ada, if there are rules."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Create a project. One that is not there is made with its first session, too."""
    made = operate(db, "project-create", project=name, owner=owner)
    if as_json:
        render.json(made)
    else:
        render.note(f"the project {name} is created")


@projects.command("archive")
def archive_project(
    db: Db,
    name: Called,
    *,
    undo: Annotated[bool, typer.Option("--undo", help="Let things change in it again.")] = False,
    as_json: AsJson = False,
) -> None:
    """Let nothing in a project be changed any more; all may be read as before."""
    done = operate(db, "project-archive", project=name, undo=undo)
    if as_json:
        render.json(done)
    else:
        render.note(f"the project {name} is {'open' if undo else 'archived'}")
