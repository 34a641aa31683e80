"""Checkpoints, built where nothing else can be harmed or harm them.

A checkpoint must load: it is what every later opening of the document begins with. The
process that serves the document is not to be trusted with it, because an update that
spoiled its memory would spoil the checkpoint too. So a fresh process builds the document
from the log, encodes it, loads the encoding into a second document, and compares digests
of content. It gets no environment but the module path, and answers on a pipe::

    stdin   = *(u32 length, update)                  all integers big-endian
    stdout  = 64 bytes of digest, in hex; the body

It answers nothing and exits with 1 if the updates cannot be applied or the encoding does
not load to the same content, and is killed if it takes far too long.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import BinaryIO

from ..errors import CollabError, EngineLost
from .digest import content_digest
from .engine import Built
from .replay import Replay

__all__ = ["build", "rebuild"]

_DIGEST_BYTES = 64

# There is content on which the engine loops for ever, so no child is waited for without end.
# It starts in half a second and builds 10 MB a second, on an idle machine of 2020.
_BYTES_PER_S = 200_000


async def rebuild(updates: Sequence[bytes], *, patience_s: float = 30.0) -> Built:
    """Build a document from updates in a fresh process.

    Args:
        updates: A checkpoint, if any, and the rows behind it.
        patience_s: How long to wait for the child, besides what the size of the updates takes.

    Raises:
        EngineLost: The process died, the updates cannot be applied, or what they make
            does not load to the same content.
    """
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-P", "-m", "collabkit.crdt.rebuild"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env=environment(),
    )
    frames = b"".join(len(update).to_bytes(4) + update for update in updates)
    try:
        async with asyncio.timeout(patience_s + len(frames) / _BYTES_PER_S):
            answer, _ = await child.communicate(frames)
    except BaseException as error:
        if child.returncode is None:
            child.kill()
            await child.wait()
        if isinstance(error, TimeoutError):
            raise EngineLost(f"checkpoint of {len(updates)} updates") from None
        raise
    if child.returncode or len(answer) < _DIGEST_BYTES:
        raise EngineLost(f"checkpoint of {len(updates)} updates")
    return Built(answer[_DIGEST_BYTES:], answer[:_DIGEST_BYTES].decode())


def environment() -> dict[str, str]:
    """All that the child is told: where this process has its modules from."""
    return {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}


def build(updates: Iterable[bytes]) -> Built:
    """Build a document from updates, and load what it encodes to.

    Raises:
        UpdateRefused: The updates cannot be applied.
        EngineLost: Nor can what they make, or it is something else.
    """
    built, loaded = Replay("built"), Replay("loaded")
    built.load(updates)
    body = built.core.encode()
    loaded.load([body])
    digest = content_digest(loaded.core)
    if loaded.vector != built.vector or content_digest(built.core) != digest:
        raise EngineLost("checkpoint")
    return Built(body, digest)


def _frames(stream: BinaryIO) -> Iterator[bytes]:
    while head := stream.read(4):
        yield stream.read(int.from_bytes(head))


def _main() -> int:
    try:
        built = build(list(_frames(sys.stdin.buffer)))
    except CollabError:
        return 1
    sys.stdout.buffer.write(built.digest.encode() + built.body)
    sys.stdout.buffer.flush()
    return 0


if __name__ == "__main__":
    sys.exit(_main())
