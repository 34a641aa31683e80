"""What an engine died of is on disk with its author, and can be looked at beside the relay."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from collabkit.store.reader import Reader
from collabkit.sync.messages import Update
from hostile.attacking import DIALECTS, Attacker
from hostile.cases import CASES, Case, Outcome
from interop.serving import Serving

DEADLY = [case for case in CASES if case.outcome is Outcome.UNBEARABLE]


def doctor(database: Path, *options: str) -> tuple[int, Any]:
    """What the command says, as a program reads it."""
    done = subprocess.run(
        [sys.executable, "-m", "collabkit", "doctor", str(database), "--json", *options],
        capture_output=True,
        check=False,
    )
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


def quarantined(database: Path, room: str) -> list[dict[str, Any]]:
    """What is kept apart of a room; if anything is, the command's answer is no."""
    with Reader(database) as reader:
        session = reader.find(room, project="default").id
    status, found = doctor(database)
    assert status == bool(found)
    return [one for one in found if one["session"] == session]


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("case", DEADLY, ids=str)
async def test_who_kills_is_put_out_and_his_update_kept(
    relay: Serving, room: str, case: Case, dialect: str
) -> None:
    """It is there once, however often it comes, and an engine that is given it dies of it again."""
    async with Attacker.joined(relay.url, room, dialect) as attacker:
        attacker.say(*case.messages)
        await attacker.until(lambda: attacker.refused)
    async with Attacker.joined(relay.url, room, "hocuspocus") as again:
        again.say(*case.messages)
        await again.until(lambda: len(again.statuses) == len(case.messages))
        assert again.statuses[-1] is False
    [kept] = quarantined(relay.database, room)
    last = case.messages[-1]
    assert isinstance(last, Update)
    assert kept["size_bytes"] == len(last.update)
    assert kept["subject"].startswith("anonymous")
    _, examined = doctor(relay.database, str(kept["id"]))
    assert examined["verdict"].startswith("the engine dies of it: ")
