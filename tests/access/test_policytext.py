"""Facts written as text: nothing is lost, and nothing depends on their order."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings

from access.written import FACTS
from collabkit.access.facts import name_of
from collabkit.access.locating import Form
from collabkit.access.policyfile import PolicyFile
from collabkit.access.policytext import policy_text
from collabkit.access.rules import Confines, Fact, Grant, Membership, Permission, Role

FORMS: tuple[Form, Form] = ("toml", "json")

SAID: list[Fact] = [
    Role("editor", (Permission("/**", "write", ("change.own",), "deny"),), ("viewer", "talker")),
    Grant("g1", "group:staff", role="editor", scope="/projects/acme", not_after=5.5, uses=3),
    Grant("g2", "anyone", permission=Permission("/**", "read")),
    Membership("group:staff", "user:ben"),
    Membership("group:staff", "user:ada"),
    Confines("/projects/acme/sessions/plan", join="invited", participants=12),
]


@pytest.mark.parametrize("form", FORMS)
@settings(max_examples=25)
@given(facts=FACTS)
def test_what_is_written_is_read_as_it_was(form: Form, facts: list[Fact]) -> None:
    """Whatever facts say, their text says the same; in whatever order they come."""
    text = policy_text(facts, form=form)
    read = PolicyFile(text.encode(), name="policy", form=form).facts
    assert sorted(read, key=name_of) == sorted(facts, key=name_of)
    assert policy_text(reversed(facts), form=form) == text


def test_toml_is_for_people() -> None:
    """It says what is not usual, each permission on a line, and who is in a group in one."""
    assert policy_text(SAID).splitlines() == [
        "[[roles]]",
        'name = "editor"',
        "permissions = [",
        '    { resource = "/**", action = "write", conditions = ["change.own"], effect = "deny" },',
        "]",
        'inherits = ["viewer", "talker"]',
        "",
        "[groups]",
        '"group:staff" = ["user:ada", "user:ben"]',
        "",
        "[[grants]]",
        'id = "g1"',
        'subject = "group:staff"',
        'role = "editor"',
        'scope = "/projects/acme"',
        "not_after = 5.5",
        "uses = 3",
        "",
        "[[grants]]",
        'id = "g2"',
        'subject = "anyone"',
        'permission = { resource = "/**", action = "read" }',
        "",
        "[[confines]]",
        'session = "/projects/acme/sessions/plan"',
        'join = "invited"',
        "participants = 12",
    ]


def test_json_has_all_fields_of_permissions_and_roles() -> None:
    """Programs find every field of a permission and of a role, those that say nothing too."""
    read = json.loads(policy_text([Role("r", (Permission("/**", "read"),))], form="json"))
    permission = {"resource": "/**", "action": "read", "conditions": [], "effect": "allow"}
    assert read == {"roles": [{"name": "r", "permissions": [permission], "inherits": []}]}
    assert policy_text([], form="json") == "{}\n"
    assert policy_text([]) == ""
