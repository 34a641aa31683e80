"""A reading of the log says the same to all, in two ways."""

from __future__ import annotations

from typing import Any

from pycrdt import Doc, Text

from collabkit.ids import Lineage, Seq, Subject
from collabkit.store.base import Checkpoint, Loaded, Row
from collabkit.sync import messages as say
from collabkit.sync.reading import KEPT_FOR, Reading


def test_rows_for_those_who_follow_and_few_updates_for_others() -> None:
    """The checkpoint first; packed, for whoever needs it and can read it."""
    doc: Doc[Any] = Doc(client_id=7)
    doc["t"] = text = Text()
    bodies = []
    for word in ("one ", "two ", "three "):
        before = doc.get_state()
        text.insert(0, word)
        bodies.append(doc.get_update(before))
    rows = [
        Row(Seq(seq), "main", Subject("user:a"), body, 0, "update", (7,), 0, None, "relay")
        for seq, body in enumerate(bodies[1:], 2)
    ]
    packed = say.PackedRow(Seq(1), len(bodies[0]), b"packed")
    checkpoint = Checkpoint("main", Seq(1), bodies[0], "", 0)
    reading = Reading(Loaded(Lineage("L"), checkpoint, tuple(rows), Seq(3)), packed, now=10.0)
    assert (reading.upto, reading.until) == (3, 10.0 + KEPT_FOR)
    later = [say.Row(row.seq, row.body) for row in rows]
    assert reading.behind(0, 2) == [packed, *later]
    assert reading.behind(0, 1) == [say.Row(1, bodies[0]), *later]
    assert reading.behind(2, 2) == later[1:]
    words, frames = zip(*reading.whole, strict=True)
    assert words[0] == say.Update(bodies[0])
    assert len(words) == 2
    assert [say.read_collabkit(frame) for frame in frames] == list(words)
