"""`access can`, `explain`, `who-can`, `reach`: asking a policy on the command line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.ruled import made
from cli.saying import Run, Said
from collabkit.cli.app import app

Ask = Callable[..., Said]


@pytest.fixture(scope="module")
def ruled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with rules, which nobody changes."""
    db = made(tmp_path_factory.mktemp("ruled"))
    policy = str(db.with_name("policy.toml"))
    assert CliRunner().invoke(app, ["access", "apply", str(db), policy]).exit_code == 0
    return db


@pytest.fixture
def ask(run: Run, ruled: Path) -> Ask:
    """Ask the file: ``ask("can", "user:ada", "read", "acme~plan")``."""
    return lambda command, *rest: run("access", command, ruled, *rest)


def test_yes_is_zero_and_no_is_one(ask: Ask) -> None:
    """Each answer says why not, and as JSON the code and the rules that decided."""
    assert ask("can", "user:ada", "write", "acme~plan:body").out == "yes\n"
    no = ask("can", "user:ada", "delete", "acme~plan:body")
    assert (no.code, no.out) == (1, "no: no rule allows it\n")
    sealed = ask("can", "user:ada", "write", "acme~plan:sealed/x", "--json")
    assert sealed.code == 1
    assert sealed.json == {
        "allowed": False,
        "code": "explicit-deny",
        "rules": ["grant no"],
        "epoch": 1,
        "valid_until": None,
    }


def test_conditions_are_given_what_they_ask_for(ask: Ask) -> None:
    """What a condition asks for and nobody gave makes it fail."""
    question = ("user:ben", "delete", "acme~plan:notes/x")
    assert ask("can", *question).out == "no: a condition could not be evaluated\n"
    assert ask("can", *question, "--with", "change.own=true").out == "yes\n"
    assert ask("can", *question, "--with", "change.own=false").code == 1
    late = ("--with", "change.own=true", "--when", "2099-01-01")
    assert ask("can", *question, *late).out == "no: a grant would allow it, but its time is over\n"


def test_why_and_what_is_missing_is_explained(ask: Ask) -> None:
    """The rule, how it came to the subject, its condition; and of a denial the nearest miss."""
    told = ask("explain", "user:ben", "delete", "acme~plan:notes", "--with", "change.own=true")
    assert told.code == 0
    for part in ("grant own allows it", "through group:staff", "if change.own: true"):
        assert part in told.out
    told = ask("explain", "user:eve", "write", "acme~plan:body", "--json")
    assert told.code == 1
    assert told.json["nearest"]["rule"] == "role writer"


def test_all_who_may_are_listed(ask: Ask) -> None:
    """Members of groups by their own names; nobody is a no."""
    assert ask("who-can", "write", "acme~plan").code == 1
    assert ask("who-can", "write", "acme~plan/main").lines == [["subject"], ["user:ada"]]
    who = ask("who-can", "delete", "acme~plan:notes", "--with", "change.own=true", "--json").json
    assert who == {"subjects": ["user:ben", "user:cy"], "anyone": False, "but": []}


def test_what_somebody_may_do_something_to_is_listed(ask: Ask) -> None:
    """As patterns, and whether that is so, depends, or is denied."""
    assert ask("reach", "user:ada", "write").lines[1:] == [
        ["yes", "/projects/acme/sessions/*/docs/**"],
        ["no", "/projects/acme/sessions/plan/docs/main/sealed/**"],
    ]
    assert ask("reach", "user:eve", "read").code == 1


@pytest.mark.parametrize(
    "asked",
    [
        ("can", "user:ada", "see", "acme~plan"),
        ("can", "user:ada", "read", "a~b~c"),
        ("can", "user:ada", "read", "/a/*"),
        ("can", "user:ada", "read", "plan", "--with", "peer"),
        ("can", "user:ada", "read", "plan", "--when", "soon"),
        ("who-can", "read", "/a//b"),
    ],
)
def test_what_cannot_be_asked_is_wrong_usage(ask: Ask, asked: tuple[str, ...]) -> None:
    """One sentence and exit code 2, whatever is wrong with a question."""
    said = ask(*asked)
    assert (said.code, said.out, len(said.err.splitlines())) == (2, "", 1)


def test_a_policy_can_be_asked_as_it_was(ask: Ask) -> None:
    """In epoch 0 there were no rules; an epoch that never was is not found."""
    before = ask("can", "user:ada", "read", "acme~plan", "--at", "0", "--json")
    assert (before.code, before.json["epoch"]) == (1, 0)
    assert ask("can", "user:ada", "read", "acme~plan", "--at", "9").code == 1
