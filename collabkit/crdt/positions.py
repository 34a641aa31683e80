"""★ Positions that stay put while others edit: Yjs' relative positions.

A position holds on to the character (or element) at one of its sides, and where there is
none to the start or end of its text. Cursors in presence are made of them. Grammar::

    position = 00 id stick | 01 varString root stick | 02 id stick
    id       = varUint client, varUint clock
    stick    = varInt: negative holds on to what is before, else to what is behind;
               absent in old encodings

As JSON, an id is ``{"client": …, "clock": …}``, and the three are ``item``, ``tname`` and
``type``. JSON made by Yjs has the item and beside it the type it is in.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from ..errors import MalformedBytes
from .lib0 import read_var_string, read_var_uint, var_string, var_uint
from .structs import Id

__all__ = ["Position"]

_ITEM, _ROOT, _TYPE = range(3)
_BEFORE = 0x41  # varInt -1
_BEHIND = 0x00
_IDS = range(1 << 53)


class Position(msgspec.Struct, frozen=True):
    """A position in a text or array. One of the first three is there.

    Attributes:
        item: The id of the character or element that it holds on to.
        root: The name of the root that it is in.
        type: The id of the nested type that it is in, if it is in one.
        before: It holds on to what is before it.

    >>> Position.decode(Position(root="body").encode())
    Position(item=None, root='body', type=None, before=False)
    """

    item: Id | None = None
    root: str | None = None
    type: Id | None = None
    before: bool = False

    def encode(self) -> bytes:
        """The bytes that ``Y.decodeRelativePosition`` reads."""
        if self.item is not None:
            head = var_uint(_ITEM) + _id_bytes(self.item)
        elif self.root is not None:
            head = var_uint(_ROOT) + var_string(self.root)
        elif self.type is not None:
            head = var_uint(_TYPE) + _id_bytes(self.type)
        else:
            raise ValueError("a position holds on to something")
        return head + bytes((_BEFORE if self.before else _BEHIND,))

    @classmethod
    def decode(cls, data: bytes) -> Position:
        """Read what ``Y.encodeRelativePosition`` wrote. Raises MalformedBytes."""
        kind, at = read_var_uint(data, 0)
        item = root = type_ = None
        if kind == _ITEM:
            item, at = _read_id(data, at)
        elif kind == _ROOT:
            root, at = read_var_string(data, at)
        elif kind == _TYPE:
            type_, at = _read_id(data, at)
        else:
            raise MalformedBytes(f"there is no kind {kind} of position", 0)
        if len(data) > at + 1:
            raise MalformedBytes("a position with something behind it", at + 1)
        before = at < len(data) and bool(data[at] & 0x40) and bool(data[at] & 0x3F)
        return cls(item, root, type_, before)

    def to_json(self) -> dict[str, Any]:
        """What ``Y.createRelativePositionFromJSON`` reads."""
        return {
            "type": _id_json(self.type),
            "tname": self.root,
            "item": _id_json(self.item),
            "assoc": -1 if self.before else 0,
        }

    @classmethod
    def from_json(cls, value: Any) -> Position:
        """Read what ``JSON.stringify`` made of a Yjs position. Raises MalformedBytes.

        >>> Position.from_json({"tname": "body", "item": {"client": 7, "clock": 3}, "assoc": -1})
        Position(item=(7, 3), root='body', type=None, before=True)
        """
        if not isinstance(value, Mapping):
            raise MalformedBytes("a position is an object", 0)
        item, type_ = _from_json(value.get("item")), _from_json(value.get("type"))
        root, assoc = value.get("tname"), value.get("assoc") or 0
        if item is type_ is root is None or not isinstance(root, str | None):
            raise MalformedBytes("a position holds on to an item, a root or a type", 0)
        if not isinstance(assoc, int | float):
            raise MalformedBytes("a position's side is a number", 0)
        return cls(item, root, type_, assoc < 0)


def _id_bytes(id_: Id) -> bytes:
    return var_uint(id_[0]) + var_uint(id_[1])


def _read_id(data: bytes, at: int) -> tuple[Id, int]:
    client, at = read_var_uint(data, at)
    clock, at = read_var_uint(data, at)
    return (client, clock), at


def _id_json(id_: Id | None) -> dict[str, int] | None:
    return None if id_ is None else {"client": id_[0], "clock": id_[1]}


def _from_json(value: Any) -> Id | None:
    if value is None:
        return None
    match value:
        case {"client": int(client), "clock": int(clock)} if client in _IDS and clock in _IDS:
            return client, clock
    raise MalformedBytes("an id is a client and a clock", 0)
