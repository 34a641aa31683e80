"""The values of a policy: how they are written, and what is refused when they are read."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collabkit.access.rules import (
    ACTIONS,
    CODES,
    Confines,
    Decision,
    Grant,
    Membership,
    Permission,
    Role,
    Template,
)

names = st.text(min_size=1, max_size=5)
permissions = st.builds(
    Permission,
    resource=names,
    action=st.sampled_from(ACTIONS),
    conditions=st.lists(names, max_size=2).map(tuple),
    effect=st.sampled_from(["allow", "deny"]),
)
roles = st.builds(
    Role,
    name=names,
    permissions=st.lists(permissions, max_size=2).map(tuple),
    inherits=st.lists(names, max_size=2).map(tuple),
)
grants = st.builds(
    Grant,
    id=names,
    subject=names,
    permission=permissions | st.none(),
    not_before=st.floats(0, 1e9) | st.none(),
    uses=st.integers(0, 5) | st.none(),
)


@given(
    roles
    | grants
    | st.builds(Membership, names, names)
    | st.builds(Confines, names, st.lists(permissions, max_size=1).map(tuple))
    | st.builds(Template, names, roles=st.lists(roles, max_size=1).map(tuple))
)
def test_a_fact_is_read_as_it_was_written(
    fact: Role | Grant | Membership | Confines | Template,
) -> None:
    """JSON of a fact is the same fact again."""
    assert msgspec.json.decode(msgspec.json.encode(fact), type=type(fact)) == fact


def test_a_permission_and_a_role_have_these_names() -> None:
    """Their JSON has exactly the fields that others rely on, and all of a permission's."""
    assert msgspec.to_builtins(Permission("/a", "read")) == {
        "resource": "/a",
        "action": "read",
        "conditions": (),
        "effect": "allow",
    }
    assert list(msgspec.to_builtins(Role("editor"))) == ["name", "permissions", "inherits"]


@pytest.mark.parametrize(
    ("of", "text", "reason"),
    [
        (Permission, '{"resource": "/a", "action": "fly"}', "Invalid enum value 'fly'"),
        (Permission, '{"resource": "/a", "action": "read", "effect": "maybe"}', "'maybe'"),
        (Permission, '{"resource": "/a", "action": "read", "unless": []}', "`unless`"),
        (Permission, '{"action": "read"}', "missing required field `resource`"),
        (Role, '{"name": "a", "inherit": ["b"]}', "`inherit`"),
        (Grant, '{"id": "1", "subject": "a", "until": 5}', "`until`"),
        (Membership, '{"group": "a"}', "missing required field `member`"),
        (Confines, '{"session": "/a", "join": "never"}', "'never'"),
        (Template, '{"name": "t", "slots": {"x": "number"}}', "'number'"),
    ],
)
def test_a_fact_with_anything_else_in_it_is_refused(of: type, text: str, reason: str) -> None:
    """An unknown field or value is refused, with its place: a typing error grants nothing."""
    with pytest.raises(msgspec.ValidationError, match=reason):
        msgspec.json.decode(text, type=of)


def test_a_decision_is_true_if_it_allows() -> None:
    """A decision is asked like the bool that it is, and its code is explained."""
    assert Decision(True, "allow")
    assert not Decision(False, "no-match")
    assert {"allow", "no-match", "explicit-deny"} <= set(CODES)
