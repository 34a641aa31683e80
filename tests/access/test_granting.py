"""Nobody gives what he does not have, and nobody changes what is not his to change."""

from __future__ import annotations

import time
from random import Random

import pytest

from access.worlds import TIMES, USERS, cases, questions
from collabkit.access.granting import may_change
from collabkit.access.policy import Change, Drop, Policy, Put
from collabkit.access.rules import (
    ACTIONS,
    ANYONE,
    Confines,
    Fact,
    Grant,
    Membership,
    Permission,
    Role,
    Template,
)
from collabkit.access.templates import ROLES
from collabkit.errors import AccessDenied

NOW = 100.0
ACME = "/projects/acme"
PLAN = "/projects/acme/sessions/plan"
DOCS = "/projects/*/sessions/*/docs/**"
OWNER = Role("owner", tuple(Permission("/**", action) for action in ACTIONS))
EDITOR = Role("editor", (Permission(DOCS, "write"), Permission(DOCS, "read")))


def world(*facts: Fact) -> Policy:
    """A policy in which Ada owns a project."""
    return Policy.load([OWNER, EDITOR, Grant("ada", "user:ada", "owner", scope=ACME), *facts])


def refused(policy: Policy, *changes: Change, by: str = "user:ada") -> tuple[str, str] | None:
    """The action and the path that somebody lacks who would make changes; None if he may."""
    try:
        may_change(policy, by, changes, NOW)
    except AccessDenied as error:
        return error.action, error.path
    return None


def given(**fields: object) -> Put:
    """A grant to Bob, in the project unless said otherwise."""
    fields = {"id": "new", "subject": "user:bob", "scope": ACME, **fields}
    if "permission" not in fields:
        fields.setdefault("role", "editor")
    return Put(Grant(**fields))  # type: ignore[arg-type]


def test_who_owns_a_project_gives_what_is_in_it() -> None:
    """What he has as widely, as long and without conditions, he gives as he likes."""
    assert refused(world(), given()) is None
    assert refused(world(), given(scope=PLAN, not_after=200.0)) is None
    assert refused(world(), given(subject=ANYONE)) is None
    assert refused(world(), given(subject="group:crew", uses=3)) is None
    narrow = Permission(f"{PLAN}/docs/d/x", "delete", ("change.own",))
    assert refused(world(), given(permission=narrow)) is None


def test_to_grant_takes_admin_over_the_scope() -> None:
    """Before and after: nobody takes a grant over from elsewhere by what he has here."""
    for scope in ("/**", "/projects/*", "/projects/beta"):
        there = scope if scope.endswith("**") else f"{scope}/**"
        assert refused(world(), given(scope=scope)) == ("admin", there)
    elsewhere = world(Grant("new", "user:bob", "editor", scope="/projects/beta"))
    assert refused(elsewhere, given()) == ("admin", "/projects/beta/**")
    assert refused(elsewhere, Drop("grant", "new")) == ("admin", "/projects/beta/**")
    assert refused(world(), given(), by="user:bob") == ("admin", f"{ACME}/**")
    within = Permission(f"{PLAN}/docs/d", "write")
    assert refused(world(), given(permission=within, scope="/**")) is None, "that is all it names"
    alone = Grant("1", "user:bob", permission=Permission(ACME, "admin"))
    assert refused(world(alone), given(), by="user:bob") == ("admin", f"{ACME}/**")


ADMIN = Grant("bob-admin", "user:bob", permission=Permission("/**", "admin"))


