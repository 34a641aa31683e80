"""``DB.sock``: how the other programs of a machine command the one that holds a file.

Rules:

1. Whoever has the OS lock of a file owns its socket, and removes the one a dead holder left.
2. The socket has mode 0600 from its first moment: to command is to be the same user, or root.
3. A frame is a length, four bytes big-endian, and that many bytes of JSON. A request is a
   :class:`Request`, its answer an :class:`Answer`. Answers come in the order of the requests.
4. An error crosses the socket as the name of its class and its sentence, the same two things
   that a Result frame of ``collabkit.1`` carries, and becomes OperationFailed on the other side.

The asking side is blocking on purpose: the command line asks one thing and waits for it, however
long the holder works on it.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import hashlib
import logging
import os
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any, TypeAlias

import msgspec

from ..errors import CollabError, OperationFailed

__all__ = ["Answer", "Failure", "Request", "Run", "command", "listen", "socket_path"]

log = logging.getLogger("collabkit.sessions")

# As much as a document that is imported whole may need, in base64 inside JSON; more than that is
# no request but a mistake, and must not make the holder allocate.
MAX_FRAME_BYTES = 512 * 1024 * 1024

_LENGTH = struct.Struct(">I")

# `sockaddr_un` ends at 108 bytes on Linux and 104 on macOS, with the closing NUL.
_MAX_ADDRESS_BYTES = 103

# What is left of it behind `/proc/self/fd/NNNNNNN/` and before `.sock`.
_MAX_NAME_BYTES = 72


class Request(msgspec.Struct, frozen=True, omit_defaults=True):
    """One operation to run; the fields are the arguments of ``operations.call``."""

    operation: str
    arguments: dict[str, Any] = {}
    subject: str = ""
    key: str | None = None


class Failure(msgspec.Struct, frozen=True):
    """An error that crossed the socket.

    Attributes:
        kind: The name of its class in :mod:`collabkit.errors`.
        reason: Its sentence.
    """

    kind: str
    reason: str


class Answer(msgspec.Struct, frozen=True, omit_defaults=True):
    """What came of a request: a JSON-able result, or a failure."""

    result: Any = None
    failure: Failure | None = None


Run: TypeAlias = Callable[[Request], Awaitable[Any]]
"""Carries a request out; what it returns is the result, what it raises the failure."""

_request = msgspec.json.Decoder(Request)
_answer = msgspec.json.Decoder(Answer)


def socket_path(path: str | os.PathLike[str]) -> str:
    """Where the holder of a file listens: beside it, under a digest if its name is long.

    >>> socket_path("notes.db")
    'notes.db.sock'
    """
    folder, name = os.path.split(os.fspath(path))
    if len(os.fsencode(name)) > _MAX_NAME_BYTES:
        name = hashlib.sha256(os.fsencode(name)).hexdigest()[:32]
    return os.path.join(folder, f"{name}.sock")


@contextlib.contextmanager
def _address(path: str) -> Iterator[str]:
    # A socket's address is short, a file's path is not. Linux reaches the folder by its
    # descriptor; elsewhere the error says what is wrong.
    if len(os.fsencode(path)) <= _MAX_ADDRESS_BYTES or not os.path.isdir("/proc/self/fd"):
        yield path
        return
    folder = os.open(os.path.dirname(path) or ".", os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{os.path.basename(path)}"
    finally:
        os.close(folder)


def _bind(path: str) -> socket.socket:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        # Linux takes the mode of the unbound socket for the file, so it is never open to
        # others; elsewhere chmod closes it a moment later.
        os.fchmod(listener.fileno(), 0o600)
        with _address(path) as address:
            listener.bind(address)
        os.chmod(path, 0o600)
        listener.listen(16)
        listener.setblocking(False)
    except BaseException:
        listener.close()
        raise
    return listener


@contextlib.asynccontextmanager
async def listen(path: str | os.PathLike[str], run: Run) -> AsyncIterator[None]:
    """Answer requests at the socket of a file as long as the block runs.

    Only whoever holds the file may call this. Requests of one connection run one after the
    other; those of several connections run side by side.
    """
    where = socket_path(path)
    try:
        bound = _bind(where)
    except OSError as error:
        # Some file systems have no sockets. Whoever wants something changed is told who holds it.
        log.warning("%s: no commands are taken from other processes: %s", where, error)
        yield
        return
    talks: set[asyncio.Task[None]] = set()

    def met(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(_talk(reader, writer, run))
        talks.add(task)
        task.add_done_callback(talks.discard)

    server = await asyncio.start_unix_server(met, sock=bound)
    try:
        yield
    finally:
        server.close()
        for task in talks:
            task.cancel()
        await asyncio.gather(*talks, return_exceptions=True)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(where)


async def _talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, run: Run) -> None:
    try:
        while True:
            (length,) = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))
            if length > MAX_FRAME_BYTES:
                return
            body = msgspec.json.encode(await _carry_out(await reader.readexactly(length), run))
            writer.write(_LENGTH.pack(len(body)) + body)
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        return  # they hung up
    finally:
        writer.close()


async def _carry_out(body: bytes, run: Run) -> Answer:
    try:
        return Answer(result=msgspec.to_builtins(await run(_request.decode(body))))
    except (CollabError, msgspec.DecodeError) as error:
        return Answer(failure=Failure(type(error).__name__, str(error)))
    except Exception as error:
        # Whoever asks must not hang because of a bug here, and whoever runs this must see it.
        log.exception("an operation asked for over the socket failed")
        return Answer(failure=Failure(type(error).__name__, str(error)))


def command(path: str | os.PathLike[str], request: Request) -> Answer | None:
    """Ask the holder of a file to run an operation; None if nobody answers there.

    Raises:
        OSError: The socket may not be used by this user.
        OperationFailed: The holder went away before it answered: the operation may have run.
    """
    where = socket_path(path)
    asking = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    with asking:
        try:
            with _address(where) as address:
                asking.connect(address)
        except OSError as error:
            # No socket; one whose holder is dead; no folder for either; or, with no number, an
            # address that no holder could have bound.
            if error.errno in (None, errno.ENOENT, errno.ECONNREFUSED, errno.ENOTDIR):
                return None
            raise OSError(error.errno, error.strerror, where) from None
        body = msgspec.json.encode(request)
        try:
            asking.sendall(_LENGTH.pack(len(body)) + body)
            (length,) = _LENGTH.unpack(_exactly(asking, _LENGTH.size))
            return _answer.decode(_exactly(asking, length))
        except (ConnectionError, EOFError) as error:
            raise OperationFailed(
                request.operation,
                "ConnectionClosed",
                "the process that holds the file went away before it answered; "
                "look whether it was done before you ask again",
            ) from error


def _exactly(connection: socket.socket, count: int) -> bytes:
    parts = bytearray()
    while len(parts) < count:
        part = connection.recv(min(count - len(parts), 1 << 20))
        if not part:
            raise EOFError
        parts += part
    return bytes(parts)
