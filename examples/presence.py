"""Who is here: names and cursors that everybody sees, and that nobody stores.

Run it with ``python examples/presence.py``. It prints what Ada sees while Ben comes, moves his
cursor, and leaves without saying goodbye.
"""

from __future__ import annotations

import asyncio
import tempfile
from typing import Any

from collabkit import Workspace, connect
from collabkit.relay.server import Relay
from collabkit.sync.client import Presence


class Watch:
    """Waits for what the others show."""

    def __init__(self, presence: Presence) -> None:
        self._presence = presence
        self._changed = asyncio.Event()
        presence.observe(lambda change: self._changed.set())

    async def until(self, shown: list[Any]) -> None:
        """Wait until the others show exactly this, and print it."""
        while list(self._presence.others.values()) != shown:
            self._changed.clear()
            await self._changed.wait()
        print("Ada sees:", shown or "nobody")


async def main() -> None:
    """Be there, move, and go."""
    with tempfile.TemporaryDirectory() as folder:
        async with (
            Workspace.open(f"{folder}/relay.db") as workspace,
            Relay(workspace, port=0) as relay,
            connect(f"{relay.url}/note") as ada,
        ):
            watch = Watch(ada.presence)
            ada.presence.set({"name": "Ada"})

            async with connect(f"{relay.url}/note") as ben:
                ben.presence.set({"name": "Ben"})
                await watch.until([{"name": "Ben"}])
                ben.presence.set({"name": "Ben", "cursor": 7})
                await watch.until([{"name": "Ben", "cursor": 7}])

            await watch.until([])  # his connection ended: that is all the goodbye it takes
            assert ada.presence.local == {"name": "Ada"}
            assert ada.document.to_dict() == {}  # presence is no part of the document


asyncio.run(main())
