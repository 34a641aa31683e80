"""What a change of the policy would change, before it is made.

Rules:

1. The change is made of a copy, so what is told is what will be; a change that would be refused is
   refused here as well.
2. *Whose rights change*: of those whom the policy says a change may concern, they for whom an
   answer differs. Who is named nowhere stands there as :data:`~.rules.ANYONE`; groups are not
   listed, but those in them.
3. *What is asked* of each is every action on every path, once for all paths that no rule in play
   tells from each other. The rules in play are those of the subject, before and after, and those of
   sessions that confine. In such a path ``*`` is any name that no rule has there, and ``**`` is
   whatever else is at or beneath that.
4. The answer is ``yes``, ``no``, or ``if``, with the conditions that decide: it does not depend on
   what a request brings along. Answers that are equal always are; two that are ``if`` under other
   conditions are told as different.
5. Time stands still: what begins later is told of the facts, not of the answers.
6. At most :data:`MAX_QUESTIONS` are asked. If they were not enough, :attr:`Plan.complete` is false:
   what is told is true, and is not all.

With questions of one's own, those are asked instead, as they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeAlias

import msgspec

from .facts import Change, Kind, Put, name_of
from .paths import Path, matches, parse, pattern, show
from .policy import Policy, Rule
from .rules import ACTIONS, ANYONE, Confines, Fact, Grant, Membership, Request
from .shelves import standing

__all__ = ["MAX_QUESTIONS", "Difference", "Plan", "plan"]

# Some seconds of work. An action on a path is one question.
MAX_QUESTIONS = 50_000

_Answer: TypeAlias = tuple[str, frozenset[tuple[str, bool, tuple[str, ...]]]]
"""``yes``, ``no`` or ``if``; and of the last: whose rule, whether it denies, which conditions."""

_NO: _Answer = ("no", frozenset())
_YES: _Answer = ("yes", frozenset())


class Difference(msgspec.Struct, frozen=True):
    """An answer that would be another.

    Attributes:
        resource: A path; of one that stands for others, ``*`` is any other name.
        before: ``yes``, ``no``, ``if``; or the code of a decision, to a question that was asked.
        after: Likewise.
        conditions: Those that decide where one of the two is ``if``.
    """

    subject: str
    action: str
    resource: str
    before: str
    after: str
    conditions: tuple[str, ...] = ()


class Plan(msgspec.Struct, frozen=True):
    """What a change would change. Its ``str`` is for a person.

    Attributes:
        epoch: Of the policy that it would change.
        added: Facts that are there afterwards, and were not.
        removed: Facts that were there, and are not afterwards.
        subjects: Whose rights change, sorted.
        decisions_changed: Which answers do.
        complete: Whether that is all.
    """

    epoch: int
    added: tuple[Fact, ...]
    removed: tuple[Fact, ...]
    subjects: tuple[str, ...] = ()
    decisions_changed: tuple[Difference, ...] = ()
    complete: bool = True

    def __bool__(self) -> bool:
        return bool(self.added or self.removed)

    def __str__(self) -> str:
        # Nothing that somebody named or wrote makes a line of its own.
        return "\n".join(" ".join(line.splitlines()) for line in _told(self))


def plan(
    policy: Policy,
    changes: Sequence[Change],
    now: float,
    questions: Iterable[Request] | None = None,
    *,
    most: int = MAX_QUESTIONS,
) -> Plan:
    """Tell what changes of a policy would change.

    Args:
        policy: As it is.
        changes: What would be changed, all at once.
        now: Unix time in seconds.
        questions: What to ask before and after; if None, all that could be answered differently.
        most: How many questions to ask at most, of those that are not given.

    Raises:
        InvalidPolicy: They contradict each other, or what is there.

    >>> from collabkit.access.rules import Grant, Permission
    >>> read = Permission("/projects/acme/sessions/*", "read")
    >>> print(plan(Policy.load([]), [Put(Grant("1", "user:ada", permission=read))], now=0))
    + grant 1
    user:ada read /projects/acme/sessions/*: no -> yes
    """
    after = policy.changed(changes, epoch=policy.epoch + 1)
    names = dict.fromkeys(map(_name, changes))
    facts = [(policy.fact(*name), after.fact(*name)) for name in names]
    removed = tuple(old for old, new in facts if old is not None and old != new)
    added = tuple(new for old, new in facts if new is not None and old != new)
    if questions is not None:
        found = tuple(_asked(policy, after, questions, now))
        complete = True
    else:
        asking = _Asking(policy, after, now, most)
        found = tuple(asking.differences(_concerned(policy, after, changes)))
        complete = asking.complete
    subjects = tuple(sorted({each.subject for each in found}))
    return Plan(policy.epoch, added, removed, subjects, found, complete)


def _name(change: Change) -> tuple[Kind, str]:
    return name_of(change.fact) if isinstance(change, Put) else (change.kind, change.key)


def _asked(
    policy: Policy, after: Policy, questions: Iterable[Request], now: float
) -> Iterator[Difference]:
    for request in questions:
        old, new = policy.decide(request, now=now), after.decide(request, now=now)
        if (old.allowed, old.code) != (new.allowed, new.code):
            subject, action, resource = request.subject, request.action, request.resource
            yield Difference(subject, action, resource, old.code, new.code)


def _concerned(policy: Policy, after: Policy, changes: Sequence[Change]) -> list[str]:
    """Who might be answered differently, by name."""
    groups, named = set(), {ANYONE}
    for fact in (*policy.facts(), *after.facts()):
        match fact:
            case Grant():
                named.add(fact.subject)
            case Membership():
                named.add(fact.member)
                groups.add(fact.group)
    concerned = policy.affected(changes)
    people = named if concerned is None else concerned
    return sorted(each for each in people - groups if not each.startswith("group:"))


class _Said(msgspec.Struct, frozen=True):
    """What a rule says, whoever has it from wherever."""

    action: str
    denies: bool
    pattern: Path
    conditions: tuple[str, ...]


def _said(rules: Iterable[Rule], now: float) -> frozenset[_Said]:
    return frozenset(
        _Said(
            rule.permission.action,
            rule.permission.effect == "deny",
            rule.pattern,
            rule.permission.conditions,
        )
        for rule in rules
        if not standing(rule.grant, now)
    )


class _Side:
    """One of the two policies."""

    def __init__(self, policy: Policy, now: float) -> None:
        self.now = now
        self.rules = policy.rules
        self.confining: dict[Path, frozenset[_Said]] = {}
        for fact in policy.facts():
            if isinstance(fact, Confines) and fact.permissions:
                session = parse(fact.session)
                self.confining[session] = frozenset(
                    _Said(
                        each.action, each.effect == "deny", pattern(each.resource), each.conditions
                    )
                    for each in fact.permissions
                )

    def said_of(self, subject: str) -> frozenset[_Said]:
        """What the rules of a subject say."""
        return _said(self.rules(subject), self.now)

    def patterns(self) -> set[Path]:
        """All that tells paths from each other in sessions that confine."""
        sessions = {(*session, "**") for session in self.confining}
        return sessions | {each.pattern for said in self.confining.values() for each in said}

    def answer(self, own: Iterable[_Said], action: str, path: Path) -> _Answer:
        """May he, by what his rules say that name the path?"""
        answer = _answer(own, action, "subject")
        confining = self.confining.get(path[:4])
        if confining is None or answer == _NO:
            return answer
        naming = [each for each in confining if matches(each.pattern, path)]
        session = _answer(naming, action, "session")
        if session == _NO or answer == _YES:
            return session
        return answer if session == _YES else ("if", answer[1] | session[1])


def _answer(said: Iterable[_Said], action: str, whose: str) -> _Answer:
    told = {(whose, each.denies, each.conditions) for each in said if each.action == action}
    if (whose, True, ()) in told or all(denies for _, denies, _ in told):
        return _NO
    if (whose, False, ()) in told:
        told = {each for each in told if each[1]}
    return ("if", frozenset(told)) if told else _YES


class _Asking:
    """Asks two policies the same, as long as it may."""

    def __init__(self, before: Policy, after: Policy, now: float, most: int) -> None:
        self.sides = _Side(before, now), _Side(after, now)
        self.left = most
        self.complete = True
        self.confining = self.sides[0].patterns() | self.sides[1].patterns()

    def differences(self, subjects: Iterable[str]) -> Iterator[Difference]:
        """All answers that differ, of some subjects."""
        same = self.sides[0].confining == self.sides[1].confining
        for subject in subjects:
            said = [side.said_of(subject) for side in self.sides]
            if said[0] != said[1] or not same:
                yield from self._of(subject, said)

    def _of(self, subject: str, said: list[frozenset[_Said]]) -> Iterator[Difference]:
        named = {each.pattern for those in said for each in those}
        for path, shown in _representatives(named | self.confining):
            if self.left < len(ACTIONS):
                self.complete = False
                return
            self.left -= len(ACTIONS)
            naming = [[each for each in those if matches(each.pattern, path)] for those in said]
            for action in ACTIONS:
                old, new = (
                    side.answer(those, action, path)
                    for side, those in zip(self.sides, naming, strict=True)
                )
                if old != new:
                    conditions = {text for *_, texts in old[1] | new[1] for text in texts}
                    texts = tuple(sorted(conditions))
                    yield Difference(subject, action, show(shown), old[0], new[0], texts)


def _representatives(patterns: Iterable[Path]) -> Iterator[tuple[Path, Path]]:
    """One path for all that no pattern tells from it, and the pattern that shows them.

    >>> [show(shown) for _, shown in _representatives([("a", "**"), ("a", "b")])]
    ['/', '/a', '/a/*/**', '/a/b', '/a/b/*/**']
    """
    waiting: list[tuple[Path, list[Path]]] = [((), list(patterns))]
    while waiting:
        path, left = waiting.pop()
        if all(each == _REST for each in left):
            yield path, (*path, "**")
            continue
        yield path, path
        names = {each[0] for each in left if each} - {"**"}
        for name in sorted(names | {"*"}, reverse=True):
            further = [
                each if each == _REST else each[1:]
                for each in left
                if each and each[0] in (name, "*", "**")
            ]
            if further:
                waiting.append(((*path, name), further))


_REST = ("**",)


# In words


def _told(told: Plan) -> Iterator[str]:
    for sign, facts in (("-", told.removed), ("+", told.added)):
        for fact in facts:
            kind, key = name_of(fact)
            yield f"{sign} {kind} {key}"
    for each in told.decisions_changed:
        where = f"{each.subject} {each.action} {each.resource}"
        words, told_apart = f"{each.before} -> {each.after}", each.before != each.after
        conditions = f"if {' and '.join(each.conditions)}" if each.conditions else ""
        if conditions:
            words = words.replace("if", conditions) if told_apart else f"{words}, {conditions}"
        yield f"{where}: {words}"
    if not told.complete:
        yield "and more: not all could be asked"
