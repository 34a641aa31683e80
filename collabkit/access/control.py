"""Access control: the policy of a file in force, with all that a host needs to work with it.

Rules:

1. It is loaded when its block is entered. As long as that runs, the audit is told of what was
   noted; at its end, of the rest.
2. What the audit is told of goes into the file at once, or after a minute: :mod:`.witness` says
   what. If the disk does not take it, it is kept and tried again.
3. One use of a grant is one operation called, or whatever a host spends. It is counted in the
   file before it counts. To be in a session is no use, since it has no end.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import Sequence
from datetime import timedelta
from types import TracebackType
from typing import Self, TypeVar

import msgspec

from ..errors import AccessDenied, InvalidPolicy, StoreError
from ..ids import RoomName, Subject
from .asking import Clock, denied
from .conditions import DEFAULT, Attributes
from .consulting import Consulting
from .enforcing import Changed, Enforcing, Ground, Transaction
from .engine import AccessEngine, Front
from .facts import Change, Drop, Put
from .paths import session_path, show
from .policy import Policy
from .rules import CODES, Confines, Decision, Grant, Join, Permission, Request
from .witness import DEFAULT_AUDIT, AuditPolicy, Witness

__all__ = ["DEFAULT_ACCESS", "AccessControl", "AccessOptions", "Changed", "Transaction"]

T = TypeVar("T")

_log = logging.getLogger(__name__)

# What the disk did not take is tried again so often.
RETRY_EVERY = 1.0

_ITSELF = Subject("collabkit:access")


class AccessOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How a file's access control is to be; each is as :class:`AccessControl` has it."""

    attributes: Attributes = DEFAULT
    audit: AuditPolicy = DEFAULT_AUDIT
    engine: AccessEngine | None = None

    def control(self, store: Ground, *, host: Subject, clock: Clock) -> AccessControl:
        """Make it."""
        return AccessControl(
            store,
            host=host,
            clock=clock,
            attributes=self.attributes,
            audit=self.audit,
            engine=self.engine,
        )


