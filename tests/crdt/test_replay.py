"""Documents built from updates hold what their state vector shows, and nothing else."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from collabkit.crdt.document import Document
from collabkit.crdt.engine import Bad, Gap, Good, NothingNew
from collabkit.crdt.replay import Replay
from collabkit.crdt.update import decode_state_vector
from collabkit.errors import EngineLost, UpdateRefused
from crdt.crafting import string, update

FIRST = bytes.fromhex("0101010004010174016100")
IMPOSSIBLE = bytes.fromhex("01020300840100017804000100016200")


def typed(text: str) -> tuple[Document, list[bytes]]:
    """A document in which a text was typed, and its updates."""
    document, updates = Document(), list[bytes]()
    document.on_update(lambda change: updates.append(change.update))
    for character in text:
        document.text("t").append(character)
    return document, updates


def test_the_vector_is_the_engines() -> None:
    """It is kept from the scans, and never differs from what the engine says."""
    document, updates = typed("a😀bc")
    document.text("t").delete(1, 2)
    there = Document()
    there.apply(updates[0])
    there.map("m")["k"] = {"x": [1, 2]}
    replay = Replay("plan")
    verdicts = replay.taste([*updates, updates[1], there.update(), updates[4], b"\0\0"])
    assert [type(verdict) for verdict in verdicts] == [
        *[Good] * 5, NothingNew, Good, NothingNew, NothingNew,
    ]  # fmt: skip
    assert replay.vector == decode_state_vector(replay.core.state_vector())
    assert repr(replay) == "<Replay of 'plan', 2 clients>"


def test_a_gap_leaves_nothing_waiting() -> None:
    """Neither structs nor deletions: what comes later fits only if it was sent again."""
    document, updates = typed("abc")
    document.text("t").delete(0, 3)
    replay = Replay("plan")
    assert replay.taste([updates[1], updates[3], updates[0]]) == [Gap(), Gap(), Good()]
    loaded = Document()
    loaded.apply(replay.core.encode())
    assert loaded.to_dict() == {"t": "a"}


def test_clients_that_build_on_each_other_are_not_taken() -> None:
    """The engine would let their items wait for ever, where no state vector shows them."""
    circle = update((8, 0, [string("a", origin=(9, 0))]), (9, 0, [string("b", origin=(8, 0))]))
    with pytest.raises(EngineLost) as lost:
        Replay("plan").taste([FIRST, circle])
    assert lost.value.culprit == 1


def test_a_verdict_says_what_is_bad() -> None:
    """With a code for programs."""
    replay = Replay("plan")
    (verdict,) = replay.taste([b"\x01"])
    assert isinstance(verdict, Bad)
    assert verdict.code == "malformed"
    (verdict,) = replay.taste([bytes.fromhex("010101000b01017400")])
    assert isinstance(verdict, Bad)
    assert verdict.code == "unknown-content"


def test_loading_is_all_or_nothing() -> None:
    """A log with a hole, rubbish or an impossible update is damaged, and says where."""
    _document, updates = typed("abc")
    with pytest.raises(UpdateRefused, match="update 1 builds on edits that are not there"):
        Replay("plan").load([updates[0], updates[2]])
    with pytest.raises(UpdateRefused, match="update 1: "):
        Replay("plan").load([updates[0], b"\x01"])
    with pytest.raises(EngineLost) as lost:
        Replay("plan").load([FIRST, IMPOSSIBLE])
    assert (lost.value.document, lost.value.culprit) == ("plan", 1)


TASTE = """
import sys
from collabkit.crdt.replay import Replay
from collabkit.errors import EngineLost

replay = Replay("hostile")
try:
    for verdict in replay.taste([bytes.fromhex(line) for line in sys.stdin]):
        print(type(verdict).__name__)
    replay.core.encode()
except EngineLost as error:
    print("lost at", error.culprit)
"""

HOSTILE = {
    "sigsegv_84B": ["Bad", "Bad", "Bad", "Gap"],
    "panic_26B": ["Bad", "Bad"],
    "poison_clock_max": ["Bad"],
    "div_by_zero_doc_unencodable": ["Bad"],
    "silence_victim_10B": ["Gap"],
    "alias_client_id": ["Bad"],
    "partial_apply": ["lost at 0"],
}
"""What becomes of the updates that crash or poison an engine."""


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_updates_stop_at_the_scan(case: str, data: Callable[[str], Path]) -> None:
    """Or lose this document alone. Each in a child, which lives."""
    cases = json.loads(data("hostile-updates.json").read_text())["cases"]
    updates = next(each["apply"] for each in cases if each["id"] == case)
    child = subprocess.run(
        [sys.executable, "-c", TASTE],
        input="\n".join(updates),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert child.stdout.splitlines() == HOSTILE[case]
