"""What may be asked of the policy that is in force, and who is told of the answers.

Rules:

1. A question is answered at once, from memory, by the policy as it is then.
2. :meth:`~Asking.check` and what is like it only ask. Who acts on an answer says so, with
   :meth:`~Asking.require` or :meth:`~Asking.note`: then the audit is told what it has to be, see
   :mod:`.witness`.
3. Where an engine of the host's decides (:mod:`collabkit.access.engine`), the policy's own rules
   are not asked, and what only they could tell is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeAlias

from ..errors import AccessDenied, UnsupportedByEngine
from ..ids import RoomName
from .consulting import Consulting
from .explaining import Explanation, explain
from .facts import Change
from .granting import may_change
from .paths import Path, show
from .planning import Plan, plan
from .policy import Holders, Policy, Reach, Uniform
from .rules import CODES, Action, Decision, Request
from .witness import Witness

__all__ = ["Asking", "Clock"]

Clock: TypeAlias = Callable[[], float]
"""Unix time in seconds."""


class Asking:
    """Questions to a policy, at the time that a clock says."""

    _policy: Policy
    _clock: Clock
    _witness: Witness
    _consulting: Consulting | None = None

    @property
    def _ruling(self) -> Policy | Consulting:
        """Who decides."""
        return self._consulting or self._policy

    def _own(self, what: str) -> Policy:
        """The policy, for what no other engine can tell. Raises UnsupportedByEngine."""
        if self._consulting is not None:
            raise UnsupportedByEngine(self._consulting.name, what)
        return self._policy

    @property
    def policy(self) -> Policy:
        """The policy that is in force; it does not change, another takes its place."""
        return self._policy

    def check(
        self,
        subject: str,
        action: str,
        path: str | Path,
        context: Mapping[str, object] | None = None,
    ) -> bool:
        """Whether a subject may do something.

        Args:
            subject: Such as ``user:ada``.
            action: ``read``, ``write``, ``execute``, ``delete`` or ``admin``.
            path: To what, see :mod:`.paths`.
            context: What conditions may ask for beside.
        """
        if self._consulting is None:
            return self._policy.check(subject, action, path, context, now=self._clock())
        where = path if isinstance(path, str) else show(path)
        return self.decide(Request(subject, action, where, dict(context or {}))).allowed

    def decide(self, request: Request) -> Decision:
        """Whether somebody may do something, why, and until when."""
        return self._ruling.decide(request, now=self._clock())

    def require(
        self,
        subject: str,
        action: str,
        path: str | Path,
        context: Mapping[str, object] | None = None,
    ) -> Decision:
        """Go on if a subject may do something. Raises AccessDenied, and the audit is told."""
        where = path if isinstance(path, str) else show(path)
        request = Request(subject, action, where, dict(context or {}))
        decision = self.decide(request)
        self.note(request, decision)
        if not decision.allowed:
            raise denied(request, decision)
        return decision

    @property
    def is_empty(self) -> bool:
        """Whether there are no rules, so that the claims of tokens decide alone."""
        return self._ruling.is_empty

    def uniform(self, subject: str, room: RoomName) -> Uniform:
        """How much of a document somebody may write and delete."""
        return self._ruling.uniform(subject, room, now=self._clock())

    def note(self, request: Request, decision: Decision) -> None:
        """Tell the audit that somebody did something, or was kept from it."""
        self._witness.saw(request, decision, now=self._clock())
        self._noted()

    def _noted(self) -> None:
        """Something may have to be written."""

    def check_many(self, requests: Iterable[Request]) -> list[bool]:
        """Answer many requests, in order, all by one policy and at one time."""
        return self._own("what many may do").check_many(requests, now=self._clock())

    def filter(
        self,
        subject: str,
        action: str,
        paths: Iterable[str],
        context: Mapping[str, object] | None = None,
    ) -> list[str]:
        """Those of some paths to which a subject may do something."""
        return self._own("which of some paths somebody may reach").filter(
            subject, action, paths, context, now=self._clock()
        )

    def actions(
        self, subject: str, path: str | Path, context: Mapping[str, object] | None = None
    ) -> tuple[Action, ...]:
        """All that a subject may do to something."""
        return self._own("all that somebody may do").actions(
            subject, path, context, now=self._clock()
        )

    def who_can(
        self, action: str, path: str | Path, context: Mapping[str, object] | None = None
    ) -> Holders:
        """All who may do something."""
        return self._own("who may do something").who_can(action, path, context, now=self._clock())

    def list_resources(self, subject: str, action: str, under: str | Path = ()) -> Reach:
        """All that a subject may do something to, as patterns."""
        return self._own("what somebody may reach").list_resources(
            subject, action, under, now=self._clock()
        )

    def explain(
        self,
        subject: str,
        action: str,
        path: str | Path,
        context: Mapping[str, object] | None = None,
    ) -> Explanation:
        """Why a subject may do something, or may not, and what came closest; as :meth:`check`."""
        where = path if isinstance(path, str) else show(path)
        request = Request(subject, action, where, dict(context or {}))
        return explain(self._own("why"), request, self._clock())

    def plan(
        self,
        changes: Sequence[Change],
        questions: Iterable[Request] | None = None,
        *,
        by: str | None = None,
    ) -> Plan:
        """What some changes would change, if they were made now.

        Args:
            changes: Which.
            questions: Whose answers to compare; if None, all that could differ.
            by: Who would make them; the host if not said.

        Raises:
            AccessDenied: He may not, so he is not told.
            InvalidPolicy: They contradict each other, or what is there.
        """
        policy, now = self._own("what would change"), self._clock()
        if by is not None:
            may_change(policy, by, changes, now)
        return plan(policy, changes, now, questions)


def denied(request: Request, decision: Decision) -> AccessDenied:
    """What is raised of a decision against somebody."""
    why = CODES.get(decision.code, decision.code)
    return AccessDenied(request.subject, request.action, request.resource, why)
