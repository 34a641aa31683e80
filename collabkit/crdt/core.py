"""One document of the engine, held safely: the only place that knows pycrdt's inner layer.

pycrdt has two layers. Its outer one (``pycrdt.Doc``, ``pycrdt.Text``, …) costs 2 µs a
call, half-applies a block that fails, and gives out handles that outlive what they point
to. Its inner one (``pycrdt._pycrdt``) takes a transaction and does one thing. Everything
here and above works on the inner one, under these rules:

1. **A branch lives as long as a transaction.** The engine gives out raw pointers, and the
   handle of a nested map that was deleted reads whatever the memory holds by then. So a
   branch is looked up inside the transaction that uses it. Only roots, which are never
   freed, are kept.
2. **Positions are code points outside, UTF-8 bytes inside**; :class:`Offsets` stands
   between. A byte position inside a character would corrupt the document.
3. **No callback of the engine raises, and none runs a user's code.** What it has to say
   is put down, and delivered when the transaction is over. Callbacks hold their core
   weakly: the engine would keep it alive for ever otherwise.
4. **A panic is final.** It is a ``BaseException``, and the document is poisoned after it.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Set as AbstractSet
from typing import Any, Final, TypeAlias
from weakref import ref

from pycrdt import _pycrdt as yrs

from .offsets import EMBED, Offsets, Scale
from .roots import UNKNOWN, root_kinds

__all__ = [
    "AFTER",
    "BEFORE",
    "ORIGIN",
    "REMOTE",
    "Branch",
    "Core",
    "Delta",
    "identity",
    "is_panic",
    "read_text",
]

Branch: TypeAlias = Any
"""A shared type of the engine, such as ``yrs.Text`` or ``yrs.XmlElement``; see rule 1."""

Hear: TypeAlias = "Callable[[object, Delta], None]"
"""Takes the key of a text, and what changed in it, in code points."""

Delta: TypeAlias = list[dict[str, Any]]
"""A change to a sequence, in the engine's own terms: retain, insert, delete."""

ORIGIN: Final = int.from_bytes(b"collabki")
"""The origin of our own edits, to which undo listens. The engine knows origins as integers."""

REMOTE: Final = ORIGIN + 1
"""The origin of everybody else's."""

# Which side a sticky position holds on to.
AFTER: Final = 0
BEFORE: Final = -1

_KINDS: Final = {yrs.Text: "text", yrs.Map: "map", yrs.Array: "array", yrs.XmlFragment: "xml"}
_ROOTS: Final = {
    "text": "get_or_insert_text",
    "map": "get_or_insert_map",
    "array": "get_or_insert_array",
    "xml": "get_or_insert_xml_fragment",
}

# Of how many nested texts the offsets are kept: each is a few hundred bytes and a
# subscription, and a page's worth of paragraphs is in use at a time.
_NESTED_TEXTS = 256

# How many edits from elsewhere a text follows without being used here. Following one costs a
# walk through the text, and so does starting again.
_IDLE = 8


def is_panic(error: BaseException) -> bool:
    """Tell a panic of the engine from an exception; its class cannot be imported."""
    return type(error).__name__ == "PanicException"


