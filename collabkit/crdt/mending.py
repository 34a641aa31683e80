"""Taking an update in parts: what may not stay of it is undone where nobody sees it.

Whoever wrote an update has it in his document already, and a stock client has no way to take
it back from him. So the others get it too, but emptied; and what it deleted is put back by
items that are new to everybody, the author included. All come to the same document.

Rules:

1. **Refused structs are emptied before an engine gets them.** Their content is replaced by as
   much that is deleted, so their ids, and their places among their neighbours, are the same
   for everybody, and there is nothing of them that could be shown, stored or sent.
2. **What was deleted is asked of the transaction**, not read in the update: who takes a key
   deletes what was there without saying so. And when somebody had written three times before
   he heard of the first repair, his second write deletes what that one had put back.
3. Of this, what was there before and may not stay deleted is put back. What is new and dead is
   named as what was taken back with it: over those alone a value may take its key again.
4. It is tried on a **quarantine**: a copy that forgets nothing, with a client id of which
   nobody knows. What is put back is what the engine's own undo makes of it there. If that
   fails, the update is refused and the document is as it was.
5. If less comes back than went, **nothing of the update is taken**: all of it is emptied, and all
   that it deleted is put back. A part that may stay has the place of one that must come back, or
   holds what it was in; whoever told what may stay saw less than there is by now.
6. It is looked at what came of it: where all was refused the same must be seen as before, or
   again nothing is taken (:mod:`.sights`). Structs that contradict each other come to one thing in
   one order and to another in another, so it is also looked at what is seen by whoever loads
   all of it anew.
7. **Marks of formats stay deleted where nobody sees it.** Yjs tidies up: whoever hears of a
   text's changes deletes the marks in it that tell nothing, though he may write nothing there.
   Would they be put back, he would do it again, for ever.
8. The document takes both in one transaction, whose update is what everybody gets: who is
   told it sees no moment in between. It is small, however many deletions there are.
9. The quarantine is made anew each time, and takes what a copy of the document takes. Only
   updates of which something was refused pay for it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, TypeAlias

from pycrdt import _pycrdt as yrs

from .branches import runs
from .budget import NO_BUDGET, refuse
from .contents import DELETED, FORMAT, GC, SKIP
from .core import REMOTE, ROOTS, Core, is_panic
from .lib0 import read_var_uint, var_uint
from .scan import Scan, Section, scan
from .sights import Sights
from .structs import read_item, read_items
from .touches import Ranges
from .update import (
    EMPTY_UPDATE,
    by_client,
    decode_state_vector,
    encode_deletes,
    encode_update,
)

__all__ = ["emptied", "lives_not", "putting_back", "taken"]

Spans: TypeAlias = list[tuple[int, int]]
"""Clocks and lengths, in order; none touch."""

Range: TypeAlias = tuple[int, int, int]

_CONTENT: Final = 31  # the bits of an info byte that tell what an item holds


def emptied(update: bytes, found: Scan, refused: Ranges) -> bytes:
    """The same update without what some of its structs hold (rule 1).

    Args:
        update: It was scanned.
        found: Its scan.
        refused: The structs. One that is meant in part is emptied as a whole.

    >>> hi = bytes.fromhex("010107000401017402686900")
    >>> emptied(hi, scan(hi), ((7, 0, 2),)).hex()
    '01010700010101740200'
    """
    meant = by_client(refused)
    sections = []
    for section in found.sections:
        if section.client in meant:
            structs = b"".join(_emptied(update, section, meant[section.client]))
        else:
            structs = update[section.start : section.stop]
        sections.append((section.client, section.clock, section.structs, (structs,)))
    return encode_update(sections, update[found.deletes_start :])


def _emptied(update: bytes, section: Section, meant: Spans) -> Iterator[bytes]:
    at, clock = section.start, section.clock
    for _ in range(section.structs):
        start = at
        if update[at] in (GC, SKIP):
            length, at = read_var_uint(update, at + 1)
            yield update[start:at]
        else:
            item, at = read_item(update, at, section.client, clock)
            length = item.length
            if _meet(meant, clock, length):
                info = update[start] & ~_CONTENT | DELETED
                yield bytes((info,)) + update[start + 1 : item.content_at] + var_uint(length)
            else:
                yield update[start:at]
        clock += length


def putting_back(
    core: Core,
    update: bytes,
    found: Scan,
    kept: Ranges,
    *,
    client: int,
    vector: Mapping[int, int],
    sights: Sights,
) -> bytes | None:
    """Find out what puts back what an update deletes and may not (rules 2 to 7).

    Args:
        core: The document, which is only read.
        update: It leaves no gap, and was emptied.
        found: Its scan.
        kept: What may stay deleted.
        client: Who puts it back; nobody else has this id.
        vector: The document's state vector.
        sights: Where the same is to be seen afterwards.

    Returns:
        An update that goes behind this one; it is empty if there is nothing to put back. None if
        not all of it comes back, or not as it was.

    Raises:
        UpdateRefused: It cannot be put back.
        ValueError: The update does not decode.
    """
    try:
        meant = by_client(kept)
        return _putting_back(
            core, update, found, meant, client=client, vector=vector, sights=sights
        )
    except (ValueError, MemoryError):
        raise
    except Exception as error:
        refuse("unmendable", error)
    except BaseException as error:
        if not is_panic(error):
            raise
        refuse("unmendable", type(error).__name__)


def _putting_back(
    core: Core,
    update: bytes,
    found: Scan,
    kept: dict[int, Spans],
    *,
    client: int,
    vector: Mapping[int, int],
    sights: Sights,
) -> bytes | None:
    body = core.encode()
    quarantine = _Quarantine(body, client)
    quarantine.note(sights)
    gone = quarantine.take(update, found)
    dead = _part(gone, vector, known=False)
    lost = _minus(_part(gone, vector, known=True), kept)
    back = quarantine.undo(lost, dead)
    same = quarantine.shows(sights)
    marks, copies = _marks(back)
    if marks and not quarantine.are_seen(by_client(copies)):
        lost = _minus(lost, by_client(marks))
        quarantine = _Quarantine(body, client)
        quarantine.take(update, found)
        back = quarantine.undo(lost, dead)
        same = quarantine.shows(sights)
    asked = sum(length for spans in lost.values() for _, length in spans)
    found = scan(back, NO_BUDGET)
    came = sum(section.length for section in found.sections)
    if came != asked or not same or lives_not(found, client):
        return None
    return back if not sights or _Quarantine(quarantine.all()).shows(sights) else None


def lives_not(found: Scan, client: int) -> bool:
    """Whether an update deletes again what it brings of a client: engines can be led astray."""
    brought = [(part.clock, part.length) for part in found.sections if part.client == client]
    return any(one == client and _meet(brought, clock, n) for one, clock, n in found.deletes)


def _marks(back: bytes) -> tuple[list[Range], list[Range]]:
    """The marks of formats that were put back, and their copies; each copy is before its mark."""
    found = [item for item in read_items(back, scan(back, NO_BUDGET)) if item.content == FORMAT]
    marks = [(*item.right_origin, 1) for item in found if item.right_origin is not None]
    return marks, [(item.client, item.clock, 1) for item in found]


def taken(core: Core, updates: Iterable[bytes]) -> bytes | None:
    """Have a document take updates in one transaction; returns its update (rule 8).

    Raises:
        RuntimeError: They contradict the document, and are applied in part.
    """
    core.watch()
    try:
        core.begin(REMOTE)
        try:
            for update in updates:
                core.raw.apply_update(core.txn, update)
        except BaseException:
            core.close()
            raise
        return core.commit()
    finally:
        core.unwatch()


class _Quarantine:
    """A copy of a document, thrown away once it was asked. With a client it forgets nothing."""

    def __init__(self, body: bytes, client: int | None = None) -> None:
        self._raw: Any = yrs.Doc(client, client is not None, None)
        self._apply(body)
        self._roots: list[Any] = []

    def note(self, sights: Sights) -> None:
        """Look how it is before anything is taken."""
        if sights:
            self._within(lambda txn: sights.note(self._root(txn), txn))

    def shows(self, sights: Sights) -> bool:
        """Whether the same is to be seen as before."""
        if not sights:
            return True
        return bool(self._within(lambda txn: sights.are_as_before(self._root(txn), txn)))

    def all(self) -> bytes:
        """All of it, as one update."""
        return bytes(self._within(lambda txn: self._raw.get_update(txn, b"\0")))

    def take(self, update: bytes, found: Scan) -> Ranges:
        """Apply an update; returns all that its transaction deleted."""
        deleted = [encode_deletes({})]
        watch = self._raw.observe(lambda event: deleted.append(event.delete_set))
        try:
            self._apply(update)
        finally:
            watch.drop()
        reached = decode_state_vector(self._within(self._raw.get_state), NO_BUDGET.clients)
        for section in found.sections:
            if reached.get(section.client, 0) < section.clock + section.length:
                raise RuntimeError("its clients build on each other in a circle")
        # As texts: it is one as well as another, to tell what is inside.
        self._roots = self._within(
            lambda txn: [self._raw.get_or_insert_text(txn, name) for name in self._raw.roots(txn)]
        )
        return scan(b"\0" + deleted[-1], NO_BUDGET).deletes

    def undo(self, lost: dict[int, Spans], dead: dict[int, Spans]) -> bytes:
        """Put back what was lost, also over what is new and dead; returns the update that does."""
        if not lost:
            return EMPTY_UPDATE
        done = [EMPTY_UPDATE]
        watch = self._raw.observe(lambda event: done.append(event.update))
        try:
            self._undoing(lost, dead).undo()
        finally:
            watch.drop()
        return done[-1]

    def are_seen(self, marks: dict[int, Spans]) -> bool:
        """Whether any text would look otherwise without these marks."""
        texts: list[Any] = []
        undoing = self._undoing({}, marks)
        watches = [
            root.observe_deep(lambda events: texts.extend(event.target for event in events))
            for root in self._roots
        ]
        try:
            undoing.undo()
        finally:
            for watch in watches:
                watch.drop()

        def looks(txn: Any) -> list[Any]:
            return [runs(text, txn) for text in texts]

        if not all(isinstance(text, yrs.Text | yrs.XmlText) for text in texts):
            return True
        without = self._within(looks)
        undoing.redo()
        return bool(without != self._within(looks))

    def _undoing(self, deletions: dict[int, Spans], insertions: dict[int, Spans]) -> Any:
        step: Any = yrs.StackItem(self._raw, _ids(deletions), _ids(insertions), None)
        undoing: Any = yrs.UndoManager(1, _no_time, [step], [])
        for root in self._roots:
            undoing.expand_scope_text(self._raw, root)
        return undoing

    def _root(self, txn: Any) -> Callable[[str, str], Any]:
        return lambda kind, name: getattr(self._raw, ROOTS[kind])(txn, name)

    def _apply(self, update: bytes) -> None:
        txn = self._raw.create_transaction_with_origin(REMOTE)
        try:
            self._raw.apply_update(txn, update)
            txn.commit()
        finally:
            txn.drop()

    def _within(self, ask: Callable[[Any], Any]) -> Any:
        """Ask something in a transaction."""
        txn = self._raw.create_transaction()
        try:
            return ask(txn)
        finally:
            txn.drop()


def _no_time() -> int:
    return 0


# Ranges


def _meet(spans: Spans, clock: int, length: int) -> bool:
    """Whether any of the clocks is in the spans."""
    last = bisect_right(spans, clock + length - 1, key=_first) - 1
    return last >= 0 and sum(spans[last]) > clock


def _first(span: tuple[int, int]) -> int:
    return span[0]


def _part(ranges: Ranges, vector: Mapping[int, int], *, known: bool) -> dict[int, Spans]:
    """The part of ranges that a document with this vector knows, or that it does not know."""
    cut: list[Range] = []
    for client, clock, length in ranges:
        reached = vector.get(client, 0)
        start = clock if known else max(clock, reached)
        stop = min(clock + length, reached) if known else clock + length
        if start < stop:
            cut.append((client, start, stop - start))
    return by_client(cut)


def _minus(some: dict[int, Spans], others: dict[int, Spans]) -> dict[int, Spans]:
    left: dict[int, Spans] = {}
    for client, spans in some.items():
        out = others.get(client, [])
        rest = [part for span in spans for part in _outside(span, out)]
        if rest:
            left[client] = rest
    return left


def _outside(span: tuple[int, int], out: Spans) -> Iterator[tuple[int, int]]:
    """The parts of a span that are outside of others."""
    at, stop = span[0], sum(span)
    for first, length in out[max(0, bisect_right(out, at, key=_first) - 1) :]:
        if first >= stop:
            break
        if first > at:
            yield at, first - at
        at = max(at, first + length)
    if at < stop:
        yield at, stop - at


def _ids(spans: dict[int, Spans]) -> Any:
    return yrs.IdSet.decode(encode_deletes(spans))
