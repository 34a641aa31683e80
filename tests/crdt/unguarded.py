"""A nursery whose children apply whatever they are given, unread: they can be killed at will.

What is refused elsewhere, because the engine dies of it, is how these tests have it die.
"""

from __future__ import annotations

import time

from collabkit.crdt import nursery_loop
from collabkit.crdt.budget import Budget
from collabkit.crdt.engine import Bad, Good, Verdict
from collabkit.crdt.lib0 import var_string, var_uint
from collabkit.crdt.replay import Replay

__all__ = ["FINE", "KILLER", "LOOP", "PANIC", "POISON", "SLOW", "main"]

# Client 5 writes a letter.
FINE = bytes.fromhex("0101050004010174016100")

# Arrays in arrays, 27,000 deep: SIGSEGV, where the stack is 8 MB.
KILLER = b"\1\1\x09\0\x08\1\1t\1" + b"\x75\1" * 27_000 + b"\x7e" + b"\0"

# A clock at the end of its numbers, and one beyond: the second panics.
PANIC = (bytes.fromhex("0101010000feffffff0f00"), bytes.fromhex("010101feffffff0f44010200010200"))

# An array in a map, and a wide string as its element: applied, and read for ever.
POISON = (
    b"\1\1\7\0\x27\1" + var_string("m") + var_string("a") + b"\0\0",
    b"\1\1\7\1\4\0" + var_uint(7) + b"\0" + var_string("\N{GRINNING FACE}") + b"\0",
)

# What these children hang at.
LOOP = bytes.fromhex("ffff")

# What takes these children 0.3 s.
SLOW = bytes.fromhex("fffe")


def _apply(self: Replay, update: bytes, _budget: Budget) -> Verdict:
    while update == LOOP:
        pass
    if update == SLOW:
        time.sleep(0.3)
        return Good()
    try:
        self.core.apply(update)
    except ValueError as error:
        return Bad("undecodable", str(error))
    return Good()


def main(asked: int, memory_bytes: int) -> None:
    """Serve as every nursery does."""
    Replay._taste = _apply  # type: ignore[method-assign, assignment]
    nursery_loop.main(asked, memory_bytes)
