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
from typing import Any, Final
from weakref import ref

from pycrdt import _pycrdt as yrs

from .branches import Branch
from .following import Following
from .roots import UNKNOWN, root_kinds

__all__ = ["ORIGIN", "REMOTE", "ROOTS", "Core", "is_panic"]

ORIGIN: Final = int.from_bytes(b"collabki")
"""The origin of our own edits, to which undo listens. The engine knows origins as integers."""

REMOTE: Final = ORIGIN + 1
"""The origin of everybody else's."""

_KINDS: Final = {yrs.Text: "text", yrs.Map: "map", yrs.Array: "array", yrs.XmlFragment: "xml"}
ROOTS: Final = {
    "text": "get_or_insert_text",
    "map": "get_or_insert_map",
    "array": "get_or_insert_array",
    "xml": "get_or_insert_xml_fragment",
}
"""How the engine is asked for a root of each kind."""


def is_panic(error: BaseException) -> bool:
    """Tell a panic of the engine from an exception; its class cannot be imported."""
    return type(error).__name__ == "PanicException"


class Core:
    """An engine document and its open transaction: the live one, or a staged copy of it.

    Attributes:
        raw: The engine's document.
        txn: The open transaction, if any.
        texts: The offsets of its texts.
        staged: This is a copy, whose one transaction holds many edits.
        update: What the last transaction changed, as the engine encodes it; None if
            nothing, or if nobody watches.
    """

    __slots__ = (
        "__weakref__", "_roots", "_told", "_users", "_watch",
        "raw", "staged", "texts", "txn", "update",
    )  # fmt: skip

    def __init__(self, client_id: int | None = None, *, staged: bool = False) -> None:
        self.raw: Any = yrs.Doc(client_id, None, None)
        self.txn: Any = None
        self.texts = Following()
        self.staged = staged
        self.update: bytes | None = None
        self._users = 0
        self._roots: dict[tuple[str, str], Branch] = {}
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
        self.texts.quiet = self.texts.direct
        return self._end()

    def _end(self) -> bytes | None:
        self.update = None
        try:
            self.txn.commit()
        finally:
            self.close()
        trouble = self.texts.trouble
        if trouble is not None:
            self.texts.trouble = None
            raise trouble
        return self.update

    def close(self) -> None:
        """Let go of the open transaction; what was written in it is committed nevertheless."""
        txn, self.txn = self.txn, None
        self._users = 0
        try:
            txn.drop()
        finally:
            self.texts.quiet = False

    def discard(self) -> None:
        """Throw this copy away, with the transaction that may be open."""
        self.texts.quiet = True
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

    # Roots

    def root(self, kind: str, name: str) -> Branch:
        """The root of this name, made or cast to this kind if need be; inside a transaction."""
        branch = self._roots.get((kind, name))
        if branch is None:
            branch = getattr(self.raw, ROOTS[kind])(self.txn, name)
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


def _committed(core_ref: ref[Core]) -> Callable[[Any], None]:
    def committed(event: Any) -> None:
        core = core_ref()
        if core is not None:
            core.update = event.update

    return committed
