"""★ What is different between two moments.

Rules:

1. It is exact: whoever takes the steps of a difference has the new tree, but for ids and stamps
   (:mod:`.changed`). What is told of it is for people: nothing is different that reads alike.
2. Two shared types are the same, and are gone into, if they have one id. Of others, those that
   hold the same are; then, between two that are the same, those of one kind and tag that have most
   in common. Under one key, and at the top, all of one kind are.
3. Roots and keys come in the order of their names: a map has no other that everybody sees.
4. A root that holds nothing is as one that is not there: no document forgets a root.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

import msgspec

from . import wording
from .alignment import Block, apart, blocks
from .changed import (
    Add,
    Changed,
    ElementChanged,
    Keep,
    KeyChange,
    KeyChanged,
    MapChanged,
    Path,
    Remove,
    SequenceChanged,
    SequenceStep,
    TextChanged,
    Within,
    walk,
)
from .likeness import Likeness, sort_of
from .told import told
from .tree import (
    ArrayNode,
    ElementNode,
    Entry,
    MapNode,
    Node,
    Stamp,
    TextNode,
    Tree,
    XmlNode,
    XmlTextNode,
    emptied,
    id_of,
    is_node,
)
from .unified import SIGNS, unified

__all__ = ["Difference", "difference"]

# Two elements with less in common than this are two, and not one that was edited.
ALIKE = 0.3
# Pairs of elements to compare in search of the most alike; beyond, each has one to compare with.
PAIRS = 2_500


class Difference(msgspec.Struct, frozen=True):
    """What is different between two trees; empty, and false, if nothing is.

    Attributes:
        roots: What became of each root that is different. All that two documents can have in
            common is gone into; a root that is of another kind is replaced, which none can do.
    """

    roots: dict[str, KeyChange]

    def __bool__(self) -> bool:
        return bool(self.roots)

    def __str__(self) -> str:
        """The difference as a unified diff has it, see :mod:`.unified`; empty if there is none."""
        return "\n".join(SIGNS[line.kind] + line.text for line in unified(self.roots))

    def to_json(self) -> dict[str, Any]:
        """The difference as values that JSON can write, see :mod:`.told`."""
        return told(self.roots)

    @property
    def parts(self) -> tuple[Changed, ...]:
        """Each shared type that is different, in the order of the document."""
        return tuple(walk(self.roots))


def difference(old: Tree, new: Tree, *, gone: Tree | None = None) -> Difference:
    """Compare two trees.

    Args:
        old: The one.
        new: The other.
        gone: The old tree again, with stamps that say who took each part away.

    >>> from .tree import Run
    >>> old, new = {"t": TextNode(None, (Run("ab"),))}, {"t": TextNode(None, (Run("abc"),))}
    >>> difference(old, new).parts[0].steps
    (Keep(length=2), Insert(run=Run(value='c', attributes={}, by=None)))
    >>> print(difference(old, new))
    --- t
    +++ t
    @@ -1 +1 @@
    -ab
    +abc
    """
    comparison = _Comparison()
    roots: dict[str, KeyChange] = {}
    for name in sorted(old.keys() | new.keys()):
        before, after = comparison.counterparts(old.get(name), new.get(name))
        if sort_of(before) != sort_of(after):
            roots[name] = KeyChanged(Entry(before), Entry(after))
        elif changed := comparison.node((name,), before, after, (gone or {}).get(name)):
            roots[name] = changed
    return Difference(roots)


_Pair: TypeAlias = tuple[int, int]


class _Comparison:
    def __init__(self) -> None:
        self._like = Likeness()

    def counterparts(self, old: Node | None, new: Node | None) -> tuple[Any, Any]:
        """Rule 4: let a root that is not there, or is empty, be of the other's kind."""
        others = old is not None and new is not None and sort_of(old) != sort_of(new)
        if new is None or (others and self._is_empty(new)):
            return old, emptied(old)
        if old is None or (others and self._is_empty(old)):
            return emptied(new), new
        return old, new

    def _is_empty(self, root: Node) -> bool:
        return self._like.form(root) == self._like.form(emptied(root))

    def node(self, path: Path, old: Any, new: Any, gone: Any) -> Changed | None:
        """Compare two shared types of one sort; None if they hold the same."""
        if self._like.form(old) == self._like.form(new):
            return None  # rule 1, even if an element went and one that reads alike came
        match old:
            case MapNode():
                keys = self._keys(path, old.entries, new.entries, gone and gone.entries)
                return MapChanged(path, old, new, keys) if keys else None
            case ArrayNode():
                steps = self._sequence(path, old.items, new.items, gone and gone.items)
                return SequenceChanged(path, old, new, steps) if steps else None
            case XmlNode():
                steps = self._sequence(path, old.children, new.children, gone and gone.children)
                return SequenceChanged(path, old, new, steps) if steps else None
            case ElementNode():
                return self._element(path, old, new, gone)
            case _:
                return self._text(path, old, new, gone)

    def _element(
        self, path: Path, old: ElementNode, new: ElementNode, gone: Any
    ) -> ElementChanged | None:
        keys = self._keys(path, old.attributes, new.attributes, gone and gone.attributes)
        steps = self._sequence(path, old.children, new.children, gone and gone.children)
        return ElementChanged(path, old, new, steps, keys) if keys or steps else None

    def _text(
        self,
        path: Path,
        old: TextNode | XmlTextNode,
        new: TextNode | XmlTextNode,
        gone: Any,
    ) -> TextChanged | None:
        keys: dict[str, KeyChange] = {}
        if isinstance(old, XmlTextNode) and isinstance(new, XmlTextNode):
            keys = self._keys(path, old.attributes, new.attributes, gone and gone.attributes)

        def nested(before: Any, after: Any, index: int) -> Within | None:
            changed = self.node((*path, index), before, after, None)
            return Within(changed) if changed else None

        steps = wording.steps(
            old.runs, new.runs, like=self._like, nested=nested, gone=gone and gone.runs
        )
        return TextChanged(path, old, new, steps, keys) if keys or steps else None

    def _keys(
        self, path: Path, old: Mapping[str, Entry], new: Mapping[str, Entry], gone: Any
    ) -> dict[str, KeyChange]:
        changes: dict[str, KeyChange] = {}
        for key in sorted(old.keys() | new.keys()):
            before, after, lost = old.get(key), new.get(key), (gone or {}).get(key)
            if before is None:
                changes[key] = KeyChanged(None, after)
            elif after is None:
                changes[key] = KeyChanged(before, None, lost and lost.by)
            elif is_node(before.value) and sort_of(before.value) == sort_of(after.value):
                inside = lost and lost.value
                if changed := self.node((*path, key), before.value, after.value, inside):
                    changes[key] = changed
            elif self._like.form(before.value) != self._like.form(after.value):
                changes[key] = KeyChanged(before, after)
        return changes

    # Sequences

    def _sequence(
        self, path: Path, old: Sequence[Entry], new: Sequence[Entry], gone: Any
    ) -> tuple[SequenceStep, ...]:
        ids = {id_of(entry.value) for entry in old} & {id_of(entry.value) for entry in new} - {None}
        mine, yours = ([self._name(entry, ids) for entry in each] for each in (old, new))
        steps: list[SequenceStep] = []
        kept = at = opposite = 0
        for i, j in self._pairs(old, new, blocks(mine, yours)):
            lost, found = old[at:i], new[opposite:j]
            within = None
            if i < len(old) and is_node(old[i].value):
                inside = gone and gone[i].value
                within = self.node((*path, j), old[i].value, new[j].value, inside)
            if kept and (lost or found or within):
                steps.append(Keep(kept))
                kept = 0
            steps += _removals(lost, gone and gone[at:i])
            if found:
                steps.append(Add(tuple(found)))
            if within:
                steps.append(Within(within))
            else:
                kept += 1
            at, opposite = i + 1, j + 1
        return tuple(steps)

    def _name(self, entry: Entry, ids: set[Any]) -> Any:
        own = id_of(entry.value)
        # Two documents may have one id for things of two sorts.
        return (own, sort_of(entry.value)) if own in ids else self._like.form(entry.value)

    def _pairs(
        self, old: Sequence[Entry], new: Sequence[Entry], found: list[Block]
    ) -> Iterator[_Pair]:
        """Each element that stays, as what it was and as what it is; and the two ends."""
        for at, opposite, (i, j, n) in apart(found, len(old), len(new)):
            for left, right in self._edited(old[at:i], new[opposite:j]):
                yield at + left, opposite + right
            yield from zip(range(i, i + n), range(j, j + n), strict=True)
        yield len(old), len(new)

    def _edited(self, old: Sequence[Entry], new: Sequence[Entry]) -> list[_Pair]:
        """Pair shared types that are alike, in one order."""
        mine = [at for at, entry in enumerate(old) if is_node(entry.value)]
        yours = [at for at, entry in enumerate(new) if is_node(entry.value)]
        if not mine or not yours:
            return []
        alone = len(old) == len(new) == 1
        if len(mine) * len(yours) > PAIRS:
            both = zip(mine, yours, strict=False)
            return [(i, j) for i, j in both if self._alike(old[i], new[j], alone=False)]
        scores = [[self._alike(old[i], new[j], alone=alone) for j in yours] for i in mine]
        return [(mine[i], yours[j]) for i, j in _best(scores)]

    def _alike(self, old: Entry, new: Entry, *, alone: bool) -> float:
        if sort_of(old.value) != sort_of(new.value):
            return 0.0
        share = self._like.share(old.value, new.value)
        if alone and (id_of(old.value) is None or id_of(new.value) is None):
            return max(share, ALIKE)
        return share if share >= ALIKE else 0.0


