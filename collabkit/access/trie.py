"""Values at patterns, found by what the patterns name.

A tree with a branch for each segment, and one for ``*``. What stands at ``/a/**`` is kept at the
node of ``/a`` as what holds for the rest. Looking a path up takes as many steps as it has segments,
for each way that wildcards let it take; other values are never looked at.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Generic, TypeVar

from .paths import Path

__all__ = ["Trie"]

T = TypeVar("T")

# A policy has some hundred thousand nodes, most of them with one branch or one value.
_NO_KIDS: dict[str, _Node] = {}
_NOTHING: list[Any] = []


class _Node:
    __slots__ = ("here", "kids", "rest", "star")

    def __init__(self) -> None:
        self.kids = _NO_KIDS
        self.star: _Node | None = None
        self.here = _NOTHING
        self.rest = _NOTHING

    def kid(self, segment: str) -> _Node:
        if segment == "*":
            self.star = self.star or _Node()
            return self.star
        if self.kids is _NO_KIDS:
            self.kids = {}
        if (kid := self.kids.get(segment)) is None:
            kid = self.kids[segment] = _Node()
        return kid


class Trie(Generic[T]):
    """Values at patterns.

    >>> trie = Trie[str]()
    >>> trie.add(("a", "*"), "one"); trie.add(("a", "**"), "all")
    >>> trie.find(("a", "b")), trie.find(("a",))
    (['all', 'one'], ['all'])
    """

    __slots__ = ("_root", "_size")

    def __init__(self) -> None:
        self._root = _Node()
        self._size = 0

    def __repr__(self) -> str:
        return f"<Trie of {self._size}>"

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[T]:
        return self._below([self._root])

    def add(self, pattern: Path, value: T) -> None:
        """Keep a value at a pattern, beside those that are there."""
        goes_on = pattern[-1:] == ("**",)
        node = self._root
        for segment in pattern[:-1] if goes_on else pattern:
            node = node.kid(segment)
        name = "rest" if goes_on else "here"
        if (there := getattr(node, name)) is _NOTHING:
            setattr(node, name, [value])
        else:
            there.append(value)
        self._size += 1

    def find(self, path: Path) -> list[T]:
        """The values whose patterns name a path."""
        found, nodes = self._descend(path)
        for node in nodes:
            found += node.rest
            found += node.here
        return found

    def covering(self, pattern: Path) -> list[T]:
        """The values whose patterns name all that another pattern does."""
        if pattern[-1:] != ("**",):
            return self.find(pattern)  # `*` is no branch but its own, so nothing narrower is met
        found, nodes = self._descend(pattern[:-1])
        for node in nodes:
            found += node.rest
        return found

    def overlapping(self, path: Path) -> list[T]:
        """The values whose patterns name a path, or something beneath it."""
        found, nodes = self._descend(path)
        found.extend(self._below(nodes))
        return found

    def _descend(self, path: Path) -> tuple[list[T], list[_Node]]:
        """What was met for the rest on the way to a path, and the nodes it leads to."""
        found: list[T] = []
        nodes = [self._root]
        for segment in path:
            following = []
            for node in nodes:
                found += node.rest
                if (kid := node.kids.get(segment)) is not None:
                    following.append(kid)
                if node.star is not None:
                    following.append(node.star)
            nodes = following
        return found, nodes

    @staticmethod
    def _below(nodes: list[_Node]) -> Iterator[T]:
        waiting = list(nodes)
        while waiting:
            node = waiting.pop()
            yield from node.rest
            yield from node.here
            waiting.extend(node.kids.values())
            if node.star is not None:
                waiting.append(node.star)
