"""`access audit`: who changed rights, and who was refused what."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from cli.ruled import made
from cli.saying import Run
from collabkit.errors import AccessDenied
from collabkit.sessions.workspace import Workspace


async def _refused(db: Path) -> None:
    async with Workspace.open(db) as workspace:
        for document in ("main", "side"):
            with pytest.raises(AccessDenied):
                workspace.access.require(
                    "user:eve", "write", f"/projects/acme/sessions/plan/docs/{document}/x"
                )


def test_changes_and_denials_are_told(run: Run, tmp_path: Path) -> None:
    """By whom, of what, since when; and the end of the chain, which verifies."""
    db = made(tmp_path)
    run("access", "grant", db, "user:ben", "viewer", "acme~", "--reason", "asked")
    asyncio.run(_refused(db))
    audit = ("access", "audit", db)
    every = run(*audit).lines[1:]
    assert [row[3] for row in every] == ["project-create", "access", *["access-denied"] * 2]
    assert every[1][4].startswith("epoch 1, + grant ")
    assert every[1][4].endswith("+ role viewer, asked")
    denied = run(*audit, "--denied", "--path", "acme~plan/side", "--json").json
    assert [(one["subject"], one["data"]["code"]) for one in denied] == [("user:eve", "no-match")]
    assert len(run(*audit, "--subject", "user:eve", "-n", "1").lines[1:]) == 1
    assert len(run(*audit, "--since", "1h").lines[1:]) == 4
    assert run(*audit, "--since", "2090-01-01").lines[1:] == []
    head = run(*audit, "--head").out.strip()
    assert head.startswith(f"{every[-1][0]}:")
    assert run("verify", db, "--head", head).code == 0
