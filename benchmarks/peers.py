"""The servers that are compared: how each is started, and how its clients speak."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
CLOCK_TICKS = os.sysconf("SC_CLK_TCK")


class Missing(Exception):
    """A peer cannot run here; the message says what to install."""


@dataclass
class Server:
    """One running server.

    Attributes:
        dialect: ``y-websocket`` or ``hocuspocus``.
        folder: Where it keeps what it keeps.
    """

    name: str
    port: int
    dialect: str
    process: subprocess.Popen[bytes]
    folder: Path

    def cpu_s(self) -> float:
        """User and system time of the server and its children so far."""
        return sum(_cpu_s(pid) for pid in _family(self.process.pid))

    def memory_kb(self) -> int:
        """Resident memory of the server and its children, of which what they share counts once."""
        return sum(_pss_kb(pid) for pid in _family(self.process.pid))

    @contextlib.contextmanager
    def peak(self) -> Iterator[Callable[[], int]]:
        """Watch the memory; what is given tells the most that was seen, in KB."""
        most, over = self.memory_kb(), threading.Event()

        def watch() -> None:
            nonlocal most
            while not over.wait(0.05):
                most = max(most, self.memory_kb())

        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            yield lambda: most
        finally:
            over.set()
            watcher.join()


def _stat(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def _cpu_s(pid: int) -> float:
    # Fields 14 to 17 of proc(5): own time, and that of children that have ended.
    stat = _stat(pid)
    return sum(int(n) for n in stat[11:15]) / CLOCK_TICKS if stat else 0.0


def _pss_kb(pid: int) -> int:
    """Resident memory, each page divided by how many processes share it; see proc(5)."""
    try:
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:"))


def _family(pid: int) -> list[int]:
    found = [pid]
    for parent in found:
        with contextlib.suppress(OSError):
            children = Path(f"/proc/{parent}/task/{parent}/children").read_text()
            found += [int(child) for child in children.split()]
    return found


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _node(modern: bool = False) -> str:
    """Node; for Hocuspocus 4 a modern one, which npm can carry as a package."""
    if modern:
        for carried in HERE.glob("node_modules/node-linux-*/bin/node"):
            return str(carried)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    found = shutil.which("node", path=path)
    if found is None:
        raise Missing("node is missing: `make node`")
    return found


def _script(name: str) -> str:
    if not (HERE / "node_modules").is_dir():
        raise Missing(f"npm packages are missing: `npm ci` in {HERE.name}/")
    return str(HERE / name)


def _collabkit(port: int, folder: Path) -> list[str]:
    database = str(folder / "bench.db")
    return [sys.executable, "-m", "collabkit", "serve", database, "--port", str(port)]


# Everybody may read, and write into the root that is typed into; so each edit is judged.
_RULES = """
import asyncio, sys
from collabkit import Workspace
from collabkit.access.rules import Permission

async def main():
    async with Workspace.open(sys.argv[1]) as workspace:
        async with workspace.access.transaction() as rules:
            for resource, action in (
                ("/projects/*/sessions/**", "read"),
                ("/projects/*/sessions/*/docs/*/t/**", "write"),
                ("/projects/*/ops/create", "execute"),
            ):
                rules.grant("anyone", permission=Permission(resource, action))

asyncio.run(main())
"""


def _guarded(port: int, folder: Path) -> list[str]:
    command = _collabkit(port, folder)
    subprocess.run([sys.executable, "-c", _RULES, str(folder / "bench.db")], check=True)
    return command


def _y_websocket(port: int, folder: Path) -> list[str]:
    return [_node(), _script("node_modules/y-websocket/bin/server.js")]


def _hocuspocus(port: int, folder: Path) -> list[str]:
    return [_node(modern=True), _script("hocuspocus_server.mjs")]


def _pycrdt_websocket(port: int, folder: Path) -> list[str]:
    return [
        *(sys.executable, "-m", "uvicorn", "pycrdt_server:app", "--app-dir", str(HERE)),
        *("--port", str(port), "--ws", "websockets-sansio", "--loop", "uvloop"),
        *("--log-level", "warning"),
    ]


PEERS = {
    "collabkit": (_collabkit, "y-websocket"),
    "collabkit-hp": (_collabkit, "hocuspocus"),
    "collabkit-guarded": (_guarded, "y-websocket"),
    "y-websocket": (_y_websocket, "y-websocket"),
    "hocuspocus": (_hocuspocus, "hocuspocus"),
    "pycrdt-websocket": (_pycrdt_websocket, "y-websocket"),
}


def _await_port(port: int, process: subprocess.Popen[bytes], name: str) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise Missing(f"{name} ended with {process.returncode} before it served")
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    raise Missing(f"{name} does not serve")


@contextlib.contextmanager
def running(name: str, folder: Path | None = None) -> Iterator[Server]:
    """Run a peer on a free port; ``folder`` keeps its files for another run."""
    command, dialect = PEERS[name]
    port = free_port()
    own = folder is None
    where = Path(tempfile.mkdtemp(prefix="bench-")) if folder is None else folder
    environment = {**os.environ, "PORT": str(port), "HOST": "127.0.0.1"}
    process = subprocess.Popen(
        command(port, where),
        env=environment,
        cwd=HERE.parent,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _await_port(port, process, name)
        yield Server(name, port, dialect, process, where)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if own:
            shutil.rmtree(where, ignore_errors=True)
