"""★ What the audit is told of what people do, or try to do; changes of rights are told elsewhere.

============== ====================================================================== ==========
line           when                                                                   told
============== ====================================================================== ==========
access-denied  somebody was refused something                                         always
access-admin   somebody did something that needs ``admin``                            always
access-write   somebody wrote, deleted or executed something                          if asked for
access-read    somebody read something                                                if asked for
============== ====================================================================== ==========

Rules:

1. The first of a kind is told at once: a kind is who, which action, on what, and why or why not.
   What is of the same kind is counted for a minute, and told then by one line.
2. Writes and reads are only counted, by document and for a minute.
3. Nothing is dropped, but much is counted together: of a subject's denials beyond so many kinds a
   minute it is not told any more on what they were, and beyond so many kinds in all, not by whom.
   So nobody can fill a disk, or the memory, by being refused.
4. A line names things and people. What anything contains is never told, and no token is.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import msgspec

from ..ids import Subject
from ..store.base import Deed
from .paths import show
from .rules import Decision, Request

__all__ = ["DEFAULT_AUDIT", "MINUTE", "AuditPolicy", "Witness"]

MINUTE = 60.0

# A person who tries something in vain does not come near; a program that does fills 10 KB a minute.
KINDS_A_SUBJECT = 60

# Some 500 bytes each.
KINDS = 10_000

# Longer than the path of any document; what was within it is kept, and told, as far as this. A key
# may be as long as an update.
PATH_CHARACTERS = 512


class AuditPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """What the audit is told beside what it always is.

    Attributes:
        writes: How often who wrote, deleted or executed what.
        reads: How often who read what.
        segments: How much of a path tells things apart: 6 is a document, 4 a session.
    """

    writes: bool = False
    reads: bool = False
    segments: int = 6


DEFAULT_AUDIT = AuditPolicy()

_WRITES = frozenset({"write", "delete", "execute"})


class _Kind(msgspec.Struct, frozen=True):
    line: str
    subject: str
    action: str
    path: str
    code: str = ""


class _Count(msgspec.Struct):
    since: float
    until: float
    again: int = 0


class Witness:
    """Remembers what is to be told, until it is taken.

    >>> witness = Witness()
    >>> request = Request("user:eve", "write", "/projects/acme")
    >>> for _ in range(3):
    ...     witness.saw(request, Decision(False, "no-match"), now=0.0)
    >>> [deed.action for deed in witness.take(now=0.0)]
    ['access-denied']
    >>> [deed.data["again"] for deed in witness.take(now=60.0)]
    [2]
    """

    def __init__(self, policy: AuditPolicy = DEFAULT_AUDIT) -> None:
        self.policy = policy
        self._told: list[Deed] = []
        self._counts: dict[_Kind, _Count] = {}
        self._kinds: Counter[str] = Counter()

    def __repr__(self) -> str:
        return f"<Witness waiting={len(self._told)} kinds={len(self._counts)}>"

    @property
    def is_urgent(self) -> bool:
        """Whether something is to be told at once."""
        return bool(self._told)

    @property
    def wakes_at(self) -> float | None:
        """When a minute is over, in Unix seconds; None if nothing is being counted."""
        # The oldest are first: all are counted for a minute.
        return next((count.since + MINUTE for count in self._counts.values()), None)

    def saw(self, request: Request, decision: Decision, *, now: float) -> None:
        """Take note of what somebody did, if it was allowed, or tried to do."""
        subject, action = request.subject, request.action
        path = request.resource if isinstance(request.resource, str) else show(request.resource)
        if not decision.allowed:
            kind = _Kind("access-denied", subject, action, _cut(path), decision.code)
            self._note(kind, decision, now)
        elif action == "admin":
            self._note(_Kind("access-admin", subject, action, _cut(path)), decision, now)
        elif action in _WRITES if self.policy.writes else False:
            self._add(_Kind("access-write", subject, action, self._prefix(path)), now)
        elif self.policy.reads and action == "read":
            self._add(_Kind("access-read", subject, action, self._prefix(path)), now)

    def take(self, *, now: float, all: bool = False) -> list[Deed]:
        """What is to be told now, in order; with ``all``, also what is still being counted."""
        # What the disk does not take goes on being counted.
        full = len(self._told) >= KINDS and not all
        over = [
            kind
            for kind, it in self._counts.items()
            if not full and (all or it.since + MINUTE <= now)
        ]
        for kind in over:
            count = self._counts.pop(kind)
            self._kinds[kind.subject] -= 1
            if count.again:
                self._tell(kind, {"again": count.again, **_span(count)})
        self._kinds += Counter()  # without those who are at zero
        told, self._told = self._told, []
        return told

    def give_back(self, deeds: list[Deed]) -> None:
        """Keep what could not be told, to be taken again; it comes first."""
        self._told = deeds + self._told

    def _note(self, kind: _Kind, decision: Decision, now: float) -> None:
        if kind not in self._counts:
            if self._has_room(kind.subject):
                self._count(kind, now).again = 0
                self._tell(kind, {"rules": decision.rules, "epoch": decision.epoch})
                return
            kind = msgspec.structs.replace(kind, path="/**")
        self._add(kind, now)

    def _add(self, kind: _Kind, now: float) -> None:
        if kind not in self._counts and len(self._counts) >= KINDS:
            kind = _Kind(kind.line, "anyone", kind.action, "/**", kind.code)
        count = self._counts.get(kind) or self._count(kind, now)
        count.again += 1
        count.until = now

    def _count(self, kind: _Kind, now: float) -> _Count:
        self._kinds[kind.subject] += 1
        count = self._counts[kind] = _Count(now, now)
        return count

    def _has_room(self, subject: str) -> bool:
        has_room = len(self._counts) < KINDS and len(self._told) < KINDS
        return has_room and self._kinds[subject] < KINDS_A_SUBJECT

    def _prefix(self, path: str) -> str:
        return "/".join(path.split("/", self.policy.segments + 1)[: self.policy.segments + 1])

    def _tell(self, kind: _Kind, data: dict[str, Any]) -> None:
        about: dict[str, Any] = {"action": kind.action, "path": _cut(kind.path)}
        if kind.code:
            about["code"] = kind.code
        self._told.append(Deed(Subject(kind.subject), kind.line, about | data))


def _cut(path: str) -> str:
    return path if len(path) <= PATH_CHARACTERS else f"{path[: PATH_CHARACTERS - 1]}…"


def _span(count: _Count) -> dict[str, int]:
    return {"since_ms": int(count.since * 1000), "until_ms": int(count.until * 1000)}
