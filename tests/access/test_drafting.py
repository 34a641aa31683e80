"""Changes that are put together."""

from __future__ import annotations

import itertools

import pytest

from collabkit.access.drafting import Draft
from collabkit.access.facts import Drop, Put
from collabkit.access.policy import Policy
from collabkit.access.rules import Grant, Membership, Permission, Role, Template
from collabkit.access.templates import ROLES
from collabkit.errors import InvalidPolicy

ADA, BEN = "user:ada", "user:ben"
WRITER = Role("writer", (Permission("/**", "write"),))


def drafting() -> Draft:
    """A draft whose grants are numbered."""
    return Draft(map(str, itertools.count(1)).__next__, by=BEN)


def grant(id: str, subject: str, scope: str, role: str = "writer") -> Grant:
    """A grant of a role somewhere."""
    return Grant(id, subject, role=role, scope=scope)


GRANTS = (
    grant("a", ADA, "/projects/acme"),
    grant("b", ADA, "/projects/acme/sessions/plan"),
    grant("c", ADA, "/projects/*"),
    grant("d", BEN, "/projects/acme/**"),
    grant("e", BEN, "/projects/acme2", role="other"),
)
POLICY = Policy.load([WRITER, Role("other"), *GRANTS])


def test_what_was_said_last_counts() -> None:
    """There is one change a fact, and grants say who made them."""
    draft = drafting()
    made = draft.grant(ADA, "writer", scope="/projects/acme", not_after=5, reason="why")
    draft.put_role(Role("writer"))
    draft.put_role(WRITER)
    draft.add_member("group:staff", ADA)
    draft.remove_member("group:staff", ADA)
    draft.drop_role("old")
    assert made == Grant(
        "1", ADA, role="writer", scope="/projects/acme", not_after=5, granted_by=BEN, reason="why"
    )
    assert draft.changes(Policy.load([])) == (
        Put(made),
        Put(WRITER),
        Drop("membership", "group:staff user:ada"),
        Drop("role", "old"),
    )


@pytest.mark.parametrize(
    ("where", "ids"),
    [
        ({"subject": ADA}, "abc"),
        ({"scope": "/projects/acme"}, "abd"),
        ({"scope": "/projects/acme/sessions/*"}, "b"),
        ({"scope": "/**"}, "abcde"),
        ({"scope": "/projects/acme", "subject": BEN}, "d"),
        ({"role": "other"}, "e"),
        ({"subject": "user:eve"}, ""),
    ],
)
def test_grants_are_revoked_where_something_holds(where: dict[str, str], ids: str) -> None:
    """What also says something outside of the scope stays; the policy is looked at in the end."""
    draft = drafting()
    draft.revoke_where(**where)
    assert draft.changes(POLICY) == tuple(Drop("grant", each) for each in ids)
    assert draft.changes(Policy.load([])) == ()


def test_nobody_revokes_everything_by_saying_nothing() -> None:
    """It has to be said which grants are meant."""
    with pytest.raises(InvalidPolicy):
        drafting().revoke_where()


def team(*ids: str) -> Template:
    """A template that gives somebody a role in a project, by grants that are called so."""
    scope = "/projects/{project}"
    grants = tuple(grant(each, ADA, scope) for each in ids)
    return Template("team", {"project": "name"}, grants=grants)


def test_a_template_is_filled_in_again() -> None:
    """It puts what it makes, strikes out what it made before and does not now, and no other's."""
    draft = drafting()
    draft.apply_template(team("a", "b"), project="acme")
    draft.apply_template(team("b"), project="other")
    policy = POLICY.changed(draft.changes(POLICY), epoch=1)
    draft = drafting()
    draft.apply_template(team("a"), project="acme")
    kept, gone = Put(grant("team(project=acme)/a", ADA, "/projects/acme")), "team(project=acme)/b"
    assert draft.changes(policy) == (Drop("grant", gone), kept)


def test_a_shipped_template_leaves_the_roles_of_a_policy_as_they_are() -> None:
    """Whoever narrowed a role keeps it narrow; a policy's own template says what it means."""
    own = Role("viewer", (Permission("/projects/*", "read"),))
    policy = Policy.load([own])
    draft = drafting()
    draft.apply_template("viewer", project="acme", who=ADA)
    assert [type(one.fact) for one in draft.changes(policy) if isinstance(one, Put)] == [Grant]
    assert Put(ROLES["viewer"]) in draft.changes(Policy.load([]))
    mine = Template("viewer", {}, roles=(Role("viewer"),))
    assert drafted(policy.changed([Put(mine)], epoch=1)) == (Put(Role("viewer")),)


def drafted(policy: Policy) -> tuple[object, ...]:
    """What the template `viewer` of a policy changes."""
    draft = drafting()
    draft.apply_template("viewer")
    return draft.changes(policy)


def test_a_template_that_is_not_there_is_an_error() -> None:
    """Said when the changes are made, as are slots that it has not."""
    for name, slots in (("none", {}), ("viewer", {"what": "x"})):
        draft = drafting()
        draft.apply_template(name, **slots)
        with pytest.raises(InvalidPolicy):
            draft.changes(POLICY)


def test_many_grants_are_put_as_they_are() -> None:
    """With the ids that they have."""
    draft = drafting()
    draft.grant_many(GRANTS)
    draft.put(Membership("group:staff", BEN))
    draft.revoke("a")
    assert draft.changes(POLICY)[:2] == (Drop("grant", "a"), Put(GRANTS[1]))
