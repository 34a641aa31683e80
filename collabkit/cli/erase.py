"""The command ``erase``."""

from __future__ import annotations

from typing import Annotated

import typer

from ..store.reader import Reader
from . import render
from .arguments import AsJson, Db, DryRun, Name, Yes, find, in_full, operate

__all__ = ["app"]

app = typer.Typer()


@app.command()
def erase(
    db: Db,
    name: Name,
    *,
    subject: Annotated[
        str | None,
        typer.Option(help="Who, as `collabkit log` names them.", show_default=False),
    ] = None,
    everybody: Annotated[
        bool, typer.Option("--everybody", help="All that anybody wrote, and who they were.")
    ] = False,
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Erase what somebody wrote: from documents, history, versions and the file.

    Whoever is connected sees it go. Names of keys, roots and tags stay, and are listed; so does
    what backups have, and replicas that do not come back.
    """
    if (subject is None) != everybody:
        raise typer.BadParameter("either --subject SUBJECT or --everybody")
    with Reader(db) as reader:
        place = find(reader, name)[1]
    asked = {"session": in_full(place, name), "subject": subject}
    if not dry_run and not yes:
        whose = "everybody" if subject is None else repr(subject)
        with render.waiting("looking for what is to go"):
            told = operate(db, "erase", **asked, dry_run=True)
        if not typer.confirm(
            f"Erase {whose} from {place}, {render.count(told['rows'], 'row')}, for ever?"
        ):
            render.note(f"{place} is as it was")
            raise typer.Exit(1)
    with render.waiting("erasing" if not dry_run else "looking for what would go"):
        done = operate(db, "erase", **asked, dry_run=dry_run)
    if as_json:
        render.json(done)
        return
    render.listing(("Name that stays",), ([one] for one in done["names"]), empty="no names stay")
    verb = "would change" if dry_run else "changed"
    freed = done["freed_bytes"]
    size = f"{render.size(abs(freed))} {'less' if freed >= 0 else 'more'}"
    render.note(f"{place}: {render.count(done['rows'], 'row')} {verb}, {size}")
