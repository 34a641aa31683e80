"""The package's front door: small, and light to open."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from importlib.metadata import version

import pytest

import collabkit

# Each costs tens of milliseconds, and a program that edits a document needs none of them.
HEAVY = ("typer", "rich", "picows", "uvloop", "prometheus_client", "starlette", "jwt")


def test_importing_it_imports_nothing_heavy() -> None:
    """A library user does not pay for the server and the command line."""
    program = f"import collabkit, sys; print([m for m in {HEAVY!r} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_the_version_is_the_distributions() -> None:
    """`collabkit.__version__` is what was installed."""
    assert collabkit.__version__ == version("collabkit")


def test_the_headline_names_work_together(tmp_path: object) -> None:
    """A file is opened, written and read with names of the front door alone."""
    with collabkit.open(f"{tmp_path}/a.db") as workspace:
        with workspace.create("note", kind=collabkit.Kind.SINGLE_USER) as note:
            note.document.text("body").insert(0, "hello")
        with pytest.raises(collabkit.errors.SessionExists) as raised:
            workspace.create("note")
        assert isinstance(raised.value, collabkit.CollabError)
        with workspace.open("note") as note:
            assert isinstance(note.document, collabkit.Document)
            assert str(note.document.text("body")) == "hello"


def test_rules_are_made_of_headline_names(tmp_path: object) -> None:
    """A role is granted, and asked for, with names of the front door alone."""
    reading = collabkit.Role("reader", (collabkit.Permission("/**", "read"),))

    async def rule() -> bool:
        async with collabkit.Workspace.open(f"{tmp_path}/a.db") as workspace:
            access: collabkit.AccessControl = workspace.access
            async with access.transaction() as changes:
                changes.put(reading, collabkit.Grant("1", "user:ada", role="reader"))
            return access.check("user:ada", "read", "/projects/acme")

    assert asyncio.run(rule())