class Core:
    """An engine document and its open transaction: the live one, or a staged copy of it.

    Attributes:
        txn: The open transaction, if any.
        update: What the last transaction changed, as the engine encodes it; None if
            nothing, or if nobody watches.
        staged: This is a copy, whose one transaction holds many edits.
        trouble: What a callback would have raised.
        quiet: The transaction that is being committed needs no events.
        direct: Edits keep the offsets themselves, and do not leave it to the event: the engine
            works an event out by walking through the whole text.
    """

    __slots__ = (
        "__weakref__", "_hear", "_offsets", "_roots", "_subscriptions", "_told", "_users", "_watch",
        "direct", "quiet", "raw", "staged", "trouble", "txn", "update",
    )  # fmt: skip

    def __init__(self, client_id: int | None = None, *, staged: bool = False) -> None:
        self.raw: Any = yrs.Doc(client_id, None, None)
        self.txn: Any = None
        self.update: bytes | None = None
        self.staged = staged
        self.quiet = False
        self.trouble: Exception | None = None
        self.direct = True
        self._hear: Hear | None = None
        self._users = 0
        self._roots: dict[tuple[str, str], Branch] = {}
        self._offsets: dict[object, Offsets] = {}
        self._subscriptions: dict[object, yrs.Subscription] = {}
        self._told: dict[str, str] = {}
        self._watch: yrs.Subscription | None = None

    def __repr__(self) -> str:
        return f"<Core {'staged' if self.staged else 'live'} client {self.raw.client_id()}>"

    # Transactions

    def begin(self, origin: int = ORIGIN) -> Core:
        """Open the transaction of an edit, to be ended by :meth:`commit` or :meth:`close`."""
        self.txn = self.raw.create_transaction_with_origin(origin)
        self._users = 1
        return self

    def commit(self) -> bytes | None:
        """End the transaction; returns its update if it changed anything and is watched."""
        self.quiet = self.direct
        return self._end()

    def _end(self) -> bytes | None:
        self.update = None
        try:
            self.txn.commit()
        finally:
            self.close()
        if self.trouble is not None:
            trouble, self.trouble = self.trouble, None
            raise trouble
        return self.update

    def close(self) -> None:
        """Let go of the open transaction; what was written in it is committed nevertheless."""
        txn, self.txn = self.txn, None
        self._users = 0
        try:
            txn.drop()
        finally:
            self.quiet = False

    def discard(self) -> None:
        """Throw this copy away, with the transaction that may be open."""
        self.quiet = True
        self.unwatch()
        if self.txn is not None:
            self.close()

    def read(self) -> Core:
        """Open a transaction for reading, or join the open one; to be ended by :meth:`done`."""
        if self.txn is None:
            self.txn = self.raw.create_transaction()
        self._users += 1
        return self

    def done(self) -> None:
        """End what :meth:`read` began."""
        self._users -= 1
        if not self._users:
            self.close()

    def apply(self, update: bytes, origin: int = REMOTE) -> bytes | None:
        """Apply an update in a transaction of its own; returns what :meth:`commit` does.

        Raises:
            ValueError: It does not decode; nothing was applied.
            RuntimeError: It is inconsistent, and may be applied in part.
        """
        self.begin(origin)
        try:
            self.raw.apply_update(self.txn, update)
        except BaseException:
            self.close()
            raise
        return self._end()

    def run(self, action: Callable[[], object]) -> bytes | None:
        """Let the engine run a transaction of its own; returns what :meth:`commit` does."""
        self.update = None
        action()
        return self.update

    def encode(self, since: bytes = b"\0") -> bytes:
        """What a replica with this state vector lacks; everything by default."""
        self.read()
        try:
            update: bytes = self.raw.get_update(self.txn, since)
        finally:
            self.done()
        return update

    def state_vector(self) -> bytes:
        """How far this document has got, for each client."""
        self.read()
        try:
            vector: bytes = self.raw.get_state(self.txn)
        finally:
            self.done()
        return vector

    def copy(self) -> Core:
        """Make a staged copy, which continues where this document is, under the same client id."""
        twin = Core(self.raw.client_id(), staged=True)
        twin.apply(self.encode())
        twin.watch()
        return twin

    def watch(self) -> None:
        """Keep the update of each transaction, from now on."""
        if self._watch is None:
            self._watch = self.raw.observe(_committed(ref(self)))

    def unwatch(self) -> None:
        """Stop what :meth:`watch` began."""
        if self._watch is not None:
            self._watch.drop()
            self._watch = None

    # Branches and their texts

    def root(self, kind: str, name: str) -> Branch:
        """The root of this name, made or cast to this kind if need be; inside a transaction."""
        branch = self._roots.get((kind, name))
        if branch is None:
            branch = getattr(self.raw, _ROOTS[kind])(self.txn, name)
            self._roots[kind, name] = branch
        return branch

    def kinds(self) -> dict[str, str]:
        """The roots there are, with their kinds; inside a transaction.

        The engine knows the kinds of those that were asked for here. Those of others are told
        from what is in them, once; roots without content are left out.
        """
        found: dict[str, str] = {}
        untold: list[str] = []
        for name, branch in self.raw.roots(self.txn).items():
            kind = _KINDS.get(type(branch)) or self._told.get(name)
            if kind is None:
                untold.append(name)
            else:
                found[name] = kind
        if untold:
            told = root_kinds(self.encode())
            self._told = {name: kind for name, kind in told.items() if kind != UNKNOWN}
            found.update((name, self._told[name]) for name in untold if name in self._told)
        return found

    def could_be(self, name: str, kind: str) -> bool:
        """Whether a root that was told to be of another kind could be of this one as well.

        What holds shared types alone may be an array, a text in which they are embedded, or
        XML if that is what they are.
        """
        if name not in self._told or "map" in (kind, self._told[name]):
            return False
        branch = self.root("array", name)
        types = {type(branch.get(self.txn, at)) for at in range(branch.len(self.txn))}
        xml = {yrs.XmlElement, yrs.XmlText}
        return types <= (xml if kind == "xml" else xml | _KINDS.keys())

    def offsets(self, branch: Branch, key: object, txn: Any = None) -> Offsets:
        """The offsets of a text, up to date.

        Args:
            branch: The text, found in the open transaction.
            key: What tells the text from others: a root's name, or :func:`identity`.
            txn: The transaction to read in, if it is not the core's own.
        """
        found = self._offsets.get(key)
        if found is None:
            found = self._offsets[key] = Offsets(read_text(branch, txn or self.txn))
            self._subscriptions[key] = branch.observe(_changed(ref(self), key, found))
            if len(self._offsets) > _NESTED_TEXTS and self._hear is None:
                oldest = next((k for k in self._offsets if not isinstance(k, str)), key)
                if oldest != key:
                    self._drop(oldest)
        elif found.stale:
            found.load(read_text(branch, txn or self.txn))
        found.idle = 0
        return found

    def tell(self, hear: Hear | None) -> None:
        """From now on, tell of each change to a text with offsets, inside its transaction."""
        self._hear = hear
        self.direct = hear is None

    @property
    def followed(self) -> int:
        """Of how many texts the offsets are kept."""
        return len(self._offsets)

    def forget(self, but: AbstractSet[object]) -> None:
        """Drop the offsets of all texts but these."""
        for key in self._offsets.keys() - but:
            self._drop(key)

    def _drop(self, key: object) -> None:
        del self._offsets[key]
        self._subscriptions.pop(key).drop()


