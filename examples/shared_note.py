"""A note that two parts of one program share, and that is still there afterwards.

Run it with ``python examples/shared_note.py``. It prints what each of them sees.
"""

from __future__ import annotations

import asyncio
import os
import tempfile

from collabkit import Workspace


async def main() -> None:
    """Write a note together, close the file, and open it again."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "notes.db")

        async with (
            Workspace.open(path, subject="user:ada") as workspace,
            workspace.create("note") as ada,
            workspace.open("note") as editor,
        ):
            arrived = asyncio.Event()
            editor.document.on_update(lambda change: arrived.set())

            ada.document.text("body").insert(0, "Hello from Ada")
            await arrived.wait()
            print("the other part of the program sees:", editor.document.text("body"))

            with editor.document.edit():  # all of it or nothing
                editor.document.text("body").append(", and from the editor")
                editor.document.map("meta")["language"] = "en"
            await editor.saved()  # it is on disk

        async with Workspace.open(path) as workspace:
            for record in await workspace.list():
                print("the file has:", record.name, record.kind, record.documents)
            async with workspace.open("note") as note:
                content = note.document.to_dict()

    print("after closing and opening:", content)
    assert content == {
        "body": "Hello from Ada, and from the editor",
        "meta": {"language": "en"},
    }


asyncio.run(main())
