"""What of those who are judged can go at once, since no engine refuses it.

Who was sent an edit keeps it, also if the engine refuses it later. Most who write make nothing that
it could refuse; of those who are judged it is not taken on trust.

Rules:

1. A new value of a key can go.
2. So can a text in a root, beside nothing. It is neither among the elements of an array, nor behind
   half a character, or in front of one.
3. So can what goes on typing: it is behind what the client typed last, and in front of the same.
4. All else waits for its verdict; mostly it is the first stroke somewhere, and what is deleted.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..crdt.contents import STRING
from ..crdt.scan import Scan
from ..crdt.structs import Id, read_item
from ..crdt.touches import Touch

__all__ = ["Strokes"]


class Strokes:
    """Where each client was typing last.

    >>> from collabkit.crdt.scan import scan
    >>> strokes, hi = Strokes(), bytes.fromhex("010107000401017402686900")
    >>> strokes.can_go(hi, scan(hi), [Touch("write", ("t",), "insert", ((7, 0, 2),))])
    True
    """

    __slots__ = ("_last",)

    def __init__(self) -> None:
        self._last: dict[int, tuple[int, Id | None]] = {}

    def __repr__(self) -> str:
        return f"<Strokes of {len(self._last)} clients>"

    def can_go(self, update: bytes, found: Scan, touches: Sequence[Touch]) -> bool:
        """Whether an edit can go before the engine had it; it touches this."""
        if not found.plain or not found.sections:
            return False
        if all(touch.kind == "set" for touch in touches):
            return True
        [section] = found.sections
        item, _ = read_item(update, section.start, section.client, section.clock)
        if item.content != STRING or found.deletes:
            return False
        if item.origin is None:
            return item.right_origin is None and isinstance(item.parent, str)
        goes_on = item.origin == (section.client, section.clock - 1)
        return goes_on and self._last.get(section.client) == (section.clock, item.right_origin)

    def add(self, update: bytes, found: Scan) -> None:
        """An edit is on its way, whoever made it."""
        for section in found.sections:
            self._last.pop(section.client, None)
        if found.plain and found.sections:
            [section] = found.sections
            item, _ = read_item(update, section.start, section.client, section.clock)
            if item.content == STRING:
                self._last[section.client] = (section.clock + item.length, item.right_origin)

    def clear(self) -> None:
        """What was on its way may have come to nothing."""
        self._last.clear()
