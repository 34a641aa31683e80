"""The scan on updates that others made: real ones, hostile ones, and real ones with a change."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from collabkit.crdt.scan import scan
from collabkit.crdt.update import advance, gap
from collabkit.errors import MalformedBytes, UpdateRefused
from crdt.collected import documents
from crdt.crafting import engine_says


@pytest.fixture(scope="session")
def series(data: Callable[[str], Path]) -> list[list[bytes]]:
    """The updates of 5,320 documents that Yjs made."""
    raw = data("yjs-small-test-dataset.bin").read_bytes()
    return [updates for updates, _ in documents(raw)]


def test_the_documents_that_yjs_made_pass(series: list[list[bytes]]) -> None:
    """46,385 updates are read, and each goes on where the ones before it ended."""
    for updates in series:
        vector: dict[int, int] = {}
        for one in updates:
            found = scan(one)
            assert not gap(found, vector)
            advance(found, vector)
    assert sum(map(len, series)) == 46_385


LEGAL = {
    # Legal alone, each: the harm is in what else the document holds. An engine judges it.
    "poison_reload_144B": [None] * 4,
    "partial_apply": [None],
    "same_id_diff_content": [None] * 2,
}
REFUSED = {
    "sigsegv_84B": ["future-origin"] * 3 + ["gap"],
    "panic_26B": ["clock-out-of-range", "zero-length"],
    "poison_clock_max": ["clock-out-of-range"],
    "div_by_zero_doc_unencodable": ["zero-length"],
    "silence_victim_10B": ["gap"],
    "alias_client_id": ["malformed"],
}


@pytest.mark.parametrize("case", [*LEGAL, *REFUSED])
def test_the_hostile_updates_that_were_collected(case: str, data: Callable[[str], Path]) -> None:
    """Each is refused with its code, or is a gap, or is legal and named so above."""
    cases = {
        entry["id"]: entry
        for entry in json.loads(data("hostile-updates.json").read_text())["cases"]
    }
    vector: dict[int, int] = {}
    verdicts: list[str | None] = []
    for one in map(bytes.fromhex, cases[case]["apply"]):
        try:
            found = scan(one)
        except UpdateRefused as refused:
            verdicts.append(refused.code)
        except MalformedBytes:
            verdicts.append("malformed")
        else:
            verdicts.append("gap" if gap(found, vector) else None)
            if not gap(found, vector):
                advance(found, vector)
    assert verdicts == {**LEGAL, **REFUSED}[case]


def mutants(series: list[list[bytes]], dice: random.Random, count: int) -> list[list[bytes]]:
    """Series of real updates whose last one was changed in a byte or two, and is still taken."""
    taken: list[list[bytes]] = []
    while len(taken) < count:
        updates = dice.choice(series)[:6]
        if not updates:
            continue
        changed = bytearray(updates[-1])
        for _ in range(dice.choice((1, 1, 2))):
            changed[dice.randrange(len(changed))] = dice.choice((0, 1, dice.randrange(256)))
        vector: dict[int, int] = {}
        for one in updates[:-1]:
            advance(scan(one), vector)
        try:
            found = scan(bytes(changed))
        except (MalformedBytes, UpdateRefused):
            continue
        if bytes(changed) != updates[-1] and not gap(found, vector):
            taken.append([*updates[:-1], bytes(changed)])
    return taken


def test_what_the_scan_takes_the_engine_survives(series: list[list[bytes]], seed: int) -> None:
    """Of 1,500 changed updates that pass, none panics or kills the engine."""
    taken = mutants(series, random.Random(seed), 1_500)
    verdicts = engine_says(taken)
    bad = [
        [one.hex() for one in updates]
        for updates, verdict in zip(taken, verdicts, strict=True)
        if verdict not in ("ok", "ValueError", "RuntimeError")
    ]
    assert bad == []
