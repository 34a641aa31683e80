"""Where a document is read and written: on the live engine document, or on a staged copy.

Rules:

1. A call outside a block is checked first and then is one transaction on the live
   document: nothing is left that could fail half-way.
2. The first write of an ``edit()`` block makes a *staged copy*, with the same client id,
   and from then to the end of the block everything reads and writes there. At the end
   the copy commits, and its one update is applied to the live document. If the block
   fails, the copy is thrown away: no tombstone, no event, no clock has moved.
3. A ``guard`` judges the update of a local edit before it happens, so under a guard a
   single call is staged as well.
4. The copy is kept for the next block and catches up with the updates it missed, unless
   those are more than :data:`_MISSED`. So a document that is edited in blocks takes twice
   the memory, and a block 20 µs instead of a copy (4 ms at 100,000 characters).
5. One lock makes every call atomic. A block holds it from its first line to its last.
6. When the engine panics the document is lost, and every later call says so.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import RLock
from types import TracebackType

from ..errors import EngineLost, LocalProtocolError, ReadOnlyDocument
from .audience import Audience, Listener
from .changes import Change
from .core import ORIGIN, REMOTE, Core, is_panic
from .ear import Ear
from .history import History
from .turns import acquire, current_task, inside

__all__ = ["SEALED", "Desk", "Guard"]

Guard = Callable[[bytes], None]


# Updates that a kept copy may miss before making a new one is cheaper than keeping it:
# catching up costs 2 µs an update, a copy about 1 ms for each 25,000 characters.
_MISSED = 1000

# What a document is frozen by for ever.
SEALED = "any more"


class Desk:
    """The live core, the staged one, the lock, and who listens.

    Attributes:
        live: The document that everybody sees.
        lock: Held by every call, and by a block.
        guard: Judges local edits.
        block: The edit block that is open.
        task: What began it. A task that was begun inside has the block in its context as well.
        frozen: Why nothing can be changed just now.
        history: What can be undone.
        reading: ``with desk.reading as core`` gives the core to read, in a transaction.
        writing: ``with desk.writing as core`` gives the core to write, in a transaction
            that is carried out at the end.
    """

    def __init__(self, name: str, client_id: int) -> None:
        self.name = name
        self.live = Core(client_id)
        self.frozen: str | None = None
        self.lock = RLock()
        self.guard: Guard | None = None
        self.block: object = None
        self.task: object = None
        self.history = History(self.live)
        self.reading = _Reading(self)
        self.writing = _Writing(self)
        self._audience = Audience(name)
        self._ear: Ear | None = None
        self._lost = False
        self._staged: Core | None = None
        self._missed: list[bytes] = []

    def __repr__(self) -> str:
        return f"<Desk of {self.name!r}>"

    # Which core

    def committed(self) -> Core:
        """The core that shows what happened, whatever block is open."""
        if self._lost:
            raise EngineLost(self.name)
        return self.live

    def readable(self) -> Core:
        """The core that shows the document as the caller is to see it."""
        staged = self._staged
        if self.block is None or staged is None or staged.txn is None or not self.is_mine():
            return self.committed()
        return staged

    def writable(self) -> Core:
        """The core for the caller's edit, with its transaction open."""
        if self._lost or self.frozen is not None:
            self.check()
        self.history.begin()
        if self.block is None and self.guard is None:
            return self.live.begin()
        if self.block is not None and not self.is_mine():
            raise LocalProtocolError(
                f"document {self.name!r} is in an edit block that another task began; "
                "an `await` inside a block lets others run"
            )
        staged = self._staged
        if staged is None:
            staged = self._staged = self.live.copy()
        if staged.txn is None:
            for update in self._missed:
                staged.apply(update)
            self._missed.clear()
            staged.begin()
        return staged

    def check(self) -> None:
        """Make sure that the document can be changed.

        Raises:
            EngineLost: It is gone.
            ReadOnlyDocument: It is sealed.
            LocalProtocolError: It is frozen.
        """
        if self._lost:
            raise EngineLost(self.name)
        if self.frozen is SEALED:
            raise ReadOnlyDocument(self.name)
        if self.frozen is not None:
            raise LocalProtocolError(f"document {self.name!r} cannot be changed {self.frozen}")

    def is_mine(self) -> bool:
        """Whether the open block was begun by the caller's task and thread."""
        return self.block in inside.get() and self.task is current_task()

    # Carrying out

    def finish(self) -> None:
        """Carry out the edit of a single call."""
        if self.guard is not None:
            update = self.settle(None)
            if update is not None:
                self.announce(update, local=True, origin="local", staged=True)
            return
        update = self.live.commit()
        if update is not None:
            self.announce(update, local=True, origin="local")

    def settle(self, group: str | None) -> bytes | None:
        """Carry out on the live document what was staged, if the guard lets it pass."""
        staged = self._staged
        if staged is None or staged.txn is None:
            return None
        try:
            update = staged.commit()
            if update is None:
                return None
            if self.guard is not None:
                self.guard(update)
            self.live.apply(update, ORIGIN)
        except BaseException:
            self._discard()
            raise
        return update

    def abandon(self) -> None:
        """Forget what was staged, if anything was."""
        if self._staged is not None and self._staged.txn is not None:
            self._discard()

    def take(
        self, update: bytes, origin: str, *, local: bool = False, frozen: str | None = None
    ) -> None:
        """Apply an update that was not made by this desk.

        Args:
            update: What to apply.
            origin: What to call where it came from.
            local: It was made by code of this process.
            frozen: Why listeners cannot edit, if they cannot.

        Raises:
            ValueError: It does not decode.
            EngineLost: It contradicts the document.
        """
        self.check()
        try:
            changed = self.live.apply(update, REMOTE)
        except RuntimeError as error:  # it contradicts the document, and is applied in part
            self._lost = True
            raise EngineLost(self.name) from error
        except BaseException as error:
            self.fail(error)
            raise
        if changed is not None:
            self.frozen = frozen
            try:
                self.announce(update, local=local, origin=origin)
            finally:
                self.frozen = None

    def travel(self, action: Callable[[History], bytes | None], name: str) -> bool:
        """Undo or redo; returns whether there was anything."""
        with self.lock:
            self.check()
            if self.block is not None:
                raise LocalProtocolError(f"{name} cannot be part of an edit block")
            try:
                update = action(self.history)
                if update is None:
                    return False
                if self.guard is not None:
                    self.guard(update)
                self.live.apply(update, ORIGIN)
            except BaseException as error:
                self.history.forget()
                self.fail(error)
                raise
            self.announce(update, local=True, origin=name)
            return True

    def fail(self, error: BaseException) -> None:
        """Clean up after an edit that raised; a panic becomes EngineLost."""
        if is_panic(error):
            self._lost = True
            raise EngineLost(self.name) from error
        if self.block is not None:
            return  # the block decides
        if self.guard is not None:
            self._discard()
        elif self.live.txn is not None:
            self._tell_unfinished()

    def _tell_unfinished(self) -> None:
        """Tell what a call had written when Ctrl-C came: the live document cannot take it back.

        Untold, it would be missing under all that is edited later, in the log and elsewhere.
        """
        texts = self.live.texts
        if texts.direct:
            texts.forget(frozenset())  # they may have been kept up with what was written, or not
        update = self.live.commit()
        if update is not None:
            self.announce(update, local=True, origin="local")

    def _discard(self) -> None:
        staged, self._staged = self._staged, None
        self._missed.clear()
        if staged is not None:
            staged.discard()

    # Telling

    def listen(self, listener: Listener, *, in_parts: bool = False) -> Callable[[], None]:
        """Call a listener after each transaction; returns what stops it."""
        with self.lock:
            self._audience.add(listener)
            self.live.watch()
            if in_parts and self._ear is None:
                self._ear = Ear(self.live)

        def stop() -> None:
            self._audience.remove(listener)
            taken: list[bool] = []
            try:
                acquire(self.lock, taken, blocking=False)
                if True in taken:
                    self._rest()  # or else whoever has the lock just now does, with his next change
            finally:
                if True in taken:
                    self.lock.release()

        return stop

    def _rest(self) -> None:
        """Stop taking notes of what changed where, if nobody listens any more."""
        if not self._audience and self._ear is not None:
            self._ear.close()
            self._ear = None

    def announce(
        self,
        update: bytes,
        *,
        local: bool,
        origin: str,
        group: str | None = None,
        staged: bool = False,
    ) -> None:
        """Note a change for undo and for the staged copy, and tell the listeners.

        Args:
            update: What changed.
            local: It was made here.
            origin: What to call where it came from.
            group: What the edit block was called.
            staged: It was made on the staged copy.
        """
        self.history.note(update, group, edit=origin == "local")
        if self._staged is not None and not staged:
            self._missed.append(update)
            if len(self._missed) > _MISSED and self.block is None:
                self._discard()
        if self._audience:
            parts = () if self._ear is None else self._ear.take()
            self._audience.tell(Change(update, local, origin, group, parts))
        else:
            self._rest()