@pytest.mark.parametrize(
    ("has", "gives"),
    [
        ({"permission": Permission(DOCS, "read")}, {"permission": Permission(DOCS, "write")}),
        ({"role": "editor", "scope": PLAN}, {"scope": ACME}),
        ({"role": "editor", "not_after": 200.0}, {}),
        ({"role": "editor", "not_after": 200.0}, {"not_after": 201.0}),
        ({"role": "editor", "not_before": 150.0}, {}),
        ({"role": "editor", "uses": 5}, {"uses": 1}),
        (
            {"permission": Permission(DOCS, "write", ("now < 150.0",))},
            {"permission": Permission(DOCS, "write")},
        ),
        (
            {"permission": Permission(DOCS, "write", ("change.own",))},
            {"permission": Permission(DOCS, "write", ("change.own",))},
        ),
        (
            {"permission": Permission(DOCS, "write", ("subject.id == 'user:cy'",))},
            {"permission": Permission(DOCS, "write", ("subject.id == 'user:cy'",))},
        ),
    ],
)
def test_nobody_gives_what_he_does_not_have(
    has: dict[str, object], gives: dict[str, object]
) -> None:
    """Not another action, not elsewhere, not longer, not more often, not under fewer conditions."""
    fields = {"id": "bob", "subject": "user:bob", **has}
    policy = world(ADMIN, Grant(**fields))  # type: ignore[arg-type]
    lacks = refused(policy, given(**{"subject": "user:cy", **gives}), by="user:bob")
    assert lacks is not None
    assert lacks[0] in ("write", "read")


def test_what_is_limited_is_given_within_its_limits() -> None:
    """For as long as he has it, and under the conditions under which he has it, he gives it."""
    write = Permission(DOCS, "write", ("resource.project == 'acme'",))
    has = Grant("bob", "user:bob", permission=write, not_after=200.0)
    narrower = Permission(DOCS, "write", (*write.conditions, "change.own"))
    policy = world(ADMIN, has)
    given_on = given(permission=narrower, not_after=200.0, subject="user:cy")
    assert refused(policy, given_on, by="user:bob") is None


def test_who_is_denied_something_cannot_give_it() -> None:
    """Wherever the denial touches what is given, or will; what denies all alike is no hindrance."""
    deny = Permission(f"{PLAN}/docs/secret/**", "write", effect="deny")
    hidden = Grant("no", "user:ada", permission=deny)
    assert refused(world(hidden), given(scope=PLAN)) == ("write", f"{PLAN}/docs/**")
    assert refused(world(hidden), given(scope=f"{PLAN}/docs/open")) is None
    later = Grant("no", "user:ada", permission=deny, not_before=200.0)
    assert refused(world(later), given(scope=PLAN)) == ("write", f"{PLAN}/docs/**")
    assert refused(world(later), given(scope=PLAN, not_after=200.0)) is None
    everybody = Grant("no", ANYONE, permission=deny)
    assert refused(world(everybody), given(scope=PLAN)) is None


def test_who_is_denied_admin_has_none() -> None:
    """Be the denial for all or for him; a part of the scope is enough."""
    deny = Permission(f"{PLAN}/**", "admin", effect="deny")
    for subject in ("user:ada", ANYONE):
        policy = world(Grant("no", subject, permission=deny))
        assert refused(policy, given()) == ("admin", f"{ACME}/**")
        assert refused(policy, given(scope=PLAN)) == ("admin", f"{PLAN}/**")
        assert refused(policy, given(scope=f"{ACME}/sessions/other")) is None


def test_to_lift_a_denial_is_to_give() -> None:
    """Who is denied something does not free others of it, nor himself."""
    deny = Permission(f"{PLAN}/docs/secret/**", "write", effect="deny")
    for subject in ("user:ada", ANYONE):
        policy = world(Grant("no", subject, permission=deny))
        assert refused(policy, Drop("grant", "no"))
        assert refused(policy, given(id="no"))
    policy = world(Grant("no", "user:bob", permission=deny))
    assert refused(policy, Drop("grant", "no")) is None
    assert refused(policy, given(permission=deny)) is None, "to deny takes admin alone"


def test_what_a_grant_gave_already_is_not_given_anew() -> None:
    """Who has admin alone may cut a grant short, give it a reason, and drop it."""
    old = Grant("new", "user:cy", "editor", scope=ACME, not_after=200.0, granted_by="user:ada")
    policy = world(ADMIN, old)
    same = {"subject": "user:cy", "granted_by": "user:ada"}
    assert refused(policy, given(**same, not_after=150.0, reason="shorter"), by="user:bob") is None
    assert refused(policy, Drop("grant", "new"), by="user:bob") is None
    assert refused(policy, given(**same, not_after=300.0), by="user:bob") == (
        "write",
        f"{ACME}/sessions/*/docs/**",
    )
    spent = world(ADMIN, Grant("new", "user:cy", "editor", scope=ACME, uses=0))
    assert refused(spent, given(subject="user:cy", uses=1), by="user:bob")


