"""The policy of a file, read beside its holder or without one: to be asked, not to be changed."""

from __future__ import annotations

from ..store.reader import Reader
from .policy import Policy
from .stored import DECLARED, attributes_of, decoded

__all__ = ["read_policy"]


def read_policy(reader: Reader, *, at: int | None = None) -> Policy:
    """Read the policy that a file has, or had in an epoch.

    Raises:
        MomentNotFound: There was no such epoch.
        InvalidPolicy: It says what this version does not understand.
        Corrupt: It is damaged.
    """
    epoch, stored = reader.facts(at=at)
    attributes = attributes_of(reader.get(*DECLARED))
    return Policy.load(decoded(stored), epoch=epoch, attributes=attributes)
