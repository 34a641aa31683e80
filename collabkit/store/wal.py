"""Whether a write-ahead log that was left behind is whole.

SQLite reads such a log up to the first frame whose check sum is wrong, and forgets the rest
without a word: after a power loss that is right, for those frames never were synced. But a
bit that flipped in the first frame would silently empty a young file. So whoever opens or checks
a file that nobody holds looks first, and says what will be lost.

The format, from https://sqlite.org/fileformat2.html#walformat (numbers are big-endian)::

    header  magic(4) version(4) page size(4) checkpoint(4) salt(8) check sum(8)
    frame   page number(4) size of the database after a commit, else 0 (4) salt(8) check sum(8)
            and the page

A frame counts if its salt is the header's and its check sum goes on from the frame before.
The lowest bit of the magic says in which byte order the words are summed.
"""

from __future__ import annotations

import struct
from pathlib import Path

__all__ = ["lost_frames"]

_HEADER = struct.Struct(">IIII8sII")
_FRAME = struct.Struct(">II8sII")
_MAGIC = 0x377F0682


def lost_frames(path: str) -> int:
    """Count the committed frames in a log that SQLite will not read; 0 if it is whole.

    Args:
        path: Of the log, which nobody writes meanwhile; it need not exist.
    """
    try:
        log = memoryview(Path(path).read_bytes())
    except FileNotFoundError:
        return 0
    if len(log) <= _HEADER.size:
        return 0
    magic, _, page_size, _, salt, *expected = _HEADER.unpack_from(log)
    order = ">II" if magic & 1 else "<II"
    sums = _sum(order, (0, 0), log[:24])
    known = sound = magic & ~1 == _MAGIC and list(sums) == expected
    # Of a header that is wrong, nothing says how long a frame is; 4096 is how we write them.
    step = _FRAME.size + (page_size if known else 4096)
    good = committed = 0
    for frame, at in enumerate(range(_HEADER.size, len(log) - step + 1, step), start=1):
        _, commit, its_salt, *kept = _FRAME.unpack_from(log, at)
        if known and its_salt != salt:
            sound = False  # of an earlier round through the same file, or damaged
            continue
        if commit:
            committed = frame
        if sound:
            sums = _sum(order, _sum(order, sums, log[at : at + 8]), log[at + 24 : at + step])
            sound = list(sums) == kept
            good = frame if sound else good
    return max(0, committed - good)


def _sum(order: str, sums: tuple[int, int], words: memoryview) -> tuple[int, int]:
    first, second = sums
    for left, right in struct.iter_unpack(order, words):
        first = (first + left + second) & 0xFFFFFFFF
        second = (second + right + first) & 0xFFFFFFFF
    return first, second
