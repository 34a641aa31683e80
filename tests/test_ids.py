"""Identifiers: names of rooms as clients write them, and ids that are never the same twice."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collabkit.errors import InvalidName
from collabkit.ids import MAX_NAME_BYTES, RoomName, new_client_id, new_id

segments = st.text(
    st.characters(exclude_categories=("Cc", "Cs"), exclude_characters="%?#/~"), min_size=1
).filter(lambda segment: segment not in (".", ".."))


@pytest.mark.parametrize(
    ("name", "project", "session", "document"),
    [
        ("notes", "default", "notes", "main"),
        ("notes/budget", "default", "notes", "budget"),
        ("notes/budget/2027", "default", "notes", "budget/2027"),
        ("acme~notes", "acme", "notes", "main"),
        ("acme~notes/a~b", "acme", "notes", "a~b"),
        ("日記", "default", "日記", "main"),
    ],
)
def test_a_name_is_read(name: str, project: str, session: str, document: str) -> None:
    """Project and document may be left out; only the first segment can name a project."""
    assert RoomName.parse(name) == RoomName(project, session, document)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "/",
        "a/",
        "/a",
        "a//b",
        ".",
        "a/..",
        "default~..",
        "..~a",
        "a/./b",
        "~a",
        "a~",
        "a~b~c",
        "100%",
        "a?b",
        "a#b",
        "a\0b",
        "a\nb",
        "a\x7fb",
        "a\ud800b",
        "é" * (MAX_NAME_BYTES // 2 + 1),
    ],
)
def test_a_name_that_clients_would_not_agree_about_is_refused(name: str) -> None:
    """What a URL, a terminal or another client would read differently names no room."""
    with pytest.raises(InvalidName):
        RoomName.parse(name)


@given(project=segments, session=segments, document=st.lists(segments, min_size=1, max_size=3))
def test_a_room_is_written_as_it_is_read(project: str, session: str, document: list[str]) -> None:
    """The shortest name of a room is read as that room again."""
    room = RoomName(project, session, "/".join(document))
    if len(str(room).encode()) <= MAX_NAME_BYTES:
        assert RoomName.parse(str(room)) == room


def test_ids_sort_by_the_time_of_their_making() -> None:
    """A new id is a UUID of version 7, and is not smaller than one made a millisecond before."""
    ids = [new_id() for _ in range(1000)]
    assert len(set(ids)) == 1000
    assert {each[12] for each in ids} == {"7"}
    assert {each[16] for each in ids} <= set("89ab")
    stamps = [each[:12] for each in ids]
    assert stamps == sorted(stamps)


def test_client_ids_are_fresh_and_short() -> None:
    """Two processes draw different client ids, each of 32 bits at most."""
    drawn = {new_client_id() for _ in range(1000)}
    assert len(drawn) > 990
    assert max(drawn) < 2**32
