"""★ The audit: a chain of lines, of which none can be changed, left out or moved unseen.

Rules:

1. The hash of a line is SHA-256 over the hash of the line before it (32 bytes; zeros before the
   first) and the line's JSON: ``[no, at_ms, session, subject, action, data]``, as UTF-8 without
   spaces, its keys sorted. Anybody can check it with no code of ours.
2. Lines count from 1. What is broken is told, and checking goes on from the line as it stands.
3. Whoever can write the file can write a whole new chain, or leave its end away. So a
   :class:`Head` can be kept elsewhere: a chain that has it has all that was told until then.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from typing import Any, Self

import msgspec

from ..errors import ValueNotStorable
from ..ids import SessionId, Subject
from .base import Deed

__all__ = ["START", "Entry", "Head", "breaks", "canonical", "seal"]


class Head(msgspec.Struct, frozen=True):
    """The end of a chain, to be kept where those who write the file cannot.

    >>> Head.parse(str(START)) == START
    True
    """

    no: int
    hash: str

    def __str__(self) -> str:
        return f"{self.no}:{self.hash}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read what ``str`` made of one. Raises ValueError."""
        no, _, digest = text.strip().partition(":")
        if len(bytes.fromhex(digest)) != hashlib.sha256().digest_size:
            raise ValueError(f"{text!r} is no number and SHA-256 with a colon between")
        return cls(int(no), digest.lower())


START = Head(0, "00" * 32)


class Entry(msgspec.Struct, frozen=True):
    """A line of the audit.

    Attributes:
        no: Its number.
        at_ms: Wall clock in Unix milliseconds.
        session: What it is about; None for the whole file. It may be gone since.
        subject: Who did it.
        action: What was done.
        data: With what.
        hash: Of it and all before it, in hexadecimal digits.
    """

    no: int
    at_ms: int
    session: SessionId | None
    subject: Subject
    action: str
    data: dict[str, Any]
    hash: str

    @property
    def head(self) -> Head:
        """What the end of the chain is, if this is its last line."""
        return Head(self.no, self.hash)


_encode = msgspec.json.Encoder(order="deterministic").encode


def canonical(data: dict[str, Any]) -> bytes:
    """The one way to write some data as JSON. Raises ValueNotStorable."""
    try:
        return _encode(data)
    except (TypeError, ValueError, msgspec.MsgspecError) as error:
        raise ValueNotStorable(str(error)) from error


def seal(head: Head, session: SessionId | None, deed: Deed, *, now_ms: int) -> Entry:
    """Make the next line of a chain. Raises ValueNotStorable."""
    data = msgspec.json.decode(canonical(deed.data))
    bare = Entry(head.no + 1, now_ms, session, deed.subject, deed.action, data, "")
    return msgspec.structs.replace(bare, hash=_hash(head, bare))


def _hash(before: Head, entry: Entry) -> str:
    fields = msgspec.structs.astuple(entry)[:6]
    return hashlib.sha256(bytes.fromhex(before.hash) + _encode(fields)).hexdigest()


def breaks(entries: Iterable[Entry], *, head: Head | None = None) -> Iterator[str]:
    """Check a chain; yields one sentence for each place where it is broken.

    Args:
        entries: Its lines, in order.
        head: What was kept elsewhere: the chain must have it, and may go on behind it.
    """
    last, found = START, head is None or head == START
    for entry in entries:
        if entry.no != last.no + 1:
            yield f"line {entry.no} of the audit stands after line {last.no}"
        elif entry.hash != _hash(last, entry):
            yield f"line {entry.no} of the audit, or the one before it, was changed"
        last = entry.head
        if head is not None and head.no == last.no:
            found = True
            if head != last:
                yield f"line {last.no} of the audit is not the one that was kept: {head.hash}"
    if not found and head is not None:
        yield f"the audit ends at line {last.no}; line {head.no} was kept"
