"""What an update touches: the parts of a change that somebody may be allowed, or not."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, TypeAlias

import msgspec

__all__ = ["Ranges", "Steps", "Touch", "left_alone"]

Steps: TypeAlias = tuple[str | None, ...]
"""A root, and keys from there; None is an element of a sequence."""

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
    steps: Steps
    kind: Literal["set", "insert", "format", "remove"]
    inserted: Ranges = ()
    deleted: Ranges = ()
    own: bool = True
    appends: bool = False


def left_alone(told: Iterable[tuple[Steps, bool]]) -> tuple[Steps, ...]:
    """Where nothing may come of an update: of neither there, nor within, nor around is any allowed.

    Elements have no names, so in their place the sequence is meant that they are in.

    Args:
        told: The steps of touches, and whether they are allowed.

    >>> left_alone([(("m", "a"), False), (("list", None, "k"), False), (("m", "b"), True)])
    (('m', 'a'), ('list',))
    """
    named = [(_named(steps), allowed) for steps, allowed in told]
    done = {steps for steps, allowed in named if allowed}
    around = {steps[:stop] for steps in done for stop in range(len(steps))}
    alone = {}
    for steps, allowed in named:
        within = any(steps[:stop] in done for stop in range(len(steps) + 1))
        if steps and not allowed and not within and steps not in around:
            alone[steps] = True
    return tuple(alone)


def _named(steps: Steps) -> Steps:
    return steps[: steps.index(None)] if None in steps else steps