def test_a_role_is_changed_by_who_has_all_that_is_added_everywhere() -> None:
    """Others may have granted it, so it is judged as if it were granted in every place."""
    more = Role("editor", (*EDITOR.permissions, Permission(DOCS, "delete")))
    roles = Grant("2", "user:ada", permission=Permission("/access/roles/*", "admin"))
    assert refused(world(), Put(more)) == ("admin", "/access/roles/editor")
    assert refused(world(roles), Put(more)) == ("delete", DOCS)
    assert refused(world(roles), Put(Role("editor", EDITOR.permissions[:1]))) is None
    assert refused(world(roles), Put(Role("editor", EDITOR.permissions, ("owner",))))
    everywhere = Grant("2", "user:ada", "owner")
    assert refused(world(everywhere), Put(more)) is None
    heir = Role("heir", (), ("editor",))
    assert refused(world(roles, heir), Put(more)) == ("delete", DOCS)


def test_a_role_that_stays_in_a_project_is_its_owners() -> None:
    """What names nothing outside takes no right over all roles; what it inherits counts."""
    crew = Role("crew", (Permission(f"{ACME}/**", "write"),))
    assert refused(world(), Put(crew)) is None
    assert refused(world(crew), Put(Role("crew", (Permission(f"{ACME}/**", "delete"),)))) is None
    assert refused(world(crew), Drop("role", "crew")) is None
    assert refused(world(), Put(Role("crew", crew.permissions, ("editor",))))
    assert refused(world(), Put(Role("empty"))) == ("admin", "/access/roles/empty")
    # A role in the same change as the grant of it is no way round.
    sly = Role("sly", (Permission(f"{ACME}/**", "read"), Permission("/projects/beta/**", "read")))
    assert refused(world(), Put(sly), given(role="sly"))


def test_roles_that_come_with_us_are_brought_by_whoever_grants_them() -> None:
    """The first who uses one brings it; nobody replaces one."""
    policy = Policy.load([OWNER, Grant("ada", "user:ada", "owner", scope=ACME)])
    shipped = [Put(ROLES["viewer"]), given(role="viewer")]
    assert refused(policy, *shipped) is None
    other = Policy.load([OWNER, Role("viewer"), Grant("ada", "user:ada", "owner", scope=ACME)])
    assert refused(other, *shipped) == ("admin", "/access/roles/viewer")


def test_who_puts_somebody_into_a_group_gives_what_the_group_has() -> None:
    """It takes admin over the group and all that its members get; leaving, what they are denied."""
    crew = Grant("2", "group:crew", "editor", scope=ACME)
    over = Grant("3", "user:ada", permission=Permission("/access/groups/group:crew", "admin"))
    over_all = Grant(
        "3", "user:ada", permission=Permission("/access/groups/group:crew/**", "admin")
    )
    joins = Put(Membership("group:crew", "user:bob"))
    assert refused(world(crew), joins) == ("admin", "/access/groups/group:crew")
    assert refused(world(crew, over), joins) is None
    assert refused(world(crew, over_all), joins) is None
    wide = Grant("2", "group:crew", "editor")
    assert refused(world(wide, over), joins) == ("write", DOCS)
    nested = Membership("group:staff", "group:crew")
    staff = Grant("4", "group:staff", "editor")
    assert refused(world(nested, staff, over), joins) == ("write", DOCS)
    deny = Permission("/projects/beta/**", "write", effect="deny")
    denied = Grant("2", "group:crew", permission=deny)
    inside = Membership("group:crew", "user:bob")
    leaves = Drop("membership", "group:crew user:bob")
    assert refused(world(denied, over), joins) is None
    assert refused(world(denied, over, inside), leaves) == ("write", "/projects/beta/**")
    assert refused(world(crew, over, inside), leaves) is None


