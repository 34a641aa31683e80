"""What an engine elsewhere has said, kept so that doors can be answered at once.

An :class:`~collabkit.access.engine.AccessEngine` may take its time, and whoever is at a door, or is
being asked about again, is answered from memory. Rules:

1. Who knocks is asked about first: whether he may read, write and delete in the document, and
   create its session. What was never asked is denied.
2. What was said of a document holds for all in it: an engine is not asked about single keys.
3. A decision that ends is asked for again when it does, and holds until the engine has answered
   or failed, no longer than it may take. Then everybody whom it concerns is asked about again.
   What nobody has needed since is forgotten instead.
4. A host that has changed its rules says so, by :meth:`Consulting.renew`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

import msgspec

from ..ids import RoomName
from .engine import Front
from .extents import Share, Uniform
from .paths import document_path, operation_path, project_path, show
from .rules import Decision, Request

__all__ = ["Consulting"]

# Decisions. More people than this are not connected to one process.
REMEMBERED = 262_144

_INSIDE = 6  # segments of the path of a document

_NEVER_ASKED = Decision(allowed=False, code="engine-error", rules=("it was not asked",))


class _Known:
    """A decision, and whether anybody has needed it since it was made."""

    __slots__ = ("decision", "needed", "request")

    def __init__(self, request: Request, decision: Decision) -> None:
        self.request = request
        self.decision = decision
        self.needed = False


class Consulting:
    """Answers as an engine has.

    Args:
        front: It, and what stands before it.
        clock: Unix time in seconds.
        changed: Told whose answers may differ now.
    """

    is_empty = False

    def __init__(
        self, front: Front, *, clock: Callable[[], float], changed: Callable[[str], None]
    ) -> None:
        self._front = front
        self._clock = clock
        self._changed = changed
        self._known: dict[tuple[str, str, str], _Known] = {}
        self._ending: dict[str, asyncio.TimerHandle] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def __repr__(self) -> str:
        return f"<Consulting {self._front.engine.name}, {len(self._known)} decisions known>"

    @property
    def name(self) -> str:
        """What the engine is called."""
        return self._front.engine.name

    # Asking it

    async def ask(self, request: Request) -> Decision:
        """Ask about one thing, now."""
        [decision] = await self._front.decide([request])
        return decision

    async def consult(self, subject: str, room: RoomName, context: Mapping[str, object]) -> None:
        """Ask all that is needed at the door of a document.

        Args:
            subject: Who is there.
            room: The document, by the name that its session has.
            context: What the engine may want to know beside.
        """
        document = show(document_path(room))
        create = show(operation_path(project_path(room.project), "create"))
        asked = [(action, document) for action in ("read", "write", "delete")]
        await self._learn(
            [
                Request(subject, action, path, dict(context))
                for action, path in (*asked, ("execute", create))
            ]
        )

    async def renew(self, subject: str | None = None) -> None:
        """Ask again what was asked about a subject, or all."""
        known = [k for k in self._known.values() if subject in (None, k.request.subject)]
        for each in known:
            if not each.needed:
                self._known.pop(_key(each.request), None)
        asked = [each.request for each in known if each.needed]
        if asked:
            await self._learn(asked)
        for whose in sorted({request.subject for request in asked}):
            self._changed(whose)

    def close(self) -> None:
        """Ask nothing more."""
        for timer in self._ending.values():
            timer.cancel()
        for task in self._tasks:
            task.cancel()

    async def _learn(self, requests: list[Request]) -> None:
        for request, decision in zip(requests, await self._front.decide(requests), strict=True):
            while len(self._known) >= REMEMBERED:
                del self._known[next(iter(self._known))]
            self._known[_key(request)] = _Known(request, decision)
        for subject in {request.subject for request in requests}:
            self._watch(subject)

    def _watch(self, subject: str) -> None:
        mine = (k for k in self._known.values() if k.request.subject == subject)
        ends_at = min((known.decision.valid_until for known in mine), default=float("inf"))
        if subject in self._ending:
            self._ending.pop(subject).cancel()
        if ends_at < float("inf"):
            loop = asyncio.get_running_loop()
            after = max(ends_at - self._clock(), 0.0)
            self._ending[subject] = loop.call_later(after, self._ended, subject)

    def _ended(self, subject: str) -> None:
        del self._ending[subject]
        task = asyncio.get_running_loop().create_task(self.renew(subject))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # As a policy answers

    def decide(self, request: Request, *, now: float) -> Decision:
        """May this subject do that there? As it was said last."""
        known = self._known.get(_key(request))
        if known is None:
            return _NEVER_ASKED
        known.needed = True
        return msgspec.structs.replace(known.decision, valid_until=float("inf"))

    def uniform(self, subject: str, room: RoomName, *, now: float) -> Uniform:
        """What he may do in all of a document."""
        path = show(document_path(room))

        def share(action: str) -> Share:
            return "all" if self.decide(Request(subject, action, path), now=now) else "none"

        return Uniform(share("write"), share("delete"))

    def conditioned(self, subject: str, path: str) -> bool:
        """Never that a guard could tell: what it says does not differ from edit to edit."""
        return False


def _key(request: Request) -> tuple[str, str, str]:
    """By whom, what, and where; of a place in a document, which document."""
    segments = request.resource.split("/", _INSIDE + 1)
    inside = len(segments) > _INSIDE + 1 and segments[5] == "docs"
    where = "/".join(segments[: _INSIDE + 1]) if inside else request.resource
    return request.subject, request.action, where
