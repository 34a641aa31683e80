"""Real people's typing, replayed by real clients through our relay."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import pytest

from interop.agreement import converge
from interop.serving import Serving
from interop.stock import Driver


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    "kinds", [("y-websocket@3.1", "hocuspocus@4"), ("page", "hocuspocus@2")], ids=" with ".join
)
async def test_two_people_typing(
    driver: Driver,
    own_relay: Serving,
    room: str,
    kinds: tuple[str, str],
    data: Callable[[str], Path],
) -> None:
    """26,078 concurrent transactions end in the recorded text, at once and after a restart."""
    typists = [await driver.connect(kind, own_relay.url, room) for kind in kinds]
    for typist in typists:
        await typist.wait(synced=True)
    end = await driver.replay(typists, data("friendsforever.json.gz"))
    agreed = await converge(typists)
    assert agreed.text == end
    for typist in typists:
        if typist.kind == "page":  # what follows the log has what is stored
            await typist.wait(unsynced=0)
    reloaded = [await driver.connect(kind, own_relay.url, room) for kind in kinds]
    for reader in reloaded:
        assert (await reader.wait(synced=True)).text == end
    for client in itertools.chain(typists, reloaded):
        await client.destroy()
    own_relay.restart()
    late = await driver.connect("y-websocket@1.5", own_relay.url, room)
    state = await late.wait(synced=True)
    assert state.lengths_at_synced == [len(end)]
    assert state.text == end
