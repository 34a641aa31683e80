"""Facts at random, as people could write them into files."""

from __future__ import annotations

from hypothesis import strategies as st

from collabkit.access.facts import name_of
from collabkit.access.rules import (
    ACTIONS,
    Confines,
    Fact,
    Grant,
    Membership,
    Permission,
    Role,
    Template,
)

NAMES = st.text(
    st.characters(exclude_categories=["Cs"]) | st.sampled_from("\"'\\\n\r\t\x7f#.=[]{}é "),
    min_size=1,
    max_size=8,
)
_MOMENTS = st.none() | st.integers(0, 2**40) | st.floats(allow_nan=False, allow_infinity=False)
_PERMISSIONS = st.builds(
    Permission,
    NAMES,
    st.sampled_from(ACTIONS),
    st.lists(NAMES, max_size=2).map(tuple),
    st.sampled_from(["allow", "deny"]),
)
_ROLES = st.builds(
    Role, NAMES, st.lists(_PERMISSIONS, max_size=3).map(tuple), st.lists(NAMES).map(tuple)
)
_GRANTS = st.builds(
    Grant,
    NAMES,
    NAMES,
    role=st.none() | NAMES,
    permission=st.none() | _PERMISSIONS,
    scope=NAMES,
    not_before=_MOMENTS,
    not_after=_MOMENTS,
    uses=st.none() | st.integers(0, 2**53),
    granted_by=st.just("") | NAMES,
    reason=st.just("") | NAMES,
)
_PATTERNS = st.sampled_from(["/projects/{project}/**", "/projects/{project}", "/**", "/a%2Fb"])
_FORMS = st.builds(Permission, _PATTERNS, st.sampled_from(ACTIONS), st.lists(NAMES).map(tuple))
_FORM = Role("at home", (Permission("/projects/{project}/*", "read"),))
_TEMPLATES = st.builds(
    Template,
    NAMES,
    st.just({"project": "name"}) | st.just({"project": "name", "not_after": "time"}),
    st.lists(_FORMS, max_size=2).map(lambda found: (_FORM, Role("r", tuple(found)))),
    st.builds(Grant, NAMES, st.just("anyone"), permission=_FORMS, scope=_PATTERNS).map(
        lambda grant: (grant,)
    ),
)
_CONFINES = st.builds(
    Confines,
    NAMES,
    st.lists(_PERMISSIONS, max_size=2).map(tuple),
    st.sampled_from(["open", "invited", "closed"]),
    st.none() | st.integers(0, 99),
    st.none() | st.integers(0, 99),
)
FACTS: st.SearchStrategy[list[Fact]] = st.lists(
    st.one_of(_ROLES, _GRANTS, _TEMPLATES, _CONFINES, st.builds(Membership, NAMES, NAMES)),
    max_size=6,
    unique_by=name_of,
)
"""Facts that differ in their names. What they say makes no sense."""
