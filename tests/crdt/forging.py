"""Updates that no client makes: structs beside and inside whatever there is, with any content."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from collabkit.crdt.scan import scan
from collabkit.crdt.update import StateVector
from crdt.crafting import Id, Where, item, shared, string, update, values

__all__ = ["forged"]

ONE = b"\x7d\x01"


def forged(dice: Random, vector: StateVector, roots: Sequence[str]) -> bytes:
    """One of them, which leaves no gap to a document of this vector."""
    client = dice.choice([5, 3000, *vector])
    clock = end = vector.get(client, 0)
    structs: list[bytes] = []
    for _ in range(dice.randrange(1, 5)):
        own = range(clock, end)
        ids = [(client, dice.choice(own))] if own and dice.random() < 0.3 else []
        ids += (_any(dice, vector) for _ in range(2))
        structs.append(_struct(dice, _where(dice, ids, roots)))
        end = clock + scan(update((client, clock, structs))).sections[0].length
    deletes: dict[int, list[tuple[int, int]]] = {}
    while dice.random() < 0.4:
        author, start = _any(dice, vector)
        length = 1 + dice.randrange(min(3, vector[author] - start))
        deletes.setdefault(author, []).append((start, length))
    return update((client, clock, structs), deletes=deletes)


def _any(dice: Random, vector: StateVector) -> Id:
    client = dice.choice(list(vector))
    return client, dice.randrange(vector[client])


def _where(dice: Random, ids: Sequence[Id], roots: Sequence[str]) -> Where:
    roll = dice.random()
    if roll < 0.4:
        return {"origin": ids[0]}
    if roll < 0.5:
        return {"right": ids[0]}
    if roll < 0.65:
        client, clock = ids[0]
        right = (client, clock + 1) if roll < 0.6 and ids[1][0] == client else ids[1]
        return {"origin": ids[0], "right": right if right[1] <= ids[1][1] else ids[1]}
    where: Where = {"parent": ids[0]} if roll < 0.85 else {"root": dice.choice(roots)}
    if dice.random() < 0.5:
        where["key"] = dice.choice("abkl")
    return where


def _struct(dice: Random, where: Where) -> bytes:
    match dice.randrange(6):
        case 0:
            return string("xy"[: dice.randrange(1, 3)], **where)
        case 1:
            return values(*[ONE] * dice.randrange(1, 3), **where)
        case 2:
            return shared(dice.choice((0, 1, 2, 4, 6)), **where)
        case 3:
            return item(6, b"\4bold" + dice.choice((b"\4true", b"\4null")), **where)
        case 4:
            return item(1, bytes((dice.randrange(1, 4),)), **where)
        case _:
            return values(ONE, **where)
