"""What updates are to documents and to each other, told from their scans alone.

:func:`scan` reads an update, see `crdt.scan`; the rest here takes what it found.

Rules:

1. A **gap** is an update that a document cannot integrate at once. It must not reach an
   engine: engines keep such updates waiting, without bound, unseen by every state vector.
2. A state vector knows nothing of deletions. An update that does not advance the vector
   may still delete something.
3. Updates are joined by copying byte ranges. Nothing is decoded, so nothing can change:
   applying what :func:`splice` returns is applying what it was given, in that order.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TypeAlias

from msgspec.structs import replace

from .budget import CLOCK_LIMIT, DEFAULT_BUDGET, REFUSALS, Budget, refuse
from .lib0 import read_var_uint, var_uint
from .scan import Scan, Section, part, scan

__all__ = [
    "DEFAULT_BUDGET",
    "EMPTY_UPDATE",
    "REFUSALS",
    "Budget",
    "Scan",
    "Section",
    "StateVector",
    "advance",
    "advances",
    "by_client",
    "decode_state_vector",
    "encode_deletes",
    "encode_state_vector",
    "encode_update",
    "gap",
    "merged",
    "scan",
    "splice",
    "without",
]

StateVector: TypeAlias = dict[int, int]
"""Of each client id, the clock that its next struct will have."""

EMPTY_UPDATE = b"\0\0"


# Where an update stands to a document


def gap(found: Scan, vector: Mapping[int, int]) -> bool:
    """Whether a document with this vector lacks something that the update builds on.

    True if a section starts after what the document has, if an origin or a parent is unknown
    even counting the update itself, or if a deletion reaches beyond. Such an update would
    wait inside an engine, unseen and without bound: ask its author for all that is missing.
    """
    for client, clock in found.needs.items():  # noqa: SIM110 - any() takes three times as long
        if vector.get(client, 0) < clock:
            return True
    return False


def advances(found: Scan, vector: Mapping[int, int]) -> bool:
    """Whether the update brings structs that a document with this vector has not.

    False does not mean that it brings nothing: see ``deletes``.
    """
    for section in found.sections:  # a loop, as above
        if section.clock + section.length > vector.get(section.client, 0):
            return True
    return False


def advance(found: Scan, vector: StateVector) -> None:
    """Move the vector to where the update leads; there must be no :func:`gap`."""
    for section in found.sections:
        end = section.clock + section.length
        if end > vector.get(section.client, 0):
            vector[section.client] = end


def encode_update(
    sections: Collection[tuple[int, int, int, Iterable[bytes]]], deletes: bytes
) -> bytes:
    """Encode an update.

    Args:
        sections: Of each client its id, its first clock, how many structs there are, and these.
        deletes: Its deletions, as :func:`encode_deletes` writes them.

    >>> encode_update([(7, 0, 1, [bytes.fromhex("04010174026869")])], encode_deletes({})).hex()
    '010107000401017402686900'
    """
    parts = [var_uint(len(sections))]
    for client, clock, count, structs in sections:
        parts += (var_uint(count), var_uint(client), var_uint(clock), *structs)
    return b"".join((*parts, deletes))


def encode_deletes(ranges: Mapping[int, Sequence[tuple[int, int]]]) -> bytes:
    """Encode the deletions of an update: of each client, ranges of a clock and a length.

    >>> encode_deletes({7: [(0, 2)]}).hex()
    '0107010002'
    """
    parts = [var_uint(len(ranges))]
    for client, spans in ranges.items():
        parts += (var_uint(client), var_uint(len(spans)))
        parts += (var_uint(number) for span in spans for number in span)
    return b"".join(parts)


def merged(ranges: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Put ranges of a clock and a length in order, and join those that touch.

    >>> merged([(5, 2), (0, 3), (3, 1)])
    [(0, 4), (5, 2)]
    """
    joined: list[tuple[int, int]] = []
    for clock, length in sorted(ranges):
        if joined and clock <= sum(joined[-1]):
            first, before = joined[-1]
            joined[-1] = (first, max(before, clock + length - first))
        else:
            joined.append((clock, length))
    return joined


def by_client(ranges: Iterable[tuple[int, int, int]]) -> dict[int, list[tuple[int, int]]]:
    """Ranges of a client, a clock and a length, by their clients, in order and joined.

    >>> by_client([(7, 5, 2), (9, 0, 1), (7, 0, 5)])
    {7: [(0, 7)], 9: [(0, 1)]}
    """
    found: dict[int, list[tuple[int, int]]] = {}
    for client, clock, length in ranges:
        found.setdefault(client, []).append((clock, length))
    return {client: merged(spans) for client, spans in found.items()}


def encode_state_vector(vector: Mapping[int, int]) -> bytes:
    """Encode a state vector.

    >>> encode_state_vector({7: 2}).hex()
    '010702'
    """
    parts = [var_uint(len(vector))]
    for client, clock in vector.items():
        parts += (var_uint(client), var_uint(clock))
    return b"".join(parts)


