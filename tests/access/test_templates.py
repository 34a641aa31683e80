"""Templates: what fills them, where slots stand, and what comes of them."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collabkit.access import paths
from collabkit.access.policy import Policy
from collabkit.access.rules import Grant, Permission, Role, Slot, Template
from collabkit.access.templates import (
    ABOUT,
    ROLES,
    TEMPLATES,
    check_template,
    fill,
    made_by,
    prefix_of,
)
from collabkit.errors import InvalidPolicy

FILLED: dict[Slot, str | float] = {
    "name": "acme",
    "subject": "user:ada",
    "role": "viewer",
    "time": 100.0,
}

HOME = Template(
    "home",
    {"project": "name", "who": "subject", "not_after": "time", "like": "role"},
    (
        Role("at home", (Permission("/projects/{project}/**", "read"),), inherits=("{like}",)),
        Role("plain", (Permission("/projects/*/sessions/{who}/**", "write"),)),
        Role("fixed", (Permission("/**", "read"),)),
    ),
    (
        Grant("in", "{who}", role="at home", scope="/projects/{project}"),
        Grant("by", "{who}", permission=Permission("/projects/{project}/ops/*", "execute")),
        Grant("as", "{who}", role="{like}"),
    ),
)
FILLING: dict[str, str | float] = {
    "project": "acme",
    "who": "user:ada",
    "not_after": 50,
    "like": "viewer",
}


def shipped(name: str) -> dict[str, str | float]:
    """What fills a shipped template."""
    return {slot: FILLED[kind] for slot, kind in TEMPLATES[name].slots.items()}


def test_there_is_a_template_for_every_role() -> None:
    """Each shipped role can be given by a template of its name, and is described."""
    assert list(TEMPLATES) == list(ROLES) == list(ABOUT)


@pytest.mark.parametrize("name", TEMPLATES)
def test_what_is_shipped_is_whole(name: str) -> None:
    """A shipped template brings the roles that it gives, and all that those inherit."""
    *roles, grant = fill(TEMPLATES[name], **shipped(name))
    brought = {role.name: role for role in roles if isinstance(role, Role)}
    assert isinstance(grant, Grant)
    assert grant.role in brought
    assert {above for role in brought.values() for above in role.inherits} <= set(brought)
    assert brought.items() <= ROLES.items()
    for role in brought.values():
        for permission in role.permissions:
            paths.pattern(permission.resource)


def test_support_ends_when_it_was_said() -> None:
    """Temporary support cannot be given for ever."""
    slots = shipped("temporary-support")
    *_, grant = fill(TEMPLATES["temporary-support"], **slots)
    assert isinstance(grant, Grant)
    assert grant.not_after == 100.0
    del slots["not_after"]
    with pytest.raises(InvalidPolicy, match="'not_after' is not filled"):
        fill(TEMPLATES["temporary-support"], **slots)


def test_slots_are_filled_wherever_they_stand() -> None:
    """In patterns, scopes, subjects, roles and times; and what depends on them has its own name."""
    home, plain, fixed, first, second, third = fill(HOME, **FILLING)
    prefix = "home(like=viewer, project=acme, who=user:ada)/"
    assert prefix == prefix_of(HOME, **FILLING)
    resource = "/projects/*/sessions/user:ada/**"
    assert home == Role(
        f"{prefix}at home", (Permission("/projects/acme/**", "read"),), inherits=("viewer",)
    )
    assert plain == Role(f"{prefix}plain", (Permission(resource, "write"),))
    assert fixed == HOME.roles[2]
    assert first == Grant(
        f"{prefix}in",
        "user:ada",
        role=f"{prefix}at home",
        scope="/projects/acme",
        not_after=50,
    )
    execute = Permission("/projects/acme/ops/*", "execute")
    assert second == Grant(f"{prefix}by", "user:ada", permission=execute, not_after=50)
    assert third == Grant(f"{prefix}as", "user:ada", role="viewer", not_after=50)


@given(st.text(min_size=1, max_size=20).filter(str.isprintable), st.sampled_from(["name", "who"]))
def test_nothing_that_is_filled_in_gets_out_of_its_segment(text: str, slot: str) -> None:
    """Whatever a slot is filled with, a pattern has as many segments as before, and no wildcard."""
    slots: dict[str, Slot] = {"name": "name", "who": "subject"}
    role = Role("r", (Permission(f"/projects/{{{slot}}}/sessions/*", "read"),))
    form = Template("t", slots, (role,), (Grant("g", "{who}", scope="/projects/{name}/{who}"),))
    filling = {"name": "acme", "who": "user:ada", slot: text}
    filled, grant = fill(form, **filling)
    assert isinstance(filled, Role)
    assert isinstance(grant, Grant)
    pattern = paths.pattern(filled.permissions[0].resource)
    assert pattern == ("projects", paths.quote(text), "sessions", "*")
    assert paths.parse(grant.scope) == paths.join(("projects",), filling["name"], filling["who"])


@given(st.lists(st.text("ab,=()/ {}%", min_size=1, max_size=6), min_size=4, max_size=4))
def test_fillings_do_not_take_each_others_names(texts: list[str]) -> None:
    """Two fillings of templates share a name only if all they were filled with is the same."""
    slots: dict[str, Slot] = {"a": "subject", "b": "subject"}
    grants = (Grant("g", "{a}"), Grant("h", "{b}"))
    form = Template("t", slots, (), grants)
    one, other = fill(form, a=texts[0], b=texts[1]), fill(form, a=texts[2], b=texts[3])
    found = made_by((*one, *other), form, a=texts[0], b=texts[1])
    assert found == (one if texts[:2] != texts[2:] else (*one, *other))
    shorter = Template("t(a=a", slots, (), grants)
    assert made_by(fill(shorter, a="a", b="b"), form, a=texts[0], b=texts[1]) == ()


def test_what_a_filling_made_is_found_after_an_edit() -> None:
    """What an edited template does not give any more is among what it made, and can be dropped."""
    facts = fill(HOME, **FILLING)
    others = fill(HOME, **{**FILLING, "who": "user:ben"})
    edited = msgspec.structs.replace(HOME, grants=HOME.grants[:1])
    later = {**FILLING, "not_after": 99}
    made = made_by((*facts, *others), edited, **later)
    assert made == tuple(fact for fact in facts if fact != HOME.roles[2])
    kept = {fact.id for fact in fill(edited, **later) if isinstance(fact, Grant)}
    gone = [fact.id for fact in made if isinstance(fact, Grant) and fact.id not in kept]
    prefix = prefix_of(HOME, **FILLING)
    assert gone == [f"{prefix}by", f"{prefix}as"]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"project": None}, "'project' is not filled; it is a name"),
        ({"more": "x"}, "it has no slot 'more'; its slots: project, who, not_after, like"),
        ({"project": ""}, "1 to 255 characters"),
        ({"project": "a\nb"}, "1 to 255 characters"),
        ({"project": "a" * 256}, "1 to 255 characters"),
        ({"project": 5}, "it is a name, and so a text"),
        ({"not_after": "soon"}, "Unix seconds"),
        ({"not_after": float("nan")}, "Unix seconds"),
        ({"not_after": True}, "Unix seconds"),
    ],
)
def test_a_filling_that_does_not_fit_is_refused(
    changes: dict[str, str | float | None], reason: str
) -> None:
    """Every slot is filled with what it takes, and there is nothing else to fill."""
    filling = {name: value for name, value in {**FILLING, **changes}.items() if value is not None}
    with pytest.raises(InvalidPolicy, match=reason) as refused:
        fill(HOME, **filling)
    assert refused.value.where.startswith('template "home"')


def form(**fields: object) -> Template:
    """A template that is right but for some fields."""
    slots: dict[str, Slot] = {"p": "name"}
    roles = (Role("r", (Permission("/projects/{p}", "read"),)),)
    return msgspec.structs.replace(Template("t", slots, roles), **fields)


@pytest.mark.parametrize(
    ("template", "where", "reason"),
    [
        (form(slots={}), 'role "r", permission 1', "there is no slot 'p'"),
        (form(slots={"p": "role"}), 'role "r", permission 1', "here stands a name or a subject"),
        (form(slots={"p": "name", "q": "name"}), 'slot "q"', "stands nowhere"),
        (form(slots={"p": "name", "end": "time"}), 'slot "end"', "not_before or not_after"),
        (form(roles=(Role("r", (Permission("/a{p}", "read"),)),)), "permission 1", "whole segment"),
        (form(grants=(Grant("g", "{p}"),)), 'grant "g"', "here stands a subject"),
        (form(grants=(Grant("g", "user:{p}"),)), 'grant "g"', "a whole field"),
        (form(grants=(Grant("g", "u", role="{p}"),)), 'grant "g"', "here stands a role"),
        (form(grants=(Grant("g", "u", scope="/{ p }"),)), 'grant "g"', "whole segment"),
    ],
)
def test_a_template_whose_slots_are_wrong_is_refused(
    template: Template, where: str, reason: str
) -> None:
    """A slot is declared, stands where its kind can, and stands somewhere; the error says where."""
    check_template(form())
    with pytest.raises(InvalidPolicy) as refused:
        check_template(template)
    assert where in refused.value.where
    assert reason in refused.value.reason


PLAN = "/projects/acme/sessions/plan"
MAIN, TALK = f"{PLAN}/docs/main", f"{PLAN}/docs/_talk"
ELSEWHERE = "/projects/beta/sessions/plan/docs/main"

# What is asked, by a letter: read main, write main, delete in it what others wrote or one's own,
# write the talk, delete there what is one's own, execute version, restore, resolve-conflict, rm.
ASKED: dict[str, tuple[str, str, bool]] = {
    "r": ("read", MAIN, True),
    "s": ("read", f"{PLAN}/docs/side", True),
    "w": ("write", f"{MAIN}/body", True),
    "d": ("delete", f"{MAIN}/body", False),
    "o": ("delete", f"{MAIN}/body", True),
    "t": ("write", f"{TALK}/thread/[]", False),
    "x": ("delete", f"{TALK}/thread/[]", False),
    "y": ("delete", f"{TALK}/thread/[]", True),
    "v": ("execute", f"{PLAN}/ops/version", True),
    "b": ("execute", f"{PLAN}/ops/restore", True),
    "c": ("execute", f"{PLAN}/ops/resolve-conflict", True),
    "a": ("admin", f"{PLAN}/ops/rm", True),
    "p": ("execute", "/projects/acme/ops/create", True),
}
MAY = {
    "owner": "rswdotxyvbcap",
    "editor": "rswdotxyvb",
    "commenter": "rsty",
    "viewer": "rs",
    "guest": "r",
    "presenter": "rswotyv",
    "reviewer": "rstyc",
    "bot": "rswtvbc",
    "temporary-support": "rsv",
}


@pytest.mark.parametrize("name", MAY)
def test_what_each_role_may_do(name: str) -> None:
    """A table of roles and questions; somewhere else, and to others, a template gives nothing."""
    slots = {slot: "plan" if slot == "session" else value for slot, value in shipped(name).items()}
    policy = Policy.load(fill(TEMPLATES[name], **slots))

    def may(subject: str, action: str, path: str, own: bool) -> bool:
        return policy.check(subject, action, path, {"change": {"own": own}}, now=50)

    assert "".join(key for key, asked in ASKED.items() if may("user:ada", *asked)) == MAY[name]
    assert not may("user:ada", "read", ELSEWHERE, True)
    assert may("user:eve", "read", MAIN, True) is (name == "guest")
    assert policy.check("user:ada", "read", MAIN, now=100) is (name != "temporary-support")


def test_a_policy_takes_no_template_that_cannot_be_filled() -> None:
    """It is refused on loading, and not when somebody needs it."""
    with pytest.raises(InvalidPolicy) as refused:
        Policy.load([form(slots={})])
    assert refused.value.where == 'template "t", role "r", permission 1, resource'
