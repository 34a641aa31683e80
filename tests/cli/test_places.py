"""Places, moments and rules, as people write them on the command line."""

from __future__ import annotations

import pytest
import typer

from collabkit.access.rules import Permission
from collabkit.cli.places import moment, path_of, pattern_of, rules_of
from collabkit.errors import CollabError, InvalidName, InvalidPolicy

PLACES = {
    "acme~": "/projects/acme",
    "plan": "/projects/default/sessions/plan",
    "acme~plan": "/projects/acme/sessions/plan",
    "acme~plan/a/b": "/projects/acme/sessions/plan/docs/a%2Fb",
    "acme~plan:a/[]/b c": "/projects/acme/sessions/plan/docs/main/a/[]/b c",
    "acme~plan/side:a": "/projects/acme/sessions/plan/docs/side/a",
    "/projects/acme/ops/create": "/projects/acme/ops/create",
    "/": "/",
}


@pytest.mark.parametrize(("written", "path"), PLACES.items())
def test_a_place_is_written_as_documents_are_named(written: str, path: str) -> None:
    """By the name of a document and what is in it, or as a path; the same where patterns go."""
    assert path_of(written) == pattern_of(written) == path


def test_a_wildcard_is_one_where_patterns_go() -> None:
    """And elsewhere a name; in a segment with other characters it is always one."""
    assert pattern_of("acme~*/main:**") == "/projects/acme/sessions/*/docs/main/**"
    assert pattern_of("/projects/*/**") == "/projects/*/**"
    assert path_of("acme~*") == "/projects/acme/sessions/%2A"
    assert pattern_of("plan:a*") == "/projects/default/sessions/plan/docs/main/a%2A"


@pytest.mark.parametrize("written", ["", "~", "a~b~", "a~b~c", "a//b", "/a//b", "/a/*x", ":a"])
def test_what_is_no_place_is_refused(written: str) -> None:
    """As a name or as a path, by the error that says what is wrong with it."""
    for read in (path_of, pattern_of):
        with pytest.raises((InvalidName, InvalidPolicy)) as refused:
            read(written)
        assert isinstance(refused.value, CollabError)
        assert "any" not in str(refused.value)


def test_a_rule_says_what_where_and_under_which_condition() -> None:
    """What it is about is the place and all beneath."""
    assert rules_of(["write acme~plan:a if change.own && now > 5"], ["admin /**"]) == (
        Permission(
            "/projects/acme/sessions/plan/docs/main/a/**", "write", ("change.own && now > 5",)
        ),
        Permission("/**", "admin", (), "deny"),
    )
    for text in ("", "write", "see plan", "write plan when x"):
        with pytest.raises(InvalidPolicy, match="rule"):
            rules_of([text], None)


def test_moments_are_from_now_or_on_a_calendar() -> None:
    """A span is from now on, a date without a zone is one of this machine."""
    assert moment("90s", now=10.0) == 100.0
    assert moment("+2h", now=0.0) == 7200.0
    assert moment("1970-01-02T00:00:00+00:00", now=5.0) == 86_400.0
    assert moment("2027-01-31", now=0.0) == moment("2027-01-31T00:00", now=9.0)
    for text in ("", "soon", "2x", "99999-01-01"):
        with pytest.raises(typer.BadParameter, match="no moment"):
            moment(text, now=0.0)
