"""Views: at each moment what the engine had there, of everything that there is to edit."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from collabkit.crdt.document import Document
from collabkit.history.live import tree_of
from collabkit.history.tree import (
    ArrayNode,
    MapNode,
    Node,
    Run,
    TextNode,
    XmlNode,
    plain_tree,
    same,
    text_of,
)
from collabkit.history.view import tree
from collabkit.history.weave import Weave
from collabkit.ids import Seq
from crdt.collected import documents
from crdt.crafting import item, shared, string, update, values
from history.crowd import ROOTS, Crowd
from history.recorded import one_typist, two_typists
from history.weaving import stamp, weave_of, woven

RUNS, IN_CI = 1_000, 20
KINDS: dict[type[Node], str] = {
    TextNode: "text", MapNode: "map", ArrayNode: "array", XmlNode: "xml"
}  # fmt: skip


def agrees(updates: list[bytes], roots: dict[str, str]) -> int:
    """Compare each moment with an engine; returns how many were compared.

    Left out are those at which the engine takes a root for another kind than it turns out to be:
    what it has of such a text as an array is no text, and may be read for ever.
    """
    weave, document, compared = woven(updates), Document(), 0
    for name, kind in roots.items():
        getattr(document, kind)(name)
    for seq, one in enumerate(updates, 1):
        document.apply(one)
        found, kinds = tree(weave, Seq(seq)), document.roots
        if all(KINDS[type(node)] == kinds.get(name) for name, node in found.items()):
            assert plain_tree(found) == document.to_dict(), seq
            live = tree_of(document)
            if all(type(node) is type(live.get(name)) for name, node in found.items()):
                assert same(found, live), seq
                compared += 1
    return compared


@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    "seeds",
    [
        range(IN_CI),
        pytest.param(range(IN_CI, RUNS), marks=pytest.mark.soak),
    ],
    ids=["some", "all"],
)
def test_each_moment_of_a_crowd(seeds: range) -> None:
    """Of people who edit everything at the same time, nested and formatted."""
    moments = compared = 0
    for seed in seeds:
        crowd = Crowd(Random(seed))
        for _ in range(50):
            crowd.step()
        crowd.settle()
        updates = [row.update for row in crowd.rows]
        moments += len(updates)
        compared += agrees(updates, ROOTS)
    assert compared > 0.8 * moments


@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    "seeds", [range(IN_CI), pytest.param(range(IN_CI, RUNS), marks=pytest.mark.soak)]
)
def test_each_moment_after_what_was_compacted(seeds: range) -> None:
    """Rows that build on what the engine had collected by then lead to the same.

    But for a root of whose kind the checkpoint leaves a doubt, such as an array of XML alone.
    """
    moments = compared = 0
    for seed in seeds:
        crowd = Crowd(Random(seed))
        for _ in range(40):
            crowd.step()
        crowd.settle()
        whole, document = weave_of(crowd.rows), Document()
        gone = Random(seed).randrange(1, len(crowd.rows))
        for row in crowd.rows[:gone]:
            document.apply(row.update)
        weave = Weave()
        weave.add_base(document.update(), {}, seq=Seq(gone), at_ms=0)
        for row in crowd.rows[gone:]:
            weave.add(row.update, row.stamp)
        for row in crowd.rows[gone - 1 :]:
            found, wanted = tree(weave, row.seq), tree(whole, row.seq)
            assert set(found) == set(wanted)
            moments += len(found)
            for name, node in found.items():
                if type(node) is type(wanted[name]):
                    compared += 1
                    assert same({name: node}, {name: wanted[name]}), (seed, row.seq)
    assert compared > 0.8 * moments


@pytest.mark.timeout(900)
@pytest.mark.parametrize("every", [100, pytest.param(1, marks=pytest.mark.soak)])
def test_each_moment_of_what_yjs_made(every: int, data: Callable[[str], Path]) -> None:
    """And in the end what Yjs says that the documents hold."""
    roots = {"text": "text", "map": "map", "array": "array"}
    moments = compared = ends = 0
    some = list(documents(data("yjs-small-test-dataset.bin").read_bytes()))[::every]
    for updates, said in some:
        moments += len(updates)
        compared += agrees(updates, roots)
        found = tree(woven(updates))
        wanted = {name: value for name, value in zip(roots, said, strict=True) if value}
        if all(KINDS[type(node)] == roots[name] for name, node in found.items()):
            assert plain_tree(found) == wanted
            ends += 1
    assert compared > 0.7 * moments
    assert ends > 0.8 * len(some)


@pytest.mark.parametrize(
    ("most", "points"), [(8_000, 20), pytest.param(259_778, 100, marks=pytest.mark.soak)]
)
def test_a_long_text_at_random_points(
    most: int, points: int, data: Callable[[str], Path], seed: int
) -> None:
    """It is what was typed until then."""
    chosen = set(Random(seed).sample(range(1, most + 1), points))
    recorded = one_typist(data("automerge-paper.json.gz"), most, chosen)
    weave = woven(recorded.updates)
    for point, text in recorded.texts.items():
        assert plain_tree(tree(weave, Seq(point))) == {"t": text}


@pytest.mark.parametrize("most", [4_000, pytest.param(26_078, marks=pytest.mark.soak)])
def test_a_text_of_two_people(most: int, data: Callable[[str], Path]) -> None:
    """Who typed at the same time."""
    recorded = two_typists(data("friendsforever.json.gz"), most)
    assert plain_tree(tree(woven(recorded.updates))) == {"t": recorded.end}


# Rules


def test_runs_end_where_the_author_or_the_formatting_does() -> None:
    """And what is formatted in the same way by the same row is one run, though it was cut."""
    document = Document()
    rows: list[bytes] = []
    document.on_update(lambda change: rows.append(change.update))
    text = document.text("t")
    text.insert(0, "hello")
    text.insert(2, "XX")
    text.format(0, 3, {"bold": True})
    text.embed(7, {"i": 1})
    text.delete(2, 4)
    one, four = stamp(1), stamp(4)
    bold = {"bold": True}
    assert tree(woven(rows), Seq(4))["t"] == TextNode(
        None,
        (
            Run("he", bold, one), Run("X", bold, stamp(2)), Run("X", {}, stamp(2)),
            Run("llo", {}, one), Run({"i": 1}, {}, four),
        ),
    )  # fmt: skip
    assert tree(woven(rows))["t"] == TextNode(
        None, (Run("he", bold, one), Run("llo", {}, one), Run({"i": 1}, {}, four))
    )


def test_a_root_is_what_the_first_row_made_of_it() -> None:
    """At all moments, and whatever somebody puts into it later."""
    embedded = update((7, 0, [shared(1, root="r")]))
    typed = update((7, 1, [string("hi", origin=(7, 0))]))
    foreign = update((8, 0, [values(b"\x78", root="r")]))
    weave = woven([embedded, typed, foreign])
    assert plain_tree(tree(weave)) == {"r": "hi"}
    assert isinstance(tree(weave, Seq(1))["r"], TextNode)
    assert isinstance(tree(woven([embedded]))["r"], ArrayNode)
    assert plain_tree(tree(woven([foreign, embedded, typed])))["r"][-1] is True


def test_a_root_without_content_is_left_out() -> None:
    """As before anybody wrote in it."""
    document = Document()
    document.text("t").append("x")
    document.text("t").delete(0, 1)
    weave = woven([document.update()])
    assert tree(weave) == tree(weave, Seq(0)) == {}


def test_a_character_that_was_parted_is_whole_while_nothing_is_in_it() -> None:
    """And two halves otherwise, as Yjs shows them."""
    rows = [
        update((7, 0, [string("😀", root="t")])),
        update((8, 0, [string("x", origin=(7, 0), right=(7, 1))])),
        update(deletes={8: [(0, 1)]}),
    ]
    shown = [text_of(tree(woven(rows), Seq(seq))["t"]) for seq in (1, 2, 3)]  # type: ignore[arg-type]
    assert shown == ["😀", "\ufffdx\ufffd", "😀"]


def test_a_format_that_ends_what_never_began_is_nothing() -> None:
    """Clients write such ends to be sure."""
    end = item(6, b"\x01b\x04null", root="t")
    weave = woven([update((7, 0, [end, string("x", origin=(7, 0))]))])
    assert tree(weave)["t"] == TextNode(None, (Run("x", {}, stamp(1)),))


def test_types_may_nest_as_deep_as_they_like() -> None:
    """No program's stack ends there."""
    depth = 2_000
    chain = [shared(1, root="m", key="k")]
    chain += [shared(1, parent=(7, above), key="k") for above in range(depth)]
    node: object = tree(woven([update((7, 0, chain))]))["m"]
    for _ in range(depth):
        assert isinstance(node, MapNode)
        node = node.entries["k"].value
    assert isinstance(node, MapNode)


def test_a_view_of_a_crowd_has_everybody_s_names() -> None:
    """Each entry and run is by the row that made it."""
    crowd = Crowd(Random(3))
    for _ in range(40):
        crowd.step()
    crowd.settle()
    weave = weave_of(crowd.rows)
    runs = [run for node in tree(weave).values() if isinstance(node, TextNode) for run in node.runs]
    assert runs
    for run in runs:
        assert run.by is not None
        row = crowd.rows[run.by.seq - 1]
        assert run.by == row.stamp
        if isinstance(run.value, str):
            whole = run.value.replace("\ufffd", "")  # a half that lost the other half
            assert all(character.encode() in row.update for character in whole)
