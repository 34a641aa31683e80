"""When participants of a session agree: they hold the same edits, and so the same content."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

from collabkit.crdt.update import decode_state_vector, scan


class Content(NamedTuple):
    """What a document says, whatever its history: the roots of these names."""

    text: str
    map: dict[str, Any]
    array: list[Any]


class Holding(Protocol):
    """What a participant has at one moment."""

    @property
    def edits(self) -> str:
        """All edits, canonically: see :func:`edits_of`."""

    @property
    def pending(self) -> bool:
        """Whether updates wait for what they build on."""

    @property
    def revision(self) -> int:
        """Grows with everything that happens to the participant."""

    @property
    def content(self) -> Content:
        """What the document says."""


class Participant(Protocol):
    """Anything with a replica of the session."""

    async def read(self) -> Holding:
        """What it has now."""

    async def changed(self, revision: int, *, timeout: float) -> Holding:
        """Wait for anything to happen to it after ``revision``."""


def edits_of(update: bytes, vector: bytes) -> str:
    """Describe a document, given whole, as ``js/clients.mjs`` does."""
    clocks = sorted(decode_state_vector(vector, 1_000_000).items())
    merged: dict[int, list[list[int]]] = {}
    for client, clock, length in sorted(scan(update).deletes):
        ranges = merged.setdefault(client, [])
        if ranges and sum(ranges[-1]) == clock:
            ranges[-1][1] += length
        else:
            ranges.append([clock, length])
    return json.dumps([clocks, sorted(merged.items())], separators=(",", ":"))


async def converge(participants: Sequence[Participant], *, timeout: float = 30.0) -> Content:
    """Wait until all hold the same edits; returns what they agree on.

    Raises:
        TimeoutError: They did not; the message shows how they differ.
    """
    held = [await one.read() for one in participants]
    try:
        async with asyncio.timeout(timeout):
            while not _agree(held):
                await _any_change(participants, held, 2 * timeout)
                held = [await one.read() for one in participants]
    except TimeoutError:
        differ = [f"{one}: {has}"[:2000] for one, has in zip(participants, held, strict=True)]
        raise TimeoutError("no agreement:\n" + "\n".join(differ)) from None
    contents = [has.content for has in held]
    assert all(content == contents[0] for content in contents), (
        f"equal edits, other content: {contents}"
    )
    return contents[0]


def _agree(held: Sequence[Holding]) -> bool:
    return len({has.edits for has in held}) == 1 and not any(has.pending for has in held)


async def _any_change(
    participants: Sequence[Participant], held: Sequence[Holding], timeout: float
) -> None:
    waiting = [
        asyncio.ensure_future(one.changed(has.revision, timeout=timeout))
        for one, has in zip(participants, held, strict=True)
    ]
    try:
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for one in waiting:
            one.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
