"""★ Facts as a store keeps them: JSON, with their kinds and names beside.

What a host declares for conditions to ask for is kept with them: whoever opens the file after it
must understand its rules.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import msgspec

from ..errors import InvalidPolicy
from ..store.charter import StoredFact
from .conditions import DEFAULT, Attributes
from .facts import Change, Drop, Kind, Put, name_of
from .rules import Confines, Fact, Grant, Membership, Role, Template

__all__ = ["DECLARED", "KINDS", "attributes_of", "decoded", "encoded"]

DECLARED = ("access", "attributes")
"""Where a store has what hosts have declared, among its small named values."""

_encode = msgspec.json.Encoder(order="deterministic").encode

KINDS: Mapping[Kind, type[Fact]] = {
    "role": Role,
    "grant": Grant,
    "membership": Membership,
    "template": Template,
    "confines": Confines,
}
"""What there is to be written down."""

_DECODERS: dict[str, msgspec.json.Decoder[Any]] = {
    kind: msgspec.json.Decoder(fact) for kind, fact in KINDS.items()
}


def attributes_of(found: tuple[Any, int] | None) -> Attributes:
    """What conditions may ask for in a file, of the value that stands at :data:`DECLARED`.

    Raises:
        InvalidPolicy: It is no declaration.
    """
    try:
        declared = msgspec.convert(found[0] if found else {}, dict[str, str])
    except msgspec.ValidationError as error:
        raise InvalidPolicy("what the host declared", str(error)) from None
    return MappingProxyType({**DEFAULT, **declared})


def encoded(changes: Iterable[Change]) -> tuple[StoredFact, ...]:
    """Write changes as a store makes them.

    >>> encoded([Put(Membership("group:staff", "user:ada"))])[0].body
    b'{"group":"group:staff","member":"user:ada"}'
    """
    return tuple(_encoded(change) for change in changes)


def _encoded(change: Change) -> StoredFact:
    match change:
        case Put(fact):
            return StoredFact(*name_of(fact), _encode(fact))
        case Drop(kind, key):
            return StoredFact(kind, key, None)


def decoded(stored: Sequence[StoredFact]) -> list[Fact]:
    """Read facts that a store has. Raises InvalidPolicy: a later version may have written them."""
    return [_decoded(one) for one in stored]


def _decoded(stored: StoredFact) -> Fact:
    where = f"{stored.kind} {stored.key!r}"
    decoder = _DECODERS.get(stored.kind)
    if decoder is None:
        raise InvalidPolicy(where, "there is no such kind of fact")
    try:
        fact: Fact = decoder.decode(stored.body or b"")
    except msgspec.MsgspecError as error:
        raise InvalidPolicy(where, str(error)) from error
    if name_of(fact) != (stored.kind, stored.key):
        raise InvalidPolicy(where, "it says that it is another one")
    return fact
