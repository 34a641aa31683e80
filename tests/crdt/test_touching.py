"""Touching: how each kind of edit is counted."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from collabkit.crdt.document import Document
from collabkit.crdt.touches import Touch
from collabkit.crdt.values import Element
from crdt.crafting import item, shared, string, update, values
from crdt.placing import brief, placed, touched

ONE = b"\x7d\x01"
Edit = Callable[[Document], object]


def begun() -> tuple[Document, list[bytes]]:
    """A document in which there is something of everything, and its updates."""
    document, updates = Document(client_id=7), list[bytes]()
    document.on_update(lambda change: updates.append(change.update))
    document.text("t").insert(0, "hello")
    document.map("m").update({"k": 1, "box": {"a": 1, "in": {"b": 2}}, "list": [1, {"c": 3}]})
    document.array("a").extend([1, {"d": 4}, 3])
    document.xml("x").append(Element("p"))
    document.xml("x")[0].attributes["class"] = "q"
    return document, updates


def done(edit: Edit) -> list[Touch]:
    """What the last of the updates touches that an edit makes."""
    document, updates = begun()
    edit(document)
    return placed(updates)[2][-1]


def box(document: Document, key: str, value: object) -> None:
    """Put something into the box."""
    document.map("m")["box"][key] = value


def at_once(*edits: Edit) -> Edit:
    """Several edits in one update."""

    def all_of_them(document: Document) -> None:
        with document.edit():
            for edit in edits:
                edit(document)

    return all_of_them


@pytest.mark.parametrize(
    ("edit", "told"),
    [
        (lambda d: d.map("m").update(k=2), ["write set m/k"]),
        (lambda d: d.map("m").update(new=2), ["write set m/new"]),
        (lambda d: d.map("m").pop("k"), ["delete remove m/k"]),
        (
            at_once(lambda d: d.map("m").pop("k"), lambda d: d.map("m").update(k=3)),
            ["write set m/k"],
        ),
        (lambda d: box(d, "a", 2), ["write set m/box/a"]),
        (
            lambda d: d.map("m").update(new={"a": "text", "b": [1]}),
            ["write set m/new", "write set m/new/a", "write set m/new/b", "write insert m/new/b"],
        ),
        (
            lambda d: d.map("m").update(box=1),
            ["write set m/box", "write set m/box/a", "write set m/box/in", "write set m/box/in/b"],
        ),
        (
            lambda d: d.map("m").pop("list"),
            ["delete remove m/list", "delete remove m/list", "delete remove m/list/[]/c"],
        ),
        (lambda d: d.text("t").insert(2, "x"), ["write insert t"]),
        (lambda d: d.text("t").delete(0, 2), ["delete remove t"]),
        (lambda d: d.text("t").replace(0, 2, "x"), ["write insert t"]),
        (lambda d: d.text("t").format(0, 2, {"bold": True}), ["write format t"]),
        (
            at_once(
                lambda d: d.text("t").format(0, 2, {"bold": True}),
                lambda d: d.text("t").delete(3, 4),
            ),
            ["write format t", "delete remove t"],
        ),
        (lambda d: d.array("a").append(5), ["write insert a"]),
        (lambda d: d.array("a").append({"k": 1}), ["write insert a", "write set a/[]/k"]),
        (lambda d: d.array("a").pop(0), ["delete remove a"]),
        (lambda d: d.array("a").pop(1), ["delete remove a", "delete remove a/[]/d"]),
        (
            lambda d: d.array("a").__setitem__(1, 5),
            ["write insert a", "write insert a/[]/d"],
        ),
        (lambda d: d.array("a")[1].update(d=5), ["write set a/[]/d"]),
        (lambda d: d.xml("x").append(Element("q")), ["write insert x"]),
        (lambda d: d.xml("x")[0].attributes.update(id="i"), ["write set x/[]/id"]),
        (lambda d: d.xml("x").delete(0, 1), ["delete remove x", "delete remove x/[]/class"]),
        (
            at_once(lambda d: d.map("m").update(k=2), lambda d: d.text("t").insert(0, "x")),
            ["write set m/k", "write insert t"],
        ),
    ],
)
def test_how_an_edit_is_counted(edit: Edit, told: list[str]) -> None:
    """Each kind, alone and together with another."""
    assert sorted(brief(done(edit))) == sorted(told)


# What goes with what

HELD = [
    update((1, 0, [
        shared(1, root="m", key="box"),
        values(ONE, parent=(1, 0), key="a"),
        shared(2, parent=(1, 0), key="note"),
        string("mine", parent=(1, 2)),
    ])),
    update((2, 0, [string(" yours", origin=(1, 6))])),
]  # fmt: skip
IN_BOX = ["m/box", "m/box/a", "m/box/note", "m/box/note"]


def test_what_follows_by_itself_need_not_be_said() -> None:
    """Who overwrites a container deletes all in it, also if his update does not say so."""
    sly = values(ONE, origin=(1, 0))
    told = ((1, 0, 7), (2, 0, 6))
    for deletes in ({}, {1: [(0, 1)]}, {1: [(0, 7)], 2: [(0, 6)]}, {1: [(3, 1)]}):
        found = touched(HELD, update((3, 0, [sly]), deletes=deletes))
        assert brief(found) == [f"write set {path}" for path in IN_BOX]
        assert (found[0].inserted, found[0].deleted) == (((3, 0, 1),), told)
        assert [touch.deleted for touch in found[1:]] == [
            ((1, 1, 1),), ((1, 2, 5), (2, 0, 6)), ((1, 3, 4), (2, 0, 6))
        ]  # fmt: skip
    for deletes in ({1: [(0, 1)]}, {1: [(0, 7)], 2: [(0, 6)]}):
        found = touched(HELD, update(deletes=deletes))
        assert brief(found) == [f"delete remove {path}" for path in IN_BOX]
        assert found[0].deleted == told


def test_a_value_that_comes_without_its_content_removes() -> None:
    """It was set and deleted before it was sent: what was there is gone."""
    [first, *_] = touched(HELD, update((3, 0, [item(1, b"\1", origin=(1, 0))])))
    assert (brief([first]), first.inserted) == (["delete remove m/box"], ())


def test_a_value_that_comes_too_late_deletes_nothing() -> None:
    """Another one is behind it already; it is judged all the same, since it has content."""
    base = [*HELD, update((5, 0, [values(ONE, origin=(1, 1))]))]
    [late] = touched(base, update((4, 0, [values(ONE, origin=(1, 1))])))
    assert (brief([late]), late.deleted) == (["write set m/box/a"], ())
    [later] = touched(base, update((6, 0, [values(ONE, origin=(1, 1))])))
    assert later.deleted == ((5, 0, 1),)


def test_what_is_deleted_as_it_comes_is_judged_as_if_it_stayed() -> None:
    """It is in the bytes; but it replaces nothing."""
    found = touched(
        HELD, update((3, 0, [string("x", origin=(1, 3))]), deletes={3: [(0, 1)], 1: [(4, 2)]})
    )
    assert sorted(brief(found)) == ["delete remove m/box/note", "write insert m/box/note"]
    found = touched(
        HELD, update((3, 0, [values(ONE, origin=(1, 1))]), deletes={3: [(0, 1)], 1: [(1, 1)]})
    )
    assert sorted(brief(found)) == ["delete remove m/box/a", "write set m/box/a"]


def test_what_is_dead_is_not_touched() -> None:
    """Clients say again and again what they deleted; what is put there has content yet."""
    gone = update(deletes={1: [(0, 1)]})
    assert touched([*HELD, gone], gone) == []
    assert touched([*HELD, gone], update(deletes={1: [(0, 7)], 2: [(0, 6)]})) == []
    late = update((3, 0, [string("x", origin=(1, 3)), values(ONE, parent=(1, 0), key="b")]))
    assert sorted(brief(touched([*HELD, gone], late))) == [
        "write insert m/box/note", "write set m/box/b"
    ]  # fmt: skip


def test_places_of_the_same_path_are_judged_apart() -> None:
    """Of two elements with the same keys one may be his own."""
    base = [update((client, 0, [
        shared(1, root="a"), values(ONE, parent=(client, 0), key="k")
    ])) for client in (1, 2)]  # fmt: skip
    found = touched(base, update(deletes={1: [(1, 1)], 2: [(1, 1)]}), mine=lambda one: one == 1)
    assert [(*brief([touch]), touch.own) for touch in found] == [
        ("delete remove a/[]/k", True), ("delete remove a/[]/k", False)
    ]  # fmt: skip


# Marks

BOLD, PLAIN = (item(6, b"\4bold" + b, origin=(1, n)) for n, b in ((0, b"\4true"), (1, b"\4null")))
MARKED = [update((1, 0, [string("abc", root="t")])), update((2, 0, [BOLD, PLAIN]))]


@pytest.mark.parametrize(
    ("late", "told"),
    [
        (update(deletes={2: [(0, 2)]}), {"write format": ((2, 0, 2),)}),
        (update(deletes={2: [(0, 2)], 1: [(1, 1)]}), {"delete remove": ((1, 1, 1), (2, 0, 2))}),
        (
            update((3, 0, [string("x", origin=(1, 2))]), deletes={2: [(0, 2)], 1: [(1, 1)]}),
            {"write insert": ((1, 1, 1), (2, 0, 2))},
        ),
        (
            update((3, 0, [item(6, b"\2em\4true", origin=(1, 0))]), deletes={2: [(0, 1)]}),
            {"write format": ((2, 0, 1),)},
        ),
        (
            update(
                (3, 0, [item(6, b"\2em\4true", origin=(1, 0))]), deletes={2: [(0, 1)], 1: [(2, 1)]}
            ),
            {"write format": ((2, 0, 1),), "delete remove": ((1, 2, 1),)},
        ),
    ],
)
def test_marks_go_with_what_is_done_around_them(
    late: bytes, told: dict[str, tuple[tuple[int, int, int], ...]]
) -> None:
    """Formatting deletes older marks, and so does who deletes what was formatted."""
    found = {f"{touch.action} {touch.kind}": touch.deleted for touch in touched(MARKED, late)}
    assert found == told


# Whose it was, and where it goes


@pytest.mark.parametrize(
    ("late", "own"),
    [
        (update(deletes={1: [(3, 4)]}), [True]),
        (update(deletes={2: [(0, 6)]}), [False]),
        (update(deletes={1: [(3, 4)], 2: [(0, 1)]}), [False]),
        (update(deletes={1: [(2, 1)]}), [False, False]),
        (update(deletes={1: [(1, 1)]}), [True]),
        (update((3, 0, [values(ONE, origin=(1, 1))])), [True]),
        (update((3, 0, [string("x", origin=(2, 5))])), [True]),
    ],
)
def test_own_is_what_all_is_of_ones_own_clients(late: bytes, own: list[bool]) -> None:
    """All that goes with it counted; who deletes nothing deletes nothing of others."""
    assert [touch.own for touch in touched(HELD, late, mine=lambda client: client == 1)] == own


@pytest.mark.parametrize(
    ("edits", "appends"),
    [
        ([lambda d: d.text("t").append("!")], [True]),
        ([lambda d: d.text("t").insert(2, "!")], [False]),
        ([lambda d: d.text("t").delete(3, 5), lambda d: d.text("t").append("!")], [True]),
        ([lambda d: d.text("t").replace(3, 5, "!")], [False]),
        ([lambda d: d.array("a").append(1)], [True]),
        ([lambda d: d.array("a").extend([1, "a", 2])], [True]),
        ([lambda d: d.array("a").append({"k": {"in": "t"}})], [True, True, True]),
        ([lambda d: d.array("a").insert(0, {"k": 1})], [False, False]),
        ([lambda d: d.array("a").pop(2), lambda d: d.array("a").append(1)], [True]),
        ([lambda d: d.map("m").update(new=[1])], [False, False]),
    ],
)
def test_who_appends_has_nothing_behind(edits: list[Edit], appends: list[bool]) -> None:
    """Also behind what was deleted; and what is in a container that is appended is appended."""

    def one_by_one(document: Document) -> None:
        for edit in edits:
            edit(document)

    assert [touch.appends for touch in done(one_by_one)] == appends


def test_a_large_update_is_told_in_its_own_time() -> None:
    """Thousands of containers, brought and deleted: all at once, and each by itself."""
    many = 3_000
    made = [piece for number in range(many) for piece in (
        shared(1, origin=(1, 2 * number - 2)) if number else shared(1, root="a"),
        values(ONE, parent=(1, 2 * number), key="k"),
    )]  # fmt: skip
    found = touched([], update((1, 0, made)))
    assert len(found) == many + 1
    assert found[0].inserted == ((1, 0, 2 * many),)
    gone = touched([update((1, 0, made))], update(deletes={1: [(0, 2 * many)]}))
    assert (len(gone), gone[0].deleted) == (many + 1, ((1, 0, 2 * many),))
