"""What an update touches: the parts of a change that somebody may be allowed, or not."""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

__all__ = ["Ranges", "Touch"]

Ranges: TypeAlias = tuple[tuple[int, int, int], ...]
"""Structs by client, first clock and length."""


class Touch(msgspec.Struct, frozen=True, gc=False):
    """What an update does at one place of a document.

    Overwriting a key, and replacing text, is a ``write``; what is removed and not replaced in the
    same update is a ``delete``.

    Attributes:
        steps: Where: a root, and keys from there; None is an element of a sequence.
        inserted: The structs that do it.
        deleted: What it deletes that lives, with all that goes with it.
        own: Whether all that it removes or overwrites was written by who does it.
        appends: Whether it adds to the end, and does nothing else.
    """

    action: Literal["write", "delete"]
    steps: tuple[str | None, ...]
    kind: Literal["set", "insert", "format", "remove"]
    inserted: Ranges = ()
    deleted: Ranges = ()
    own: bool = True
    appends: bool = False
