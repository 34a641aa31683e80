"""Checkpoints come from a process of their own, and load."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from collabkit.crdt import rebuild as module
from collabkit.crdt.document import Document
from collabkit.crdt.rebuild import rebuild
from collabkit.errors import EngineLost

IMPOSSIBLE = [
    bytes.fromhex("0101010004010174016100"),
    bytes.fromhex("01020300840100017804000100016200"),
]


async def test_a_checkpoint_holds_what_the_log_holds() -> None:
    """Content, types and digest, from many edits of many kinds."""
    document, updates = Document(), list[bytes]()
    document.on_update(lambda change: updates.append(change.update))
    for number in range(300):
        document.text("t").insert(number // 2, "é😀"[number % 2])
        document.map("m")[f"k{number % 7}"] = {"n": number}
    document.text("t").delete(10, 200)
    built = await rebuild(updates)
    loaded = Document()
    loaded.apply(built.body)
    assert built.digest == loaded.digest() == document.digest()
    assert len(built.body) < sum(map(len, updates))


async def test_nothing_makes_an_empty_checkpoint() -> None:
    """A document that was never written to is one, too."""
    built = await rebuild([])
    assert built.body == b"\0\0"
    assert built.digest == Document().digest()


async def test_a_log_that_cannot_be_applied_makes_none() -> None:
    """Whether it is refused or breaks the engine."""
    for updates in (IMPOSSIBLE, [b"\x01\x02"], IMPOSSIBLE[1:]):
        with pytest.raises(EngineLost):
            await rebuild(updates)


async def test_a_child_that_dies_makes_none(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Whatever killed it, and whatever it had said by then."""
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\nhead -c 2 >/dev/null\nprintf '%070d' 0\nkill -9 $$\n")
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))
    with pytest.raises(EngineLost, match="checkpoint"):
        await rebuild(IMPOSSIBLE[:1])


async def test_a_child_that_never_ends_is_not_waited_for() -> None:
    """An array with a wide string among its elements, which no client makes, loops for ever."""
    source = Document(client_id=1)
    source.map("m")["a"] = [0, 1, 2]
    string_among_them = bytes.fromhex("01010200" + "c401010102" + "02c3a9" + "00")
    with pytest.raises(EngineLost):
        await rebuild([source.update(), string_among_them], patience_s=3.0)


async def test_a_caller_that_gives_up_leaves_no_child(monkeypatch: pytest.MonkeyPatch) -> None:
    """The child is killed and waited for, as soon as nobody wants its answer."""
    children: list[asyncio.subprocess.Process] = []
    start = asyncio.create_subprocess_exec

    async def started(*command: str, **options: object) -> asyncio.subprocess.Process:
        children.append(await start(*command, **options))  # type: ignore[arg-type]
        return children[-1]

    monkeypatch.setattr(asyncio, "create_subprocess_exec", started)
    task = asyncio.create_task(rebuild(IMPOSSIBLE[:1]))
    while not children:
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert children[0].returncode is not None


def test_the_child_gets_no_secrets() -> None:
    """Nothing of this process's environment but where modules are."""
    probe = "import os; print(sorted(os.environ))"
    child = subprocess.run(
        [sys.executable, "-c", probe],
        env=module.environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    known = {"PYTHONPATH", "LC_CTYPE"}  # the latter is set by Python itself, for want of a locale
    assert set(eval(child.stdout)) <= known
    assert "PATH" in os.environ
