"""What may not stay of an update is undone, and everybody comes to the same document."""

from __future__ import annotations

from collections.abc import Callable
from typing import Unpack

import pytest

from collabkit.crdt.budget import Budget
from collabkit.crdt.contents import FORMAT, STRING, TYPE
from collabkit.crdt.document import Document
from collabkit.crdt.engine import Bad, Contested, Gap, Good, Mended, NothingNew, Verdict
from collabkit.crdt.lib0 import var_string
from collabkit.crdt.mending import emptied
from collabkit.crdt.replay import Replay
from collabkit.crdt.scan import scan
from collabkit.crdt.structs import read_items
from collabkit.crdt.touches import Ranges
from crdt.crafting import Where, item, string, update
from crdt.guarded import holds_refused

ADA, BOB = 7, 9
WIDE = "\N{GRINNING FACE}"


class Writing:
    """A document of ours, and a replay that has it, of whose author nothing is taken any more."""

    def __init__(self, begin: Callable[[Document], object]) -> None:
        self.document = Document(client_id=ADA)
        self.unsent: list[bytes] = []
        self.document.on_update(
            lambda change: self.unsent.append(change.update) if change.local else None
        )
        with self.document.edit():
            begin(self.document)
        self.replay = Replay("writing")
        assert self.replay.taste(self.sent()) == [Good()]

    def sent(self) -> list[bytes]:
        unsent, self.unsent[:] = self.unsent[:], []
        return unsent

    def refuse(self, *, kept: Ranges = (), only: Ranges | None = None) -> list[Verdict]:
        """Have all refused that was written since, but for what is told."""
        verdicts: list[Verdict] = []
        for one in self.sent():
            refused = whole(one) if only is None else only
            [verdict] = self.replay.taste([Contested(one, refused, kept)])
            verdicts.append(verdict)
            if isinstance(verdict, Mended):
                assert not holds_refused(verdict.update, refused)
                self.document.apply(verdict.update)
        return verdicts

    def content(self) -> dict[str, object]:
        """What the replay shows, which its author shows as well."""
        there = Document()
        there.apply(self.replay.core.encode())
        assert there.digest() == self.document.digest()
        return there.to_dict()


def mark(value: str, **where: Unpack[Where]) -> bytes:
    """An item that turns a format on or off."""
    return item(FORMAT, var_string("b") + var_string(value), **where)


def whole(one: bytes) -> Ranges:
    """All structs of an update."""
    return tuple((part.client, part.clock, part.length) for part in scan(one).sections)


def test_an_emptied_update_is_the_same_but_for_what_it_holds() -> None:
    """Structs, places and deletions stay; a struct that is meant in part is emptied as a whole."""
    document = Document(client_id=ADA)
    with document.edit():
        document.text("t").insert(0, f"secret {WIDE}")
        document.array("a").extend(["secret", 2, {"deep": "secret"}])
        document.map("m")["k"] = "secret"
        document.text("t").delete(1, 3)
    written = document.update()
    found = scan(written)
    parts = tuple((ADA, item.clock, 1) for item in read_items(written, found))
    left = emptied(written, found, parts)
    assert b"secret" not in left
    assert scan(left).deletes == found.deletes
    assert places_in(left) == places_in(written)
    assert emptied(written, found, ((BOB, 0, 100), (ADA, 100, 1))) == written


def places_in(one: bytes) -> list[object]:
    """Where the items of an update go, and how long they are."""
    return [
        (
            item.client,
            item.clock,
            item.length,
            item.origin,
            item.right_origin,
            item.parent,
            item.key,
        )
        for item in read_items(one, scan(one))
    ]


def test_what_was_taken_once_brings_nothing_new() -> None:
    """Also what was refused; and what it had deleted is not deleted again."""
    writing = Writing(lambda document: document.map("m").update({"k": "kept", "gone": "kept"}))
    writing.document.map("m")["k"] = "refused"
    [one] = writing.unsent
    [first] = writing.refuse()
    assert isinstance(first, Mended)
    again: list[bytes | Contested] = [Contested(one, whole(one)), first.update, Contested(one), one]
    assert writing.replay.taste(again) == [NothingNew()] * 4
    assert writing.content() == {"m": {"k": "kept", "gone": "kept"}}


