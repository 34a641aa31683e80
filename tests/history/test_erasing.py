"""Logs from which somebody was erased: what is left, and who still understands whom."""

from __future__ import annotations

import base64
import json
import random
import re
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from collabkit.crdt.budget import CLOCK_LIMIT
from collabkit.crdt.document import Document
from collabkit.crdt.lib0 import var_string, var_uint
from collabkit.crdt.scan import scan
from collabkit.crdt.structs import read_items
from collabkit.history.erasing import (
    Spans,
    erased,
    names_left,
    whole,
    written_by,
    written_first,
)
from collabkit.history.items import Item
from collabkit.history.tree import Stamp
from collabkit.ids import Seq, Subject
from collabkit.store.base import Row
from crdt.crafting import gc, item, shared, string, update, values
from hostile.wild import show, wild

ADA, BEN, CAL = 7, 300, 4_000_000_000
MARK = "A😀A"  # what Ada writes, and nobody else


def left(log: Sequence[bytes], spans: Spans) -> list[bytes]:
    """A log from which some spans were erased."""
    return [erased(each, scan(each), spans).body for each in log]


def replica(*logs: Sequence[bytes]) -> Document:
    """A document that has taken in some logs."""
    document = Document()
    for log in logs:
        for each in log:
            document.apply(each)
    return document


def written(dice: random.Random, edits: int) -> list[bytes]:
    """The log of a session of Ada, Ben and Cal, who learn of each other's edits now and then."""
    log: list[bytes] = []
    people = {}
    for client in (ADA, BEN, CAL):
        document = Document(client_id=client)
        document.on_update(lambda change: log.append(change.update) if change.local else None)
        people[client] = document
    for _ in range(edits):
        client = dice.choice(list(people))
        wild(people[client], [dice.random() for _ in range(3)], MARK if client == ADA else "b")
        if dice.random() < 0.6:
            meet(*people.values())
    return log


def meet(*documents: Document) -> None:
    """Let each have what all have."""
    for source in documents:
        for target in documents:
            target.apply(source.update(target.state_vector))


def of_others(shown: Any) -> Any:
    """What a document shows, without what Ada wrote, numbers and what is empty."""
    match shown:
        case str():
            return re.sub(f"[{MARK}]", "", re.sub(rf' \w+="{MARK}"', "", shown))
        case dict():
            return {key: one for key, value in shown.items() if (one := of_others(value))}
        case list():
            return [one for value in shown if (one := of_others(value))]
        case bool() | None:
            return shown
        case _:
            return ""


def runs(shown: dict[str, Any]) -> dict[str, Any]:
    """What a document shows, neighbours of one formatting joined in its text."""
    joined: list[dict[str, Any]] = []
    for piece in shown.get("text", []):
        if not piece.get("insert"):
            continue
        if joined and joined[-1].get("attributes") == piece.get("attributes"):
            joined[-1] = joined[-1] | {"insert": joined[-1]["insert"] + piece["insert"]}
        else:
            joined.append(piece)
    return shown | {"text": joined}


# What is left


def test_nothing_of_the_erased_is_left_and_all_of_the_others(seed: int) -> None:
    """No byte of hers is in the log, and what the others wrote, and how it is formatted, stays."""
    dice = random.Random(seed)
    for _ in range(12):
        log = written(dice, 60)
        after = left(log, whole({ADA}))
        assert MARK.encode() not in b"".join(after)
        assert runs(of_others(show(replica(after)))) == runs(of_others(show(replica(log))))


def test_who_has_it_and_who_has_not_agree(seed: int) -> None:
    """A replica with the old content is, after the erased log, what one without it is."""
    dice = random.Random(seed + 1)
    for _ in range(12):
        log = written(dice, 60)
        span = {client: [(dice.randrange(20), dice.randrange(1, 20))] for client in (ADA, BEN)}
        for spans in (whole({ADA}), whole({ADA, BEN, CAL}), span):
            after = left(log, spans)
            fresh, old = replica(after), replica(log, after)
            assert old.digest() == fresh.digest()
            assert old.state_vector == fresh.state_vector
            meet(fresh, old)
            assert old.digest() == fresh.digest()


