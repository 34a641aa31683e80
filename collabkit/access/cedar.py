"""Cedar as an access engine: for hosts whose rules are written in its language.

Needs ``pip install collabkit[cedar]``. What a policy sees: the principal is ``Subject::"user:ada"``
and is in its ``Group::"group:staff"``; actions are ``Action::"write"``; the resource is
``Path::"/projects/acme"``. The context has what conditions are given, and ``path``, the number of
its segments as ``depth``, and the segments as ``s0``, ``s1``…, since ``like`` goes by characters.

Rules:

1. A policy of Cedar that fails is skipped, so a ``forbid`` that fails forbids nothing. Here a
   decision during which any policy failed is a deny.
2. Policies are parsed once, in this process: text with a thousand nested parentheses ends it. So
   they are the host's own, never somebody's who is let in.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Sequence
from typing import Any, Self

import cedarpy

from ..ids import is_anonymous
from .flat import Line, flatten
from .paths import Path, parse
from .rules import ANYONE, Decision, Fact, Request

__all__ = ["CedarEngine"]


class CedarEngine:
    """Decides by policies of Cedar.

    Args:
        policies: Their text.
        entities: As Cedar's JSON has them: subjects, and the groups that are their parents.

    Attributes:
        name: ``cedar``.
    """

    name = "cedar"

    def __init__(self, policies: str, entities: Sequence[dict[str, Any]] = ()) -> None:
        self._policies = cedarpy.PolicySet.from_str(policies)
        self._entities = cedarpy.Entities.from_json_str(json.dumps(list(entities)))

    def __repr__(self) -> str:
        return f"<CedarEngine, {len(self._entities)} entities>"

    @classmethod
    def of(cls, facts: Iterable[Fact]) -> Self:
        """Make one of a policy. Raises UnsupportedByEngine, InvalidPolicy."""
        flat = flatten(facts, cls.name)
        groups = sorted({group for above in flat.groups.values() for group in above})
        members = sorted(set(flat.groups) - set(groups))
        entities = [
            {
                "uid": {"type": kind, "id": name},
                "attrs": {},
                "parents": [{"type": "Group", "id": g} for g in flat.groups.get(name, ())],
            }
            for kind, names in (("Group", groups), ("Subject", members))
            for name in names
        ]
        known = frozenset(groups)
        return cls("\n".join(_policy(line, known) for line in flat.lines), entities)

    def epoch(self) -> object:
        """Its policies never change: to change them is to make another engine."""
        return id(self)

    async def decide(self, requests: Sequence[Request]) -> list[Decision]:
        """Answer each request, in order."""
        return await asyncio.to_thread(self._decide, requests)

    def _decide(self, requests: Sequence[Request]) -> list[Decision]:
        asked = [_asked(request) for request in requests]
        answers = cedarpy.is_authorized_batch(asked, self._policies, self._entities)
        return [_decision(answer) for answer in answers]


def _asked(request: Request) -> dict[str, Any]:
    segments = parse(request.resource)
    subject = "anonymous" if is_anonymous(request.subject) else request.subject
    places = {f"s{number}": segment for number, segment in enumerate(segments)}
    about = {"path": request.resource, "depth": len(segments), **places}
    return {
        "principal": {"type": "Subject", "id": subject},
        "action": {"type": "Action", "id": request.action},
        "resource": {"type": "Path", "id": request.resource},
        "context": {**request.context, **about},
    }


def _decision(answer: cedarpy.AuthzResult) -> Decision:
    rules = tuple(answer.diagnostics.reasons)
    if answer.diagnostics.errors:
        return Decision(False, "condition-error", tuple(map(str, answer.diagnostics.errors)))
    if answer.allowed:
        return Decision(True, "allow", rules)
    return Decision(False, "explicit-deny" if rules else "no-match", rules)


def _policy(line: Line, groups: frozenset[str]) -> str:
    effect = "permit" if line.effect == "allow" else "forbid"
    if line.subject == ANYONE:
        who = "principal"
    elif line.subject in groups or line.subject.startswith("group:"):
        who = f"principal in Group::{_text(line.subject)}"
    else:
        who = f"principal == Subject::{_text(line.subject)}"
    below = line.scope if line.scope[-1:] == ("**",) else (*line.scope, "**")
    tests = [*_tests(line.resource), *_tests(below)]
    when = f" when {{ {' && '.join(tests)} }}" if tests else ""
    return f"{effect} ({who}, action == Action::{_text(line.action)}, resource){when};"


def _tests(rule: Path) -> list[str]:
    """What a pattern asks of a path, its depth first: what it has not cannot be asked for."""
    rest = rule[-1:] == ("**",)
    bare = rule[:-1] if rest else rule
    depth = f"context.depth {'>=' if rest else '=='} {len(bare)}"
    named = [f"context.s{n} == {_text(s)}" for n, s in enumerate(bare) if s != "*"]
    return [depth, *named]


def _text(text: str) -> str:
    """A string of Cedar, whose escapes are those of Rust."""
    plain = (c if c.isprintable() and c not in '"\\' else f"\\u{{{ord(c):x}}}" for c in text)
    return f'"{"".join(plain)}"'