def test_what_is_no_update_or_leaves_a_gap_is_not_taken() -> None:
    """It is judged as it would be if all of it were to stay."""
    replay = Replay("strict", Budget(structs=1))
    late = update((ADA, 5, [string("a", root="t")]))
    long = update((ADA, 0, [string("a", root="t"), string("b", root="u")]))
    gap, bad, much = replay.taste([Contested(one, ((ADA, 0, 9),)) for one in (late, b"\1\1", long)])
    assert gap == Gap()
    assert isinstance(bad, Bad)
    assert bad.code == "malformed"
    assert isinstance(much, Bad)
    assert much.code == "too-many-structs"
    assert replay.core.encode() == b"\0\0"


def test_what_had_not_to_be_undone_is_good_as_it_came() -> None:
    """All of it may stay, and what it deletes may stay deleted."""
    writing = Writing(lambda document: document.text("t").insert(0, "abc"))
    writing.document.text("t").replace(0, 2, "x")
    assert writing.refuse(only=(), kept=((ADA, 0, 3),)) == [Good()]
    assert writing.content() == {"t": "xc"}


def test_a_part_of_what_is_deleted_may_stay_so() -> None:
    """Though the update deletes it all at once, and some of it is gone already."""
    writing = Writing(lambda document: document.text("t").insert(0, "gone, go, stay"))
    text = writing.document.text("t")
    text.delete(0, 6)
    assert writing.replay.taste(writing.sent()) == [Good()]
    text.delete(0, 8)
    [mended] = writing.refuse(kept=((ADA, 6, 4),))
    assert isinstance(mended, Mended)
    assert writing.content() == {"t": "stay"}


def test_what_is_put_into_a_refused_container_later_is_gone_as_well() -> None:
    """Its author has it still, and writes there before he hears of it; also what may stay there."""
    writing = Writing(lambda document: document.map("m").update({"k": "kept"}))
    document = writing.document
    document.map("m")["new"] = {}
    document.map("m")["new"]["a"] = {"b": "refused"}
    document.map("m")["new"]["c"] = "may stay"
    mine = writing.sent()
    for one, refused in zip(mine, (whole(mine[0]), whole(mine[1]), ()), strict=True):
        [verdict] = writing.replay.taste([Contested(one, refused)])
        assert isinstance(verdict, Mended | Good)
        if isinstance(verdict, Mended):
            assert b"refused" not in verdict.update
            document.apply(verdict.update)
    assert writing.content() == {"m": {"k": "kept"}}


def test_a_container_comes_back_with_all_that_was_in_it() -> None:
    """However deep, and in its order; and what is in it can be deleted, and come back, again."""
    kept = {"deep": {"deeper": ["a", {"deepest": 1.0}, [2.0, "b"]]}, "gone": "gone"}
    writing = Writing(lambda document: document.map("m").update({"k": kept}))
    del writing.document.map("m")["k"]["gone"]
    assert writing.replay.taste(writing.sent()) == [Good()]
    del kept["gone"]
    for _ in range(3):
        del writing.document.map("m")["k"]
        [mended] = writing.refuse()
        assert isinstance(mended, Mended)
        del writing.document.map("m")["k"]["deep"]["deeper"][1:]
        writing.refuse()
        assert writing.content() == {"m": {"k": kept}}


def test_what_came_back_is_known_as_what_it_is() -> None:
    """No text goes into its arrays, and none of its characters that take two clocks is parted."""

    def begin(document: Document) -> None:
        document.map("m")["a"] = [1]
        document.text("t").insert(0, WIDE)

    writing = Writing(begin)
    with writing.document.edit():
        del writing.document.map("m")["a"]
        writing.document.text("t").delete(0, 1)
    [mended] = writing.refuse()
    assert isinstance(mended, Mended)
    found = read_items(mended.update, scan(mended.update))
    copies = {one.content: (one.client, one.clock) for one in found if one.client != ADA}
    for struct, code in (
        (string("a", parent=copies[TYPE]), "text-in-array"),
        (string("a", origin=copies[STRING]), "parted-character"),
    ):
        [verdict] = writing.replay.taste([update((BOB, 0, [struct]))])
        assert isinstance(verdict, Bad)
        assert verdict.code == code


def test_marks_of_formats_stay_deleted_where_nobody_sees_it() -> None:
    """As Yjs tidies them up; any that is seen comes back, and what else is deleted with them."""
    begun = update(
        (ADA, 0, [
            mark("true", root="t"),
            string("ab", origin=(ADA, 0)),
            mark("true", origin=(ADA, 2)),
            mark("null", origin=(ADA, 3)),
        ])
    )  # fmt: skip
    for deleted, seen in (((3, 1), False), ((0, 1), True), ((2, 2), True)):
        replay = Replay("marks")
        assert replay.taste([begun]) == [Good()]
        [verdict] = replay.taste([Contested(update(deletes={ADA: [deleted]}))])
        assert isinstance(verdict, Mended if seen else Good)


