"""Stock Yjs on a guarded log: who may not write everywhere, and who looks on, see the same."""

from __future__ import annotations

import time
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from collabkit.crdt.document import Document
from collabkit.crdt.engine import Mended
from collabkit.ids import Subject
from crdt.guarded import Guarded, GuardedCrowd, by_place
from history.crowd import Person
from history.yjs import Node, YjsPerson

OWNER, OFFENDER, BYSTANDER = "owner", "offender", "bystander"
# Engines order who writes at once by their client ids.
IDS = ((7, 9), (2**32 - 1, 9))
WRITES = (1, 3, 6)


@pytest.fixture(scope="module")
def start(
    root: Path, require: Callable[[str], str], packages: Callable[[str], Path]
) -> Callable[[str], Any]:
    """Start a Node process by the name of its script."""
    node = require("node")
    packages("tests/interop/js")
    return lambda script: Node.running(node, root / "tests/interop/js" / script)


@pytest.fixture(scope="module")
def writers(start: Callable[[str], Any]) -> Iterator[Node]:
    """Yjs documents that are edited as they are told."""
    with start("writer.mjs") as node:
        yield node


class Room:
    """Three Yjs documents on a guarded log; one may not write where it says `locked`."""

    def __init__(self, node: Node, offender: int, bystander: int) -> None:
        self.log = Guarded(lambda steps: not any(str(s).startswith("locked") for s in steps))
        self._node = node
        self._unsent: dict[str, list[bytes]] = {}
        self._heard: dict[str, int] = {}
        for name, client in ((OWNER, 5), (OFFENDER, offender), (BYSTANDER, bystander)):
            node.do("open", name, client)
            self._unsent[name], self._heard[name] = [], 0
        self.edit(OWNER, "begin", 0)
        self.settle()

    def edit(self, name: str, kind: str, time: int) -> None:
        """Have somebody edit, and not send it yet."""
        self._do("edit", name, kind, time)

    def undo(self, name: str) -> None:
        """Have somebody take back what he did last."""
        self._do("undo", name)

    def _do(self, command: str, name: str, *what: Any) -> None:
        answer = self._node.do(command, name, *what)
        self._unsent[name] += map(b64decode, answer["updates"])

    def settle(self) -> dict[str, Any]:
        """Let all be sent and heard, until nobody has anything to say; what all see by then."""
        for _ in range(10):
            if not any(self._unsent.values()) and set(self._heard.values()) == {len(self.log.rows)}:
                return self._agreed()
            for name, unsent in self._unsent.items():
                for update in unsent:
                    self.log.offer(Subject(name), update, judged=name == OFFENDER)
                unsent.clear()
            for name, heard in self._heard.items():
                news = [row.update for row in self.log.rows[heard:] if row.subject != name]
                self._heard[name] = len(self.log.rows)
                self._do("apply", name, [b64encode(update).decode() for update in news])
        raise AssertionError("they never come to rest")

    def _agreed(self) -> dict[str, Any]:
        first, *others = (self._node.do("show", name) for name in self._heard)
        assert not first.pop("waiting")
        assert all(other == {**first, "waiting": False} for other in others)
        now = self.log.replay.core.encode()
        self._node.do("open", "joiner", 6)
        self._node.do("apply", "joiner", [b64encode(now).decode()])
        assert self._node.do("show", "joiner") == {**first, "waiting": False}
        joined = Document()
        for row in self.log.rows:
            joined.apply(row.update)
            assert b"SECRET" not in row.update
        assert b"SECRET" not in now
        loaded = Document()
        loaded.apply(now)
        assert joined.digest() == loaded.digest()
        return dict(first)


@pytest.mark.parametrize("ids", IDS)
@pytest.mark.parametrize("writes", WRITES)
def test_whatever_is_refused_is_undone_for_all(
    writers: Node, ids: tuple[int, int], writes: int
) -> None:
    """Of every kind, also when he wrote on before he heard of it; what he may write lands."""
    for kind in writers.do("kinds"):
        print(kind)
        room = Room(writers, *ids)
        before = room.settle()
        for time_ in range(writes):
            room.edit(OFFENDER, kind, time_)
        after = room.settle()
        assert unchanged(before, after)
        assert room.log.verdicts[Mended] > 0
        room.edit(OFFENDER, "legal", writes)
        assert room.settle()["open"]["here"] == f"legal {writes}"


def unchanged(before: dict[str, Any], after: dict[str, Any]) -> bool:
    """Whether all is as it was where it is locked."""
    roots = (name for name in before if name.startswith("locked"))
    return after["open"]["lockedKey"] == "kept" and all(after[r] == before[r] for r in roots)


@pytest.mark.parametrize("steps", [1, 3])
def test_to_undo_what_was_refused_is_an_edit_as_any_other(writers: Node, steps: int) -> None:
    """It is judged again, and all see the same afterwards."""
    for kind in writers.do("kinds"):
        print(kind)
        room = Room(writers, *IDS[0])
        before = room.settle()
        for time_ in range(3):
            room.edit(OFFENDER, kind, time_)
        room.settle()
        for _ in range(steps):
            room.undo(OFFENDER)
        assert unchanged(before, room.settle())
        room.edit(OFFENDER, "legal", 0)
        assert room.settle()["open"]["here"] == "legal 0"


def test_what_is_mixed_is_taken_in_parts(writers: Node) -> None:
    """What may stay does, in the same transaction and beside what may not."""
    room = Room(writers, *IDS[0])
    room.edit(OFFENDER, "mixed, in one root", 0)
    room.edit(OFFENDER, "mixed, in one root", 1)
    room.edit(OFFENDER, "mixed, in many", 2)
    after = room.settle()
    assert after["open"] == {
        "here": {"deep": [["legal 2", {}]], "list": ["legal 2", {"deeper": "legal 2"}]},
        "lockedKey": "kept",
        "new 1": {"inside": "legal 1"},
    }
    assert after["openText"] == [["legal 2  first", {}]]
    assert after["openPage"][0]["attributes"] == {"class": "legal 2"}


def crowded(node: Node, seed: str) -> int:
    """Two Yjs documents and two of ours, at random; returns how often something was refused."""
    guests = [YjsPerson(node, number) for number in (1, 2)]
    crowd = GuardedCrowd(Random(seed), [Person(0), *guests, Person(3)])
    for _ in range(50):
        crowd.step()
    seen = crowd.settled()
    for guest in guests:
        assert by_place(guest.show()) == seen
    return crowd.log.verdicts[Mended]


def test_yjs_comes_to_rest(start: Callable[[str], Any], seed: int) -> None:
    """Edits at random, of a stock client of whom some are refused and of one that looks on."""
    with start("crowd.mjs") as node:
        refused = 0
        for run in range(12):
            print(f"seed {seed}.{run}")
            refused += crowded(node, f"{seed}.{run}")
        assert refused > 40


@pytest.mark.fuzz
def test_yjs_always_comes_to_rest(start: Callable[[str], Any], seed: int, for_s: float) -> None:
    """The same for a long time."""
    run, end = 12, time.monotonic() + for_s
    with start("crowd.mjs") as node:
        while time.monotonic() < end:
            print(f"seed {seed}.{run}")
            crowded(node, f"{seed}.{run}")
            run += 1
