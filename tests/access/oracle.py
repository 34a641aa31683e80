"""Who may do what, by the letter of the laws: no index, no memory, no speed."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeVar

from collabkit.access.conditions import ConditionError, compile_condition
from collabkit.access.paths import matches, parse, pattern, within
from collabkit.access.rules import ANYONE, Confines, Fact, Grant, Membership, Permission, Role

__all__ = ["allowed", "code"]

T = TypeVar("T")

_compiled = functools.cache(compile_condition)


def allowed(facts: Sequence[Fact], subject: str, action: str, path: str, **asked: object) -> bool:
    """Whether a subject may do something; ``asked`` are ``context`` and ``now``."""
    return code(facts, subject, action, path, **asked) == "allow"  # type: ignore[arg-type]


def code(
    facts: Sequence[Fact],
    subject: str,
    action: str,
    path: str,
    *,
    now: float,
    context: Mapping[str, Mapping[str, object]] | None = None,
) -> str:
    """Why, as a code of decisions."""
    groups = _closed(
        {subject}, lambda one: (m.group for m in _of(facts, Membership) if m.member == one)
    )
    names = {ANYONE} if subject.startswith("anonymous") else groups | {ANYONE}
    values = _values(subject, action, path, groups - {subject}, now, context or {})
    rules = [
        (_idle(grant, now), permission.effect, _worth(permission, values))
        for grant in _of(facts, Grant)
        if grant.subject in names and within(pattern(grant.scope), parse(path))
        for permission in _permissions(facts, grant)
        if permission.action == action and matches(pattern(permission.resource), parse(path))
    ]
    if ("", "deny", True) in rules:
        return "explicit-deny"
    for confines in _of(facts, Confines):
        if confines.permissions and within(parse(confines.session), parse(path)):
            worths = [
                (each.effect, _worth(each, values))
                for each in confines.permissions
                if each.action == action and matches(pattern(each.resource), parse(path))
            ]
            denied = ("deny", True) in worths or ("deny", None) in worths
            if denied or ("allow", True) not in worths:
                return "confined"
    for idle, effect, worth, answer in _TABLE:
        if (idle, effect, worth) in rules:
            return answer
    return "no-match"


_TABLE = (
    ("", "deny", None, "condition-error"),
    ("", "allow", True, "allow"),
    ("", "allow", None, "condition-error"),
    ("", "allow", False, "condition-false"),
    ("not-yet-valid", "allow", True, "not-yet-valid"),
    ("expired", "allow", True, "expired"),
    ("used-up", "allow", True, "used-up"),
)


def _of(facts: Iterable[Fact], kind: type[T]) -> list[T]:
    return [fact for fact in facts if isinstance(fact, kind)]


def _closed(names: set[str], follow: Callable[[str], Iterable[str]]) -> set[str]:
    while more := {each for name in names for each in follow(name)} - names:
        names = names | more
    return names


def _permissions(facts: Sequence[Fact], grant: Grant) -> list[Permission]:
    if grant.permission is not None:
        return [grant.permission]
    roles = {role.name: role for role in _of(facts, Role)}
    names = _closed({grant.role or ""}, lambda one: roles[one].inherits)
    return [permission for name in names for permission in roles[name].permissions]


def _idle(grant: Grant, now: float) -> str:
    if grant.not_before is not None and now < grant.not_before:
        return "not-yet-valid"
    if grant.not_after is not None and grant.not_after <= now:
        return "expired"
    return "used-up" if grant.uses == 0 else ""


def _worth(permission: Permission, values: Mapping[str, object]) -> bool | None:
    worths = [_holds(text, values) for text in permission.conditions]
    return False if False in worths else None if None in worths else True


def _holds(text: str, values: Mapping[str, object]) -> bool | None:
    try:
        return _compiled(text).holds(values)
    except ConditionError:
        return None


def _values(
    subject: str,
    action: str,
    path: str,
    groups: set[str],
    now: float,
    context: Mapping[str, Mapping[str, object]],
) -> dict[str, object]:
    kind, _, name = subject.rpartition(":")
    who = {"id": subject, "kind": kind, "name": name, "groups": sorted(groups)}
    levels = {"projects": "project", "sessions": "session", "docs": "document"}
    segments = parse(path)
    pairs = zip(segments[::2], segments[1::2], strict=False)
    parts = {levels[kind]: part for kind, part in pairs if kind in levels}
    return {
        **context,
        "subject": who,
        "resource": {**context.get("resource", {}), "path": path, **parts},
        "action": action,
        "now": now,
    }