def decode_state_vector(data: bytes, max_clients: int = DEFAULT_BUDGET.clients) -> StateVector:
    r"""Decode a state vector of at most ``max_clients`` entries.

    Raises:
        MalformedBytes: This is no state vector.
        UpdateRefused: It has too many entries, or a clock no document reaches.

    >>> decode_state_vector(b"\x01\x07\x02")
    {7: 2}
    """
    count, at = read_var_uint(data, 0)
    if count > max_clients:
        refuse("too-many-clients", max_clients)
    vector: StateVector = {}
    for _ in range(count):
        client, at = read_var_uint(data, at)
        clock, at = read_var_uint(data, at)
        if clock > CLOCK_LIMIT:
            refuse("clock-out-of-range", clock)
        vector[client] = clock
    if at != len(data):
        refuse("trailing-bytes", len(data) - at)
    return vector


def without(update: bytes, found: Scan, clients: Collection[int]) -> tuple[bytes, Scan]:
    """The same update without the structs of some clients, and its scan; what it deletes stays.

    There must be no holes in it. The scan is made of the one there is, since a long update takes
    long to read. It calls nothing plain that has structs, and tells nothing of roots.

    >>> hi = bytes.fromhex("010107000401017402686900")
    >>> without(hi, scan(hi), {7})[0] == EMPTY_UPDATE
    True
    """
    cut = frozenset(clients)
    kept = [section for section in found.sections if section.client not in cut]
    if len(kept) == len(found.sections):
        return update, found
    parts, at = [count := var_uint(len(kept))], len(count)
    moved = []
    for section in kept:
        head = b"".join(map(var_uint, (section.structs, section.client, section.clock)))
        parts += (head, update[section.start : section.stop])
        start = at + len(head)
        at = start + section.stop - section.start
        moved.append(replace(section, start=start, stop=at))
    parts.append(update[found.deletes_start :])
    return b"".join(parts), part(found, moved, found.deletes_start - at)


# Joining


def splice(updates: Sequence[tuple[bytes, Scan]]) -> list[bytes]:
    """Join updates into as few as their byte ranges allow; mostly into one.

    A client's structs are joined where each update goes on where the one before ended;
    structs that the join has already are left out. An update that leaves a hole, has
    holes itself, or overlaps by halves starts another join.

    Args:
        updates: Updates with their scans, in the order in which they are to be applied.

    >>> hi, yo = bytes.fromhex("010107000401017402686900"), bytes.fromhex("0101070284070102796f00")
    >>> [join.hex() for join in splice([(hi, scan(hi)), (yo, scan(yo))])]
    ['010207000401017402686984070102796f00']
    """
    joins: list[_Join] = []
    for update, found in updates:
        if not (joins and joins[-1].take(update, found)):
            joins.append(_Join(update, found))
    return [join.encode() for join in joins]


class _Join:
    """Updates whose structs, client by client, follow each other without a hole."""

    __slots__ = ("deleting", "first", "runs")

    def __init__(self, update: bytes, found: Scan) -> None:
        self.first: bytes | None = update  # the only update so far
        self.deleting = [(update, found)] if found.deletes else []
        # With holes inside there are no runs, and nothing is ever added.
        self.runs: dict[int, _Run] | None = None if found.holes else {}
        if self.runs is not None:
            for section in found.sections:
                self.runs[section.client] = _Run(update, section)

    def take(self, update: bytes, found: Scan) -> bool:
        if self.runs is None or found.holes:
            return False
        runs, fresh = self.runs, []
        for section in found.sections:
            run = runs.get(section.client)
            if run is None or section.clock == run.stop:
                fresh.append((run, section))
            elif section.clock < run.start or section.clock + section.length > run.stop:
                return False
        for run, section in fresh:
            if run is None:
                runs[section.client] = _Run(update, section)
            else:
                run.add(update, section)
        if found.deletes:
            self.deleting.append((update, found))
        self.first = None
        return True

    def encode(self) -> bytes:
        if self.first is not None:
            return self.first
        assert self.runs is not None
        sections = [
            (client, run.start, run.structs, run.pieces) for client, run in self.runs.items()
        ]
        return encode_update(sections, _join_deletes(self.deleting))


class _Run:
    """Structs of one client from clock ``start`` up to ``stop``."""

    __slots__ = ("pieces", "start", "stop", "structs")

    def __init__(self, update: bytes, section: Section) -> None:
        self.start = self.stop = section.clock
        self.structs = 0
        self.pieces: list[bytes] = []
        self.add(update, section)

    def add(self, update: bytes, section: Section) -> None:
        self.stop += section.length
        self.structs += section.structs
        self.pieces.append(update[section.start : section.stop])


def _join_deletes(updates: Sequence[tuple[bytes, Scan]]) -> bytes:
    if not updates:
        return b"\0"
    if len(updates) == 1:
        update, found = updates[0]
        return update[found.deletes_start :]
    ranges: dict[int, list[tuple[int, int]]] = {}
    for _, found in updates:
        for client, clock, length in found.deletes:
            ranges.setdefault(client, []).append((clock, length))
    return encode_deletes({client: merged(each) for client, each in ranges.items()})
