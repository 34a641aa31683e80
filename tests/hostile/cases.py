"""What no client should send, and what comes of it: the table.

Each case is a few messages, sent in order by one member into an empty room, and an outcome:

=========  ==================================================================================
REFUSED    by the scan, or by the engine: told so with the code, put out, nothing of the last
           message is kept
GAP        it builds on what the room lacks: asked for it, not kept, not put out
UNBEARABLE by the engine: it died of it, or broke the document; told so, put out, quarantined
HARMLESS   taken, or passed over; the room goes on
=========  ==================================================================================

The bytes are written down from the grammar in :mod:`collabkit.crdt.scan`, or were found by
:mod:`hostile.fuzzing` and cut down to what matters; those have the cause in ``why``.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence

import msgspec

from collabkit.crdt.lib0 import var_bytes, var_string, var_uint
from collabkit.sync.messages import Awareness, Message, SyncStep1, SyncStep2, Update
from crdt.crafting import gc, item, shared, skip, string, update, values

__all__ = ["CASES", "HELLO", "Case", "Outcome"]

NULL = b"\x7e"
ME, OTHER = 9, 8
TOP = (1 << 32) - 1


class Outcome(enum.Enum):
    """What becomes of who sends it, and of what he sent."""

    REFUSED = "refused"
    GAP = "gap"
    UNBEARABLE = "unbearable"
    HARMLESS = "harmless"


class Case(msgspec.Struct, frozen=True):
    """One row of the table.

    Attributes:
        code: Of a refusal: the code that is told, or a part of the sentence.
        why: What it does to who is not careful.
    """

    name: str
    messages: tuple[Message, ...]
    outcome: Outcome
    code: str
    why: str

    def __repr__(self) -> str:
        return f"<Case {self.name}, {self.outcome.value}>"  # the bytes fill a screen

    def __str__(self) -> str:
        return self.name


def refused(name: str, code: str, why: str, *updates: bytes) -> Case:
    return Case(name, tuple(map(Update, updates)), Outcome.REFUSED, code, why)


def gap(name: str, why: str, *updates: bytes) -> Case:
    return Case(name, tuple(map(Update, updates)), Outcome.GAP, "", why)


def unbearable(name: str, why: str, *updates: bytes) -> Case:
    return Case(name, tuple(map(Update, updates)), Outcome.UNBEARABLE, "unbearable", why)


def harmless(name: str, why: str, *updates: bytes) -> Case:
    return Case(name, tuple(map(Update, updates)), Outcome.HARMLESS, "", why)


def told(name: str, code: str, why: str, *messages: Message) -> Case:
    return Case(name, messages, Outcome.REFUSED, code, why)


def passed_over(name: str, why: str, *messages: Message) -> Case:
    return Case(name, messages, Outcome.HARMLESS, "", why)


def hexes(*updates: str) -> tuple[bytes, ...]:
    return tuple(map(bytes.fromhex, updates))


def chain(levels: int, *, start: int = 0) -> bytes:
    """Maps in maps."""
    clocks = range(start, start + levels)
    maps = [shared(1, parent=(ME, clock - 1), key="k") for clock in clocks if clock]
    return update((ME, start, maps if start else [shared(1, root="m", key="k"), *maps]))


def crowd(clients: int) -> bytes:
    """Many authors of one map key; engines are quadratic in them."""
    return update(*((n, 0, [values(NULL, root="m", key="k")]) for n in range(1, clients + 1)))


HELLO = update((ME, 0, [string("hello", root="t")]))

BY_THE_SCAN: Sequence[Case] = (
    # Depth and amounts
    refused("nested-values", "nest deeper", "overflows the stack of a decoder",
            update((ME, 0, [values(b"\x75\x01" * 27_000 + NULL, root="t")]))),
    refused("nested-objects", "nest deeper", "as nested arrays",
            update((ME, 0, [values(b"\x76\x01\x01k" * 27_000 + NULL, root="t")]))),
    refused("nested-json", "nests deeper", "a parser of JSON that recurses",
            update((ME, 0, [item(5, var_string("[" * 9_000 + "]" * 9_000), root="t")]))),
    refused("nested-types", "too-deep", "recursion of whoever reads or deletes it", chain(20_000)),
    refused("crowded-key", "too-many-clients", "quadratic time", crowd(20_001)),
    refused("many-roots", "too-many-roots", "roots are never removed",
            update((ME, 0, [string("a", root=f"r{n}") for n in range(1_001)]))),
    refused("many-deletes", "too-many-deletes", "each costs every later edit time", HELLO,
            update(deletes={ME: [(0, 1)] * 100_001})),
    refused("huge-struct-count", "too-many-structs", "memory for a count, not for content",
            b"\x01" + var_uint((1 << 53) - 1) + b"\x09\x00"),
    refused("huge-client-count", "too-many-clients", "as above", var_uint((1 << 53) - 1)),
    refused("huge-delete-count", "too-many-deletes", "as above",
            b"\x00\x01\x09" + var_uint((1 << 53) - 1)),
    refused("huge-string", "clock-out-of-range", "as above",
            b"\x01\x01\x09\x00\x04\x01\x01t" + var_uint((1 << 53) - 1)),
    # Numbers
    refused("clock-at-the-top", "clock-out-of-range", "wraps, and cannot be encoded later",
            update((ME, TOP, [string("abc", root="t")]))),
    refused("length-at-the-top", "clock-out-of-range", "as above", update((ME, 0, [gc(TOP)]))),
    refused("deleted-at-the-top", "clock-out-of-range", "as above",
            update((ME, 0, [item(1, var_uint(TOP), root="t")]))),
    refused("sum-beyond-the-top", "clock-out-of-range", "as above",
            update((ME, 0, [gc((1 << 31) - 1), gc((1 << 31) - 1)]))),
    refused("deletes-at-the-top", "clock-out-of-range", "deletes what does not exist yet",
            update(deletes={ME: [(0, TOP)]})),
    refused("origin-at-the-top", "clock-out-of-range", "as above",
            update((ME, 0, [string("a", origin=(OTHER, TOP))]))),
    refused("alias-of-an-id", "integer", "ids above 2**53 become others' ids",
            b"\x01\x01\x80\x80\x80\x80\x80\x80\x80\x10\x00\x04\x01\x01t\x03abc\x00"),
    refused("padded-number", "padded", "two encodings of one id pass for two ids",
            b"\x01\x01\x89\x00\x00\x04\x01\x01t\x03abc\x00"),
    refused("zero-gc", "zero-length", "an engine's commit panics, the document is lost",
            update((ME, 0, [shared(1, root="m", key="k"), gc(0)]))),
    refused("zero-skip", "zero-length", "as above", update((ME, 0, [skip(0), gc(1)]))),
    refused("zero-string", "zero-length", "division by zero at every later encoding",
            update((ME, 0, [string("", root="t"), string("a", root="t")]))),
    refused("zero-values", "zero-length", "as above", update((ME, 0, [values(root="a")]))),
    refused("zero-deleted", "zero-length", "as above",
            update((ME, 0, [item(1, b"\x00", root="t")]))),
    refused("zero-delete", "zero-length", "as above", HELLO, update(deletes={ME: [(0, 0)]})),
    refused("no-structs", "zero-length", "a section of nothing", update((ME, 0, []))),
    # Structure
    refused("before-itself", "future-origin", "an item behind itself: a loop",
            update((ME, 0, [string("a", origin=(ME, 0))]))),
    refused("before-its-time", "future-origin", "as above, further on", HELLO,
            update((ME, 5, [string("a", origin=(ME, 6)), string("b", origin=(ME, 5))]))),
    refused("inside-itself", "future-origin", "a map that is its own parent",
            update((ME, 0, [shared(1, parent=(ME, 0), key="k")]))),
    refused("client-twice", "repeated-client", "the second section undoes the checks of the first",
            update((ME, 0, [gc(1)]), (ME, 1, [gc(1)]))),
    refused("more-behind", "trailing-bytes", "what follows is read by nobody, and stored",
            HELLO + b"\0"),
    refused("cut-off", "ends early", "decoders read on", HELLO[:-4]),
    refused("nothing-at-all", "ends", "as above", b""),
    refused("not-utf8", "UTF-8", "an engine that trusts it reads beyond the end",
            b"\x01\x01\x09\x00\x04\x01\x01t\x02\xc3\x28\x00"),
    refused("half-a-pair", "UTF-8", "a lone surrogate, as UTF-8",
            b"\x01\x01\x09\x00\x04\x01\x01t\x03\xed\xa0\x80\x00"),
    refused("no-parent", "neither a root nor an id", "",
            b"\x01\x01\x09\x00\x04\x02\x01t\x01a\x00"),
    refused("not-json", "JSON", "", update((ME, 0, [item(5, var_string("{nope"), root="t")]))),
    refused("json-nan", "JSON", "other clients' parsers throw",
            update((ME, 0, [item(6, var_string("b") + var_string("NaN"), root="t")]))),
    refused("unknown-content", "unknown-content", "", update((ME, 0, [item(11, b"", root="t")]))),
    refused("unknown-type", "unknown-type", "", update((ME, 0, [shared(7, root="t")]))),
    refused("json-content", "misread-content", "the engine reads one string more: what follows is "
            "another update than the one that was scanned",
            update((ME, 0, [item(2, b"\x01" + var_string("null"), root="a"), gc(1)]))),
    refused("xml-hook", "misread-content", "the engine reads no name: as above",
            update((ME, 0, [item(7, b"\x05" + var_string("p"), root="x")]))),
    refused("one-zero-of-many", "zero-length", "the bad one hides behind good ones",
            update((OTHER, 0, [string("a", root="t")]), (ME, 0, [string("b", root="t"), gc(0)]))),
    # What is no update
    told("vector-of-two-billion", "too-many-clients", "1 GB for five bytes",
         SyncStep1(var_uint(2_000_000_000))),
    told("vector-of-strangers", "too-many-clients", "time and memory for ids nobody has",
         SyncStep1(var_uint(5_000) + b"".join(var_uint(n) + b"\1" for n in range(5_000)))),
    told("vector-cut-off", "ends early", "", SyncStep1(b"\x02\x09\x01")),
    told("vector-and-more", "trailing-bytes", "", SyncStep1(b"\x01\x09\x01\x00")),
    told("answer-of-nonsense", "padded", "a SyncStep2 is an update too", SyncStep2(b"\xff" * 40)),
    told("presence-cut-off", "ends early", "", Awareness(b"\x05\x09\x01")),
    told("presence-of-billions", "", "memory for a count", Awareness(var_uint(1 << 40))),
    told("presence-nested", "", "a parser of JSON that recurses",
         Awareness(b"\x01\x09\x01" + var_string("[" * 7_000 + "]" * 7_000))),
    told("presence-nan", "", "other clients' parsers throw",
         Awareness(b"\x01\x09\x01" + var_string('{"x":NaN}'))),
    told("presence-not-utf8", "", "as above", Awareness(b"\x01\x09\x01" + var_bytes(b"\xc3\x28"))),
)  # fmt: skip

BY_THE_VECTOR: Sequence[Case] = (
    refused("crowd-of-strangers", "too-many-new-clients", "quadratic time, each time anew", HELLO,
            crowd(1_002)),
    gap("ahead-of-a-victim", "a hole under somebody's id: what he says next is dropped for ever",
        update((ME, 3, [gc(1_000_000)]))),
    gap("behind-a-hole", "waits in memory, without bound",
        update((ME, 50, [string("a", root="t")]))),
    gap("skips-what-is-not", "as above, by a Skip",
        update((ME, 0, [skip(5), string("a", root="t")]))),
    gap("beside-nobody", "as above, by an origin",
        update((ME, 0, [string("a", origin=(OTHER, 4))]))),
    gap("in-front-of-nobody", "as above, by a right origin",
        update((ME, 0, [string("a", right=(OTHER, 4))]))),
    gap("inside-nobody", "as above, by a parent",
        update((ME, 0, [shared(1, parent=(OTHER, 4), key="k")]))),
    gap("deletes-nobody", "a deletion that waits for what it deletes, and then gets it",
        update(deletes={OTHER: [(0, 1_000)]})),
    gap("deletes-ahead", "as above, of an author who is there", HELLO,
        update(deletes={ME: [(0, 6)]})),
)  # fmt: skip

BY_THE_ENGINE: Sequence[Case] = (
    refused("splits-a-character", "parted-character", "the engine loses count of clocks: what it "
            "tells joiners is another document",
            update((ME, 0, [string("x\U0001f600y", root="t")])),
            update((OTHER, 0, [string("-", origin=(ME, 1), right=(ME, 2))]))),
    harmless("deletes-half-a-character", "as above: refused, though its author stays, since Yjs "
             "deletes half if it is told to",
             update((ME, 0, [string("x\U0001f600y", root="t")])), update(deletes={ME: [(2, 1)]})),
    refused("text-in-an-array", "text-in-array", "who reads it loops for ever",
            update((ME, 0, [shared(0, root="m", key="k"),
                            string("\U0001f600", parent=(ME, 0))]))),
    refused("deep-in-steps", "too-deep", "deeper than one update may nest, in two",
            chain(60), chain(60, start=60)),
    unbearable("inside-a-text", "half applied: the parent of a later item is no shared type",
               update((ME, 0, [string("abc", root="t"), shared(1, parent=(ME, 0), key="k")]))),
    unbearable("inside-a-value", "as above, after what was right had been applied",
               update((ME, 0, [string("abc", root="t"), values(NULL, root="a")])),
               update((OTHER, 0, [string("x", root="t"), string("y", parent=(ME, 3))]))),
    unbearable("in-a-circle", "two clients behind each other: they wait in every replica, for ever",
               update((ME, 0, [string("a", origin=(OTHER, 0))]),
                      (OTHER, 0, [string("b", origin=(ME, 0))]))),
    unbearable("panics", "an engine that unwraps what is not there; the document is poisoned",
               *hexes("020580d0acf30e0027010174016b01240080d0acf30e00016c04626f6c648980d0acf30e02"
                      "04677569647600c180d0acf30e0080d0acf30e0501c780d0acf30e0080d0acf30e02020209"
                      "00c480d0acf30e0580d0acf30e000161e780d0acf30e04090003017000")),
)  # fmt: skip

TAKEN: Sequence[Case] = (
    harmless("empty", "", update()),
    harmless("the-same-again", "", HELLO, HELLO, HELLO),
    harmless("other-content-same-ids", "the first one counts, everywhere that this room reaches",
             update((ME, 0, [string("AAAA", root="t")])),
             update((ME, 0, [string("BBBB", root="t")]))),
    harmless("other-lengths-same-ids", "as above, half known", HELLO,
             update((ME, 2, [string("XXXXXX", root="t")]))),
    harmless("garbage-of-my-own", "", HELLO, update((ME, 0, [gc(5)]))),
    harmless("deletes-everything", "it may: it is a writer", HELLO, update(deletes={ME: [(0, 5)]})),
    harmless("deletes-it-again", "", HELLO, *[update(deletes={ME: [(0, 5)]})] * 3),
    harmless("beside-what-is-elsewhere", "neighbours under two parents",
             update((ME, 0, [string("a", root="t"), values(NULL, root="m", key="k")])),
             update((OTHER, 0, [string("b", origin=(ME, 0), right=(ME, 1))]))),
    harmless("one-root-of-all-kinds", "a root used as text, as map, as array and as XML at once",
             update((ME, 0, [string("\U0001f600", root="r"), values(NULL, root="r", key="k"),
                             values(NULL, NULL, root="r"), shared(6, root="r")]))),
    harmless("reversed-origins", "an item between two, in the wrong order", HELLO,
             update((OTHER, 0, [string("b", origin=(ME, 3), right=(ME, 1))]))),
    harmless("largest-id", "", update(((1 << 53) - 1, 0, [string("a", root="t")]))),
    harmless("id-zero", "", update((0, 0, [string("a", root="t")]))),
    harmless("crowd-within-bounds", "half a second of the engine, of nobody else", crowd(2_000)),
    harmless("subdocument", "", update((ME, 0, [item(9, var_string("guid") + b"\x76\x00", root="m",
                                                      key="k")]))),
    passed_over("presence-of-others", "seen by nobody: it is not his to show",
                Awareness(b"\x02\x09\x01" + var_string("{}") + b"\x08\x01" + var_string("{}"))),
    passed_over("presence-of-nobody", "", Awareness(b"\x00")),
    passed_over("vector-of-itself", "", SyncStep1(b"\x01\x09\x7f")),
)  # fmt: skip

CASES: tuple[Case, ...] = (*BY_THE_SCAN, *BY_THE_VECTOR, *BY_THE_ENGINE, *TAKEN)
