"""Values at patterns, compared with asking each pattern."""

from __future__ import annotations

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from collabkit.access.paths import Path, covers, matches, overlaps
from collabkit.access.trie import Trie

PATHS = [path for size in range(4) for path in itertools.product("abc", repeat=size)]
PATTERNS = [
    (*bare, *tail)
    for size in range(4)
    for bare in itertools.product("ab*", repeat=size)
    for tail in ((), ("**",))
]


@settings(max_examples=40)
@given(st.lists(st.sampled_from(PATTERNS), max_size=12))
def test_what_is_found_is_what_patterns_name(patterns: list[Path]) -> None:
    """A path finds the patterns that name it, what covers a pattern, and what is at or below."""
    trie = Trie[int]()
    for number, pattern in enumerate(patterns):
        trie.add(pattern, number)
    numbered = list(enumerate(patterns))
    assert sorted(trie) == list(range(len(trie)))
    for path in PATHS:
        assert sorted(trie.find(path)) == [n for n, each in numbered if matches(each, path)]
        below = (*path, "**")
        assert sorted(trie.overlapping(path)) == [
            n for n, each in numbered if overlaps(each, below)
        ]
    for pattern in PATTERNS:
        assert sorted(trie.covering(pattern)) == [n for n, e in numbered if covers(e, pattern)]


def test_a_tree_as_wide_as_a_policy_is_not_looked_through() -> None:
    """One of thousands is found, and what is empty finds nothing."""
    trie = Trie[int]()
    assert trie.find(("a",)) == []
    for number in range(5000):
        trie.add((str(number), "*"), number)
    assert trie.find(("77", "x")) == [77]
    assert repr(trie) == "<Trie of 5000>"
