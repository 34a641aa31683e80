"""Documents that Yjs made, and what it says that they are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from collabkit.crdt.lib0 import read_any, read_var_bytes, read_var_string, read_var_uint

__all__ = ["documents"]


def documents(raw: bytes) -> Iterator[tuple[list[bytes], tuple[Any, ...]]]:
    """The updates of each document, and what Yjs says that they make."""
    count, at = read_var_uint(raw, 0)
    for _ in range(count):
        size, at = read_var_uint(raw, at)
        updates = []
        for _ in range(size):
            one, at = read_var_bytes(raw, at)
            updates.append(one)
        text, at = read_var_string(raw, at)
        table, at = read_any(raw, at)
        array, at = read_any(raw, at)
        yield updates, (text, table, array)
