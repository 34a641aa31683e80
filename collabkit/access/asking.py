"""What may be asked of the policy that is in force, and who is told of the answers.

Rules:

1. A question is answered at once, from memory, by the policy as it is then.
2. :meth:`~Asking.check` and what is like it only ask. Who acts on an answer says so, with
   :meth:`~Asking.require` or :meth:`~Asking.note`, or comes in by :meth:`~Asking.admit`: then the
   audit is told what it has to be, see :mod:`.witness`.
3. Where an engine of the host's decides (:mod:`.engine`), the policy's own rules are not asked, and
   what only they could tell is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeAlias

from ..crdt.touches import Touch
from ..errors import AccessDenied, UnsupportedByEngine
from ..ids import RoomName, Subject
from . import admission
from .admission import JOIN_CODES, Company
from .consulting import Consulting
from .explaining import Explanation, explain
from .facts import Change
from .guard import Guard
from .model import Identity, Judge, Refusal, Rights
from .paths import Path, document_path, operation_path, project_path, session_path, show
from .planning import Plan, plan
from .policy import Holders, Policy, Reach, Uniform
from .rules import CODES, Action, Decision, Request
from .witness import Witness

__all__ = ["Asking", "Clock"]

Clock: TypeAlias = Callable[[], float]
"""Unix time in seconds."""

# The codes of decisions, by the close codes that say them.
_JOINING = {close: code for code, close in JOIN_CODES.items()}


class Asking:
    """Questions to a policy, at the time that a clock says."""

    _policy: Policy
    _clock: Clock
    _witness: Witness
    _archived: frozenset[str]
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

    def is_archived(self, project: str) -> bool:
        """Whether nothing in a project may be changed any more."""
        return project in self._archived

    def uniform(self, subject: str, room: RoomName) -> Uniform:
        """How much of a document somebody may write and delete."""
        return self._ruling.uniform(subject, room, now=self._clock())

    def note(self, request: Request, decision: Decision) -> None:
        """Tell the audit that somebody did something, or was kept from it."""
        self._witness.saw(request, decision, now=self._clock())
        self._noted()

    @property
    def counts_writes(self) -> bool:
        """Whether the audit is told who writes where."""
        return self._witness.policy.writes

    def wrote(self, subject: Subject, room: RoomName) -> None:
        """Count that somebody has written to a document."""
        request = Request(subject, "write", show(document_path(room)))
        self.note(request, Decision(True, "allow", epoch=self._policy.epoch))

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

    def plan(self, changes: Sequence[Change], questions: Iterable[Request] | None = None) -> Plan:
        """What some changes would change, if they were made now.

        Args:
            changes: Which.
            questions: Whose answers to compare; if None, all that could differ.

        Raises:
            InvalidPolicy: They contradict each other, or what is there.
        """
        return plan(self._own("what would change"), changes, self._clock(), questions)

    # At the door

    async def consult(
        self, identity: Identity, room: RoomName, *, context: Mapping[str, object] | None = None
    ) -> None:
        """Ask whoever else decides what :meth:`admit` is about to be asked."""
        if self._consulting is not None and not identity.is_host:
            known: dict[str, object] = {**identity.attributes, **(context or {})}
            await self._consulting.consult(identity.subject, room, {"context": known})

    def admit(
        self, identity: Identity, room: RoomName, *, context: Mapping[str, object] | None = None
    ) -> Rights | Refusal:
        """What somebody may do in a document, or why he may not be there.

        Args:
            identity: Who, and what his token says.
            room: The document, by the name that its session has.
            context: What conditions may ask for of his connection.
        """
        known: dict[str, object] = {**identity.attributes, **(context or {})}
        ruling = self._ruling
        rights = admission.admit(
            ruling,
            identity,
            room,
            self._clock(),
            judging=lambda who, where: self._noting(Guard(ruling, who, where, known), who),
            archived=room.project in self._archived,
            context=context,
        )
        if not ruling.is_empty and not identity.is_host:
            asked: dict[str, object] = {"context": known}
            request = Request(identity.subject, "read", show(document_path(room)), asked)
            self.note(request, self.decide(request))
        return rights

    def join(self, identity: Identity, room: RoomName, company: Company) -> Refusal | None:
        """Why somebody who may be in a session may not join it now, if he may not."""
        now = self._clock()
        refusal = admission.join(
            self._policy.confines(room),
            identity,
            company,
            invited=self._policy.invited(identity.subject, room, now=now),
        )
        if refusal is not None:
            request = Request(identity.subject, "read", show(session_path(room)))
            self.note(request, Decision(False, _JOINING[refusal.code], epoch=self._policy.epoch))
        return refusal

    def may_create(self, identity: Identity, room: RoomName) -> bool:
        """Whether somebody may make the session that a room is in."""
        if room.project in self._archived or not identity.can_write:
            return False
        if self._ruling.is_empty or identity.is_host:
            return True
        path = operation_path(project_path(room.project), "create")
        return self.check(identity.subject, "execute", path)

    def _noting(self, guard: Guard, subject: Subject) -> Judge:
        """What a guard says, and the audit is told of what it refuses."""

        def judge(touches: Sequence[Touch], *, now: float) -> Sequence[Decision]:
            decisions = guard(touches, now=now)
            for touch, decision in zip(touches, decisions, strict=True):
                if not decision.allowed:
                    self.note(Request(subject, touch.action, guard.path(touch)), decision)
            return decisions

        return judge


def denied(request: Request, decision: Decision) -> AccessDenied:
    """What is raised of a decision against somebody."""
    why = CODES.get(decision.code, decision.code)
    return AccessDenied(request.subject, request.action, request.resource, why)