def test_stock_yjs_agrees(
    seed: int, require: Callable[[str], str], packages: Callable[[str], Path], root: Path
) -> None:
    """Yjs loads an erased log, and those who were away, writing, come together without a word."""
    packages("tests/interop/js")
    dice = random.Random(seed + 2)
    lines = []
    for _ in range(10):
        log = written(dice, 60)
        after = left(log, whole({ADA}))
        whole_log, erased_log = (
            [base64.b64encode(each).decode() for each in one] for one in (log, after)
        )
        rolls = [[dice.random() for _ in range(3)] for _ in range(10)]
        asked = {"updates": whole_log, "erased": erased_log, "dice": rolls, "id": 9}
        lines.append(json.dumps(asked))
    script = root / "tests/interop/js/erased.mjs"
    ran = subprocess.run(
        [require("node"), str(script)],
        input="\n".join(lines),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert ran.returncode == 0, ran.stderr
    said = [json.loads(line) for line in ran.stdout.splitlines()]
    assert len(said) == len(lines)
    for shown in said:
        assert MARK not in json.dumps(shown, ensure_ascii=False)
        joined = {name: runs(one) for name, one in shown.items()}
        assert joined["fresh"] == joined["old"] == joined["away"]


WHOLE = [
    string("hi", root="t"),
    item(3, b"\x02ab", root="a"),
    item(5, var_string('{"i":"hi"}'), root="t"),
    item(6, var_string("link") + var_string('"hi"'), root="t"),
    values(b"\x77\x02hi", b"\x7e", root="a"),
    item(9, var_string("hi") + b"\x7e", root="m", key="k"),
]
KEPT = [
    gc(3),
    item(1, var_uint(3), root="t"),
    item(6, var_string("bold") + var_string("true"), root="t"),
    item(6, var_string("link") + var_string("null"), root="t"),
    shared(1, root="m", key="k"),
    item(7, var_uint(3) + var_string("p"), root="x"),
]


@pytest.mark.parametrize("struct", WHOLE)
def test_content_becomes_deleted_content_of_its_length(struct: bytes) -> None:
    """Each kind of content that says something goes; where it stands, and how long it is, stays."""
    before = update((ADA, 5, [struct]), (BEN, 0, [string("b", root="t")]), deletes={BEN: [(0, 1)]})
    body, ranges = erased(before, scan(before), whole({ADA}))
    (was, _), (now, _) = (tuple(read_items(each, scan(each))) for each in (before, body))
    assert ranges == {ADA: [(5, was.length)]}
    assert scan(body).deletes == ((BEN, 0, 1), (ADA, 5, was.length))
    assert (now.content, now.length) == (1, was.length)
    assert (now.parent, now.key) == (was.parent, was.key)
    assert b"hi" not in body


@pytest.mark.parametrize("struct", KEPT)
def test_what_says_nothing_stays(struct: bytes) -> None:
    """Types, marks that only begin or end something, and what is empty already are left alone."""
    before = update((ADA, 0, [struct]))
    assert erased(before, scan(before), whole({ADA})) == (before, {})
    assert erased(before, scan(before), whole({ADA})).body is before


def test_text_and_values_are_cut_where_a_span_ends() -> None:
    """The rest of an item stays, behind what was cut off; half a character goes with the other."""
    text = string("ab😀c😀", origin=(BEN, 3), right=(BEN, 4))
    before = update((ADA, 10, [text, values(b"\x7d\x01", b"\x7d\x02", b"\x7d\x03", root="a")]))
    body, ranges = erased(before, scan(before), {ADA: [(11, 2), (16, 1), (18, 1)]})
    assert ranges == {ADA: [(11, 3), (15, 2), (18, 1)]}
    assert body == update(
        (
            ADA,
            10,
            [
                string("a", origin=(BEN, 3), right=(BEN, 4)),
                item(1, var_uint(3), origin=(ADA, 10), right=(BEN, 4)),
                string("c", origin=(ADA, 13), right=(BEN, 4)),
                item(1, var_uint(2), origin=(ADA, 14), right=(BEN, 4)),
                values(b"\x7d\x01", root="a"),
                item(1, var_uint(1), origin=(ADA, 17)),
                values(b"\x7d\x03", origin=(ADA, 18)),
            ],
        ),
        deletes={ADA: [(11, 3), (15, 2), (18, 1)]},
    )


# Whose it is, and what its names are


def test_an_id_is_its_owners_or_his_who_brought_it() -> None:
    """Ids that nobody owns are those of the subject of their first row, whoever forwards later."""
    rows = [
        _row(1, "ada", (1, 4)),
        _row(2, "ben", (1, 2, 5)),
        _row(3, "ada", (2, 3)),
    ]
    owners = {4: Subject("cal"), 5: Subject("ada")}
    assert written_by(Subject("ada"), rows, owners) == {1, 3, 5}
    assert written_by(Subject("ben"), rows, owners) == {2}


def test_what_was_brought_back_is_of_who_wrote_it_first() -> None:
    """His ids without what he brought back of others, and others' ids with what they did of his."""
    ada, ben = (Stamp(Seq(1), Subject(name), 0) for name in ("ada", "ben"))

    def back(client: int, clock: int, length: int, by: Stamp) -> tuple[Item, Stamp]:
        return Item(client, clock, length, None, None, 4, "x" * length, ben), by

    authors = dict([back(1, 5, 2, ben), back(1, 7, 1, ben), back(1, 9, 1, ada), back(2, 3, 2, ada)])
    spans = written_first(Subject("ada"), {1, 4}, authors)
    assert spans == {
        1: [(0, 5), (8, CLOCK_LIMIT - 8)],
        2: [(3, 2)],
        4: [(0, CLOCK_LIMIT)],
    }


def _row(seq: int, subject: str, clients: tuple[int, ...]) -> Row:
    return Row(Seq(seq), "main", Subject(subject), b"", 0, "update", clients, 0, None, "relay")


def test_names_that_stay_are_told() -> None:
    """Of roots, keys, tags and marks, as far as the erased wrote them down."""
    before = update((ADA, 0, [*WHOLE, *KEPT]), (BEN, 0, [string("b", root="other")]))
    assert names_left(before, scan(before), {ADA}) == {"t", "a", "m", "x", "k", "p", "bold", "link"}
