"""Random policies over a small world, in which everything meets everything."""

from __future__ import annotations

import itertools
from typing import Any

from hypothesis import strategies as st

from collabkit.access.facts import name_of
from collabkit.access.policy import Change, Drop, Put
from collabkit.access.rules import Confines, Fact, Grant, Membership, Permission, Role

SUBJECTS = ("user:ada", "user:bob", "user:cyd", "anonymous:ada")
ACTIONS = ("read", "write", "admin")
SESSION = "/projects/p/sessions/s"
PATHS = (
    "/projects/p",
    "/projects/p/ops/fork",
    SESSION,
    f"{SESSION}/docs/d",
    f"{SESSION}/docs/d/x",
    f"{SESSION}/docs/d/x/y",
    "/projects/q/sessions/s/docs/d",
)
TIMES = (0.0, 1.0, 2.0)
CONTEXT: dict[str, Any] = {"context": {"peer": "::1"}, "resource": {"owner": "user:ada"}}

_SCOPES = (
    "/**",
    "/**",
    "/projects/p",
    "/projects/*",
    SESSION,
    f"{SESSION}/**",
    "/projects/*/*/s/docs",
)
_WHOLE = (*_SCOPES, "/projects/p/**", f"{SESSION}/docs/*", f"{SESSION}/docs/d/**", "/projects/*/**")
_INSIDE = (f"{SESSION}/docs/d/x", f"{SESSION}/docs/*/x/**", f"{SESSION}/docs/d/*/y")
_CONDITIONS = (
    "resource.owner == subject.id",
    'context.peer == "::1"',
    '"group:1" in subject.groups',
    'subject.name == "ada"',
    "now < 2.0",
    "has(resource.session)",
    "change.own",
)
_ROLES = ("r0", "r1", "r2", "r3")
_GROUPS = ("group:0", "group:1", "group:2")

times = st.sampled_from((None, None, None, *TIMES))
effects = st.sampled_from(("allow", "allow", "allow", "deny"))
conditions = st.lists(st.sampled_from(_CONDITIONS), max_size=2, unique=True).map(tuple)


def _permissions(action: str) -> st.SearchStrategy[Permission]:
    resources = _WHOLE if action == "read" else _WHOLE + _INSIDE
    return st.builds(
        Permission,
        resource=st.sampled_from(resources),
        action=st.just(action),
        conditions=st.one_of(st.just(()), st.just(()), conditions),
        effect=effects,
    )


permissions = st.sampled_from(ACTIONS).flatmap(_permissions)
several = st.lists(permissions, min_size=1, max_size=3).map(tuple)


@st.composite
def _windows(draw: st.DrawFn) -> tuple[float | None, float | None]:
    begin, end = draw(times), draw(times)
    if begin is not None and end is not None and begin >= end:
        return None, begin
    return begin, end


@st.composite
def grants(draw: st.DrawFn) -> Grant:
    """A grant to somebody, a group or everybody, of a role or a permission."""
    begin, end = draw(_windows())
    role = draw(st.sampled_from((None, *_ROLES)))
    return Grant(
        id=draw(st.sampled_from("0123456789")),
        subject=draw(st.sampled_from((*SUBJECTS[:3], *_GROUPS, "anyone"))),
        role=role,
        permission=None if role else draw(permissions),
        scope=draw(st.sampled_from(_SCOPES)),
        not_before=begin,
        not_after=end,
        uses=draw(st.sampled_from((None, None, None, 0, 1))),
    )


# Roles inherit those before them, and groups are in those behind them: no way leads back.
roles = st.sampled_from(range(len(_ROLES))).flatmap(
    lambda place: st.builds(
        Role,
        st.just(_ROLES[place]),
        several,
        st.lists(st.sampled_from(_ROLES[:place]), max_size=2).map(tuple) if place else st.just(()),
    )
)
memberships = st.sampled_from(
    [
        Membership(group, member)
        for place, group in enumerate(_GROUPS)
        for member in (*SUBJECTS[:3], *_GROUPS[:place])
    ]
)
confines = st.builds(Confines, st.just(SESSION), several)

_BASE = tuple(Role(name) for name in _ROLES)


def _one_of_each_name(facts: list[Fact]) -> tuple[Fact, ...]:
    return tuple({name_of(fact): fact for fact in (*_BASE, *facts)}.values())


worlds = st.builds(
    lambda *parts: _one_of_each_name(list(itertools.chain(*parts))),
    st.lists(grants(), min_size=3, max_size=8, unique_by=lambda grant: grant.id),
    st.lists(roles, min_size=2, max_size=4, unique_by=lambda role: role.name),
    st.lists(memberships, min_size=1, max_size=4),
    st.one_of(st.just([]), st.just([]), st.lists(confines, max_size=1)),
)
"""Policies, as facts that make sense."""

puts: st.SearchStrategy[list[Change]] = st.lists(
    st.one_of(grants(), grants(), roles, memberships, memberships, confines).map(Put), max_size=3
)


def changed(facts: tuple[Fact, ...], put: list[Change], drops: int) -> list[Change]:
    """Changes that put these and drop some of what is there, roles excepted: they are needed."""
    named = {name_of(each.fact) for each in put if isinstance(each, Put)}
    names = [name_of(fact) for fact in facts if not isinstance(fact, Role)]
    free = [Drop(*name) for name in names if name not in named]
    return [*free[:: max(1, len(free) // drops)][:drops], *put] if drops else put


def after(facts: tuple[Fact, ...], change: list[Change]) -> tuple[Fact, ...]:
    """Facts after changes, by the meaning of changes."""
    named = {name_of(fact): fact for fact in facts}
    for each in change:
        match each:
            case Put(fact):
                named[name_of(fact)] = fact
            case Drop(kind, key):
                del named[kind, key]
    return tuple(named.values())
