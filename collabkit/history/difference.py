"""★ What is different between two moments."""

from __future__ import annotations

import msgspec

from .changed import Changed, KeyChange, walk

__all__ = ["Difference"]


class Difference(msgspec.Struct, frozen=True):
    """What is different between two trees; empty, and false, if nothing is.

    Attributes:
        roots: What became of each root that is different. A root that holds nothing is as one
            that is not there, so most are gone into. One that is of another kind is replaced,
            which no document can do.
    """

    roots: dict[str, KeyChange]

    def __bool__(self) -> bool:
        return bool(self.roots)

    @property
    def parts(self) -> tuple[Changed, ...]:
        """Each shared type that is different, in the order of the document."""
        return tuple(walk(self.roots))