def test_what_depends_on_groups_is_given_by_whoever_changes_them() -> None:
    """A rule for all who are in a group gives as much to a new member as one of the group does."""
    asks = ("'group:crew' in subject.groups",)
    beta = Permission("/projects/beta/**", "write", asks)
    over = Grant("3", "user:ada", permission=Permission("/access/groups/**", "admin"))
    joins = Put(Membership("group:crew", "user:bob"))
    for holder in (ANYONE, "user:bob"):
        there = world(over, Grant("4", holder, permission=beta))
        assert refused(there, joins) == ("write", "/projects/beta/**")
        nested = [
            Put(Membership("group:crew", "group:new")),
            Put(Membership("group:new", "user:bob")),
        ]
        assert refused(there, *nested) == ("write", "/projects/beta/**")
    inside = Grant("4", ANYONE, permission=Permission(f"{ACME}/**", "write", asks))
    assert refused(world(over, inside), joins) is None
    assert refused(world(over, Grant("4", "user:cy", permission=beta)), joins) is None


def test_a_session_is_confined_and_freed_by_who_administers_it() -> None:
    """However it is confined: otherwise it would stay so for ever."""
    frozen = Confines(PLAN, (Permission("/**", "read"),))
    assert refused(world(), Put(frozen)) is None
    assert refused(world(frozen), Drop("confines", PLAN)) is None
    assert refused(world(frozen), Drop("confines", PLAN), by="user:bob") == ("admin", f"{PLAN}/**")


def test_a_template_is_its_administrators() -> None:
    """It gives nobody anything before it is filled in, and is everybody's then."""
    template = Put(Template("mine"))
    over = Grant("2", "user:ada", permission=Permission("/access/**", "admin"))
    assert refused(world(), template) == ("admin", "/access/templates/mine")
    assert refused(world(over), template) is None


def test_an_administrator_of_a_session_raises_himself_for_a_time() -> None:
    """In that session alone, himself alone, with an end; what denies him still does."""
    admin = Grant("2", "user:bob", permission=Permission(f"{PLAN}/**", "admin"))
    policy = world(admin)

    def raises(**fields: object) -> tuple[str, str] | None:
        return refused(
            policy, given(**{"scope": PLAN, "not_after": 900.0, **fields}), by="user:bob"
        )

    assert raises() is None
    assert raises(role="owner", scope=f"{PLAN}/docs/d") is None
    assert raises(not_after=None) == ("write", f"{PLAN}/docs/**")
    assert raises(subject="user:cy") == ("write", f"{PLAN}/docs/**")
    assert raises(scope=f"{ACME}/sessions/*") == ("admin", f"{ACME}/sessions/*/**")
    assert refused(world(), given(subject="user:cy", scope=PLAN, not_after=900.0), by="user:cy")


def test_a_grant_says_who_made_it() -> None:
    """Nobody makes one in the name of somebody else; what was said before stays."""
    assert refused(world(), given(granted_by="user:ada")) is None
    assert refused(world(), given(granted_by="user:root")) == ("grant", ACME)


def test_what_changes_nothing_takes_nothing() -> None:
    """A fact that is put as it is there is no change."""
    assert refused(world(), Put(EDITOR), by="user:bob") is None


def given_beyond(seed: int, count: int) -> tuple[int, int]:
    """Make changes by the dice; how many were permitted, and how often somebody gained by them."""
    permitted = gained = 0
    for policy, by, changes in cases(Random(seed), count):
        try:
            may_change(policy, by, changes, TIMES[1])
        except AccessDenied:
            continue
        permitted += 1
        after = policy.changed(changes, epoch=1)
        for subject in {*USERS, ANYONE} - {by}:  # who raises himself may do more
            for action, path, context, now in questions():
                asked = (action, path, context)
                if (
                    now >= TIMES[1]
                    and after.check(subject, *asked, now=now)
                    and not policy.check(subject, *asked, now=now)
                ):
                    gained += 1
                    told = (policy.facts(), by, changes, subject, asked, now)
                    assert policy.check(by, *asked, now=now), told
    return permitted, gained


def test_after_a_permitted_change_nobody_may_do_more_than_its_maker_might(seed: int) -> None:
    """Over policies, changes, paths, times and contexts by the dice."""
    permitted, gained = given_beyond(seed, 300)
    assert permitted > 10
    assert gained > 10


@pytest.mark.fuzz
def test_nobody_is_given_more_than_the_giver_has_for_long(seed: int, for_s: float) -> None:
    """The same for many more of them."""
    ends = time.monotonic() + for_s
    while time.monotonic() < ends:
        seed += 1
        given_beyond(seed, 300)
