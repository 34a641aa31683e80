"""The row that a moment is after, in a session of an open file."""

from __future__ import annotations

import pytest

from collabkit.errors import MomentNotFound
from collabkit.ids import Seq, Subject
from collabkit.sessions.moments import find_moment, zone_here
from collabkit.sessions.workspace import Workspace
from collabkit.store.base import Draft, SessionRecord, Version
from sessions.writing import update

ADA = Subject("user:ada")
# 2026-11-25T09:00:00Z
NINE = 1_795_597_200_000
MINUTE = 60_000


async def session(workspace: Workspace, times: list[int]) -> SessionRecord:
    """A session with a row at each of some times, in two documents by turns."""
    store = workspace.store
    made = await store.create_session("note", project="default", kind="collaborative", by=ADA)
    await store.append(
        made.id,
        [
            Draft(document, ADA, update("a"), at_ms)
            for at_ms, document in zip(times, ["main", "side"] * len(times), strict=False)
        ],
    )
    return await store.find_session(made.id, project="default")


async def test_a_time_is_the_last_row_accepted_by_then(workspace: Workspace) -> None:
    """To the millisecond, between rows, before the first and after the last."""
    times = [NINE + n * MINUTE for n in (0, 1, 1, 5, 9)]
    record = await session(workspace, times)
    written = {
        "2026-11-25T08:59:59": 0,
        "2026-11-25T09:00": 1,
        "2026-11-25T09:00:59": 1,
        "2026-11-25T09:01": 3,
        "2026-11-25T09:08": 4,
        "2026-11-25": 5,
    }
    found = {at: await find_moment(workspace.store, record, at, zone=lambda _: 0) for at in written}
    assert found == written
    assert await find_moment(workspace.store, record, "2026-11-25T09:01+00:01", zone=zone_here) == 1


async def test_rows_that_are_gone_are_no_obstacle(workspace: Workspace) -> None:
    """A time after them is found; one among them is that of the last row before."""
    record = await session(workspace, [NINE + n * MINUTE for n in range(8)])
    await workspace.call("compact", session="note")
    for _ in range(2):
        await workspace.call("import", session="note", updates=[update("b")])
    record = await workspace.store.find_session("note", project="default")
    assert await find_moment(workspace.store, record, "-0s") == record.last_seq == 10
    assert await find_moment(workspace.store, record, "2026-11-25T09:03", zone=lambda _: 0) <= 8


async def test_a_version_is_found_by_its_name(workspace: Workspace) -> None:
    """Also one of another document; one that nobody saved is told."""
    record = await session(workspace, [NINE] * 3)
    version = Version("draft", Seq(2), ADA, NINE, document="side")
    await workspace.store.put_version(record.id, version)
    assert await find_moment(workspace.store, record, "draft") == 2
    with pytest.raises(MomentNotFound, match="no version"):
        await find_moment(workspace.store, record, "final")
