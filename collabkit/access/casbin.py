"""pycasbin as an access engine: for hosts whose rules are there already.

Needs ``pip install collabkit[casbin]``. Measured against the built-in engine it is slow, since it
looks at every rule for every question: see the benchmarks.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import Any, Self

import casbin

from ..ids import is_anonymous
from .flat import flatten
from .paths import matches as names
from .paths import parse, pattern, show, within
from .rules import Decision, Fact, Request

__all__ = ["CasbinEngine"]

# Deny wins, and what nothing allows is denied. pycasbin's own `!some(deny)` alone would allow what
# no rule mentions; its keyMatch functions go by characters, so patterns are matched by ours.
_MODEL = """
[request_definition]
r = sub, obj, act
[policy_definition]
p = sub, act, obj, scope, eft
[role_definition]
g = _, _
[policy_effect]
e = some(where (p.eft == allow)) && !some(where (p.eft == deny))
[matchers]
m = r.act == p.act && names(r.obj, p.obj) && within(r.obj, p.scope) && \
(p.sub == "anyone" || g(r.sub, p.sub))
"""

# Who proved nothing has what anyone has: no rule is about him, whatever name he gives.
_NOBODY = "anonymous"


class CasbinEngine:
    """Decides by an enforcer of pycasbin, which is asked (subject, path, action).

    Args:
        enforcer: The host's own, or that of :meth:`of`. It is asked in a thread, one at a time.

    Attributes:
        name: ``casbin``.
        version: Raise it after each change of the enforcer's policy: what was decided before is
            forgotten then.
    """

    name = "casbin"

    def __init__(self, enforcer: casbin.Enforcer) -> None:
        self._enforcer = enforcer
        self._turn = asyncio.Lock()
        self.version = 0

    def __repr__(self) -> str:
        return f"<CasbinEngine, version {self.version}>"

    @classmethod
    def of(cls, facts: Iterable[Fact]) -> Self:
        """Make one of a policy. Raises UnsupportedByEngine, InvalidPolicy."""
        flat = flatten(facts, cls.name)
        model = casbin.Model()
        model.load_model_from_text(_MODEL)
        enforcer = casbin.Enforcer(model)
        enforcer.add_function("names", lambda path, rule: names(pattern(rule), parse(path)))
        enforcer.add_function("within", lambda path, scope: within(pattern(scope), parse(path)))
        rules = [
            [line.subject, line.action, show(line.resource), show(line.scope), line.effect]
            for line in dict.fromkeys(flat.lines)
        ]
        if rules:
            enforcer.add_policies([list(rule) for rule in dict.fromkeys(map(tuple, rules))])
        for member, groups in flat.groups.items():
            for group in groups:
                enforcer.add_grouping_policy(member, group)
        return cls(enforcer)

    def epoch(self) -> object:
        """What was decided holds for one version."""
        return self.version

    async def decide(self, requests: Sequence[Request]) -> list[Decision]:
        """Answer each request, in order."""
        async with self._turn:  # an enforcer is not made for several threads
            return await asyncio.to_thread(self._decide, requests)

    def _decide(self, requests: Sequence[Request]) -> list[Decision]:
        return [self._one(request) for request in requests]

    def _one(self, request: Request) -> Decision:
        subject = _NOBODY if is_anonymous(request.subject) else request.subject
        allowed, because = self._enforcer.enforce_ex(subject, request.resource, request.action)
        rules: tuple[Any, ...] = (" ".join(map(str, because)),) if because else ()
        if allowed:
            return Decision(True, "allow", rules)
        return Decision(False, "explicit-deny" if because else "no-match", rules)
