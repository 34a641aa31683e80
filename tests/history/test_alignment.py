"""Common pieces: always common, in order, and those that a person sees."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collabkit.history.alignment import Block, blocks, text_blocks


def check(found: list[Block], old: object, new: object) -> None:
    at = opposite = 0
    for i, j, n in found:
        assert n > 0
        assert i >= at
        assert j >= opposite
        assert (i, j) != (at, opposite) or at == 0
        assert old[i : i + n] == new[j : j + n]  # type: ignore[index]
        at, opposite = i + n, j + n


sequences = st.lists(st.integers(0, 9), max_size=30)
lines = st.lists(st.sampled_from(("one two", "two", "", "x", "three four five")), max_size=12)


@given(sequences, sequences)
def test_pieces_are_common_and_in_order(old: list[int], new: list[int]) -> None:
    """Whatever two sequences are: each piece is in both, and none touches the next."""
    check(blocks(old, new), old, new)


@given(lines.map("\n".join), lines.map("\n".join))
def test_pieces_of_texts_are_common_and_in_order(old: str, new: str) -> None:
    """Whatever two texts are: each piece is in both, and none touches the next."""
    check(text_blocks(old, new), old, new)


def marked(old: str, new: str) -> str:
    shown, at, opposite = "", 0, 0
    for i, j, n in [*text_blocks(old, new), (len(old), len(new), 0)]:
        shown += f"[-{old[at:i]}-]" * (at < i) + f"{{+{new[opposite:j]}+}}" * (opposite < j)
        shown += old[i : i + n]
        at, opposite = i + n, j + n
    return shown


@pytest.mark.parametrize(
    ("old", "new", "shown"),
    [
        ("Hel", "Hello", "Hel{+lo+}"),
        ("colour is nice", "color is nicer", "colo[-u-]r is nice{+r+}"),
        ("the end.", "the end, and more.", "the end{+, and more+}."),
        ("a cat sat", "a mouse ran", "a [-cat sat-]{+mouse ran+}"),
        ("one\ntwo\nthree\n", "one\n2\nthree\n", "one\n[-two-]{+2+}\nthree\n"),
        (
            "The cat sat on the mat.",
            "A dog ate the mouse in the house.",
            "[-The cat sat on the mat-]{+A dog ate the mouse in the house+}.",
        ),
    ],
)
def test_words_are_what_people_see(old: str, new: str, shown: str) -> None:
    """Words that became others are replaced whole, and nothing is kept by accident."""
    assert marked(old, new) == shown


def test_lines_that_moved_keep_their_order() -> None:
    """Of what changed its place as much as can be stays."""
    assert marked("a\nb\nc\nd\n", "d\na\nb\nc\n") == "{+d\n+}a\nb\nc\n[-d\n-]"


def test_few_words_in_many_orders() -> None:
    """Where each word comes often, rows of words are found again; the rest is as it was."""
    words = [("one", "two", "three", "four")[digit] for digit in _digits(4, 8000)]
    old = " ".join(words)
    new = " ".join([*words[:2000], "here", *words[2000:5000], *words[5010:]])
    found = text_blocks(old, new)
    check(found, old, new)
    assert sum(n for _, _, n in found) >= len(old) - 200


def _digits(base: int, count: int) -> list[int]:
    """Digits without any order that repeats (of a linear congruential generator)."""
    digits, state = [], 1
    for _ in range(count):
        state = (state * 1103515245 + 12345) % 2**31
        digits.append((state >> 16) % base)
    return digits


@pytest.mark.parametrize("alphabet", ["a\n", "ab \n", "a b c d e\n"])
def test_long_texts_of_few_words_are_compared(alphabet: str) -> None:
    """Where everything looks like everything else, what is found is found without looking at all
    pairs; the ends are always found."""
    old = alphabet * 20_000
    new = f"start{alphabet * 9_000}middle{alphabet[::-1] * 11_000}end"
    found = text_blocks(f"<{old}>", f"<{new}>")
    check(found, f"<{old}>", f"<{new}>")
    assert (found[0][0], found[-1][0] + found[-1][2]) == (0, len(old) + 2)
