"""First content that many replicas may write at once, and that is there once.

The most common complaint about shared documents is content that is there twice: two
programs found a document empty, and each put the same text into it, under ids of its own.
A **seed** is the same content under the same ids wherever it is made, so that to every
replica it is one and the same edit.

Rules:

1. The client id of a seed is made of its key and a fingerprint of what was written, and
   the ids of its items follow from that. Other content, of a later version of a program,
   has another client id: two contents under one id could never be told apart again.
2. The fingerprint is of the structs, in their order. Where the engine draws an order anew
   each time, it does not count: that of keys in plain objects is left out, and that of
   formats that begin or end at one place is put straight in the update itself.
3. The key can be read from the client id. So a state vector tells whether a document was
   seeded under a key, be it with what an earlier version of the program wrote.

::

    client id = 1, 32 bits of the key, 20 bits of the fingerprint        (53 bits)

Client ids are drawn from 32 bits by Yjs, and from 53 by some. That one of those looks like
a given key has a chance of 1 in 2**33.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from ..errors import LocalProtocolError
from ..ids import ClientId
from .budget import NO_BUDGET
from .contents import ANY, CONTENTS, EMBED, FORMAT
from .document import Document
from .lib0 import read_any, read_var_string, read_var_uint
from .scan import scan
from .structs import Item, read_items
from .update import decode_state_vector

__all__ = ["Seed", "is_seeded", "make_seed"]

_KEY_BITS = 32
_CONTENT_BITS = 20


class Seed(msgspec.Struct, frozen=True):
    """Content to be applied with :meth:`collabkit.crdt.document.Document.apply`."""

    client: ClientId
    update: bytes


def make_seed(key: str, write: Callable[[Document], object]) -> Seed:
    """Have a function write into an empty document, and make a seed of it.

    Args:
        key: What the content is for. It is the same in all versions of a program.
        write: Is called twice, with a document each time, and must write the same.

    Raises:
        LocalProtocolError: It did not.

    >>> one, other = (make_seed("title", lambda d: d.text("t").append("Plan")) for _ in "12")
    >>> one == other
    True
    """
    trial = Document(client_id=0)
    write(trial)
    print_of_trial = _fingerprint(_straightened(trial.update()))
    content = int.from_bytes(print_of_trial) >> (256 - _CONTENT_BITS)
    client = ClientId((_prefix(key) << _CONTENT_BITS) | content)
    document = Document(client_id=client)
    write(document)
    update = _straightened(document.update())
    if _fingerprint(update) != print_of_trial:
        raise LocalProtocolError(f"seed {key!r} did not write the same twice")
    return Seed(client, update)


def is_seeded(vector: bytes, key: str) -> bool:
    """Whether a document with this state vector has content that was seeded under a key."""
    clients = decode_state_vector(vector, NO_BUDGET.clients)
    return any(client >> _CONTENT_BITS == _prefix(key) for client in clients)


def _prefix(key: str) -> int:
    digest = hashlib.sha256(key.encode()).digest()
    return 1 << _KEY_BITS | int.from_bytes(digest[: _KEY_BITS // 8])


def _straightened(update: bytes) -> bytes:
    """Sort the formats that stand next to each other by their key, under the same ids."""
    pieces: list[bytes] = []
    done = 0
    for run in _format_runs(update):
        begins = [item.content_at for item in run]
        ends = [_end(update, item) for item in run]
        bodies = [update[begin:end] for begin, end in zip(begins, ends, strict=True)]
        bodies.sort(key=lambda body: read_var_string(body, 0)[0])
        for begin, end, body in zip(begins, ends, bodies, strict=True):
            pieces += (update[done:begin], body)
            done = end
    return b"".join([*pieces, update[done:]])


def _format_runs(update: bytes) -> Iterator[list[Item]]:
    run: list[Item] = []
    for item in read_items(update, scan(update, NO_BUDGET)):
        follows = run and item.origin == (item.client, item.clock - 1)
        if item.content == FORMAT and follows and item.right_origin == run[-1].right_origin:
            run.append(item)
            continue
        if run:
            yield run
        run = [item] if item.content == FORMAT else []
    if run:
        yield run


def _end(update: bytes, item: Item) -> int:
    return CONTENTS[item.content](update, item.content_at, len(update))[1]


def _fingerprint(update: bytes) -> bytes:
    found = scan(update, NO_BUDGET)
    seen = hashlib.sha256()
    own = {section.client for section in found.sections}
    for item in read_items(update, found):
        places = [(clock if client in own else (client, clock)) for client, clock in _ids(item)]
        parent = item.parent if isinstance(item.parent, str) else None
        shape = (item.clock, item.length, parent, item.key, item.content, places)
        seen.update(repr((shape, _content(update, item))).encode())
    seen.update(repr([(clock, length) for _, clock, length in found.deletes]).encode())
    return seen.digest()


def _ids(item: Item) -> list[tuple[int, int]]:
    parent = item.parent if isinstance(item.parent, tuple) else None
    nowhere = (-1, -1)
    return [place or nowhere for place in (item.origin, item.right_origin, parent)]


def _content(update: bytes, item: Item) -> object:
    at = item.content_at
    if item.content == ANY:
        count, at = read_var_uint(update, at)
        values = []
        for _ in range(count):
            value, at = read_any(update, at)
            values.append(_sorted(value))
        return values
    if item.content in (EMBED, FORMAT):
        key, at = read_var_string(update, at)
        if item.content == EMBED:
            return _sorted(json.loads(key))
        text, at = read_var_string(update, at)
        return key, _sorted(json.loads(text))
    return update[at : _end(update, item)]


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return [(key, _sorted(value[key])) for key in sorted(value)]
    if isinstance(value, list):
        return ["list", *map(_sorted, value)]
    return value
