"""Every case of the table, through a socket: what it says happens, and nothing else does."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeAlias

import pytest

from collabkit.ids import RoomName
from collabkit.sessions.solo import document_of
from collabkit.store.base import Loaded
from collabkit.store.reader import Reader
from collabkit.sync.client import connect
from collabkit.sync.messages import Update
from hostile.attacking import DIALECTS, Attacker
from hostile.cases import CASES, HELLO, Case, Outcome
from hostile.neighbours import Neighbours
from interop.serving import Serving

Recorder: TypeAlias = Callable[[str, object], None]

# What the scheduler of a busy machine takes at times, and nobody who types notices.
NOISE_MS = 50.0
EDITS = 200


def on_disk(database: Path, room: str) -> Loaded:
    """A document as the file has it."""
    place = RoomName.parse(room)
    with Reader(database) as reader:
        return reader.load(reader.find(place.session, project=place.project).id, place.document)


async def attack(url: str, room: str, case: Case, dialect: str) -> Attacker:
    """Send what a case sends, and wait until the room has dealt with it."""
    async with connect(f"{url}/{room}") as honest:
        await honest.synced()
        async with Attacker.joined(url, room, dialect) as attacker:
            attacker.say(*case.messages)
            await attacker.heard_out()
            if case.outcome is Outcome.GAP:
                await attacker.until(lambda: attacker.asked > 0 or attacker.refused)
            elif case.outcome is not Outcome.HARMLESS:
                await attacker.until(lambda: attacker.refused)
            honest.document.array("honest").append(case.name)
            await honest.saved()
            await attacker.heard_out()
            return attacker


def judge(case: Case, attacker: Attacker) -> None:
    """Hold an attacker's fate against the table."""
    told = " ".join(attacker.refusals)
    assert attacker.refused is (case.outcome in (Outcome.REFUSED, Outcome.UNBEARABLE)), attacker
    assert case.code in told, attacker
    if case.outcome is Outcome.GAP:
        assert attacker.asked, attacker


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("case", CASES, ids=str)
async def test_alone(relay: Serving, room: str, case: Case, dialect: str) -> None:
    """The outcome is the table's; somebody honest in the same room writes on, and is stored."""
    attacker = await attack(relay.url, room, case, dialect)
    judge(case, attacker)
    loaded = on_disk(relay.database, room)
    bodies = [row.body for row in loaded.rows]
    last = case.messages[-1]
    kept = isinstance(last, Update) and last.update in bodies
    assert not kept or case.outcome is Outcome.HARMLESS


@pytest.mark.alone
async def test_in_sequence(own_relay: Serving, record_property: Recorder) -> None:
    """All of them, one after the other, in both dialects: next door it is as quiet as before.

    As quiet as when as many people come and go who mean no harm, since all share the machine. Then
    the file verifies, and after a restart every room opens with what was acknowledged.
    """
    cases = [case for case in CASES if case.outcome is not Outcome.UNBEARABLE]
    decent = Case("decent", (Update(HELLO),), Outcome.HARMLESS, "", "")
    async with Neighbours.typing(own_relay.url, "next-door") as neighbours:
        await rage(own_relay.url, [decent] * (len(cases) // 4), "guest")
        quiet = await neighbours.noticed(EDITS)
        await rage(own_relay.url, cases)
        noisy = await neighbours.noticed(EDITS)
    record_property("quiet", repr(quiet))
    record_property("noisy", repr(noisy))
    assert noisy.p99_ms <= max(3 * quiet.p99_ms, NOISE_MS), (quiet, noisy)
    await aftermath(own_relay, cases, noisy.total)


async def test_those_that_kill(own_relay: Serving, record_property: Recorder) -> None:
    """Where a child dies, next door loses nothing, and notices no more than a pause."""
    cases = [case for case in CASES if case.outcome is Outcome.UNBEARABLE]
    async with Neighbours.typing(own_relay.url, "next-door") as neighbours:
        await rage(own_relay.url, cases)
        noisy = await neighbours.noticed(EDITS)
    record_property("longest_gap_ms", noisy.gap_ms)
    print(json.dumps({"longest_gap_ms": noisy.gap_ms, "cases": len(cases)}))
    await aftermath(own_relay, cases, noisy.total)


async def rage(url: str, cases: Sequence[Case], rooms: str = "victim") -> None:
    """Send all of them, each in both dialects and into a room of its own."""
    for number, (case, dialect) in enumerate(itertools.product(cases, DIALECTS)):
        judge(case, await attack(url, f"{rooms}-{number}", case, dialect))


async def aftermath(relay: Serving, cases: Sequence[Case], typed: int) -> None:
    """The file verifies; after a restart all is there, and everybody is served."""
    assert relay.terminate() == 0
    with Reader(relay.database) as reader:
        assert list(reader.verify()) == []
    for number, (case, _) in enumerate(itertools.product(cases, DIALECTS)):
        place = RoomName.parse(f"victim-{number}")
        kept = document_of(on_disk(relay.database, str(place)), place, path=str(relay.database))
        assert kept.to_dict()["honest"] == [case.name]
    relay.start()
    for room in ("next-door", "victim-0", f"victim-{2 * len(cases) - 1}"):
        async with connect(f"{relay.url}/{room}") as late:
            await late.synced()
            assert room != "next-door" or len(late.document.text("t")) >= typed


# What others found


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_those_of_others(
    relay: Serving, data: Callable[[str], Path], room: str, dialect: str
) -> None:
    """The updates that were collected elsewhere end no relay either, one after the other."""
    corpus = json.loads(data("hostile-updates.json").read_text())["cases"]
    found = {one["id"]: one["apply"] for one in corpus if isinstance(one.get("apply"), list)}
    assert len(found) == 9
    for number, (name, updates) in enumerate(found.items()):
        messages = tuple(Update(bytes.fromhex(one)) for one in updates)
        case = Case(name, messages, Outcome.HARMLESS, "", "whatever becomes of it")
        await attack(relay.url, f"{room}-{number}", case, dialect)
