"""Shared maps and arrays behave as the dicts and lists they look like."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from collabkit.crdt.containers import Array, Map
from collabkit.crdt.document import Document
from collabkit.crdt.text import Text
from collabkit.crdt.values import Json, NewText
from collabkit.errors import Gone, OutOfRange, ValueNotStorable

keys = st.sampled_from(["a", "b", "é", ""])
values = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text("aé😀", max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=5,
)
indexes = st.integers(-4, 4)


class ContainersArePython(RuleBasedStateMachine):
    """Every edit does to the shared map and array what it does to a dict and a list."""

    @initialize()
    def start(self) -> None:
        """All are empty."""
        self.document = Document()
        self.map = self.document.map("map")
        self.dict: dict[str, Any] = {}
        self.array = self.document.array("array")
        self.list: list[Any] = []

    def both(self, edit: Callable[[Any], Any], shared: Any, plain: Any) -> None:
        """Do the same to the shared one and the plain one; both may raise."""
        outcomes = []
        for target in (shared, plain):
            try:
                outcomes.append(edit(target))
            except (KeyError, IndexError) as error:
                outcomes.append(
                    next(kind for kind in (KeyError, IndexError) if isinstance(error, kind))
                )
        assert outcomes[0] == outcomes[1]

    @rule(key=keys, value=values)
    def put(self, key: str, value: Any) -> None:
        """A key gets a value."""
        self.both(lambda target: target.__setitem__(key, value), self.map, self.dict)

    @rule(key=keys)
    def remove(self, key: str) -> None:
        """A key goes, if it is there."""
        self.both(lambda target: target.__delitem__(key), self.map, self.dict)

    @rule(entries=st.dictionaries(keys, values))
    def update(self, entries: dict[str, Any]) -> None:
        """Several keys get values."""
        self.both(lambda target: target.update(entries, z=1), self.map, self.dict)

    @rule(key=keys)
    def pop(self, key: str) -> None:
        """What the mixin methods do is right, too."""
        self.both(lambda target: target.pop(key, None) is None, self.map, self.dict)

    @rule(index=indexes, value=values)
    def insert(self, index: int, value: Any) -> None:
        """Any index will do, as in a list."""
        self.both(lambda target: target.insert(index, value), self.array, self.list)

    @rule(value=st.lists(values, max_size=3))
    def extend(self, value: list[Any]) -> None:
        """Several elements at the end."""
        self.both(lambda target: target.extend(value), self.array, self.list)

    @rule(index=indexes, value=values)
    def set_item(self, index: int, value: Any) -> None:
        """An element is replaced, if it is there."""
        self.both(lambda target: target.__setitem__(index, value), self.array, self.list)

    @rule(start=indexes, stop=indexes, value=st.lists(values, max_size=2))
    def set_slice(self, start: int, stop: int, value: list[Any]) -> None:
        """A stretch is replaced."""
        self.both(
            lambda target: target.__setitem__(slice(start, stop), value), self.array, self.list
        )

    @rule(index=indexes)
    def del_item(self, index: int) -> None:
        """An element goes, if it is there."""
        self.both(lambda target: target.__delitem__(index), self.array, self.list)

    @rule()
    def clear(self) -> None:
        """Everything goes."""
        for target in (self.map, self.dict, self.array, self.list):
            target.clear()

    @invariant()
    def they_are_equal(self) -> None:
        """As plain values, by length, by iteration, here and in a new replica."""
        assert self.map.plain() == self.dict
        assert self.array.plain() == self.list
        assert (len(self.map), set(self.map)) == (len(self.dict), set(self.dict))
        assert len(self.array) == len(self.list) == len(list(self.array))
        loaded = Document()
        loaded.apply(self.document.update())
        assert loaded.map("map").plain() == self.dict
        assert loaded.array("array").plain() == self.list


TestContainersArePython = ContainersArePython.TestCase


@pytest.fixture
def document() -> Document:
    """An empty document."""
    return Document()


def test_what_is_shared_can_be_edited_in_place(document: Document) -> None:
    """A dict, a list and a text become handles, all the way down."""
    tasks = document.map("tasks")
    tasks["one"] = {"tags": ["a"], "notes": NewText("x", {"bold": True}), "done": False}
    one = tasks["one"]
    assert (type(one), type(one["tags"]), type(one["notes"])) == (Map, Array, Text)
    one["tags"].append("b")
    one["notes"].append("y")
    one["done"] = True
    assert tasks.plain() == {"one": {"tags": ["a", "b"], "notes": "xy", "done": True}}


def test_what_is_plain_reads_as_a_copy(document: Document) -> None:
    """Changing the copy changes nothing; the value is replaced as a whole."""
    settings = document.map("settings")
    settings["window"] = Json({"size": [3, 4]})
    copy = settings["window"]
    copy["size"].append(5)
    assert settings["window"] == {"size": [3, 4]}


def test_two_fields_edited_at_once_both_count(document: Document) -> None:
    """A shared map merges field by field; a plain dict has one winner."""
    document.map("m").update({"shared": {"a": 1, "b": 1}, "plain": Json({"a": 1, "b": 1})})
    other = Document()
    other.apply(document.update())
    for replica, field in ((document, "a"), (other, "b")):
        replica.map("m")["shared"][field] = 2
        replica.map("m")["plain"] = Json({**replica.map("m")["plain"], field: 2})
    document.apply(other.update())
    assert document.map("m")["shared"].plain() == {"a": 2, "b": 2}
    assert document.map("m")["plain"] in ({"a": 2, "b": 1}, {"a": 1, "b": 2})


def test_an_element_is_followed_where_it_goes(document: Document) -> None:
    """The handle of an element means this element, whatever is put before it."""
    rows = document.array("rows")
    rows.extend([{"id": 1}, {"id": 2}])
    second = rows[1]
    rows.insert(0, {"id": 0})
    second["id"] = "two"
    assert rows.plain() == [{"id": 0}, {"id": 1}, {"id": "two"}]
    del rows[2]
    with pytest.raises(Gone, match="an element of rows is not in the document any more"):
        second["id"] = 3


def test_a_slice_is_a_list_of_elements(document: Document) -> None:
    """With steps and negative bounds, as of a list."""
    rows = document.array("rows")
    rows.extend(range(10))
    assert rows[1:8:3] == [1, 4, 7]
    assert rows[::-1] == list(range(9, -1, -1))
    with pytest.raises(OutOfRange):
        rows[10]
    with pytest.raises(OutOfRange):
        rows[::2] = [1]


@pytest.mark.parametrize(
    ("edit", "reason"),
    [
        (lambda d: d.map("m").update({"ok": 1, "x": {2}}), "['x'] is a set"),
        (lambda d: d.map("m").update({"\ud800": 1}), "a key has half of a surrogate pair at 0"),
        (lambda d: d.map("m").__setitem__(3, 1), "a key is a int, not a string"),
        (lambda d: d.array("a").extend([1, {2}]), "the elements[1] is a set"),
        (lambda d: d.array("a").insert(0, float("inf")), "the elements[0] is inf"),
    ],
)
def test_what_cannot_be_stored_changes_nothing(
    document: Document, edit: Callable[[Document], None], reason: str
) -> None:
    """Of several values none is written if one cannot be."""
    with pytest.raises(ValueNotStorable) as caught:
        edit(document)
    assert caught.value.reason.startswith(reason)
    assert document.to_dict() == {}


def test_a_position_in_an_array_stays_with_its_element(document: Document) -> None:
    """Also at its end, and in other replicas."""
    rows = document.array("rows")
    rows.extend(["a", "b"])
    at_b, at_end = rows.position_at(1), rows.position_at(2)
    rows.insert(0, "x")
    rows.append("c")
    other = Document()
    other.apply(document.update())
    assert [other.array("rows").index_of(at) for at in (at_b, at_end)] == [2, 4]
    assert document.array("other").index_of(at_b) is None
    with pytest.raises(OutOfRange):
        rows.position_at(5)


def test_the_repr_says_what_it_is(document: Document) -> None:
    """With its place and its size, not its content."""
    document.map("m")["a"] = [1, 2]
    assert repr(document.map("m")) == "<Map m with 1 keys>"
    assert repr(document.map("m")["a"]) == "<Array m['a'] with 2 elements>"
