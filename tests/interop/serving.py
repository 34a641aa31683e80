"""A relay in a process of its own, started as a user starts it."""

from __future__ import annotations

import contextlib
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

START_TIMEOUT = 30.0


class Serving:
    """``collabkit serve``; open one with :meth:`running`."""

    def __init__(self, database: Path, options: tuple[str, ...]) -> None:
        self.database = database
        self.options = options
        self.port = 0
        self.url = ""
        self._log = database.with_suffix(".stderr").open("ab")
        self._process: subprocess.Popen[bytes] | None = None

    def __repr__(self) -> str:
        return f"<Serving {self.database.name} at {self.url or 'no port'}>"

    @classmethod
    @contextlib.contextmanager
    def running(cls, database: Path, *options: str) -> Iterator[Self]:
        """Serve a database on a free port; the process is gone at the end of the block."""
        serving = cls(database, options)
        try:
            serving.start()
            yield serving
            assert "Traceback" not in serving.complaints(), "the relay failed inside"
        finally:
            serving.kill()
            serving._log.close()
            sys.stderr.write(serving.complaints())  # shown with the test, if that fails

    @property
    def page(self) -> str:
        """Address of the page."""
        return self.url.replace("ws", "http", 1)

    @property
    def pid(self) -> int:
        """Its process, while it serves."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start the process, at the port it had before if any, and wait until it listens."""
        command = [sys.executable, "-m", "collabkit", "serve", str(self.database)]
        command += ["--port", str(self.port), *self.options]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self._log)
        assert self._process.stdout is not None
        ready, _, _ = select.select([self._process.stdout], [], [], START_TIMEOUT)
        line = self._process.stdout.readline().decode() if ready else ""
        assert line.startswith("listening on ws"), f"no relay: {line!r}\n{self.complaints()}"
        self.url = line.removeprefix("listening on ").strip()
        port = urlsplit(self.url).port
        assert port is not None
        self.port = port

    def kill(self) -> None:
        """End the process at once, as a crash does (SIGKILL)."""
        self._end(signal.SIGKILL)

    def terminate(self) -> int:
        """Ask the process to end (SIGTERM); returns its exit code."""
        return self._end(signal.SIGTERM)

    def restart(self) -> None:
        """Kill the process, and start another on the same file and port."""
        self.kill()
        self.start()

    def complaints(self) -> str:
        """All that the process wrote to stderr."""
        return self.database.with_suffix(".stderr").read_text(errors="replace")

    def _end(self, number: signal.Signals) -> int:
        if self._process is None:
            return 0
        self._process.send_signal(number)
        code = self._process.wait(timeout=START_TIMEOUT)
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._process = None
        return code
