"""A relay, and two programs at one document: first content once, edits of both, an operation.

Run it with ``python examples/relay_and_two_clients.py``. It prints what each of them gets to see.
"""

from __future__ import annotations

import asyncio
import tempfile

from collabkit import Workspace, connect
from collabkit.crdt.document import Document
from collabkit.relay.server import Relay


def template(document: Document) -> None:
    """Write what a new plan begins with."""
    document.text("title").append("Plan")
    document.array("steps").append("think")


async def worker(url: str, name: str, step: str, done: asyncio.Barrier) -> list[str]:
    """Take part in a plan, add a step to it, and see that of the other."""
    async with connect(url, name=name) as replica:
        first = await replica.seed("plan", template)  # both try; it is there once
        print(f"{name} is {replica.status.value}, and", "began" if first else "found", "the plan")

        steps = replica.document.array("steps")
        grown = asyncio.Event()
        replica.document.on_update(lambda change: grown.set())
        with replica.document.edit():
            steps.append(step)
        await replica.saved()  # the relay has it on disk

        while len(steps) < 3:
            grown.clear()
            await grown.wait()
        print(f"{name} has the steps:", list(steps))
        await done.wait()
        return list(steps)


async def main() -> None:
    """Run a relay and two workers in one program; they could be anywhere."""
    done = asyncio.Barrier(2)
    with tempfile.TemporaryDirectory() as folder:
        async with (
            Workspace.open(f"{folder}/relay.db") as workspace,
            Relay(workspace, port=0) as relay,
        ):
            print("the relay is at", relay.url)
            url = f"{relay.url}/plan"
            both = (worker(url, "Ada", "write", done), worker(url, "Ben", "read", done))
            ada, ben = await asyncio.gather(*both)

    assert ada == ben
    assert sorted(ada) == ["read", "think", "write"]


asyncio.run(main())