def read_text(branch: Branch, txn: Any, embed: str = EMBED) -> str:
    """Read a text, with a character for each embedded object."""
    if not isinstance(branch, yrs.XmlText):  # whose get_string is XML
        text: str = branch.get_string(txn)
        if branch.len(txn) == (len(text) if text.isascii() else len(text.encode())):
            return text
    pieces = (piece for piece, _attributes in branch.diff(txn))
    return "".join(piece if isinstance(piece, str) else embed for piece in pieces)


def identity(branch: Branch, txn: Any) -> object:
    """What tells a nested text from all others, in every copy of the document."""
    if isinstance(branch, yrs.XmlText):
        return hash(branch)  # of its id
    return branch.sticky_index(txn, 0, BEFORE).encode()


def _committed(core_ref: ref[Core]) -> Callable[[Any], None]:
    def committed(event: Any) -> None:
        core = core_ref()
        if core is not None:
            core.update = event.update

    return committed


def _changed(core_ref: ref[Core], key: object, offsets: Offsets) -> Callable[[Any], None]:
    def changed(event: Any) -> None:
        core = core_ref()
        if core is None or core.quiet:
            return
        hear = core._hear
        if hear is None:
            offsets.idle += 1
            offsets.stale = offsets.stale or offsets.idle > _IDLE
            if offsets.stale:
                return
        try:
            delta = _follow(offsets, event.delta)
            if hear is not None:
                hear(key, delta)
                if offsets.stale:
                    offsets.load(read_text(event.target, event.transaction))
        except Exception as error:
            core.trouble = error

    return changed


def _follow(offsets: Offsets, delta: Delta) -> Delta:
    """Let the offsets follow a change that is told in bytes; returns it in code points."""
    narrow = offsets.narrow  # of what was there before
    points: Delta = []
    at = 0
    for step in delta:
        if "insert" in step:
            text = step["insert"] if isinstance(step["insert"], str) else EMBED
            offsets.insert(at, text)
            at += len(text)
            points.append(step)
            continue
        verb = "delete" if "delete" in step else "retain"
        stop = at + step[verb]
        if not narrow:
            start = offsets.convert(at, Scale.POINTS, Scale.BYTES)
            stop = offsets.convert(start + step[verb], Scale.BYTES, Scale.POINTS)
        points.append({**step, verb: stop - at})
        if verb == "delete":
            offsets.delete(at, stop)
        else:
            at = stop
    return points
