"""The policy: who may do what, as a whole that can be asked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, TypeAlias

import msgspec

from ..ids import RoomName
from .conditions import DEFAULT, Attributes, Condition
from .facts import Change, Drop, Kind, Put
from .paths import Path
from .rules import Action, Confines, Decision, Fact, Grant, Permission, Request

__all__ = ["Change", "Drop", "Holders", "Policy", "Put", "Reach", "Rule", "Uniform"]

Share: TypeAlias = Literal["all", "some", "none"]


class Uniform(msgspec.Struct, frozen=True):
    """How much of a document, of what is inside it, somebody may write and delete.

    Attributes:
        until: Unix seconds at which it may change by itself.
    """

    write: Share
    delete: Share
    until: float = float("inf")


class Holders(msgspec.Struct, frozen=True):
    """Who may do something: ``subject in holders``.

    Attributes:
        subjects: Those who may, by name, sorted; no groups.
        anyone: Whether everybody else may too,
        but: except these, sorted.
    """

    subjects: tuple[str, ...] = ()
    anyone: bool = False
    but: tuple[str, ...] = ()

    def __contains__(self, subject: object) -> bool:
        return subject in self.subjects or (self.anyone and subject not in self.but)


class Reach(msgspec.Struct, frozen=True):
    """What somebody may do something to, as patterns, sorted.

    Attributes:
        allowed: He may, where none of the others says otherwise,
        conditional: or if conditions hold.
        denied: He may not, or may not under conditions.
        confined: Sessions that let him do no more than their own rules do.
    """

    allowed: tuple[str, ...] = ()
    conditional: tuple[str, ...] = ()
    denied: tuple[str, ...] = ()
    confined: tuple[str, ...] = ()


class Rule(msgspec.Struct, frozen=True):
    """A permission as somebody has it.

    Attributes:
        name: As decisions name it.
        pattern: What it names, within the scope of the grant.
        groups: From the subject's own group to the one that it was granted to; empty if it was
            granted to the subject; or :data:`ANYONE` alone.
        roles: From the role that was granted to the one that has the permission.
        grant: None if it is what a session confines.
    """

    name: str
    permission: Permission
    pattern: Path
    conditions: tuple[Condition, ...] = ()
    groups: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    grant: Grant | None = None


class Policy:
    """Facts that do not contradict each other, and what follows from them. Immutable."""

    epoch: int
    is_empty: bool
    attributes: Attributes

    @classmethod
    def load(
        cls, facts: Iterable[Fact], *, epoch: int = 0, attributes: Attributes = DEFAULT
    ) -> Policy:
        """Raises InvalidPolicy: whole or nothing."""
        raise NotImplementedError

    def changed(self, changes: Sequence[Change], *, epoch: int) -> Policy:
        """Raises InvalidPolicy. Dropping what is not there is an error."""
        raise NotImplementedError

    def affected(self, changes: Sequence[Change]) -> frozenset[str] | None:
        """Subjects whose rights may differ; None: all."""
        raise NotImplementedError

    def facts(self) -> tuple[Fact, ...]:
        """All that is written down, by kind and key."""
        raise NotImplementedError

    def fact(self, kind: Kind, key: str) -> Fact | None:
        raise NotImplementedError

    def check(
        self,
        subject: str,
        action: str,
        path: str | Path,
        context: Mapping[str, object] | None = None,
        *,
        now: float,
    ) -> bool:
        raise NotImplementedError

    def decide(self, request: Request, *, now: float) -> Decision:
        raise NotImplementedError

    def check_many(self, requests: Iterable[Request], *, now: float) -> list[bool]:
        raise NotImplementedError

    def filter(
        self,
        subject: str,
        action: str,
        paths: Iterable[str],
        context: Mapping[str, object] | None = None,
        *,
        now: float,
    ) -> list[str]:
        raise NotImplementedError

    def actions(
        self,
        subject: str,
        path: str | Path,
        context: Mapping[str, object] | None = None,
        *,
        now: float,
    ) -> tuple[Action, ...]:
        raise NotImplementedError

    def who_can(
        self,
        action: str,
        path: str | Path,
        context: Mapping[str, object] | None = None,
        *,
        now: float,
    ) -> Holders:
        raise NotImplementedError

    def list_resources(
        self, subject: str, action: str, under: str | Path = (), *, now: float
    ) -> Reach:
        raise NotImplementedError

    def uniform(self, subject: str, room: RoomName, *, now: float) -> Uniform:
        raise NotImplementedError

    def rules(self, subject: str, path: str | Path | None = None) -> tuple[Rule, ...]:
        """The rules a subject has (all, whatever their time), of a path or of everything."""
        raise NotImplementedError

    def confining(self, path: str | Path) -> tuple[Rule, ...]:
        """What the session of a path lets nobody exceed."""
        raise NotImplementedError

    def confines(self, room: RoomName) -> Confines | None:
        raise NotImplementedError

    def invited(self, subject: str, room: RoomName, *, now: float) -> bool:
        """Whether he was granted something in the session itself, or may administer it."""
        raise NotImplementedError

    def groups_of(self, subject: str) -> tuple[str, ...]:
        raise NotImplementedError

    def roles_of(self, role: str) -> dict[str, tuple[str, ...]]:
        raise NotImplementedError

    def spends(self, request: Request, *, now: float) -> str | None:
        """The id of the grant of which one use is spent by this, if any."""
        raise NotImplementedError
