"""The policy that is in force, and how another takes its place.

Rules:

1. A change is made of many parts and is one: all of it is in force at once, under one epoch, and is
   in the file with its line of the audit before anybody is answered by it.
2. It is made for the policy that is in force. If that has changed in the file meanwhile, it is
   thought out again and tried again; what was made for a certain epoch is not, and fails.
3. The host may change everything. Whoever else makes a change is asked whether he may.
4. Who listens is told of each change, and for whom the answers may differ, before anything else
   happens.
5. A policy that contradicts itself is refused whole, and the one before stays.
6. Who makes a project or a session owns it, and what was granted in it goes with it: that is one
   transaction with its making, or its end.
7. A change that has begun is made, whether or not whoever asked for it still waits.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from types import MappingProxyType
from typing import Any, Protocol, TypeAlias, TypeVar

import msgspec

from ..errors import CollabError, Conflict
from ..ids import Subject, is_anonymous, new_id
from ..store.charter import Amendment, Charter, Project, StoredFact
from .admitting import Admitting
from .conditions import Attributes
from .drafting import Draft
from .facts import Change, Drop, Put
from .granting import may_change
from .policy import Policy
from .rules import Grant
from .stored import DECLARED, attributes_of, decoded, encoded
from .templates import ROLES

__all__ = ["Changed", "Enforcing", "Ground", "Thought", "Transaction"]

T = TypeVar("T")

Thought: TypeAlias = Callable[[Policy], Sequence[Change]]
"""Says what is to change in a policy. It may be asked again, for a later one."""

Stored: TypeAlias = Callable[[Amendment], Awaitable[int]]
"""Changes facts in the file, and returns the epoch that they are of then."""

_log = logging.getLogger(__name__)

# Others who change one policy in one file at a time are few, and each of them tries as often.
TRIES = 8


class Changed(msgspec.Struct, frozen=True):
    """The policy has changed.

    Attributes:
        epoch: What it is of now.
        subjects: For whom answers may differ; None: for all.
    """

    epoch: int
    subjects: frozenset[str] | None


class Transaction(Draft):
    """Changes that are made at once when the block ends; see :meth:`Enforcing.transaction`.

    Attributes:
        epoch: What they are of, once they are made.
    """

    epoch: int = 0


class Ground(Charter, Protocol):
    """What access control stands on: facts, and small named values."""

    async def get(self, table: str, key: str) -> tuple[Any, int] | None:
        """Read a value and its version."""
        ...

    async def put(self, table: str, key: str, value: Any, *, expect: int | None = None) -> int:
        """Write a value."""
        ...


class Enforcing(Admitting):
    """A policy in force, the facts that it is made of in a store, and who listens."""

    _store: Ground
    _host: Subject
    _attributes: Attributes

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._archived: frozenset[str] = frozenset()
        self._listening: dict[object, Callable[[Changed], None]] = {}
        self._changing = asyncio.Lock()
        self._tasks: set[asyncio.Task[Any]] = set()

    async def load(self) -> None:
        """Take the policy over as it is in the file. Raises InvalidPolicy or Corrupt."""
        self._attributes = await self._declared()
        policy = await self.at(None)
        self._archived = _archived(await self._store.projects())
        before, self._policy = self._policy, policy
        if policy.epoch != before.epoch:
            self._tell(Changed(policy.epoch, None))

    async def at(self, epoch: int | None) -> Policy:
        """The policy as it was in an epoch, or as the file has it now.

        Raises:
            MomentNotFound: There was no such epoch.
            InvalidPolicy: It says what this version does not understand.
        """
        found, stored = await self._store.facts(at=epoch)

        def load() -> Policy:
            return Policy.load(decoded(stored), epoch=found, attributes=self._attributes)

        return await asyncio.to_thread(load)

    async def _declared(self) -> Attributes:
        """What conditions may ask for: all that hosts of this file have ever declared."""
        found = await self._store.get(*DECLARED)
        before = attributes_of(found)
        declared = MappingProxyType({**before, **self._attributes})
        if declared != before:
            await self._store.put(*DECLARED, dict(declared))
        return declared

    def subscribe(self, heard: Callable[[Changed], None]) -> Callable[[], None]:
        """Be told of each change; returns what ends that."""
        key = object()
        self._listening[key] = heard
        return lambda: self._listening.pop(key, None) and None

    def _enforce(self, policy: Policy, subjects: frozenset[str] | None) -> None:
        self._policy = policy
        self._tell(Changed(policy.epoch, subjects))

    def _tell(self, changed: Changed) -> None:
        for heard in list(self._listening.values()):
            try:
                heard(changed)
            except Exception:
                _log.exception("a listener failed on %r", changed)

    # Changes

    @contextlib.asynccontextmanager
    async def transaction(
        self, *, by: str | None = None, reason: str = "", trusted: bool = False
    ) -> AsyncIterator[Transaction]:
        """Put changes together; they are made at once when the block ends without an error.

        Args:
            by: Who makes them, and has to be allowed to; the host if not said.
            reason: Why, in words.
            trusted: Whoever makes them may.

        Raises:
            AccessDenied: He may not.
            InvalidPolicy: They contradict each other, or what is there; nothing has changed.
        """
        changes = Transaction(new_id, by=by or self._host)
        yield changes
        changes.epoch = await self._change(changes, by=by, reason=reason, trusted=trusted)

    async def change(
        self,
        changes: Sequence[Change],
        *,
        by: str | None = None,
        reason: str = "",
        trusted: bool = False,
        expected: int | None = None,
    ) -> int:
        """Make changes at once, and return the epoch that they are of; see :meth:`transaction`.

        Args:
            changes: Which.
            by: Who makes them.
            reason: Why, in words.
            trusted: Whoever makes them may.
            expected: The epoch that they were made for, if not for any.

        Raises:
            Conflict: The policy is of another one.
        """
        draft = Draft(new_id, by=by or self._host)
        draft.change(*changes)
        return await self._change(draft, by=by, reason=reason, trusted=trusted, expected=expected)

    # Changes that go with other things

    async def founding(
        self, scope: str, make: Callable[[Amendment | None], Awaitable[T]], *, owner: Subject | None
    ) -> T:
        """Make something, and make somebody its owner in the same transaction of the store.

        Without rules there is nothing to own, and whoever proved nothing owns nothing.

        Args:
            scope: The path of what is made.
            make: Makes it, with a change of facts if there is one.
            owner: Whose it is; None if it is the host's, who may do everything.
        """
        if owner is None or is_anonymous(owner) or self._policy.is_empty:
            return await make(None)
        who, id_ = owner, new_id()

        def owning(policy: Policy) -> Sequence[Change]:
            grant = Grant(id_, who, role="owner", scope=scope, granted_by=who, reason="made it")
            role = () if policy.fact("role", "owner") else (Put(ROLES["owner"]),)
            return (*role, Put(grant))

        return await self._along(owning, make, by=who, reason=f"made {scope}")

    async def removing(
        self, scope: str, remove: Callable[[Amendment | None], Awaitable[T]], *, by: Subject
    ) -> T:
        """Remove something, and what was granted or confined in it: its name may come again.

        Args:
            scope: The path of what is removed.
            remove: Removes it, with a change of facts if there is one.
            by: Who removes it, and may.
        """

        def gone(policy: Policy) -> Sequence[Change]:
            draft = Draft(new_id, by=by)
            draft.revoke_where(scope=scope)
            if policy.fact("confines", scope) is not None:
                draft.change(Drop("confines", scope))
            return draft.changes(policy)

        return await self._along(gone, remove, by=by, reason=f"removed {scope}")

    async def _along(
        self,
        changes: Thought,
        act: Callable[[Amendment | None], Awaitable[T]],
        *,
        by: Subject,
        reason: str,
    ) -> T:
        """Do something in one transaction with changes, if there are any."""
        results: list[T] = []

        async def store(amendment: Amendment) -> int:
            results.append(await act(amendment))
            return amendment.expected + 1

        await self._make(changes, by=by, reason=reason, store=store)
        return results[-1] if results else await act(None)

    async def archive_project(self, name: str, *, by: str, undo: bool = False) -> Project:
        """Let nothing in a project be changed, or let it again. Raises ProjectNotFound."""
        project = await self._store.archive_project(name, by=Subject(by), undo=undo)
        self._archived = self._archived - {name} if undo else self._archived | {name}
        self._tell(Changed(self._policy.epoch, None))
        return project

    async def _change(
        self,
        draft: Draft,
        *,
        by: str | None,
        reason: str,
        trusted: bool,
        expected: int | None = None,
    ) -> int:
        def changes(policy: Policy) -> Sequence[Change]:
            if expected is not None and expected != policy.epoch:
                raise Conflict("the policy", expected, policy.epoch)
            made = draft.changes(policy)
            if by is not None and not trusted:
                may_change(policy, by, made, self._clock())
            return made

        return await self._make(changes, by=Subject(by or self._host), reason=reason)

    async def _make(
        self,
        changes: Thought,
        *,
        by: Subject,
        reason: str,
        store: Stored | None = None,
    ) -> int:
        """Have changes made, in a task of its own: rule 7."""
        made = self._attempt(changes, by, reason, store or self._store.change_facts)
        task = asyncio.create_task(made)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return await asyncio.shield(task)

    async def _attempt(
        self,
        changes: Thought,
        by: Subject,
        reason: str,
        store: Stored,
    ) -> int:
        async with self._changing:
            left = TRIES
            while True:
                left -= 1
                try:
                    return await self._once(changes, by, reason, store)
                except CollabError:
                    # What makes no sense here may well do so after what others have written.
                    if not left or not await self._is_overtaken():
                        raise
                await self.load()

    async def _once(self, changes: Thought, by: Subject, reason: str, store: Stored) -> int:
        before = self._policy
        # Of many changes this takes long.
        made = await asyncio.to_thread(_thought_out, changes, before)
        if made.written:
            epoch = await store(Amendment(before.epoch, made.written, by, reason))
            if epoch != before.epoch:
                self._enforce(made.policy, made.subjects)
        return self._policy.epoch

    async def _is_overtaken(self) -> bool:
        return bool(await self._store.epochs(after=self._policy.epoch, limit=1))


class _Made(msgspec.Struct, frozen=True):
    """What comes of some changes: the policy, for whom it may differ, and what is to be stored."""

    policy: Policy
    subjects: frozenset[str] | None
    written: tuple[StoredFact, ...]


def _thought_out(changes: Thought, before: Policy) -> _Made:
    asked = changes(before)
    after = before.changed(asked, epoch=before.epoch + 1)
    return _Made(after, before.affected(asked), encoded(asked))


def _archived(projects: Sequence[Project]) -> frozenset[str]:
    return frozenset(one.name for one in projects if one.archived_at_ms is not None)