class AccessControl(Enforcing):
    """The policy in force.

    Use it with ``async with``: it is loaded then, and what the audit is to be told is written as
    long as the block runs. For questions alone :meth:`~.enforcing.Enforcing.load` is enough.

    Args:
        store: Where facts and the audit are.
        host: Who makes changes, if nobody else is said to.
        clock: Unix time in seconds.
        attributes: What conditions may ask for beside, and of which type it is, such as
            ``{"context.department": "string"}``. The file remembers it.
        audit: What the audit is told beside what it always is.
        engine: Who decides in place of the policy's rules. How many may join a session, and
            what is archived, is told by the policy all the same.
    """

    def __init__(
        self,
        store: Ground,
        *,
        host: Subject = _ITSELF,
        clock: Clock = time.time,
        attributes: Attributes | None = None,
        audit: AuditPolicy = DEFAULT_AUDIT,
        engine: AccessEngine | None = None,
    ) -> None:
        self._store = store
        self._host = host
        self._clock = clock
        self._attributes = {**DEFAULT, **(attributes or {})}
        self._witness = Witness(audit)
        self._turn = threading.Lock()  # at the witness: what takes long is judged in a thread
        self._loop: asyncio.AbstractEventLoop | None = None
        self._told = asyncio.Event()
        self._telling = asyncio.Lock()
        self._waits = False  # for the first thing to be told
        self._writing: asyncio.Task[None] | None = None
        super().__init__(Policy.load((), attributes=self._attributes))
        if engine is not None:
            front = Front(engine, clock=clock, on_failure=self._failed)
            self._consulting = Consulting(front, clock=clock, changed=self._answered_anew)

    def __repr__(self) -> str:
        rules = "no rules" if self._policy.is_empty else f"epoch {self._policy.epoch}"
        return f"<AccessControl {rules}>"

    # Its life

    async def __aenter__(self) -> Self:
        """Load the policy. Raises InvalidPolicy or Corrupt."""
        await self.load()
        self._loop = asyncio.get_running_loop()
        self._writing = asyncio.create_task(self._write(), name="collabkit-access-audit")
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._consulting is not None:
            self._consulting.close()
        if self._tasks:
            await asyncio.wait(self._tasks)
        if self._writing is not None:
            async with self._telling:  # or something would be told twice
                self._writing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._writing
        self._loop = None
        await self.flush()

    async def grant(
        self,
        subject: str,
        role: str | None = None,
        *,
        permission: Permission | None = None,
        scope: str = "/**",
        not_before: float | None = None,
        not_after: float | None = None,
        uses: int | None = None,
        by: str | None = None,
        reason: str = "",
    ) -> Grant:
        """Give somebody a role, or one permission.

        Args:
            subject: Whom, such as ``user:ada``, ``group:staff`` or ``anyone``.
            role: The name of a role; or there is a permission.
            permission: It.
            scope: Where, as a pattern.
            not_before: From when on, in Unix seconds.
            not_after: Until when.
            uses: How many operations can be called by it.
            by: Who gives it; the host if not said.
            reason: Why, in words.

        Raises:
            AccessDenied: Who gives it has it not himself.
            InvalidPolicy: There is no such role.
        """
        async with self.transaction(by=by, reason=reason) as transaction:
            return transaction.grant(
                subject,
                role,
                permission=permission,
                scope=scope,
                not_before=not_before,
                not_after=not_after,
                uses=uses,
                reason=reason,
            )

    async def grant_temporary(
        self,
        subject: str,
        role: str,
        *,
        for_: float | timedelta,
        scope: str = "/**",
        by: str | None = None,
        reason: str = "",
    ) -> Grant:
        """Give somebody a role for so many seconds; the rest is as for :meth:`grant`.

        Raises:
            InvalidPolicy: That is no time at all.
        """
        seconds = for_.total_seconds() if isinstance(for_, timedelta) else for_
        if not seconds > 0:
            raise InvalidPolicy(f"grant to {subject!r}", f"it would hold for {seconds:g} s")
        return await self.grant(
            subject, role, scope=scope, not_after=self._clock() + seconds, by=by, reason=reason
        )

    async def elevate(
        self,
        subject: str,
        role: str,
        *,
        session: str | RoomName,
        for_: float | timedelta,
        by: str | None = None,
        reason: str = "",
    ) -> Grant:
        """Give somebody a role in one session, for so many seconds."""
        scope = _session(session)
        return await self.grant_temporary(
            subject, role, for_=for_, scope=scope, by=by, reason=reason
        )

    async def revoke(self, id: str, *, by: str | None = None, reason: str = "") -> int:
        """Strike a grant out; returns the epoch. Raises InvalidPolicy if there is none."""
        return await self.change([Drop("grant", id)], by=by, reason=reason)

    async def confine(
        self,
        session: str | RoomName,
        *permissions: Permission,
        join: Join = "open",
        participants: int | None = None,
        connections: int | None = None,
        by: str | None = None,
        reason: str = "",
    ) -> Confines:
        """Say what a session lets nobody exceed, in place of what was said before.

        Args:
            session: Its full name, such as ``acme~plan``.
            permissions: If there are any, nothing else can be allowed in it.
            join: Who may join: ``open``, ``invited`` or ``closed``.
            participants: How many subjects may be in it at a time.
            connections: How many connections each may have.
            by: Who says so; the host if not said.
            reason: Why, in words.
        """
        made = Confines(_session(session), permissions, join, participants, connections)
        await self.change([Put(made)], by=by, reason=reason)
        return made

    async def unconfine(
        self, session: str | RoomName, *, by: str | None = None, reason: str = ""
    ) -> int:
        """Let a session be as its rules say; returns the epoch."""
        return await self.change([Drop("confines", _session(session))], by=by, reason=reason)

    # What goes with other things

    async def use(self, id: str) -> int | None:
        """Count one use of a grant: an operation was called by it, or the host spent it.

        Returns:
            How many more there are; None if it can be used for ever.

        Raises:
            AccessDenied: It was used as often as it may be, or is not there any more.
        """
        left: list[int | None] = [None]

        def used(policy: Policy) -> Sequence[Change]:
            grant = policy.fact("grant", id)
            if not isinstance(grant, Grant) or grant.uses == 0:
                raise AccessDenied(_ITSELF, "use", f"grant {id}", CODES["used-up"])
            if grant.uses is None:
                return ()
            left[0] = grant.uses - 1
            return [Put(msgspec.structs.replace(grant, uses=left[0]))]

        await self._make(used, by=_ITSELF, reason="used")
        return left[0]

    async def spend(self, request: Request) -> Decision:
        """Go on if somebody may do something, and count one use of the grant that lets him.

        Raises:
            AccessDenied: He may not; the audit is told.
        """
        while True:
            if self._consulting is not None:
                decision = await self._consulting.ask(request)
            else:
                decision = self.decide(request)
            spent = self._spent_by(request) if decision.allowed else None
            if spent is not None:
                try:
                    await self.use(spent)
                except AccessDenied:
                    continue  # somebody else was first; another grant may let him
            self.note(request, decision)
            if not decision.allowed:
                raise denied(request, decision)
            return decision

    def _spent_by(self, request: Request) -> str | None:
        if self._consulting is not None:
            return None  # it counts for itself
        return self._policy.spends(request, now=self._clock())

    # Another engine

    async def renew(self) -> None:
        """The rules of the host's engine are others now: ask it again about all who are here."""
        if self._consulting is not None:
            await self._consulting.renew()

    def _answered_anew(self, subject: str) -> None:
        self._tell(Changed(self._policy.epoch, frozenset({subject})))

    def _failed(self, requests: Sequence[Request], how: str) -> None:
        _log.error("%s; %d questions are answered with no", how, len(requests))
        for request in requests:
            self.note(request, Decision(allowed=False, code="engine-error"))

    # What the audit is told

    async def flush(self) -> None:
        """Have the audit told of all that was noted, also of what is still being counted.

        Raises:
            CannotWrite: The disk did not take it; it is kept.
        """
        await self._write_down(all=True)

    def note(self, request: Request, decision: Decision) -> None:
        """Tell the audit that somebody did something, or was kept from it; from any thread."""
        with self._turn:
            super().note(request, decision)

    def _noted(self) -> None:
        if self._told.is_set() or not (self._witness.is_urgent or self._waits):
            return
        if self._loop is None:
            self._told.set()
        else:
            # Whoever waits for it is woken by his own loop.
            self._loop.call_soon_threadsafe(self._told.set)

    async def _write(self) -> None:
        while True:
            with self._turn:
                wakes_at = self._witness.wakes_at
            self._waits = wakes_at is None
            within = None if wakes_at is None else max(0.0, wakes_at - self._clock())
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(within):
                    await self._told.wait()
            self._told.clear()
            try:
                await self._write_down()
            except StoreError as error:
                _log.warning("the audit cannot be told of what was refused: %s", error)
                await asyncio.sleep(RETRY_EVERY)

    async def _write_down(self, *, all: bool = False) -> None:
        # One at a time: whoever waits for it knows that what was noted before is told.
        async with self._telling:
            with self._turn:
                deeds = self._witness.take(now=self._clock(), all=all)
            if not deeds:
                return
            try:
                await self._store.audit_all(deeds)
            except BaseException:
                with self._turn:
                    self._witness.give_back(deeds)
                raise


def _session(session: str | RoomName) -> str:
    return show(session_path(RoomName.parse(session) if isinstance(session, str) else session))


DEFAULT_ACCESS = AccessOptions()
