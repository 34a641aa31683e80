"""People whose documents are Yjs documents in Node, see ``interop/js/crowd.mjs``."""

from __future__ import annotations

import json
import subprocess
from base64 import b64decode, b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

from collabkit.history.tree import (
    ArrayNode,
    ElementNode,
    Entry,
    MapNode,
    Tree,
    XmlNode,
    XmlTextNode,
)
from collabkit.history.tree import TextNode as Text
from history.crowd import Person

__all__ = ["Node", "YjsPerson", "shown"]


class Node:
    """The process."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    @classmethod
    @contextmanager
    def running(cls, node: str, script: Path) -> Iterator[Node]:
        """One, until the end of the block."""
        pipe = subprocess.PIPE
        with subprocess.Popen([node, str(script)], stdin=pipe, stdout=pipe, text=True) as process:
            yield cls(process)
            assert process.stdin is not None
            process.stdin.close()

    def do(self, *command: Any) -> Any:
        """Have it do something, and take its answer."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(command) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())


class YjsPerson(Person):
    """Somebody who edits with Yjs."""

    def __init__(self, node: Node, number: int) -> None:
        super().__init__(number)
        self._node = node
        node.do("open", self.subject, 1000 + number)

    def edit(self, dice: Random) -> None:
        """Edit something."""
        self._do("edit", [dice.random() for _ in range(16)])

    def apply(self, updates: list[bytes]) -> None:
        """Take in what others did."""
        if updates:
            self._do("apply", [b64encode(update).decode() for update in updates])

    def _do(self, command: str, argument: Any) -> None:
        answer = self._node.do(command, self.subject, argument)
        self.unsent += map(b64decode, answer["updates"])

    def show(self) -> Any:
        """What he sees, as :func:`shown` has it."""
        roots = self._node.do("show", self.subject)
        return {name: _numbers(root) for name, root in roots.items() if any(root[1:])}


def shown(tree: Tree) -> Any:
    """A tree as tagged lists, as the process shows its documents; numbers as floats."""
    roots = {name: _shown(node) for name, node in tree.items()}
    return {name: _numbers(root) for name, root in roots.items() if any(root[1:])}


def _shown(value: Any) -> Any:
    match value:
        case MapNode():
            return ["map", _entries(value.entries)]
        case ArrayNode():
            return ["array", [_shown(entry.value) for entry in value.items]]
        case Text():
            return ["text", [[_shown(run.value), run.attributes] for run in value.runs]]
        case XmlNode():
            return ["xml", [_shown(child.value) for child in value.children]]
        case ElementNode():
            children = [_shown(child.value) for child in value.children]
            return ["element", value.tag, _entries(value.attributes), children]
        case XmlTextNode():
            runs = [[_shown(run.value), run.attributes] for run in value.runs]
            return ["xml text", runs, _entries(value.attributes)]
        case bytes():
            return ["bytes", list(value)]
        case dict() | list():
            return ["plain", value]
    return value


def _entries(entries: dict[str, Entry]) -> Any:
    return {key: _shown(entry.value) for key, entry in entries.items()}


def _numbers(value: Any) -> Any:
    match value:
        case bool():
            return value
        case int():
            return float(value)
        case list():
            return [_numbers(one) for one in value]
        case dict():
            return {key: _numbers(one) for key, one in value.items()}
    return value
