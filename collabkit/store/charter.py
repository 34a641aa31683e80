"""What a store keeps of who may do what, and of projects.

Rules:

1. A fact is a kind, a key that is unique among its kind, and a body: a JSON object. The store does
   not know what facts mean.
2. Facts change together, and each change is an epoch: the facts of any epoch can be read as they
   were, however many have come since. Epoch 0 is the beginning, and there are none.
3. Who changes facts says which epoch he has read. If that is not the newest, nothing changes.
4. A change is told to the audit in its own transaction: by one line, with how many facts of each
   kind it put and dropped, and a digest of all that it did. Up to a few of them are told one by
   one; of more, the file keeps what they were, and the digest holds it to that.
5. A session is in a project. A project that is not there is made with the first session in it;
   one that is archived gets no more.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec

from ..ids import Subject
from .audit import Head
from .base import Deed

__all__ = ["Amendment", "Charter", "Epoch", "Project", "StoredFact"]


class StoredFact(msgspec.Struct, frozen=True, gc=False):
    """One fact; or, among changes, what becomes of it.

    Attributes:
        kind: Such as ``grant``.
        key: Which one of its kind.
        body: A JSON object; None drops the fact.
    """

    kind: str
    key: str
    body: bytes | None


class Amendment(msgspec.Struct, frozen=True):
    """A change of facts: all of it, or nothing.

    Attributes:
        expected: The epoch that it was made for.
        changes: No two of them are of one fact.
        by: Who makes it.
        reason: Why, in words.
    """

    expected: int
    changes: Sequence[StoredFact]
    by: Subject
    reason: str = ""


class Epoch(msgspec.Struct, frozen=True):
    """When and how facts changed.

    Attributes:
        no: 1 is the first.
        facts: How many there were then.
        digest: Of what was put and dropped, in hexadecimal digits.
    """

    no: int
    at_ms: int
    by: Subject
    reason: str
    facts: int
    digest: str


class Project(msgspec.Struct, frozen=True):
    """What sessions are in.

    Attributes:
        archived_at_ms: Since when nothing new comes into it; None if anything may.
    """

    name: str
    created_at_ms: int
    created_by: Subject
    archived_at_ms: int | None = None


class Charter(Protocol):
    """A store that keeps facts and projects."""

    async def facts(self, *, at: int | None = None) -> tuple[int, list[StoredFact]]:
        """Read all facts, of the newest epoch or of another, and tell which epoch that is.

        Raises:
            MomentNotFound: There was no such epoch.
            Corrupt: One is damaged, or they are not all there.
        """
        ...

    async def change_facts(self, amendment: Amendment) -> int:
        """Change facts, and return the epoch that they are of then.

        What changes nothing makes no epoch.

        Raises:
            Conflict: They are not of the epoch that was expected.
            ValueNotStorable: A body is no JSON object, or a name no text.
        """
        ...

    async def epochs(self, *, after: int = 0, limit: int = 1000) -> list[Epoch]:
        """Read when and how facts changed, oldest first."""
        ...

    async def projects(self) -> list[Project]:
        """All projects by name. Raises Corrupt if those would not be all."""
        ...

    async def create_project(
        self, name: str, *, by: Subject, amendment: Amendment | None = None
    ) -> Project:
        """Add a project, and change facts in the same transaction.

        Raises:
            ProjectExists: There is one of this name.
            InvalidName: It cannot be a project's name.
            Conflict: Facts are not of the epoch that was expected.
        """
        ...

    async def archive_project(self, name: str, *, by: Subject, undo: bool = False) -> Project:
        """Let nothing new come into a project, or let it again. Raises ProjectNotFound."""
        ...

    async def audit_all(self, deeds: Sequence[Deed]) -> Head:
        """Tell the audit several things about the whole file, in one transaction.

        Raises:
            ValueNotStorable: JSON cannot say one of them, and none was told.
        """
        ...
