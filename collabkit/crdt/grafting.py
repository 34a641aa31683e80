"""Puts into a document what the engine has no call for, such as XML in a map.

The engine can read and keep any shared type anywhere, since Yjs can write it there. It offers
to make only some of them. The others come in as anybody's edits do, as an update that is
written here::

    1 client, 1 struct, own id, clock + 1, 0x80 | content, origin, content, no deletions

Rules:

1. The ids of what is around are not to be had from the engine. So a *stock* is put at the place
   first, by a call that the engine has: it takes the next clock of this client. The graft has it
   for its origin, and thereby its parent and key.
2. Then the stock goes: under a key the graft takes its place, in a sequence it is removed.
3. All of it happens in the transaction that is open, so that nobody ever sees a stock.
"""

from __future__ import annotations

from typing import Any

from pycrdt import _pycrdt as yrs

from .branches import Branch
from .budget import NO_BUDGET
from .contents import DOC, TYPE
from .core import Core
from .lib0 import var_string
from .structs import head_behind
from .update import decode_state_vector, encode_deletes, encode_update

__all__ = ["document_content", "graft", "type_content"]

_NO_OPTIONS = b"\x76\x00"  # an empty object

# Type refs, see `contents`.
_REFS = {"array": 0, "map": 1, "text": 2, "element": 3, "xml": 4, "xml text": 6}


def type_content(kind: str, tag: str = "") -> bytes:
    """An empty shared type, as content of an update: its ref, and what is behind it."""
    name = var_string(tag) if kind == "element" else b""
    return bytes((TYPE, _REFS[kind])) + name


def document_content(guid: str) -> bytes:
    """A document inside the document."""
    return bytes((DOC,)) + var_string(guid) + _NO_OPTIONS


def graft(core: Core, branch: Branch, where: str | int, content: bytes) -> None:
    """Put content under a key, or before an index, in the open transaction.

    In a text it is formatted as what is before it.

    Args:
        core: The document.
        branch: The shared type to put it into.
        where: A key of a map or an attribute's name; an index; units of a text.
        content: What to put there, as :func:`type_content` makes it.
    """
    client = core.raw.client_id()
    known = decode_state_vector(core.state_vector(), NO_BUDGET.clients)
    clock = known.get(client, 0)
    _stock(core.txn, branch, where)
    struct = head_behind((client, clock), None, content[0]) + content[1:]
    update = encode_update([(client, clock + 1, 1, [struct])], encode_deletes({}))
    core.raw.apply_update(core.txn, update)
    if isinstance(where, int):
        branch.remove_range(core.txn, where, 1)


def _stock(txn: Any, branch: Branch, where: str | int) -> None:
    """Put anything that takes one clock at the place."""
    kind = type(branch)
    if kind in (yrs.Map, yrs.Array):
        branch.insert(txn, where, None)
    elif isinstance(where, str):
        branch.insert_attribute(txn, where, "")
    elif kind in (yrs.Text, yrs.XmlText):
        branch.insert(txn, where, " ", None)  # formatting would take clocks of its own
    else:
        branch.insert_str(txn, where, "")
