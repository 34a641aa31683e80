"""Updates written down from the grammar, honest or not, and a child that an engine may kill."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import TypeAlias, TypedDict, Unpack

from collabkit.crdt.lib0 import var_string, var_uint

Id: TypeAlias = tuple[int, int]


def update(
    *sections: tuple[int, int, Sequence[bytes]],
    deletes: Mapping[int, Sequence[tuple[int, int]]] | None = None,
) -> bytes:
    """An update of (client, clock, structs) sections."""
    parts = [var_uint(len(sections))]
    for client, clock, structs in sections:
        parts += (var_uint(len(structs)), var_uint(client), var_uint(clock), *structs)
    parts.append(var_uint(len(deletes or {})))
    for client, ranges in (deletes or {}).items():
        parts += (var_uint(client), var_uint(len(ranges)))
        parts += (var_uint(number) for span in ranges for number in span)
    return b"".join(parts)


class Where(TypedDict, total=False):
    """Where an item stands; without origins it needs a root or a parent."""

    origin: Id | None
    right: Id | None
    root: str | None
    parent: Id | None
    key: str | None


def item(ref: int, content: bytes, **where: Unpack[Where]) -> bytes:
    """An item of this content ref."""
    origin, right, key = where.get("origin"), where.get("right"), where.get("key")
    info = ref | (origin is not None) << 7 | (right is not None) << 6 | (key is not None) << 5
    parts = [bytes((info,))]
    for link in (origin, right):
        if link is not None:
            parts += map(var_uint, link)
    if origin is None and right is None:
        root, parent = where.get("root"), where.get("parent")
        if root is not None:
            parts.append(b"\1" + var_string(root))
        elif parent is not None:
            parts += (b"\0", *map(var_uint, parent))
        if key is not None:
            parts.append(var_string(key))
    return b"".join([*parts, content])


def string(text: str, **where: Unpack[Where]) -> bytes:
    """An item that holds text."""
    return item(4, var_string(text), **where)


def shared(kind: int, **where: Unpack[Where]) -> bytes:
    """An item that holds a shared type."""
    return item(7, var_uint(kind), **where)


def values(*encoded: bytes, **where: Unpack[Where]) -> bytes:
    """An item that holds any-values."""
    return item(8, var_uint(len(encoded)) + b"".join(encoded), **where)


def gc(length: int) -> bytes:
    return b"\x00" + var_uint(length)


def skip(length: int) -> bytes:
    return b"\x0a" + var_uint(length)


CHILD = """
import json, signal, sys
from pycrdt import Array, Doc, Map, Text, XmlFragment

for line in sys.stdin:
    doc = Doc()
    kinds = {"t": Text, "m": Map, "a": Array, "x": XmlFragment}
    kinds |= {"text": Text, "map": Map, "array": Array}
    roots = [doc.get(name, type=kind) for name, kind in kinds.items()]
    said = "ok"
    signal.alarm(5)  # an engine that never comes back is killed too
    try:
        for update in json.loads(line):
            doc.apply_update(bytes.fromhex(update))
        again = Doc()
        again.apply_update(doc.get_update())
        for root in roots:
            str(root)
    except BaseException as error:
        said = type(error).__name__
    print(said, flush=True)
"""


def engine_says(series: Sequence[Sequence[bytes]]) -> list[str]:
    """Apply each series of updates to a document of its own, in a process that may die.

    The verdicts: ``ok``, the name of what was raised, or ``killed``.
    """
    verdicts: list[str] = []
    while len(verdicts) < len(series):
        lines = [json.dumps([u.hex() for u in updates]) for updates in series[len(verdicts) :]]
        child = subprocess.run(
            [sys.executable, "-c", CHILD],
            input="\n".join(lines) + "\n",
            capture_output=True,
            text=True,
            check=False,
        )
        verdicts += child.stdout.split()
        if child.returncode:
            verdicts.append("killed")
    return verdicts
