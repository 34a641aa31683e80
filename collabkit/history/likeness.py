"""★ Which contents hold the same, and how much two that do not have in common.

Two contents hold the same if they would read alike: ids and stamps do not count, and neither does
where one run of a text ends and the next of the same formatting begins. A shared list and a plain
one are not the same, and neither are ``1`` and ``True``; ``1`` and ``1.0`` are one number.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Hashable, Iterable, Mapping
from typing import Any

from .tree import (
    ArrayNode,
    ElementNode,
    Entry,
    MapNode,
    Run,
    Subdocument,
    TextNode,
    XmlNode,
    is_node,
)

__all__ = ["Likeness", "sort_of"]

_WORD = re.compile(r"\w+")


def sort_of(content: Any) -> Hashable:
    """What must agree for one content to become another in place; None for plain values.

    >>> sort_of(ElementNode("p")) == sort_of(ElementNode("h1")), sort_of("p")
    (False, None)
    """
    if isinstance(content, ElementNode):
        return "ElementNode", content.tag
    return type(content).__name__ if is_node(content) else None


class Likeness:
    """Compares contents, and remembers what it saw.

    >>> like = Likeness()
    >>> like.form(ArrayNode(None, (Entry(1),))) == like.form(ArrayNode((1, 0), (Entry(1.0),)))
    True
    >>> like.share("see the cat", "see a cat")
    0.6666666666666666
    """

    def __init__(self) -> None:
        self._numbers: dict[Hashable, int] = {}
        # By identity, and with the content, so that no other gets its place in memory.
        self._forms: dict[int, tuple[Any, int]] = {}
        self._bags: dict[int, tuple[Any, Counter[Hashable]]] = {}

    def __repr__(self) -> str:
        return f"<Likeness of {len(self._numbers)} forms>"

    # Holding the same

    def form(self, content: Any) -> int:
        """Number a content: two have one number if they hold the same, and only then."""
        if not is_node(content):
            return self._number(self._plain(content))
        known = self._forms.get(id(content))
        if known is None:
            known = self._forms[id(content)] = content, self._number(self._shape(content))
        return known[1]

    def _number(self, shape: Hashable) -> int:
        # A tuple of numbers is as quick to look up as it is short, however deep the content.
        return self._numbers.setdefault(shape, len(self._numbers))

    def _plain(self, value: Any) -> Hashable:
        match value:
            case bool() | None:
                return "word", value
            case int() | float():
                return "number", "nan" if math.isnan(value) else value
            case dict():
                return "dict", frozenset((key, self.form(item)) for key, item in value.items())
            case list() | tuple():
                return "list", tuple(map(self.form, value))
            case Subdocument():
                return "document", value.guid
            case _:
                return type(value).__name__, value

    def _shape(self, node: Any) -> Hashable:
        match node:
            case MapNode():
                return "map", self._keys(node.entries)
            case ArrayNode():
                return "array", self._values(node.items)
            case TextNode():
                return "text", self._runs(node.runs)
            case XmlNode():
                return "xml", self._values(node.children)
            case ElementNode():
                inside = self._values(node.children)
                return "element", node.tag, self._keys(node.attributes), inside
            case _:
                return "xml text", self._keys(node.attributes), self._runs(node.runs)

    def _keys(self, entries: Mapping[str, Entry]) -> Hashable:
        return frozenset((key, self.form(entry.value)) for key, entry in entries.items())

    def _values(self, entries: Iterable[Entry]) -> Hashable:
        return tuple(self.form(entry.value) for entry in entries)

    def _runs(self, runs: Iterable[Run]) -> Hashable:
        shown: list[tuple[Any, int]] = []
        for run in runs:
            formatting = self.form(run.attributes)
            if not isinstance(run.value, str):
                shown.append((self.form(run.value), formatting))
            elif shown and isinstance(shown[-1][0], str) and shown[-1][1] == formatting:
                shown[-1] = (shown[-1][0] + run.value, formatting)
            elif run.value:
                shown.append((run.value, formatting))
        return tuple(shown)

    # Having something in common

    def share(self, one: Any, other: Any) -> float:
        """How much two contents have in common, from 0 to 1: words, values and keys.

        Twice what both have, by all that is there (Dice's coefficient).
        """
        mine, yours = self._bag(one), self._bag(other)
        total = mine.total() + yours.total()
        return 2 * (mine & yours).total() / total if total else 1.0

    def _bag(self, content: Any) -> Counter[Hashable]:
        if isinstance(content, str):
            return Counter(_WORD.findall(content))
        if not is_node(content):
            return Counter([self.form(content)])
        known = self._bags.get(id(content))
        if known is None:
            known = self._bags[id(content)] = content, self._gather(content)
        return known[1]

    def _gather(self, node: Any) -> Counter[Hashable]:
        bag: Counter[Hashable] = Counter()
        for name in ("entries", "attributes"):
            for key, entry in getattr(node, name, {}).items():
                bag[key] += 1
                bag.update(self._bag(entry.value))
        for name in ("items", "children", "runs"):
            for part in getattr(node, name, ()):
                bag.update(self._bag(part.value))
        return bag
