"""Projects and sessions come to be."""

from __future__ import annotations

from contextlib import closing

import pytest

from collabkit.errors import (
    Conflict,
    InvalidName,
    ProjectArchived,
    ProjectExists,
    ProjectNotFound,
    SessionNotFound,
)
from collabkit.ids import Subject
from collabkit.store import arrival, founding
from collabkit.store.base import Deed
from collabkit.store.charter import Amendment
from collabkit.store.ledger import Ledger
from collabkit.store.reader import Reader
from collabkit.testing.store_contract import ADA
from store.charters import at, fact
from store.processes import finish

BEN = Subject("user:ben")
ARRIVING = arrival.Arriving("acme", "brought", "single", 5, BEN, ())


def told(ledger: Ledger) -> list[tuple[str, dict[str, object]]]:
    """What the audit says was done, and with what."""
    with Reader(ledger.path) as reader:
        return [(line.action, line.data) for line in reader.audit()]


def names(ledger: Ledger) -> list[str]:
    """The projects, also as the file has them."""
    found = [one.name for one in ledger.file.directory.all_projects()]
    with Reader(ledger.path) as reader:
        assert [one.name for one in reader.projects()] == found
    return found


def test_a_new_file_has_the_project_of_plain_names(ledger: Ledger) -> None:
    """What is named without a project is in it."""
    assert names(ledger) == ["default"]


def test_a_session_brings_its_project_along(ledger: Ledger) -> None:
    """As it did when there was no list; the audit tells of both, once."""
    ledger.create_session("plan", "acme", "single", ADA)
    ledger.create_session("other", "acme", "single", BEN)
    assert names(ledger) == ["acme", "default"]
    assert ledger.file.directory.projects["acme"].created_by == ADA
    assert [action for action, _ in told(ledger)] == ["project-create", "create", "create"]


def test_a_project_is_created_once(ledger: Ledger) -> None:
    """By a name that rooms can have."""
    made = founding.create_project(ledger.file, "acme", by=ADA)
    assert (made.name, made.created_by, made.archived_at_ms) == ("acme", ADA, None)
    with pytest.raises(ProjectExists):
        founding.create_project(ledger.file, "acme", by=ADA)
    for name in ("", "a/b", "a~b", "*", "**"):
        with pytest.raises(InvalidName):
            founding.create_project(ledger.file, name, by=ADA)
    assert told(ledger) == [("project-create", {"name": "acme"})]


def test_nothing_new_comes_into_an_archived_project(ledger: Ledger) -> None:
    """Until that is undone; what is in it can be found."""
    ledger.create_session("plan", "acme", "single", ADA)
    archived = founding.archive_project(ledger.file, "acme", by=BEN, undo=False)
    assert archived.archived_at_ms is not None
    assert founding.archive_project(ledger.file, "acme", by=BEN, undo=False) == archived
    with pytest.raises(ProjectArchived):
        ledger.create_session("other", "acme", "single", ADA)
    with pytest.raises(ProjectArchived):
        finish(arrival.arrive(ledger.file, ARRIVING, iter(()), Deed(BEN, "take-in")))
    assert ledger.find_session("plan", "acme").name == "plan"
    founding.archive_project(ledger.file, "acme", by=BEN, undo=True)
    ledger.create_session("other", "acme", "single", ADA)
    lines = [data for action, data in told(ledger) if action == "project-archive"]
    assert lines == [{"name": "acme", "undo": False}, {"name": "acme", "undo": True}]
    with pytest.raises(ProjectNotFound):
        founding.archive_project(ledger.file, "none", by=BEN, undo=False)


def test_a_project_archived_meanwhile_takes_nothing_in(ledger: Ledger) -> None:
    """What arrives in slices is looked at again at the end, and leaves nothing behind."""
    founding.create_project(ledger.file, "acme", by=ADA)
    work = arrival.arrive(ledger.file, ARRIVING, iter(()), Deed(BEN, "take-in"))
    next(work)
    founding.archive_project(ledger.file, "acme", by=ADA, undo=False)
    with pytest.raises(ProjectArchived):
        finish(work)
    with pytest.raises(SessionNotFound):
        ledger.find_session("brought", "acme")
    with Reader(ledger.path) as reader:
        assert list(reader.verify()) == []


def test_what_arrives_brings_its_project_along(ledger: Ledger) -> None:
    """As what is created does."""
    finish(arrival.arrive(ledger.file, ARRIVING, iter(()), Deed(BEN, "take-in")))
    assert names(ledger) == ["acme", "default"]


@pytest.mark.parametrize("name", ["*", "**"])
def test_nothing_is_called_by_what_tokens_mean_by_all(ledger: Ledger, name: str) -> None:
    """A host that gives somebody a token for a session of his would give him every session."""
    for project, session in (("acme", name), (name, "plan")):
        with pytest.raises(InvalidName, match="every other"):
            ledger.create_session(session, project, "single", ADA)
        arriving = arrival.Arriving(project, session, "single", 5, BEN, ())
        with pytest.raises(InvalidName, match="every other"):
            finish(arrival.arrive(ledger.file, arriving, iter(()), Deed(BEN, "take-in")))
    assert ledger.create_session("a*", "acme", "single", ADA).name == "a*"


def test_archived_projects_are_remembered(path: str) -> None:
    """The next holder lets nothing into them either."""
    with closing(Ledger(path, durability="stored", create=True)) as ledger:
        founding.create_project(ledger.file, "acme", by=ADA)
        founding.archive_project(ledger.file, "acme", by=ADA, undo=False)
    with (
        closing(Ledger(path, durability="stored", create=False)) as ledger,
        pytest.raises(ProjectArchived),
    ):
        ledger.create_session("plan", "acme", "single", ADA)


def test_something_new_and_its_owner_are_one(ledger: Ledger) -> None:
    """Should the facts have changed meanwhile, neither is there, nor the project."""
    owning = Amendment(0, (fact("owner"),), ADA, "made it")
    ledger.create_session("plan", "acme", "single", ADA, amendment=owning)
    assert list(at(ledger)) == ["owner"]
    with pytest.raises(Conflict):
        ledger.create_session("other", "late", "single", ADA, amendment=owning)
    with pytest.raises(Conflict):
        founding.create_project(ledger.file, "late", by=ADA, amendment=owning)
    assert names(ledger) == ["acme", "default"]
    with pytest.raises(SessionNotFound):
        ledger.find_session("other", "late")
