"""★ Who may do what inside a document: what an edit touches, asked of a policy.

Rules:

1. A touch asks for its action on the path of its place, ``[]`` for an element of a sequence, with
   ``change`` for conditions beside what the host tells of the connection.
2. A touch that is at no place is refused.
3. Touches that delete the same stand or fall together: a container is deleted with all that is in
   it, or not at all. So who may not delete a part of it may not delete it; and of what is in
   something that he may not delete nothing is asked.
4. A decision in which no condition has a say is remembered until it may change.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import Protocol, TypeAlias

from ..crdt.budget import CLOCK_LIMIT
from ..crdt.touches import Ranges, Touch
from ..ids import RoomName, Subject
from .paths import document_path, inside, show
from .rules import Decision, Request

__all__ = ["Guard", "Ruling"]

# Decisions; some 500 bytes each. Who edits more places at a time is asked about again.
REMEMBERED = 4_096

Key: TypeAlias = tuple[str, tuple[str | None, ...]]

_NOWHERE = Decision(allowed=False, code="bad-path")


class Ruling(Protocol):
    """What a guard asks of a policy."""

    def decide(self, request: Request, *, now: float) -> Decision:
        """May this subject do that there?"""
        ...

    def conditioned(self, subject: str, path: str) -> bool:
        """Whether a condition may have a say in what a subject may do to a path."""
        ...


class Guard:
    """Judges what a subject does in a document, by a policy as it is now.

    Args:
        policy: Whom to ask.
        subject: Who edits.
        room: The document.
        context: What conditions may ask for beside.
    """

    __slots__ = ("_conditional", "_context", "_document", "_memory", "_policy", "_subject")

    def __init__(
        self,
        policy: Ruling,
        subject: Subject,
        room: RoomName,
        context: Mapping[str, object] | None = None,
    ) -> None:
        self._policy = policy
        self._subject = subject
        self._document = show(document_path(room))
        self._context: dict[str, object] = {"context": dict(context or {})}
        self._memory: dict[Key, Decision] = {}
        self._conditional: dict[Key, str] = {}  # paths on which conditions have a say

    def __repr__(self) -> str:
        return f"<Guard of {self._document} against {self._subject}>"

    def __call__(self, touches: Sequence[Touch], *, now: float) -> list[Decision]:
        """Decide on each of what an edit touches.

        Args:
            touches: All of one edit, in the order of paths: what is in something comes behind it.
            now: Unix seconds.
        """
        decisions: list[Decision] = []
        outer: Ranges = ()  # what was last refused to be deleted, and why
        why = _NOWHERE
        for touch in touches:
            if touch.deleted and outer and _is_in(touch.deleted[0], outer):
                decisions.append(why)
                continue
            decision = self._decide(touch, now)
            decisions.append(decision)
            if touch.deleted and not decision:
                outer, why = touch.deleted, decision
        if len(touches) > 1 and not all(decisions):
            for together in _together(touches):
                refused = next((decisions[one] for one in together if not decisions[one]), None)
                if refused is not None:
                    for one in together:
                        if decisions[one]:
                            decisions[one] = refused
        return decisions

    def _decide(self, touch: Touch, now: float) -> Decision:
        if not touch.steps:
            return _NOWHERE
        key = (touch.action, touch.steps)
        known = self._memory.get(key)
        if known is not None and now < known.valid_until:
            return known
        path = self._conditional.get(key) or self.path(touch)
        change = {"own": touch.own, "appends": touch.appends, "kind": touch.kind}
        request = Request(self._subject, touch.action, path, {**self._context, "change": change})
        decision = self._policy.decide(request, now=now)
        if key not in self._conditional:
            if len(self._memory) + len(self._conditional) >= REMEMBERED:
                self._memory.clear()
                self._conditional.clear()
            if self._policy.conditioned(self._subject, path):
                self._conditional[key] = path
            else:
                self._memory[key] = decision
        return decision

    def path(self, touch: Touch) -> str:
        """Where a touch is, as rules name it.

        >>> from collabkit.access.policy import Policy
        >>> guard = Guard(Policy.load([]), Subject("user:ada"), RoomName.parse("acme~plan/notes"))
        >>> guard.path(Touch("write", ("todos", None, "a/b"), "set"))
        '/projects/acme/sessions/plan/docs/notes/todos/[]/a%2Fb'
        """
        return inside(self._document, touch.steps)


def _is_in(span: tuple[int, int, int], ranges: Ranges) -> bool:
    """Whether ranges, in order, have the first clock of a span."""
    client, clock, _ = span
    one, start, length = ranges[bisect_right(ranges, (client, clock, CLOCK_LIMIT)) - 1]
    return one == client and start <= clock < start + length


def _together(touches: Sequence[Touch]) -> list[list[int]]:
    """The numbers of touches that delete something in common, directly or through others."""
    ranges = sorted(
        (client, clock, clock + length, number)
        for number, touch in enumerate(touches)
        for client, clock, length in touch.deleted
    )
    group = list(range(len(touches)))

    def first(number: int) -> int:
        while group[number] != number:
            group[number] = group[group[number]]
            number = group[number]
        return number

    client, end, last = -1, 0, 0
    for one, clock, stop, number in ranges:
        if one == client and clock < end:
            group[first(number)] = first(last)
            end = max(end, stop)
        else:
            client, end, last = one, stop, number
    groups: dict[int, list[int]] = {}
    for number in range(len(touches)):
        groups.setdefault(first(number), []).append(number)
    return [together for together in groups.values() if len(together) > 1]
