"""The space of paths: what is one, and which patterns name which, compared with brute force."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from collabkit.access.paths import (
    MAX_SEGMENTS,
    Path,
    covers,
    document_path,
    join,
    matches,
    meet,
    operation_path,
    overlaps,
    parse,
    pattern,
    project_path,
    quote,
    session_path,
    show,
    unquote,
    within,
)
from collabkit.errors import InvalidPolicy
from collabkit.ids import RoomName

# Patterns use two names; a third stands for all that they do not use.
PATHS = [path for size in range(5) for path in itertools.product("abc", repeat=size)]
PATTERNS = [
    (*bare, *tail)
    for size in range(4)
    for bare in itertools.product("ab*", repeat=size)
    for tail in ((), ("**",))
]

patterns = st.sampled_from(PATTERNS)


def _names(pattern: Path, path: Path) -> bool:
    """What a pattern names, by rule 2 and nothing else."""
    if not pattern:
        return not path
    if pattern == ("**",):
        return True
    return bool(path) and pattern[0] in ("*", path[0]) and _names(pattern[1:], path[1:])


NAMED = {each: frozenset(path for path in PATHS if _names(each, path)) for each in PATTERNS}


def test_a_pattern_matches_what_it_names() -> None:
    """`matches` is rule 2, for every short pattern and path."""
    for each in PATTERNS:
        assert {path for path in PATHS if matches(each, path)} == NAMED[each], each


@given(patterns, patterns)
@example(("**",), ())
@example(("a", "**"), ("a",))
def test_two_patterns_are_compared_by_what_they_name(one: Path, other: Path) -> None:
    """`covers`, `overlaps` and `meet` say what comparing all that is named says."""
    both = NAMED[one] & NAMED[other]
    assert covers(one, other) == (NAMED[one] >= NAMED[other])
    assert overlaps(one, other) == bool(both)
    met = meet(one, other)
    assert both == (frozenset() if met is None else NAMED[met])


@given(patterns, patterns)
def test_patterns_meet_in_one_pattern(one: Path, other: Path) -> None:
    """What two patterns both name is a pattern, the same from either side."""
    met = meet(one, other)
    assert met == meet(other, one)
    assert met is None or (covers(one, met) and covers(other, met))


@given(patterns, st.sampled_from(PATHS))
def test_a_scope_holds_what_it_names_and_all_beneath(scope: Path, path: Path) -> None:
    """A path is within a scope if the scope names it, or one of those above it."""
    above = [path[:size] for size in range(len(path) + 1)]
    assert within(scope, path) == any(matches(scope, each) for each in above)


@given(st.text())
@example("")
@example("..")
@example("*")
@example("[]")
@example("a/b%2F")
def test_any_name_is_one_segment(name: str) -> None:
    """A name is written as a segment that is read as the same name, and as no wildcard."""
    segment = quote(name)
    assert unquote(segment) == name
    assert parse(show(("projects", segment))) == ("projects", segment)
    assert segment not in ("*", "**", "[]")


@given(st.text(alphabet="/%*[]{}.2AFa\x00\x7f", max_size=12))
def test_a_name_is_written_in_one_way(text: str) -> None:
    """What is read as a path is what its names are written as, or names an element."""
    try:
        segments = parse("/" + text)
    except InvalidPolicy:
        return
    assert all(each == "[]" or each == quote(unquote(each)) for each in segments)
    assert show(segments) == "/" + text


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("projects", "begins with `/`"),
        ("", "begins with `/`"),
        ("//", "the segment ''"),
        ("/a/../b", "the segment '..'"),
        ("/a/b*", "`*` is a whole segment"),
        ("/a/***", "`*` is a whole segment"),
        ("/a/**/b", "only be the last"),
        ("/a/%41", "written 'A'"),
        ("/a/%2f", "written '%252f'"),
        ("/a/%2Ex", "written '.x'"),
        ("/a/{project}", "a slot stands in templates only"),
        ("/a/[0]", "written '%5B0%5D'"),
        ("/a/\n", "written '%0A'"),
        ("/a" * (MAX_SEGMENTS + 1), "longer than"),
        ("/" + "a" * 5000, "longer than"),
    ],
)
def test_what_is_no_pattern_is_refused_with_its_reason(text: str, reason: str) -> None:
    """A pattern that somebody might take for another one is refused, in words."""
    with pytest.raises(InvalidPolicy) as refused:
        pattern(text)
    assert reason in refused.value.reason
    assert len(str(refused.value)) < 6000


def test_a_path_has_no_wildcard() -> None:
    """What is asked about is one thing."""
    with pytest.raises(InvalidPolicy, match="wildcard"):
        parse("/projects/*")
    assert parse("/") == pattern("/") == ()


def test_rooms_and_operations_have_paths() -> None:
    """A project, a session, a document, an operation and what is inside: one space."""
    room = RoomName.parse("acme~plan/budget/2027")
    assert show(project_path("a/b")) == "/projects/a%2Fb"
    assert show(session_path(room)) == "/projects/acme/sessions/plan"
    assert show(document_path(room)) == "/projects/acme/sessions/plan/docs/budget%2F2027"
    assert show(operation_path(session_path(room), "restore")).endswith("/plan/ops/restore")
    assert join(("a",), "*", "") == ("a", "%2A", "%")
