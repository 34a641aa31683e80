"""Keeps the offsets of texts in step with the engine.

Rules:

1. Local edits keep the offsets themselves while nobody observes. The engine would work out
   an event for each by walking through the whole text.
2. Edits from elsewhere are followed by their events, which tell in bytes, as long as the
   text is used here. One that is not is left behind, and loaded when it is used again.
3. While somebody observes, the events of all edits are followed, and told in code points:
   for that one must know what was there before, so nothing is left behind.
4. A callback does not raise: the engine would go on with an exception set. It notes its
   trouble. And it holds this object weakly, or the engine would keep it alive for ever.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Set as AbstractSet
from typing import Any, TypeAlias
from weakref import ref

from pycrdt import _pycrdt as yrs

from .branches import Branch, read_text
from .offsets import EMBED, Offsets, Scale

__all__ = ["Delta", "Following", "Hear"]

Delta: TypeAlias = list[dict[str, Any]]
"""A change to a sequence, in the engine's own terms: retain, insert, delete."""

Hear: TypeAlias = Callable[[object, Delta, Any], None]
"""Takes the key of a text, what changed in it in code points, and the transaction to read in."""

# Of how many nested texts the offsets are kept: each is a few hundred bytes and a
# subscription, and a page's worth of paragraphs is in use at a time.
_NESTED_TEXTS = 256

# How many edits from elsewhere a text follows without being used here. Following one costs a
# walk through the text, and so does loading it again.
_IDLE = 8


class Following:
    """The offsets of the texts of one core.

    Attributes:
        direct: Edits are to keep the offsets themselves (rule 1).
        quiet: The transaction that is being committed needs no events.
        trouble: What a callback would have raised.
    """

    __slots__ = (
        "__weakref__", "_hear", "_offsets", "_subscriptions", "direct", "quiet", "trouble",
    )  # fmt: skip

    def __init__(self) -> None:
        self.direct = True
        self.quiet = False
        self.trouble: Exception | None = None
        self._hear: Hear | None = None
        self._offsets: dict[object, Offsets] = {}
        self._subscriptions: dict[object, yrs.Subscription] = {}

    def __repr__(self) -> str:
        return f"<Following {len(self._offsets)} texts>"

    def __len__(self) -> int:
        return len(self._offsets)

    def offsets(self, branch: Branch, key: object, txn: Any) -> Offsets:
        """The offsets of a text, up to date.

        Args:
            branch: The text.
            key: What tells the text from others: a root's name, or its identity.
            txn: The transaction that it was found in.
        """
        found = self._offsets.get(key)
        if found is None:
            found = self._offsets[key] = Offsets("")
            _load(found, branch, txn)
            self._subscriptions[key] = branch.observe(_changed(ref(self), key, found))
            if len(self._offsets) > _NESTED_TEXTS and self._hear is None:
                self._drop_oldest(but=key)
        elif found.stale:
            _load(found, branch, txn)
        found.idle = 0
        return found

    def tell(self, hear: Hear | None) -> None:
        """From now on, tell of each change to a text, inside its transaction; None to stop."""
        self._hear = hear
        self.direct = hear is None

    def forget(self, but: AbstractSet[object]) -> None:
        """Drop the offsets of all texts but these."""
        for key in self._offsets.keys() - but:
            self._drop(key)

    def _drop_oldest(self, but: object) -> None:
        nested = (key for key in self._offsets if not isinstance(key, str) and key != but)
        oldest = next(nested, None)
        if oldest is not None:
            self._drop(oldest)

    def _drop(self, key: object) -> None:
        del self._offsets[key]
        self._subscriptions.pop(key).drop()


def _changed(self_ref: ref[Following], key: object, offsets: Offsets) -> Callable[[Any], None]:
    def changed(event: Any) -> None:
        following = self_ref()
        if following is None or following.quiet:
            return
        hear = following._hear
        if hear is None:
            offsets.idle += 1
            offsets.stale = offsets.stale or offsets.idle > _IDLE
            if offsets.stale:
                return
        try:
            delta = event.delta if offsets.torn else _follow(offsets, event.delta)
            length = event.target.len(event.transaction)
            if offsets.torn or not (offsets.narrow or offsets.size(Scale.BYTES) == length):
                offsets.stale = True
            if hear is not None:
                hear(key, delta, event.transaction)
                if offsets.stale:
                    _load(offsets, event.target, event.transaction)
        except Exception as error:
            following.trouble = error

    return changed


def _load(offsets: Offsets, branch: Branch, txn: Any) -> None:
    """Load a text. One with a string for an embedded object reads longer than it is: torn."""
    text = read_text(branch, txn)
    offsets.load(text)
    offsets.torn = branch.len(txn) != (len(text) if offsets.narrow else offsets.size(Scale.BYTES))


def _follow(offsets: Offsets, delta: Delta) -> Delta:
    """Let the offsets follow a change that is told in bytes; returns it in code points."""
    narrow = offsets.narrow  # of what was there before
    points: Delta = []
    at = 0
    for step in delta:
        if "insert" in step:
            text = step["insert"] if isinstance(step["insert"], str) else EMBED
            offsets.insert(at, text)
            at += len(text)
            points.append(step)
            continue
        verb = "delete" if "delete" in step else "retain"
        stop = at + step[verb]
        if not narrow:
            start = offsets.convert(at, Scale.POINTS, Scale.BYTES)
            stop = offsets.convert(start + step[verb], Scale.BYTES, Scale.POINTS)
        points.append({**step, verb: stop - at})
        if verb == "delete":
            offsets.delete(at, stop)
        else:
            at = stop
    return points
