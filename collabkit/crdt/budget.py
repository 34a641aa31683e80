"""How much one update may hold, and why one is refused.

A budget bounds what a message can cost those who read it: the relay scans it in linear
time, and an engine integrates it in a time that is worse than linear in some of these.
What a document holds in the end is bounded elsewhere.
"""

from __future__ import annotations

from typing import NoReturn

import msgspec

from ..errors import UpdateRefused

__all__ = ["CLOCK_LIMIT", "DEFAULT_BUDGET", "NO_BUDGET", "REFUSALS", "Budget", "refuse"]

# Clocks end here: yrs compares them as signed 32-bit integers.
CLOCK_LIMIT = 1 << 31

REFUSALS = {
    "too-large": "the update is larger than {} bytes",
    "too-many-structs": "the update holds more than {} structs",
    "too-many-clients": "the update names more than {} clients",
    "too-many-new-clients": "the update brings more than {} clients unknown to the document",
    "too-many-deletes": "the update deletes more than {} ranges",
    "too-many-roots": "the update names more than {} root types",
    "too-deep": "shared types nest deeper than {}",
    "text-in-array": "client {} put text among the elements of an array",
    "parted-character": "it parts a character of client {} that takes two clocks",
    "unknown-content": "no released Yjs client knows content {}",
    "unknown-type": "no released Yjs client knows shared type {}",
    "misread-content": "the engine reads {} otherwise than Yjs writes it",
    "clock-out-of-range": "clock {} is not below 2**31",
    "zero-length": "a struct or a deleted range of client {} has no length",
    "future-origin": "an item of client {} builds on a later one of the same client",
    "repeated-client": "client {} has two sections",
    "unmendable": "what it deletes cannot be put back: {}",
    "trailing-bytes": "the update ends {} bytes before the message does",
}
"""Code of each refusal, and its sentence. Codes are stable; sentences are for people."""


class Budget(msgspec.Struct, frozen=True):
    """How much one update may hold. The defaults let any document through that people write.

    Attributes:
        message_bytes: The whole update. Documents of 6 MB are real; 16 MiB leaves room.
        structs: Runs of characters, values, and holes. A struct takes some 10 bytes, so
            this is what a fragmented document of 6 MB has.
        clients: Distinct authors. Engines are quadratic in the authors of one map key:
            10,000 take yrs 0.4 s, and a browser draws a new id with each page load.
        new_clients: Those of them that the document does not know. Below 10,000 authors of one
            key, 1,000 more take yrs 1.4 s. An empty document may get all of its authors at once,
            and so may whoever forwards, or brings back what was lost.
        delete_ranges: Each takes about 4 bytes; deleting every other character of
            200,000 makes 100,000.
        roots: Root types named. A root can never be removed again.
        depth: How deep values and JSON nest.
        levels: How deep shared types nest: in one update, and over all that a document has.
        document_bytes: What a document has on disk: its checkpoint and the rows since. An engine
            needs some ten times as much memory; a child has 1 GiB.
    """

    message_bytes: int = 16 << 20
    structs: int = 600_000
    clients: int = 10_000
    new_clients: int = 1_000
    delete_ranges: int = 100_000
    roots: int = 1_000
    depth: int = 64
    levels: int = 64
    document_bytes: int = 64 << 20


DEFAULT_BUDGET = Budget()

NO_BUDGET = Budget(
    message_bytes=1 << 53,
    structs=1 << 53,
    clients=1 << 53,
    new_clients=1 << 53,
    delete_ranges=1 << 53,
    roots=1 << 53,
    levels=1 << 53,
    document_bytes=1 << 53,
)
"""For what was within the budget when it was taken: only the nesting of values is bounded.

Shared types may nest deeper in a document than in any of its updates.
"""


def refuse(code: str, what: object) -> NoReturn:
    """Raise the refusal that has this code."""
    raise UpdateRefused(code, REFUSALS[code].format(what))
