"""Where updates of others are applied, before anybody comes whose updates may be anything."""

from __future__ import annotations

import logging
from contextlib import AsyncExitStack

from ..crdt.nursery import CAN_FORK
from ..crdt.sandbox import SandboxEngine

__all__ = ["shelter"]

log = logging.getLogger("collabkit.sessions")


async def shelter(stack: AsyncExitStack, children: int) -> SandboxEngine | None:
    """Open an engine whose documents are in other processes, until the stack is left.

    Args:
        stack: What it ends with.
        children: How many processes share the documents.

    Returns:
        The engine; None where there can be no such processes.

    Raises:
        EngineLost: No process can be started.
    """
    if not CAN_FORK:
        log.warning("without fork, an update that crashes the engine ends this process")
        return None
    return await stack.enter_async_context(SandboxEngine(children=children))