def test_where_nothing_can_stay_nothing_is_taken() -> None:
    """A value that may stay is where another must come back: both cannot be."""
    writing = Writing(lambda document: document.map("m").update({"k": "kept", "o": 1.0}))
    with writing.document.edit():
        writing.document.map("m")["k"] = "may stay"
        writing.document.map("m")["o"] = "may stay"
    [mended] = writing.refuse(only=())
    assert isinstance(mended, Mended)
    assert b"may stay" not in mended.update
    assert writing.content() == {"m": {"k": "kept", "o": 1.0}}


def test_who_puts_back_is_nobody() -> None:
    """His id is new to the document, one for all that is put back until it is opened again."""
    ids: set[int] = set()
    for _ in range(2):
        writing = Writing(lambda document: document.map("m").update({"k": "kept"}))
        for _ in range(3):
            writing.document.map("m")["k"] = "refused"
            writing.refuse()
        [client] = writing.replay.vector.keys() - {ADA}
        assert writing.replay.vector[client] == 3
        ids.add(client)
    assert len(ids) == 2


def test_what_everybody_gets_is_small() -> None:
    """However much was deleted in the document before."""
    writing = Writing(lambda document: document.text("t").insert(0, "ab" * 2000))
    text = writing.document.text("t")
    with writing.document.edit():
        for at in range(2000):
            text.delete(at, at + 1)
    assert writing.replay.taste(writing.sent()) == [Good()]
    assert len(writing.replay.core.encode()) > 4000
    text.delete(500, 501)
    [mended] = writing.refuse()
    assert isinstance(mended, Mended)
    assert len(mended.update) < 50


def test_what_is_too_much_to_come_back_is_refused() -> None:
    """The document is as it was, and so it is with an update that the engine cannot take."""
    replay = Replay("small", Budget(message_bytes=200))
    begun = Document(client_id=ADA)
    begun.text("t").insert(0, "a" * 150)
    assert replay.taste([begun.update()]) == [Good()]
    before = replay.core.encode()
    much = Contested(update((BOB, 0, [string("b" * 40, root="t")]), deletes={ADA: [(0, 150)]}))
    into_text = update((BOB, 0, [string("b", parent=(ADA, 0))]))
    circle = update(
        (BOB, 0, [string("a", origin=(BOB + 1, 1))]),
        (BOB + 1, 0, [string("b", origin=(BOB, 0)), string("c", root="t")]),
    )
    verdicts = replay.taste([much, Contested(into_text), Contested(circle)])
    assert [type(verdict) for verdict in verdicts] == [Bad] * 3
    assert {verdict.code for verdict in verdicts if isinstance(verdict, Bad)} == {"unmendable"}
    assert replay.core.encode() == before
    assert replay.taste([update((BOB, 0, [string("a", root="t")]))]) == [Good()]


@pytest.mark.parametrize("third", [BOB, 1])
def test_what_comes_back_may_beat_who_wrote_there_meanwhile(third: int) -> None:
    """As a refused value would have: who has the higher client id has the key."""
    writing = Writing(lambda document: document.map("m").update({"k": "kept"}))
    other = Document(client_id=third)
    other.apply(writing.document.update())
    other.map("m")["k"] = "legal"
    writing.document.map("m")["k"] = "refused"
    [mended] = writing.refuse()
    assert isinstance(mended, Mended)
    assert writing.replay.taste([other.update()]) == [Good()]
    writing.document.apply(other.update())
    assert writing.content() == {"m": {"k": "legal" if third > ADA else "kept"}}


def test_where_all_is_refused_the_same_is_seen() -> None:
    """Or nothing is taken: what contradicts itself would bring it back in another order."""
    writing = Writing(lambda document: document.text("t").insert(0, "do not"))
    before = writing.content()
    behind = update(
        (BOB, 0, [string("x", origin=(ADA, 4), right=(ADA, 1))]), deletes={ADA: [(0, 3)]}
    )
    [verdict] = writing.replay.taste([Contested(behind, ((BOB, 0, 1),), unchanged=(("t",),))])
    assert isinstance(verdict, Bad)
    assert verdict.code == "unmendable"
    assert writing.content() == before
    honest = update(
        (BOB, 0, [string("x", origin=(ADA, 1), right=(ADA, 2))]), deletes={ADA: [(0, 3)]}
    )
    [verdict] = writing.replay.taste([Contested(honest, ((BOB, 0, 1),), unchanged=(("t",),))])
    assert isinstance(verdict, Mended)
    writing.document.apply(verdict.update)
    assert writing.content() == before
