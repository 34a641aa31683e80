"""Read a Yjs v1 update without applying it.

Grammar::

    update  = varUint n, n*section, deletes
    section = varUint structs, varUint client, varUint clock of the first, structs*struct
    struct  = 00 varUint length                                GC: content gone for good
            | 0a varUint length                                Skip: a hole in this update
            | info [origin id] [right origin id] [parent] [varString key] content
    info    = 0x80 origin | 0x40 right origin | 0x20 key | content ref (see `contents`)
    parent  = 01 varString root | 00 id                        only without origins, as is the key
    id      = varUint client, varUint clock
    deletes = varUint n, n*(varUint client, varUint m, m*(varUint clock, varUint length))

Rules:

1. Total and linear, like `lib0`: an update is read, or :class:`MalformedBytes` (it is no
   update) or :class:`.UpdateRefused` (it is one that no honest client of bounded means
   sends) says why not. The codes of the latter are in :data:`.REFUSALS`.
2. Nothing is trusted to the engine that can be decided here. Engines crash on what
   they did not expect: on zero lengths, on clocks near 2**31 (yrs compares them as
   signed), on ids that alias above 2**53, on values nested deeply.
3. What depends on the document is not decided here but told: ``needs`` is what a
   document must already have, ``sections`` is what it gets.

A scan says nothing of whether the update *fits*: ids may name items of other roots,
or none. Only an engine knows, see :class:`collabkit.crdt.engine.Engine`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import msgspec

from ..errors import MalformedBytes
from .budget import CLOCK_LIMIT, DEFAULT_BUDGET, Budget, refuse
from .contents import ANY, CONTENTS, GC, SKIP, STRING, TYPE, check_text, utf16_length
from .lib0 import read_var_uint

__all__ = ["Note", "Scan", "Section", "part", "scan"]


class Section(msgspec.Struct, frozen=True, gc=False):
    """The structs that an update brings of one client: clocks ``clock`` to ``clock + length``.

    Attributes:
        start: Offset of the first struct in the update, behind the section's header.
        stop: Offset behind the last one.
        structs: How many they are.
        links: Of each client, the clock behind the last id that these structs name; None of what
            typing makes: there ``needs`` of the scan says it.
    """

    client: int
    clock: int
    length: int
    start: int
    stop: int
    structs: int
    links: dict[int, int] | None = None


Note: TypeAlias = tuple[int, int, int, int | None, int, int]
"""An item, or one that is gone, as it goes by: client, clock, info, client and clock of the last id
it names or None, and the offset of its content unless that is a string."""


class Scan(msgspec.Struct, frozen=True, gc=False):
    """What an update holds.

    Attributes:
        sections: What it brings, each client once.
        deletes: What it deletes: (client, clock, length).
        needs: Of each client, the clock up to which a document must have it already, for
            this update to be integrated at once. Clients of which nothing is needed are absent.
        plain: It brings one string or one scalar, in a root or beside known items, or
            nothing but deletions: an edit of the most common and harmless kind.
        holes: A section has Skips in it.
        deletes_start: Offset of the deletes in the update.
        named: Offsets of the items that name a root, see :func:`collabkit.crdt.structs.read_item`.
    """

    sections: tuple[Section, ...]
    deletes: tuple[tuple[int, int, int], ...]
    needs: dict[int, int]
    plain: bool
    holes: bool
    deletes_start: int
    named: tuple[int, ...] = ()


def scan(
    update: bytes, budget: Budget = DEFAULT_BUDGET, *, notes: list[Note] | None = None
) -> Scan:
    r"""Read what an update holds, without an engine and in linear time.

    Args:
        update: The bytes, as they came.
        budget: How much an update may hold.
        notes: Where items are put down, for who must know more; but not the one of an update
            that is what typing makes.

    Raises:
        MalformedBytes: This is no v1 update.
        UpdateRefused: It is one, and breaks a rule of :data:`collabkit.crdt.budget.REFUSALS`.

    Ask :func:`collabkit.crdt.update.gap` next whether a document can take it.

    >>> found = scan(b"\x01\x01\x07\x00\x04\x01\x01t\x02hi\x00")
    >>> found.sections[0].client, found.sections[0].length, found.plain
    (7, 2, True)
    """
    size = len(update)
    if size > budget.message_bytes:
        refuse("too-large", budget.message_bytes)
    try:
        typed = _typed(update)
        if typed is not None:
            return typed
        walk = _Walk(update, budget, notes)
        sections = walk.sections()
        deletes_start = walk.at
        deletes = walk.deletes()
    except IndexError:
        raise MalformedBytes("the update ends early", size) from None
    if walk.at != size:
        refuse("trailing-bytes", size - walk.at)
    plain = bool(deletes) if not sections else len(sections) == 1 and walk.is_plain(sections[0])
    needs, named = walk.needs(sections), tuple(walk.named)
    return Scan(sections, deletes, needs, plain, bool(walk.holes), deletes_start, named)


def part(whole: Scan, kept: Sequence[Section], shift: int) -> Scan:
    """The scan of an update without some of its sections, and without holes, from that of it all.

    Args:
        whole: What the whole holds.
        kept: The sections that are left, where they are in what is left.
        shift: How much nearer to the front the deletes are.
    """
    reaches: dict[int, int] = {}
    for client, clock, length in whole.deletes:
        if clock + length > reaches.get(client, 0):
            reaches[client] = clock + length
    start = whole.deletes_start - shift
    plain = not kept and bool(whole.deletes)
    return Scan(tuple(kept), whole.deletes, _needs(kept, reaches), plain, False, start)


def _needs(sections: Sequence[Section], reaches: Mapping[int, int]) -> dict[int, int]:
    """What must be there for structs and deletions to be taken, they themselves counted."""
    named = dict(reaches)
    for section in sections:
        for client, clock in (section.links or {}).items():
            if clock > named.get(client, 0):
                named[client] = clock
    needs: dict[int, int] = {}
    for section in sections:
        client = section.client
        if section.clock:
            needs[client] = section.clock
        if client in named and named[client] <= section.clock + section.length:
            del named[client]
    for client, clock in named.items():
        if clock > CLOCK_LIMIT:
            refuse("clock-out-of-range", clock - 1)
        if clock > needs.get(client, 0):
            needs[client] = clock
    return needs


def _typed(data: bytes) -> Scan | None:
    """Scan what typing makes: one string beside known items, no deletes, in ASCII.

    This is what nearly all updates of a busy room are, and reading it straight takes a third
    of the time. None means that it is something else, and that nothing is decided.
    """
    if data[:2] != b"\1\1" or data[-1]:
        return None
    client, at = read_var_uint(data, 2)
    own = data[2:at]
    clock, start = read_var_uint(data, at)
    needs = {client: clock} if clock else {}
    info = data[start]
    if info & 31 != STRING or info < 0x40:
        return None
    at = start + 1
    for _ in _TURNS[info >> 6]:
        stop = at + len(own)
        if data[at:stop] == own:
            number, at = read_var_uint(data, stop)
            if number >= clock:
                return None
        else:
            author, at = read_var_uint(data, at)
            number, at = read_var_uint(data, at)
            if author == client or number >= CLOCK_LIMIT:
                return None
            if number >= needs.get(author, 0):
                needs[author] = number + 1
    length, at = read_var_uint(data, at)
    stop = at + length
    if not length or stop != len(data) - 1 or clock + length > CLOCK_LIMIT:
        return None
    if not data[at:stop].isascii():
        return None
    return Scan((Section(client, clock, length, start, stop, 1),), (), needs, True, False, stop)


_TURNS = ((), (0,), (0,), (0, 0))  # by an info's top two bits: one turn for each origin
_ONE_TURN = (0,)
_CONTAINERS = (116, 117, 118)  # any-values that are more than a scalar: bytes, array, object


class _Walk:
    """One pass over an update."""

    __slots__ = (
        "at", "budget", "content_at", "data", "holes", "ids", "links", "named", "notes",
        "reaches", "roots", "types",
    )  # fmt: skip

    def __init__(self, data: bytes, budget: Budget, notes: list[Note] | None = None) -> None:
        self.data = data
        self.notes = notes
        self.budget = budget
        self.at = 0
        self.content_at = 0
        self.links: dict[int, int] = {}  # of the section that is read
        self.reaches: dict[int, int] = {}  # of each client, the clock behind the last deletion
        self.holes: dict[int, int] = {}  # of each client, the clock behind its last Skip
        self.ids: dict[bytes, int] = {}  # client ids by their bytes: a look-up beats decoding
        self.roots: set[bytes] = set()
        self.named: list[int] = []  # offsets of the items that name a root
        self.types: dict[tuple[int, int], int] = {}  # depth of the shared types made here

    def sections(self) -> tuple[Section, ...]:
        data, budget = self.data, self.budget
        count, at = read_var_uint(data, 0)
        if count > budget.clients:
            refuse("too-many-clients", budget.clients)
        left = budget.structs
        sections: dict[int, Section] = {}
        for _ in range(count):
            structs, at = read_var_uint(data, at)
            left -= structs
            if left < 0:
                refuse("too-many-structs", budget.structs)
            client, start = read_var_uint(data, at)
            self.ids[data[at:start]] = client
            clock, start = read_var_uint(data, start)
            if client in sections:
                refuse("repeated-client", client)
            links = self.links = {}
            at, end = self.structs(start, structs, client, clock)
            if end == clock:
                refuse("zero-length", client)
            if end > CLOCK_LIMIT:
                refuse("clock-out-of-range", end - 1)
            sections[client] = Section(client, clock, end - clock, start, at, structs, links)
        self.at = at
        return tuple(sections.values())

    def structs(self, at: int, count: int, client: int, clock: int) -> tuple[int, int]:  # noqa: C901, PLR0912, PLR0915 - a call a struct would double its time
        data, ids, links, notes = self.data, self.ids, self.links, self.notes
        author, number, width = 0, 0, 5  # bytes of the last client id: Yjs' are 32 random bits
        for _ in range(count):
            info = data[at]
            at += 1
            turns: tuple[int, ...] = _TURNS[info >> 6]
            if not turns:
                if info in (GC, SKIP):
                    length, at = read_var_uint(data, at)
                    if notes is not None and info == GC:
                        notes.append((client, clock, GC, None, 0, 0))
                    clock += length
                    if info == SKIP:
                        self.holes[client] = clock
                    if not length:
                        refuse("zero-length", client)
                    continue
                turns, at = self.parent(at)
            for _turn in turns:
                found = ids.get(data[at : at + width])
                if found is None:
                    found, stop = read_var_uint(data, at)
                    width = stop - at
                    ids[data[at:stop]] = found
                author, at = found, at + width
                number, at = data[at], at + 1
                if number > 127:
                    number, at = read_var_uint(data, at - 1)
                if author != client:
                    if number >= links.get(author, 0):
                        links[author] = number + 1
                elif number >= clock:
                    refuse("future-origin", client)
            if info & 0xE0 == 0x20:
                at = check_text(data, at)[1]
            content = info & 31
            if content == STRING:
                length = data[at]
                at += 1
                if length > 127:
                    length, at = read_var_uint(data, at - 1)
                # A text that ends early leaves `at` behind the end, where the deletes are missed.
                text = data[at : at + length]
                at += length
                if not text.isascii():
                    length = utf16_length(text, at - length)
            else:
                self.content_at = at
                length, at = self.content(content, at, self.budget.depth)
                if content == TYPE:
                    self.nest((client, clock), (author, number), turns, inside=not info & 0xC0)
            if not length:
                refuse("zero-length", client)
            if notes is not None:
                notes.append(
                    (client, clock, info, author if turns else None, number, self.content_at)
                )
            clock += length
        return at, clock

    def parent(self, at: int) -> tuple[tuple[int, ...], int]:
        """Read a root's name, or say that one id follows."""
        kind = self.data[at]
        if kind == 0:
            return _ONE_TURN, at + 1
        if kind != 1:
            raise MalformedBytes("a parent is neither a root nor an id", at)
        self.named.append(at - 1)
        name, at = check_text(self.data, at + 1)
        self.roots.add(name)
        if len(self.roots) > self.budget.roots:
            refuse("too-many-roots", self.budget.roots)
        return (), at

    def content(self, content: int, at: int, depth: int) -> tuple[int, int]:
        read = CONTENTS.get(content)
        if read is None:
            refuse("unknown-content", content)
        return read(self.data, at, depth)

    def nest(
        self, own: tuple[int, int], link: tuple[int, int], turns: tuple[int, ...], *, inside: bool
    ) -> None:
        """Note how deep a new shared type lies: inside the linked one, or beside it."""
        depth = self.types.get(link, 1) + inside if turns else 1
        if depth > self.budget.levels:
            refuse("too-deep", self.budget.levels)
        self.types[own] = depth

    def deletes(self) -> tuple[tuple[int, int, int], ...]:
        data, at, limit = self.data, self.at, self.budget.delete_ranges
        clients, at = read_var_uint(data, at)
        ranges: list[tuple[int, int, int]] = []
        for _ in range(clients):
            client, at = read_var_uint(data, at)
            count, at = read_var_uint(data, at)
            if count > limit - len(ranges):
                refuse("too-many-deletes", limit)
            end = 0
            for _range in range(count):
                clock, length = data[at], data[at + 1]
                if clock > 127 or length > 127:
                    clock, at = read_var_uint(data, at)
                    length, at = read_var_uint(data, at)
                else:
                    at += 2
                if not length:
                    refuse("zero-length", client)
                ranges.append((client, clock, length))
                if clock + length > end:  # noqa: PLR1730 - max() is a call a range
                    end = clock + length
            self.reaches[client] = max(end, self.reaches.get(client, 0))
        self.at = at
        return tuple(ranges)

    def needs(self, sections: tuple[Section, ...]) -> dict[int, int]:
        needs = _needs(sections, self.reaches)
        for client, clock in self.holes.items():
            needs[client] = max(clock, needs.get(client, 0))
        return needs

    def is_plain(self, section: Section) -> bool:
        data, start = self.data, section.start
        info = data[start]
        if section.structs > 1 or (info < 0x40 and data[start + 1] != 1):
            return False
        content = info & 31
        if content == ANY:
            return section.length == 1 and data[self.content_at + 1] not in _CONTAINERS
        return content == STRING