class _Reading:
    """``with`` a transaction to read in."""

    __slots__ = ("_cores", "_desk")

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._cores: list[Core] = []

    def __enter__(self) -> Core:
        desk = self._desk
        taken: list[bool] = []
        core: Core | None = None
        depth = 0
        try:
            acquire(desk.lock, taken)
            depth = len(self._cores)
            core = desk.readable().read()
            self._cores.append(core)
            return core
        except BaseException:
            try:
                if core is not None:
                    del self._cores[depth:]
                    core.done()
            finally:
                if taken:
                    desk.lock.release()
            raise

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        desk = self._desk
        try:
            self._cores.pop().done()
            if error is not None and is_panic(error):
                desk.fail(error)
        finally:
            desk.lock.release()


class _Writing:
    """``with`` a transaction to write in: all checks belong before the first write."""

    __slots__ = ("_desk",)

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def __enter__(self) -> Core:
        desk = self._desk
        taken: list[bool] = []
        try:
            acquire(desk.lock, taken)
            core = desk.writable()  # and no `return`, which is outside the `try`
        except BaseException as error:
            if taken:
                try:
                    desk.fail(error)
                finally:
                    desk.lock.release()
            raise
        return core

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        desk = self._desk
        try:
            if error is not None:
                desk.fail(error)
            elif desk.block is None:
                desk.finish()
        except BaseException as late:
            if late is not error:
                desk.fail(late)
            raise
        finally:
            desk.lock.release()
