"""What people typed, as the rows that it makes, and what it must read as: by lists alone."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import msgspec
import pycrdt

__all__ = ["Recorded", "one_typist", "two_typists"]


class Recorded(msgspec.Struct):
    """A recording played once.

    Attributes:
        updates: The row of each transaction.
        people: Who made each, by number.
        texts: What the text was after some rows: by how many rows.
        authors: Who wrote each character that there is in the end.
        end: The text in the end.
    """

    updates: list[bytes]
    people: list[int]
    texts: dict[int, str]
    authors: list[int]
    end: str


def one_typist(path: Path, most: int, points: set[int]) -> Recorded:
    """Play the first transactions of a recording of one person."""
    typist, made = _Typist(), Recorded([], [], {}, [], "")
    text = ""
    for transaction in _read(path)["txns"][:most]:
        for position, deleted, inserted in transaction["patches"]:
            text = text[:position] + inserted + text[position + deleted :]
        made.updates.append(typist.play(transaction["patches"]))
        made.people.append(0)
        if len(made.updates) in points:
            made.texts[len(made.updates)] = text
    made.end = text
    made.authors = [0] * len(text)
    return made


def two_typists(path: Path, most: int) -> Recorded:
    """Play the first transactions of a recording of several people who type at the same time.

    Whose each character is, is told from what a third replica is told to insert and delete.
    """
    recording = _read(path)
    typists = [_Typist() for _ in range(recording["numAgents"])]
    made = Recorded([], [], {}, [], "")
    relay: pycrdt.Doc[Any] = pycrdt.Doc()
    text = relay.get("t", type=pycrdt.Text)
    text.observe(lambda event: _follow(event.delta, made.people[-1], made.authors))
    vectors: list[list[int]] = []  # of each transaction, how many of each person's it knows
    own: list[list[bytes]] = [[] for _ in typists]
    for transaction in recording["txns"][:most]:
        who = transaction["agent"]
        before = [vectors[parent] for parent in transaction["parents"]]
        known = [max(column) for column in zip([0] * len(typists), *before, strict=True)]
        for other, count in enumerate(known):
            if other != who:
                typists[who].hear(other, own[other][:count])
        update = typists[who].play(transaction["patches"])
        own[who].append(update)
        known[who] = len(own[who])
        vectors.append(known)
        made.people.append(who)
        made.updates.append(update)
        relay.apply_update(update)
    made.end = str(text)
    return made


class _Typist:
    """Somebody with a document."""

    def __init__(self) -> None:
        self.document: pycrdt.Doc[Any] = pycrdt.Doc()
        self.text = self.document.get("t", type=pycrdt.Text)
        self.heard: dict[int, int] = {}

    def play(self, patches: list[tuple[int, int, str]]) -> bytes:
        """Type; positions count code points, as the engine's bytes do if all is ASCII."""
        before = self.document.get_state()
        updates: list[bytes] = []
        watching = self.document.observe(lambda event: updates.append(event.update))
        with self.document.transaction():
            for position, deleted, inserted in patches:
                if deleted:
                    del self.text[position : position + deleted]
                if inserted:
                    self.text.insert(position, inserted)
        self.document.unobserve(watching)
        return updates[0] if updates else self.document.get_update(before)

    def hear(self, other: int, updates: list[bytes]) -> None:
        """Take in what another has typed so far."""
        for update in updates[self.heard.get(other, 0) :]:
            self.document.apply_update(update)
        self.heard[other] = max(self.heard.get(other, 0), len(updates))


def _follow(delta: list[dict[str, Any]], who: int, authors: list[int]) -> None:
    at = 0
    for step in delta:
        if "retain" in step:
            at += step["retain"]
        elif "insert" in step:
            authors[at:at] = [who] * len(step["insert"])
            at += len(step["insert"])
        else:
            del authors[at : at + step["delete"]]


def _read(path: Path) -> dict[str, Any]:
    with gzip.open(path) as recording:
        found: dict[str, Any] = json.load(recording)
    return found
