"""Handles: what names a shared type, and finds it again in whichever copy is being used.

A handle names a *place* and not an object, because the engine frees what is deleted:

=======  =========================================  =================================
place    names                                      gone when
=======  =========================================  =================================
root     the root of this name                      never
key      the shared type under this key of a map    the key holds none of its kind
item     this very element of an array              it was deleted
child    this very node of an XML tree              it was deleted
=======  =========================================  =================================

The handle of a key thus follows the winner when two people create ``map["cart"]`` at one
time. Using a handle of something that is gone raises :class:`Gone`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Protocol, TypeVar

from pycrdt import _pycrdt as yrs

from ..errors import CollabError, Gone
from .branches import AFTER, Branch, child_at, identity, render
from .changes import Change, Part, Path
from .core import Core
from .desk import Desk
from .values import plain

__all__ = ["Child", "Item", "Key", "Node", "Place", "Root", "handle", "handles"]


class Place(Protocol):
    """Where a shared type is."""

    def find(self, core: Core) -> Branch | None:
        """The branch that is there now, inside the core's transaction; None if it is gone."""
        ...

    def key(self, branch: Branch, core: Core) -> object:
        """What the text at this place is remembered under."""
        ...

    def path(self, core: Core) -> Path | None:
        """Where it is now, inside the core's transaction; None if it is gone."""
        ...

    def trace(self, core: Core) -> tuple[Path, Branch] | None:
        """Its path and its branch, inside the core's transaction; None if it is gone."""
        ...

    def __str__(self) -> str: ...


class Root:
    """The place of a root."""

    __slots__ = ("_kind", "_name")

    def __init__(self, kind: str, name: str) -> None:
        self._kind = kind
        self._name = name

    def find(self, core: Core) -> Branch:
        """The root, made if need be."""
        return core.root(self._kind, self._name)

    def key(self, branch: Branch, core: Core) -> object:
        """The root's name."""
        return self._name

    def path(self, core: Core) -> Path:
        """The name alone."""
        return (self._name,)

    def trace(self, core: Core) -> tuple[Path, Branch]:
        """The name alone, and the root."""
        return (self._name,), self.find(core)

    def __str__(self) -> str:
        return self._name


class _Nested:
    """A place inside another."""

    __slots__ = ("_id", "_parent")

    def __init__(self, parent: Node, id_: Any) -> None:
        self._parent = parent
        self._id = id_

    def key(self, branch: Branch, core: Core) -> object:
        """The id of the branch, whatever its place."""
        return identity(branch, core.txn)

    def index(self, parent: Branch, core: Core) -> str | int | None:
        """The last part of the path, in the parent's branch; None if it is gone."""
        raise NotImplementedError

    def find(self, core: Core) -> Branch | None:
        """The branch that is there now."""
        parent = self._parent.branch(core)
        index = self.index(parent, core)
        return None if index is None else parent.get(core.txn, index)

    def path(self, core: Core) -> Path | None:
        """The parent's path and one more."""
        found = self.trace(core)
        return None if found is None else found[0]

    def trace(self, core: Core) -> tuple[Path, Branch] | None:
        """The path and the branch, each place on the way looked up once."""
        above = self._parent.place.trace(core)
        if above is None or type(above[1]) is not self._parent.engine_type:
            return None
        path, parent = above
        index = self.index(parent, core)
        return None if index is None else ((*path, index), parent.get(core.txn, index))


class Key(_Nested):
    """The place under a key of a map."""

    __slots__ = ()

    def index(self, parent: Branch, core: Core) -> str | None:
        """The key, if it holds anything."""
        key: str = self._id
        return key if parent.has(core.txn, key) else None

    def __str__(self) -> str:
        return f"{self._parent.place}[{self._id!r}]"


class Item(_Nested):
    """The place of one element of an array, known by its id."""

    __slots__ = ()

    def index(self, parent: Branch, core: Core) -> int | None:
        """Where the element stands now."""
        index: int = yrs.decode_sticky_index(self._id).get_offset(core.txn)
        if index >= parent.len(core.txn):
            return None
        there = parent.sticky_index(core.txn, index, AFTER).encode()
        return index if there == self._id else None  # else it is the place where it was

    def __str__(self) -> str:
        return f"an element of {self._parent.place}"


class Child(_Nested):
    """The place of one node of an XML tree, known by the hash of its id."""

    __slots__ = ("_last",)

    def __init__(self, parent: Node, id_: int) -> None:
        super().__init__(parent, id_)
        self._last = 0

    def index(self, parent: Branch, core: Core) -> int | None:
        """Where the node stands among its siblings now; mostly where it stood before."""
        there = child_at(parent, self._last, core.txn)
        if there is None or hash(there) != self._id:
            hashes = map(hash, parent.children(core.txn))
            found = next((i for i, one in enumerate(hashes) if one == self._id), None)
            if found is None:
                return None
            self._last = found
        return self._last

    def __str__(self) -> str:
        return f"a child of {self._parent.place}"


class Node:
    """A handle of a shared type: of the place where it is."""

    __slots__ = ("_desk", "place")

    engine_type: ClassVar[type]

    def __init__(self, desk: Desk, place: Place) -> None:
        self._desk = desk
        self.place = place

    def __repr__(self) -> str:
        try:
            about = self._about()
        except CollabError as error:  # a debugger, too, shows what is gone
            about = f"({error})"
        return f"<{type(self).__name__} {self.place} {about}>"

    def _about(self) -> str:
        """What the repr says of the content."""
        raise NotImplementedError

    def branch(self, core: Core) -> Branch:
        """The engine's branch, inside the core's transaction. Raises Gone."""
        found = self.place.find(core)
        if type(found) is not self.engine_type:
            raise Gone(str(self.place))
        return found

    def plain(self) -> Any:
        """The content as plain Python values."""
        with self._desk.reading as core:
            return render(self.branch(core), core.txn)

    def observe(self, callback: Callable[[Part, Change], None]) -> Callable[[], None]:
        """Call back after each transaction that changed this very shared type.

        Args:
            callback: Called with what happened here, and the change that it was part of.

        Returns:
            What stops it.
        """

        def listener(change: Change) -> None:
            with self._desk.reading as core:
                path = self.place.path(core)
            for part in change.parts:
                if part.path == path:
                    callback(part, change)

        return self._desk.listen(listener, in_parts=True)


_handles: dict[type, Callable[[Desk, Place], Node]] = {}

N = TypeVar("N", bound=type[Node])


def handles(cls: N) -> N:
    """Register the class whose handles stand for its ``engine_type``."""
    _handles[cls.engine_type] = cls
    return cls


def handle(value: Any, desk: Desk, place: Callable[[], Place]) -> Any:
    """What a read value is to a caller: a handle if it is a shared type, a plain value if not."""
    make = _handles.get(type(value))
    return plain(value) if make is None else make(desk, place())
