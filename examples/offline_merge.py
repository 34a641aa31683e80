"""Two people write offline, one of them through a restart, and end with the same note.

Run it with ``python examples/offline_merge.py``. It prints what each of them has while there is
no relay, and after there was one.
"""

from __future__ import annotations

import asyncio
import os
import socket
import tempfile

from collabkit import Workspace, connect
from collabkit.relay.server import Relay
from collabkit.sync.client import Replica


def free_port() -> int:
    """Find a port for a relay that does not run yet."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def has_both(replica: Replica) -> None:
    """Wait until a replica has what both wrote."""
    body, changed = replica.document.text("body"), asyncio.Event()
    stop = replica.document.on_update(lambda change: changed.set())
    while not ("Ada" in str(body) and "Ben" in str(body)):
        changed.clear()
        await changed.wait()
    stop()


async def main() -> None:
    """Write in two places without a relay, then start one."""
    port = free_port()
    url = f"ws://127.0.0.1:{port}/note"
    with tempfile.TemporaryDirectory() as folder:
        laptop, phone = os.path.join(folder, "laptop.db"), os.path.join(folder, "phone.db")

        async with connect(url, store=laptop) as ada:
            ada.document.text("body").insert(0, "Ada, on a train. ")
            await ada.kept()  # in her file: now the program may end, or crash
            print("Ada's laptop is shut, with", ada.pending, "edit that nobody else has")

        async with connect(url, store=laptop) as ada, connect(url, store=phone) as ben:
            print("opened again without a network, it has:", ada.document.text("body"))
            ben.document.text("body").insert(0, "Ben, in a tunnel. ")
            ben.document.map("meta")["place"] = "tunnel"
            print("Ben has:", ben.document.to_dict())

            path = os.path.join(folder, "relay.db")
            async with Workspace.open(path) as workspace, Relay(workspace, port=port):
                await asyncio.gather(ada.saved(), ben.saved())  # each has given its own,
                await asyncio.gather(has_both(ada), has_both(ben))  # and gets the other's
                print("with a relay, both have:", ada.document.to_dict())

            assert ada.document.digest() == ben.document.digest()
            assert (ada.pending, ben.pending) == (0, 0)


asyncio.run(main())
