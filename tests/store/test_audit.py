"""The chain of the audit, without a file."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from collabkit.errors import ValueNotStorable
from collabkit.ids import SessionId
from collabkit.store.audit import START, Entry, Head, breaks, seal
from collabkit.store.base import Deed
from collabkit.testing.store_contract import ADA

NOTES = SessionId("notes")


def chain(count: int) -> list[Entry]:
    """So many lines."""
    entries, head = [], START
    for number in range(count):
        deed = Deed(ADA, "compact", {"upto": number, "document": "päth"})
        entries.append(seal(head, NOTES if number % 2 else None, deed, now_ms=number))
        head = entries[-1].head
    return entries


LINES = chain(6)


def test_a_chain_is_whole() -> None:
    """And it has each of its heads."""
    assert list(breaks(LINES)) == []
    for head in (START, *(line.head for line in LINES)):
        assert list(breaks(LINES, head=head)) == []


def test_anybody_can_check_a_line() -> None:
    """With SHA-256 and JSON, and no code of ours."""
    before, line = LINES[2], LINES[3]
    fields = [4, 3, "notes", "user:ada", "compact", {"document": "päth", "upto": 3}]
    text = json.dumps(fields, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    digest = hashlib.sha256(bytes.fromhex(before.hash) + text.encode())
    assert line.hash == digest.hexdigest()


CHANGES: dict[str, Callable[[list[Entry]], list[Entry]]] = {
    "no": lambda lines: [*lines[:2], replace(lines[2], no=9), *lines[3:]],
    "at_ms": lambda lines: [*lines[:2], replace(lines[2], at_ms=9), *lines[3:]],
    "session": lambda lines: [lines[0], replace(lines[1], session=None), *lines[2:]],
    "no session": lambda lines: [*lines[:2], replace(lines[2], session=NOTES), *lines[3:]],
    "subject": lambda lines: [*lines[:2], replace(lines[2], subject="x"), *lines[3:]],
    "action": lambda lines: [*lines[:2], replace(lines[2], action="x"), *lines[3:]],
    "data": lambda lines: [*lines[:2], replace(lines[2], data={}), *lines[3:]],
    "hash": lambda lines: [*lines[:2], replace(lines[2], hash=START.hash), *lines[3:]],
    "deleted": lambda lines: [*lines[:2], *lines[3:]],
    "deleted and counted anew": lambda lines: [
        *lines[:2],
        *(replace(line, no=line.no - 1) for line in lines[3:]),
    ],
    "swapped": lambda lines: [*lines[:2], lines[3], lines[2], *lines[4:]],
    "twice": lambda lines: [*lines[:2], lines[1], *lines[2:]],
    "without its beginning": lambda lines: lines[1:],
}


@pytest.mark.parametrize("change", CHANGES)
def test_no_line_can_be_changed_unseen(change: str) -> None:
    """Nor be left out, moved, or written twice."""
    assert list(breaks(CHANGES[change](LINES)))


def test_a_head_that_was_kept_tells_what_the_chain_cannot() -> None:
    """That its end was left away, and that it was written anew."""
    assert list(breaks(LINES[:4])) == []
    cut = list(breaks(LINES[:4], head=LINES[4].head))
    assert cut == ["the audit ends at line 4; line 5 was kept"]
    other = seal(START, None, Deed(ADA, "other"), now_ms=0)
    assert list(breaks([other])) == []
    (anew,) = breaks([other], head=LINES[0].head)
    assert anew.startswith("line 1 of the audit is not the one that was kept")
    assert list(breaks([], head=LINES[0].head)) == ["the audit ends at line 0; line 1 was kept"]


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(), VALUES, max_size=3))
def test_whatever_is_told_can_be_checked_or_is_refused(data: dict[str, object]) -> None:
    """What JSON says twice in the same way holds; nothing else gets in."""
    try:
        line = seal(START, None, Deed(ADA, "x", data), now_ms=0)
    except ValueNotStorable:
        return
    assert list(breaks([line])) == []


@pytest.mark.parametrize("value", [object(), {(): 1}, "\ud800"])
def test_what_json_cannot_say_is_refused(value: object) -> None:
    """Before anything is written of it."""
    with pytest.raises(ValueNotStorable):
        seal(START, None, Deed(ADA, "x", {"value": value}), now_ms=0)


def test_a_head_is_written_and_read() -> None:
    """As a number and a hash; anything else is no head."""
    head = LINES[2].head
    assert Head.parse(f"{head}\n") == head
    for wrong in ("", "3", "3:", f"x:{head.hash}", f"3:{head.hash}00", "3:" + "x" * 64):
        with pytest.raises(ValueError, match=r".+"):
            Head.parse(wrong)
