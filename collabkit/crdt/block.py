"""The ``edit()`` block."""

from __future__ import annotations

from types import TracebackType

from ..errors import LocalProtocolError
from .desk import Desk
from .turns import acquire, current_task, inside

__all__ = ["Block"]


class Block:
    """All that is edited inside happens, in one transaction, or nothing does.

    A block inside a block is part of the outer one. If the inner one fails and the outer
    one goes on, then nothing happens, and the outer one says so at its end.
    """

    __slots__ = ("_broken", "_desk", "group")

    def __init__(self, desk: Desk, group: str | None = None) -> None:
        self.group = group
        self._desk = desk
        self._broken = False

    def __repr__(self) -> str:
        return f"<edit block of {self._desk.name!r}, group {self.group!r}>"

    def __enter__(self) -> None:
        desk = self._desk
        taken: list[bool] = []
        first = False
        try:
            acquire(desk.lock, taken)
            first = desk.block is None
            if first:
                desk.block = self
                desk.task = current_task()
                inside.set((*inside.get(), self))
            elif not desk.is_mine():
                raise LocalProtocolError(f"document {desk.name!r} is in another task's edit block")
        except BaseException:
            if first:
                self._close()
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
            if desk.block is self:
                self._leave(failed=error is not None)
            elif error is not None and isinstance(desk.block, Block):
                desk.block._broken = True
        except BaseException as late:
            desk.fail(late)
            raise
        finally:
            desk.lock.release()

    def _leave(self, *, failed: bool) -> None:
        desk = self._desk
        update: bytes | None = None
        try:
            if failed or self._broken:
                desk.abandon()
            else:
                update = desk.settle(self.group)
        finally:
            self._close()
        if self._broken and not failed:
            raise LocalProtocolError("an edit block inside this one failed, so nothing happened")
        if update is not None:
            desk.announce(update, local=True, origin="local", group=self.group, staged=True)

    def _close(self) -> None:
        self._desk.block = self._desk.task = None
        inside.set(tuple(block for block in inside.get() if block is not self))