def _best(scores: list[list[float]]) -> list[_Pair]:
    """Pair rows with columns, both in their order, for the highest sum of scores."""
    height, width = len(scores), len(scores[0])
    # best[i][j]: of the rows from i on with the columns from j on.
    best = [[0.0] * (width + 1) for _ in range(height + 1)]
    for i in reversed(range(height)):
        for j in reversed(range(width)):
            paired = scores[i][j] + best[i + 1][j + 1] if scores[i][j] else 0.0
            best[i][j] = max(paired, best[i + 1][j], best[i][j + 1])
    pairs = []
    i = j = 0
    while i < height and j < width:
        if best[i][j] == best[i + 1][j]:
            i += 1
        elif best[i][j] == best[i][j + 1]:
            j += 1
        else:
            pairs.append((i, j))
            i, j = i + 1, j + 1
    return pairs


def _removals(lost: Sequence[Entry], gone: Sequence[Entry] | None) -> Iterator[Remove]:
    """One step for each hand that took elements away."""
    hands: list[Stamp | None] = [entry.by for entry in gone] if gone else [None] * len(lost)
    start = 0
    for at in range(1, len(lost) + 1):
        if at == len(lost) or hands[at] != hands[start]:
            yield Remove(tuple(lost[start:at]), hands[start])
            start = at
