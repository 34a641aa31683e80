"""What a relay did not take of an edit, as its author hears of it."""

from __future__ import annotations

import copy
from typing import Any

import msgspec

from ..errors import MalformedBytes

__all__ = ["Receipt", "Untaken", "read_receipt"]


class Untaken(msgspec.Struct, frozen=True):
    """What was not taken at one place.

    Attributes:
        action: What was wanted there: ``write`` or ``delete``.
        path: The place, as rules name it.
        rule: The name of the rule that decided, if one did.
        code: Why, one of :data:`collabkit.access.rules.CODES`.
        draft: What was written there, as plain values; None if there is nothing to show.
    """

    action: str
    path: str
    rule: str = ""
    code: str = ""
    draft: Any = None


class Receipt(msgspec.Struct, frozen=True):
    """What was not taken of an edit. The rest of it was, and the document has what stands instead.

    Attributes:
        code: Why, of the first place.
        reason: The same, in words.
        items: The places.
        more: How many there are beyond those.
        ask: Whom to ask for more.

    >>> receipt = Receipt(items=(Untaken("write", "/…/docs/main/plan/title", draft="Mars"),))
    >>> receipt.copy()
    {'/…/docs/main/plan/title': 'Mars'}
    """

    code: str = ""
    reason: str = ""
    items: tuple[Untaken, ...] = ()
    more: int = 0
    ask: str = ""

    @property
    def draft(self) -> dict[str, Any]:
        """What was written, by place; nothing of what was only to be deleted."""
        return {item.path: item.draft for item in self.items if item.draft is not None}

    def copy(self) -> dict[str, Any]:
        """The draft, to be changed, and to be written somewhere else."""
        return copy.deepcopy(self.draft)


def read_receipt(body: bytes) -> Receipt:
    """Read what a relay says of an edit.

    Raises:
        MalformedBytes: It is no receipt.
    """
    try:
        return msgspec.json.decode(body, type=Receipt)
    except (msgspec.MsgspecError, RecursionError):
        raise MalformedBytes("a receipt does not read as one", 0) from None
