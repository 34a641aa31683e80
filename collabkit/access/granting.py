"""Who may change what is written down of who may do what.

Laws:

1. To change a fact takes ``admin``, without conditions and at that time, over all of the place that
   the fact is about:

   =========== ==============================================================================
   grant       its scope, or what its permission names in it; before and after
   confines    the session
   membership  ``/access/groups/{group}``
   role        ``/access/roles/{name}``, or all that it names with what it inherits, before and
               after; nothing is needed to bring one of the roles that come with collabkit,
               where there is none of its name
   template    ``/access/templates/{name}``
   =========== ==============================================================================

   What sessions confine is no hindrance to that: otherwise nobody could free one again.

2. Nobody gives what he does not have. Whatever anybody may do after a change and not before, by an
   allowance that was added or a denial that was taken away, has to be covered by one rule that
   allows it to whoever makes the change: on all those paths, for all that time, without limit of
   uses, and under no conditions but those of what is given.
3. A condition covers itself only if it does not depend on who asks: of ``resource.…``, ``action``,
   ``now``, ``change.kind`` and ``change.appends``.
4. What he is denied, at any of those paths and times and under whatever condition, he has not.
   A denial for :data:`~.rules.ANYONE` is no hindrance to an allowance, since it is for those to
   whom he gives it as well; but only he takes it away for whom it is not.
5. A role is judged as if it were granted everywhere and for ever, since others may have granted it.
   A new role gives nobody anything; the grants of it do.
6. Who has ``admin`` over a session may give to himself, in that session and until a time that he
   says, what he does not have. What he has then he may give, by law 2.
7. A grant says who made it: whoever makes it, or nobody.
8. Who is put into a group, or taken out of one, is given what he is allowed by rules whose
   conditions ask in which groups somebody is.

It is more careful than need be: two rules that cover something together do not count.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from ..errors import AccessDenied
from .clauses import scope_of
from .facts import Change, Kind, Put, name_of
from .graph import reached
from .paths import Path, covers, join, meet, parse, pattern, show
from .policy import Policy, Rule
from .rules import ANYONE, Confines, Fact, Grant, Membership, Permission, Role
from .templates import ROLES

__all__ = ["may_change"]

_EVER = float("inf")

# What a condition may ask for that is the same whoever asks: law 3.
_IMPERSONAL = ("resource.", "action", "now", "change.kind", "change.appends")
_GROUPS = "subject.groups"


class _Right(msgspec.Struct, frozen=True):
    """What somebody may do: where, when, and under which conditions."""

    action: str
    pattern: Path
    conditions: frozenset[str]
    since: float
    until: float

    def covers(self, other: _Right) -> bool:
        """Whether who has this has the other one as well."""
        return (
            self.action == other.action
            and self.since <= other.since
            and other.until <= self.until
            and self.conditions <= other.conditions
            and covers(self.pattern, other.pattern)
        )

    def touches(self, other: _Right) -> bool:
        """Whether there is a path and a time for which both say something."""
        return (
            self.action == other.action
            and self.since < other.until
            and other.since < self.until
            and meet(self.pattern, other.pattern) is not None
        )


def may_change(policy: Policy, by: str, changes: Sequence[Change], now: float) -> None:
    """Go on if somebody may make these changes of a policy, all of them at once.

    Args:
        policy: As it is.
        by: Who makes them.
        changes: Which.
        now: Unix time in seconds.

    Raises:
        AccessDenied: He may not; the path says where, and the reason what he lacks.
        InvalidPolicy: They contradict each other, or what is there.
    """
    after = policy.changed(changes, epoch=policy.epoch + 1)
    judging = _Judging(policy, after, by, now)
    moves = [change for change in changes if _name(change)[0] == "membership"]
    if moves and _asks_for_groups(after):
        for subject in sorted(policy.affected(moves) or ()):
            judging.regroup(subject)
    for kind, key in dict.fromkeys(map(_name, changes)):
        before, becomes = policy.fact(kind, key), after.fact(kind, key)
        if before != becomes:
            judging.see(before, becomes)


def _name(change: Change) -> tuple[Kind, str]:
    return name_of(change.fact) if isinstance(change, Put) else (change.kind, change.key)


class _Judging:
    """What somebody has, held against what each of his changes takes."""

    def __init__(self, before: Policy, after: Policy, by: str, now: float) -> None:
        self.before = before
        self.after = after
        self.by = by
        self.now = now
        has = [rule for rule in before.rules(by) if _lasts(rule, now)]
        self.allowed = [
            _right_of(rule, now) for rule in has if _allows(rule) and _is_his_to_give(rule)
        ]
        denials = [rule for rule in has if not _allows(rule)]
        self.denied = [_right_of(rule, now) for rule in denials]
        self.denied_alone = [_right_of(rule, now) for rule in denials if not _is_shared(rule)]
        # A hundred thousand grants of one role in one place are judged once.
        self.has = functools.cache(self._has)
        self.permissions = functools.cache(self._permissions)

    def see(self, before: Fact | None, becomes: Fact | None) -> None:
        """Look at one change. Raises AccessDenied."""
        match before or becomes:
            case Grant():
                self._grant(before, becomes)  # type: ignore[arg-type]
            case Role(name):
                self._role(name, before, becomes)  # type: ignore[arg-type]
            case Membership() as membership:
                self._membership(membership, joins=before is None)
            case Confines(session):
                self._administer((*parse(session), "**"))
            case template:
                assert template is not None
                self._administer(join(("access", "templates"), template.name))

    def regroup(self, subject: str) -> None:
        """Look at what may hold for somebody because he is in other groups. Raises AccessDenied."""
        for rule in self.after.rules(subject):
            asks = any(_GROUPS in each.names for each in rule.conditions)
            if asks and _allows(rule) and _lasts(rule, self.now):
                self._give(_right_of(rule, self.now))

    # What is given

    def _grant(self, before: Grant | None, becomes: Grant | None) -> None:
        same = before is not None and becomes is not None and before.subject == becomes.subject
        had = self._rights(before, self.before, "allow") if before else []
        lost = self._rights(before, self.before, "deny") if before else []
        if before is not None:
            self._administer(_reach(before))
        if becomes is not None:
            self._administer(_reach(becomes))
            if becomes.granted_by not in ("", self.by, before.granted_by if before else ""):
                why = f"it says that {becomes.granted_by} made it"
                raise AccessDenied(self.by, "grant", becomes.scope, why)
            if not self._elevates(becomes):
                kept = had if same and before and _uses(becomes) <= _uses(before) else []
                for right in self._rights(becomes, self.after, "allow"):
                    if not any(each.covers(right) for each in kept):
                        self._give(right)
        still = self._rights(becomes, self.after, "deny") if becomes and same else []
        for right in lost:
            if right not in still:
                self._give(right, lifts=True)

    def _role(self, name: str, before: Role | None, becomes: Role | None) -> None:
        had = self.permissions(self.before, name) if before else ()
        has = self.permissions(self.after, name) if becomes else ()
        if not (before is None and becomes == ROLES.get(name)):
            named = {pattern(permission.resource) for permission in (*had, *has)}
            if not named or not all(map(self._administers, named)):
                self._administer(join(("access", "roles"), name))
        if before is None or becomes is None:
            return
        for permission in _without(has, had, "allow"):
            self._give(self._right(permission, pattern(permission.resource)))
        for permission in _without(had, has, "deny"):
            self._give(self._right(permission, pattern(permission.resource)), lifts=True)

    def _membership(self, membership: Membership, *, joins: bool) -> None:
        self._administer(join(("access", "groups"), membership.group))
        policy = self.after if joins else self.before
        for rule in policy.rules(membership.group):
            if rule.groups[:1] != (ANYONE,) and _allows(rule) == joins and _lasts(rule, self.now):
                self._give(_right_of(rule, self.now), lifts=not joins)

    def _rights(self, grant: Grant, policy: Policy, effect: str) -> list[_Right]:
        """What a grant allows, or denies, in a policy from now on."""
        since, until = _window(grant, self.now)
        if since >= until or grant.uses == 0:
            return []
        permissions = (
            (grant.permission,)
            if grant.permission is not None
            else self.permissions(policy, grant.role or "")
        )
        scope = scope_of(grant)
        return [
            self._right(permission, named, since, until)
            for permission in permissions
            if permission.effect == effect
            and (named := meet(scope, pattern(permission.resource))) is not None
        ]

    def _right(
        self, permission: Permission, named: Path, since: float | None = None, until: float = _EVER
    ) -> _Right:
        # Whoever is rid of a denial is rid of it whatever its conditions were.
        conditions = permission.conditions if permission.effect == "allow" else ()
        start = self.now if since is None else since
        return _Right(permission.action, named, frozenset(conditions), start, until)

    def _permissions(self, policy: Policy, role: str) -> tuple[Permission, ...]:
        """What a role has, and what it inherits."""

        def named(name: str) -> Role:
            found = policy.fact("role", name)
            assert isinstance(found, Role)  # a policy has all the roles that it names
            return found

        names = reached((role,), lambda name: named(name).inherits)
        return tuple(permission for name in names for permission in named(name).permissions)

    def _elevates(self, grant: Grant) -> bool:
        """Whether he gives something to himself, in one session, for a time."""
        scope = scope_of(grant)
        return (
            grant.subject == self.by
            and grant.not_after is not None
            and covers(("projects", "*", "sessions", "*", "**"), scope)
            and "*" not in scope[:4]
        )

    # What he has

    def _administers(self, where: Path) -> bool:
        moment = math.nextafter(self.now, _EVER)
        return self.has(_Right("admin", where, frozenset(), self.now, moment), True)

    def _administer(self, where: Path) -> None:
        if not self._administers(where):
            why = "it takes admin over all of it to change who may do what there"
            raise AccessDenied(self.by, "admin", show(where), why)

    def _give(self, right: _Right, *, lifts: bool = False) -> None:
        if not self.has(right, lifts):
            why = "nobody gives what he does not have himself, as widely and as long"
            raise AccessDenied(self.by, right.action, show(right.pattern), why)

    def _has(self, right: _Right, alone: bool) -> bool:
        """Whether he has a right for himself alone, or to give it to whom all denials are."""
        denied = self.denied if alone else self.denied_alone
        return any(each.covers(right) for each in self.allowed) and not any(
            each.touches(right) for each in denied
        )


def _asks_for_groups(policy: Policy) -> bool:
    """Whether any condition may ask in which groups somebody is."""
    return any(
        "groups" in condition
        for fact in policy.facts()
        for permission in _permissions_of(fact)
        for condition in permission.conditions
    )


def _permissions_of(fact: Fact) -> tuple[Permission, ...]:
    match fact:
        case Role():
            return fact.permissions
        case Grant(permission=Permission() as permission):
            return (permission,)
        case _:
            return ()


def _reach(grant: Grant) -> Path:
    """Of what a grant says something at most."""
    scope = scope_of(grant)
    return (grant.permission and meet(scope, pattern(grant.permission.resource))) or scope


def _uses(grant: Grant) -> float:
    return _EVER if grant.uses is None else grant.uses


def _window(grant: Grant | None, now: float) -> tuple[float, float]:
    """From when, if not from now, and until when a grant holds."""
    if grant is None:
        return now, _EVER
    since = now if grant.not_before is None else max(now, grant.not_before)
    return since, _EVER if grant.not_after is None else grant.not_after


def _right_of(rule: Rule, now: float) -> _Right:
    conditions = rule.permission.conditions if _allows(rule) else ()
    since, until = _window(rule.grant, now)
    return _Right(rule.permission.action, rule.pattern, frozenset(conditions), since, until)


def _lasts(rule: Rule, now: float) -> bool:
    """Whether a rule says something now, or will."""
    since, until = _window(rule.grant, now)
    return since < until and (rule.grant is None or rule.grant.uses != 0)


def _allows(rule: Rule) -> bool:
    return rule.permission.effect == "allow"


def _is_his_to_give(rule: Rule) -> bool:
    return (rule.grant is None or rule.grant.uses is None) and _is_impersonal(rule)


def _is_shared(rule: Rule) -> bool:
    """Whether a denial is as much that of everybody else."""
    return rule.groups[:1] == (ANYONE,) and _is_impersonal(rule)


def _is_impersonal(rule: Rule) -> bool:
    names: Iterator[str] = (name for each in rule.conditions for name in each.names)
    return all(name.startswith("resource.") or name in _IMPERSONAL for name in names)


def _without(
    these: Iterable[Permission], those: Iterable[Permission], effect: str
) -> Iterator[Permission]:
    others = set(those)
    return (each for each in these if each.effect == effect and each not in others)
