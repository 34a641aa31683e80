"""Rights for each key: who may change what inside a document, and what becomes of the rest.

Run it with ``python examples/rights_for_each_key.py``. It prints what was taken and what was not.
"""

from __future__ import annotations

import asyncio
import secrets
import tempfile
import time

from collabkit import Permission, Role, Workspace, connect
from collabkit.access.tokens import Claims, mint
from collabkit.relay.auth import jwt
from collabkit.relay.server import Relay

# Whoever has this role reads all of a plan, and sets its notes; its budget is for others.
HELPER = Role(
    "helper",
    (
        Permission("/projects/*/sessions/*/docs/**", "read"),
        Permission("/projects/*/sessions/*/docs/main/notes/**", "write"),
        Permission("/projects/*/sessions/*/docs/main/notes/**", "delete", ("change.own",)),
    ),
)
KEY = secrets.token_bytes(32)


def token(subject: str) -> str:
    """Say who somebody is; his rights are in the policy."""
    claims = Claims(subject, exp=int(time.time()) + 600, write=("acme~**",))
    return mint(claims, KEY, now=int(time.time()))


async def helping(url: str) -> None:
    """Change both, in one edit."""
    async with connect(url, token=token("user:ben")) as ben:
        await ben.synced()
        with ben.document.edit():
            ben.document.map("notes")["monday"] = "call them"
            ben.document.map("budget")["total"] = 1_000_000
        (receipt,) = await ben.saved()
        for item in receipt.items:
            print("not taken:", item.action, item.path, f"({item.code})")
        print("Ben has:", ben.document.to_dict())
        assert ben.document.to_dict() == {
            "notes": {"monday": "call them"},
            "budget": {"total": 100},
        }


async def main() -> None:
    """Run a relay with rules, and two people at one document."""
    with tempfile.TemporaryDirectory() as folder:
        async with (
            Workspace.open(f"{folder}/relay.db") as workspace,
            Relay(workspace, port=0, authenticate=jwt(KEY)) as relay,
        ):
            await workspace.create("acme~plan")
            async with workspace.access.transaction(reason="the project begins") as rules:
                rules.apply_template("editor", project="acme", who="user:ada")
                rules.put_role(HELPER)
                rules.grant("user:ben", "helper", scope="/projects/acme")

            url = f"{relay.url}/acme~plan"
            async with connect(url, token=token("user:ada")) as ada:
                ada.document.map("budget")["total"] = 100
                await ada.saved()
            await helping(url)


asyncio.run(main())
