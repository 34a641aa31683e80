"""Who comes in by the policy that is in force, and what the audit is told of it.

Rules:

1. The audit is told of everybody who is not let in, of what a guard refuses inside a document, and
   if it wants to, of who came in to read, and who wrote.
2. An archived project is known to be so at once, by everybody who asks after that.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..crdt.touches import Touch
from ..ids import RoomName, Subject
from . import admission
from .admission import JOIN_CODES, Company
from .asking import Asking
from .guard import Guard
from .model import Identity, Judge, Refusal, Rights
from .paths import document_path, operation_path, project_path, session_path, show
from .rules import Decision, Request

__all__ = ["Admitting"]

# The codes of decisions, by the close codes that say them.
_JOINING = {close: code for code, close in JOIN_CODES.items()}


class Admitting(Asking):
    """Answers those who want to come in, and those who are in."""

    _archived: frozenset[str]

    def is_archived(self, project: str) -> bool:
        """Whether nothing in a project may be changed any more."""
        return project in self._archived

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
        if not identity.is_host:
            asked: dict[str, object] = {"context": known}
            request = Request(identity.subject, "read", show(document_path(room)), asked)
            free = Decision(allowed=True, code="allow")
            self.note(request, free if ruling.is_empty else self.decide(request))
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

    @property
    def counts_writes(self) -> bool:
        """Whether the audit is told who writes where."""
        return self._witness.policy.writes

    def wrote(self, subject: Subject, room: RoomName) -> None:
        """Count that somebody has written to a document."""
        request = Request(subject, "write", show(document_path(room)))
        self.note(request, Decision(True, "allow", epoch=self._policy.epoch))
