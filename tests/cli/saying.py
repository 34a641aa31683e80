"""What a command answered."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, TypeAlias


class Said:
    """The answer of one command.

    Attributes:
        code: Its exit code.
        out: Its stdout.
        err: Its stderr.
    """

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code = code
        self.out = out
        self.err = err

    def __repr__(self) -> str:
        return f"<exit {self.code}: {self.out!r} / {self.err!r}>"

    @property
    def json(self) -> Any:
        """Its stdout as JSON."""
        return json.loads(self.out)

    @property
    def lines(self) -> list[list[str]]:
        """Its stdout as lines of fields."""
        return [line.split("\t") for line in self.out.splitlines()]


Run: TypeAlias = Callable[..., Said]
"""Runs a command in this process: ``run("ls", db)``."""
