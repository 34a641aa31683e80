"""Where updates of others are applied, before anybody comes whose updates may be anything."""

from __future__ import annotations

import logging
from contextlib import AsyncExitStack

import msgspec

from ..crdt.budget import DEFAULT_BUDGET, Budget
from ..crdt.nursery import CAN_FORK, MEMORY_BYTES, PATIENCE_S
from ..crdt.sandbox import SandboxEngine

__all__ = ["ONE_CHILD", "Children", "shelter"]

log = logging.getLogger("collabkit.sessions")


# Below, engines cannot do what honest documents ask for; above, a child's own alarm is earlier.
LEAST_MEMORY_BYTES = 64 << 20
PATIENCE_FROM, PATIENCE_TO = 0.5, 30.0


class Children(msgspec.Struct, frozen=True):
    """The processes in which updates of others are applied.

    Attributes:
        count: How many share the documents.
        memory_bytes: How much memory each should have at most; the limit is twice that.
        patience: How long one may take for an update, besides what its size takes.
        budget: What an update may hold.

    Raises:
        ValueError: There is none, or it has too little memory or time, or too much time.
    """

    count: int = 1
    memory_bytes: int = MEMORY_BYTES
    patience: float = PATIENCE_S
    budget: Budget = DEFAULT_BUDGET

    def __post_init__(self) -> None:
        if self.count < 1:
            raise ValueError("updates are applied by one child process at least")
        if self.memory_bytes < LEAST_MEMORY_BYTES:
            raise ValueError(f"a child process needs {LEAST_MEMORY_BYTES >> 20} MiB at least")
        if not PATIENCE_FROM <= self.patience <= PATIENCE_TO:
            raise ValueError(f"a child's patience is {PATIENCE_FROM:g} to {PATIENCE_TO:g} seconds")


ONE_CHILD = Children()


async def shelter(stack: AsyncExitStack, children: Children) -> SandboxEngine | None:
    """Open an engine whose documents are in other processes, until the stack is left.

    Args:
        stack: What it ends with.
        children: What processes.

    Returns:
        The engine; None where there can be no such processes.

    Raises:
        EngineLost: No process can be started.
    """
    if not CAN_FORK:
        log.warning("without fork, an update that crashes the engine ends this process")
        return None
    return await stack.enter_async_context(
        SandboxEngine(
            children=children.count,
            memory_bytes=children.memory_bytes,
            patience_s=children.patience,
            budget=children.budget,
        )
    )
