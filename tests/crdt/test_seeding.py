"""First content that is the same edit wherever it is made."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collabkit.crdt.document import Document
from collabkit.crdt.seeding import is_seeded, make_seed
from collabkit.crdt.values import Element
from collabkit.errors import LocalProtocolError

# Enough of them that an order that is drawn anew each time would show.
TIMES = 8


def rich(document: Document) -> None:
    """Write all that the engine keeps in tables without an order, and some more."""
    document.text("body").insert(0, "Title", {"bold": True, "italic": True, "link": "u", "size": 3})
    document.text("body").append(" and 😀 more")
    document.text("body").embed(2, {"image": "i", "alt": "a", "width": 1})
    document.map("meta")["tags"] = {"a": 1, "b": [1.5, {"x": None, "y": True}], "c": "s"}
    with document.edit():
        document.array("list").append({"p": 1, "q": 2})
        document.array("list").append(b"bytes")
    document.text("body").delete(0, 1)


def test_same_content_is_one_edit() -> None:
    """However often a seed is made, its bytes fit together: applied twice, it is there once."""
    seeds = [make_seed("first", rich) for _ in range(TIMES)]
    assert len({seed.client for seed in seeds}) == 1
    for one, other in itertools.pairwise(seeds):
        document = Document()
        document.apply(one.update)
        digest, vector = document.digest(), document.state_vector
        document.apply(other.update)
        assert (document.digest(), document.state_vector) == (digest, vector)


def test_replicas_with_seeds_of_their_own_go_on_together() -> None:
    """Replicas that were each given the seed agree on what is done to it later."""
    documents = [Document(), Document()]
    for document in documents:
        document.apply(make_seed("first", rich).update)
    one, other = documents
    one.text("body").format(0, 3, {"bold": None})
    other.text("body").delete(1, 2)
    other.map("meta")["tags"] = "none"
    for mine, theirs in ((one, other), (other, one)):
        mine.apply(theirs.update(mine.state_vector))
    assert one.digest() == other.digest()


@pytest.mark.parametrize(
    "other",
    [
        lambda document: document.text("body").append("Titel"),
        lambda document: document.text("boby").append("Title"),
        lambda document: document.map("body").__setitem__("k", "Title"),
        lambda document: [document.text("body").append(part) for part in ("T", "itle", "", "s")],
    ],
)
def test_other_content_has_other_ids(other: Any) -> None:
    """Contents that differ in anything never share an id, and so can always be told apart."""
    seed = make_seed("first", lambda document: document.text("body").append("Title"))
    assert make_seed("first", other).client != seed.client


def test_embedded_objects_and_xml() -> None:
    """What other kinds of content hold is written the same as well."""

    def page(document: Document) -> None:
        fragment = document.xml("page")
        fragment.append(Element("p", {"class": "a", "id": "b", "lang": "c"}, ["text"]))

    assert len({make_seed("page", page).update for _ in range(TIMES)}) == 1


def test_order_of_writing_counts() -> None:
    """The same content, written in another order, has other ids: its parts are numbered else."""

    def forwards(document: Document) -> None:
        document.map("m")["x"] = 1
        document.map("m")["y"] = 2

    def backwards(document: Document) -> None:
        document.map("m")["y"] = 2
        document.map("m")["x"] = 1

    assert make_seed("first", forwards).client != make_seed("first", backwards).client


@given(st.text(), st.text())
def test_vector_tells_the_key(key: str, other: str) -> None:
    """A document tells under which keys it was seeded, whatever the content was."""
    document = Document()
    assert not is_seeded(document.state_vector, key)
    document.apply(make_seed(key, lambda it: it.text("body").append("v1")).update)
    assert is_seeded(document.state_vector, key)
    assert is_seeded(document.state_vector, other) == (key == other)


def test_client_ids_are_ones_that_javascript_can_count() -> None:
    """A seed's client id has 53 bits, and so is apart from those that Yjs draws."""
    client = make_seed("first", rich).client
    assert 1 << 52 <= client < 1 << 53


def test_writing_that_differs() -> None:
    """A function that does not write the same twice is found out."""
    numbers = itertools.count()
    with pytest.raises(LocalProtocolError):
        make_seed("first", lambda document: document.text("body").append(str(next(numbers))))


def test_nothing_to_write() -> None:
    """A seed of nothing is an update of nothing."""
    document = Document()
    document.apply(make_seed("first", lambda _: None).update)
    assert document.to_dict() == {}
