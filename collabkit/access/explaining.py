"""Why somebody may do something, or may not, and what is missing.

Rules:

1. What is told is what was decided: the decision is asked for, and not thought out again.
2. All rules are told that name the path and the action, with the way on which each came to the
   subject, and what each of its conditions is worth, part by part.
3. Of a denial the *nearest miss* is told: the allowance that lacks least. It may lack time, uses,
   a condition, one segment of its pattern, or the action; after those comes a role that the subject
   does not have. Which of two lack the same is decided by that order, and then by name.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from .conditions import Condition, ConditionError, Values
from .paths import Path, matches, parse, pattern
from .policy import Policy, Rule
from .rules import CODES, Action, Effect, Grant, Request, Role
from .shelves import standing

__all__ = ["Explanation", "Miss", "Part", "Reason", "Worth", "explain"]

_ORDER = ("time", "uses", "condition", "segment", "action", "role")
"""What is said to be missing first, of two rules that lack as much."""

_OUTCOMES = {
    "condition-false": "a condition is false",
    "condition-error": "a condition failed",
    "not-yet-valid": "its time has not come",
    "expired": "its time is over",
    "used-up": "it was used up",
}


class Part(msgspec.Struct, frozen=True):
    """A part of a condition, and its value; or why it has none."""

    text: str
    value: object = None
    error: str = ""


class Worth(msgspec.Struct, frozen=True):
    """What a condition came to.

    Attributes:
        holds: None if it failed.
        parts: What it is made of, the smallest first.
    """

    text: str
    holds: bool | None
    parts: tuple[Part, ...] = ()


class Reason(msgspec.Struct, frozen=True):
    """A rule that says something of what was asked.

    Attributes:
        rule: As decisions name it.
        resource: The pattern of its permission.
        scope: Where it was granted; empty of what a session confines.
        groups: Through which groups it came, from the subject's own to the one it was granted to.
        roles: From the role that was granted to the one that has it.
        outcome: Empty if it applies, or the code that tells why it does not.
    """

    rule: str
    effect: Effect
    action: Action
    resource: str
    scope: str = ""
    groups: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    not_before: float | None = None
    not_after: float | None = None
    uses: int | None = None
    granted_by: str = ""
    reason: str = ""
    conditions: tuple[Worth, ...] = ()
    outcome: str = ""


class Miss(msgspec.Struct, frozen=True):
    """What would have come closest to allowing it.

    Attributes:
        rule: An allowance of the subject's, or a role that he does not have.
        lacks: What is missing, in words.
    """

    rule: str
    lacks: tuple[str, ...]


class Explanation(msgspec.Struct, frozen=True):
    """Why somebody may do something, or may not. Its ``str`` is for a person.

    Attributes:
        code: Why, one of :data:`~.rules.CODES`.
        deciding: The names of the rules that decided.
        epoch: Of the policy that was asked.
        now: Unix seconds at which it was asked.
        valid_until: Unix seconds at which the answer may change by itself.
        rules: Those of the subject that name the path and the action.
        confining: Those of the session that do.
        nearest: Of a denial, what would have come closest.
    """

    subject: str
    action: str
    resource: str
    allowed: bool
    code: str
    deciding: tuple[str, ...]
    epoch: int
    now: float
    valid_until: float
    rules: tuple[Reason, ...] = ()
    confining: tuple[Reason, ...] = ()
    nearest: Miss | None = None

    def __bool__(self) -> bool:
        return self.allowed

    def __str__(self) -> str:
        # Nothing that somebody named or wrote makes a line of its own.
        return "\n".join(" ".join(line.splitlines()) for line in _told(self))


def explain(policy: Policy, request: Request, now: float) -> Explanation:
    """Tell why somebody may do something, or may not.

    Args:
        policy: Who may do what.
        request: Who asks, and for what.
        now: Unix time in seconds.

    >>> from collabkit.access.rules import Grant, Permission
    >>> read = Permission("/projects/acme/**", "read")
    >>> policy = Policy.load([Grant("1", "user:ada", permission=read, not_after=100)])
    >>> print(explain(policy, Request("user:ada", "read", "/projects/acme"), now=160))
    user:ada may not read /projects/acme: a grant would allow it, but its time is over (expired)
      grant 1 would allow it, but its time is over: 1 min ago
        read on /projects/acme/**, granted in /**
      nearest: grant 1, but its time was over 1 min ago
    """
    decision = policy.decide(request, now=now)
    rules: tuple[Reason, ...] = ()
    confining: tuple[Reason, ...] = ()
    nearest = None
    if decision.code not in ("bad-path", "unknown-action"):
        path = parse(request.resource)
        values = policy.values(request, now=now)
        rules = _reasons(policy.rules(request.subject, path), request.action, values, now)
        confining = _reasons(policy.confining(path), request.action, values, now)
        if not decision.allowed:
            denying = [each.rule for each in rules if each.effect == "deny" and not each.outcome]
            obstacles = [f"{rule} denies it" for rule in denying]
            if decision.code == "confined":
                obstacles.append("the session lets nobody do it")
            nearest = _Nearest(policy, request, path, values, now).miss(obstacles)
    return Explanation(
        request.subject,
        request.action,
        request.resource,
        decision.allowed,
        decision.code,
        decision.rules,
        decision.epoch,
        now,
        decision.valid_until,
        rules,
        confining,
        nearest,
    )


def _reasons(
    rules: tuple[Rule, ...], action: str, values: Values, now: float
) -> tuple[Reason, ...]:
    return tuple(_reason(rule, values, now) for rule in rules if rule.permission.action == action)


def _reason(rule: Rule, values: Values, now: float) -> Reason:
    permission, grant = rule.permission, rule.grant
    worth = tuple(_worth(each, values) for each in rule.conditions)
    outcome = standing(grant, now)
    if not outcome and any(each.holds is False for each in worth):
        outcome = "condition-false"
    elif not outcome and any(each.holds is None for each in worth):
        # Of a denial it is enough that nobody can say that it does not apply.
        outcome = "condition-error" if permission.effect == "allow" else ""
    return Reason(
        rule.name,
        permission.effect,
        permission.action,
        permission.resource,
        groups=rule.groups,
        roles=rule.roles,
        conditions=worth,
        outcome=outcome,
        **({} if grant is None else _terms(grant)),
    )


def _terms(grant: Grant) -> dict[str, Any]:
    names = ("scope", "not_before", "not_after", "uses", "granted_by", "reason")
    return {name: getattr(grant, name) for name in names}


def _worth(condition: Condition, values: Values) -> Worth:
    parts = tuple(
        Part(text, error=str(value)) if isinstance(value, ConditionError) else Part(text, value)
        for text, value in condition.trace(values)
    )
    return Worth(condition.text, _holds(condition, values), parts)


def _holds(condition: Condition, values: Values) -> bool | None:
    try:
        return condition.holds(values)
    except ConditionError:
        return None


class _Nearest:
    """Looks for the allowance that lacks least."""

    def __init__(
        self, policy: Policy, request: Request, path: Path, values: Values, now: float
    ) -> None:
        self.policy = policy
        self.request = request
        self.path = path
        self.values = values
        self.now = now

    def miss(self, obstacles: Iterable[str]) -> Miss | None:
        """The nearest miss; what stands in the way of each is told of it as well."""
        found = min(self._candidates(), default=None)
        if found is None:
            return None
        _, _, name, lacks = found
        return Miss(name, (*lacks, *obstacles))

    def _candidates(self) -> Iterator[tuple[int, list[int], str, tuple[str, ...]]]:
        for rule in self.policy.rules(self.request.subject):
            if rule.permission.effect == "allow":
                lacks = list(self._lacks(rule))
                if sum(kind == "segment" for kind, _ in lacks) <= 1:
                    yield self._ranked(rule.name, lacks)
        for role in self.policy.facts():
            if isinstance(role, Role) and self._would(role):
                what = f"{self.request.subject} does not have it there"
                yield self._ranked(f"role {role.name}", [("role", what)])

    def _ranked(
        self, name: str, lacks: list[tuple[str, str]]
    ) -> tuple[int, list[int], str, tuple[str, ...]]:
        order = sorted(_ORDER.index(kind) for kind, _ in lacks)
        return len(lacks), order, name, tuple(what for _, what in lacks)

    def _would(self, role: Role) -> bool:
        return any(
            each.effect == "allow"
            and each.action == self.request.action
            and matches(pattern(each.resource), self.path)
            for each in role.permissions
        )

    def _lacks(self, rule: Rule) -> Iterator[tuple[str, str]]:
        """What a rule lacks: of which kind, and in words."""
        grant, permission = rule.grant, rule.permission
        match standing(grant, self.now):
            case "not-yet-valid" if grant is not None and grant.not_before is not None:
                yield "time", f"its time comes in {_span(grant.not_before - self.now)}"
            case "expired" if grant is not None and grant.not_after is not None:
                yield "time", f"its time was over {_span(self.now - grant.not_after)} ago"
            case "used-up":
                yield "uses", "it was used as often as it may be"
        for condition in rule.conditions:
            holds = _holds(condition, self.values)
            if not holds:
                failed = "is false" if holds is False else "failed"
                yield "condition", f"its condition `{condition.text}` {failed}"
        if permission.action != self.request.action:
            yield "action", f"it is to {permission.action}, not to {self.request.action}"
        for what in _differing(rule.pattern, self.path):
            yield "segment", what


def _differing(named: Path, path: Path) -> Iterator[str]:
    """In which segments a path is not what a pattern names."""
    bare = named[:-1] if named[-1:] == ("**",) else named
    for wanted, there in zip(bare, path, strict=False):
        if wanted not in ("*", there):
            yield f"it is for `{wanted}`, not for `{there}`"
    if len(bare) > len(path):
        yield f"it is for `{'/'.join(bare[len(path) :])}` beneath that"
    elif len(path) > len(bare) and bare == named:
        yield f"it is not for what is beneath `/{'/'.join(path[: len(bare)])}`"


# In words


def _told(told: Explanation) -> Iterator[str]:
    may = "may" if told.allowed else "may not"
    why = CODES.get(told.code, told.code)
    head = f"{told.subject} {may} {told.action} {told.resource}: {why} ({told.code})"
    if told.valid_until != float("inf"):
        head += f", for {_span(told.valid_until - told.now)}"
    yield head
    for each in (*told.rules, *told.confining):
        yield from _told_of(each, told.now)
    if told.nearest is not None:
        yield f"  nearest: {told.nearest.rule}, but {'; '.join(told.nearest.lacks)}"


def _told_of(reason: Reason, now: float) -> Iterator[str]:
    if reason.outcome:
        line = f"  {reason.rule} would {reason.effect} it, but {_OUTCOMES[reason.outcome]}"
        if reason.outcome == "expired" and reason.not_after is not None:
            line += f": {_span(now - reason.not_after)} ago"
        elif reason.outcome == "not-yet-valid" and reason.not_before is not None:
            line += f": {_span(reason.not_before - now)} from now"
    else:
        line = f"  {reason.rule} {'allows' if reason.effect == 'allow' else 'denies'} it"
        if reason.not_after is not None:
            line += f", for {_span(reason.not_after - now)} more"
    yield line
    yield f"    {', '.join(_way(reason))}"
    for condition in reason.conditions:
        failed = condition.holds is None
        yield f"    if {condition.text}: {'it failed' if failed else _shown(condition.holds)}"
        for part in condition.parts:
            if part.text != condition.text:
                yield f"      {part.text}: {part.error or _shown(part.value)}"


def _way(reason: Reason) -> Iterator[str]:
    yield f"{reason.action} on {reason.resource}"
    if len(reason.roles) > 1:
        yield f"of the role {' > '.join(reason.roles)}"
    if reason.groups:
        yield f"through {' > '.join(reason.groups)}"
    if reason.scope:
        by = f" by {reason.granted_by}" if reason.granted_by else ""
        yield f"granted in {reason.scope}{by}"
    if reason.uses is not None:
        yield f"{reason.uses} more times"
    if reason.reason:
        yield f"since {reason.reason!r}"


def _shown(value: object) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case None:
            return "null"
    return repr(value)


def _span(seconds: float) -> str:
    """A length of time, as people say it."""
    for unit, length in (("days", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * length or (length == 60 and seconds >= 60):
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"
