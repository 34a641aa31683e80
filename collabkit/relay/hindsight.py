"""What the relay tells of the past of its documents: asks a process beside, within bounds.

Rules:

1. Who may read a document now may read what it was: he shows what he would show at the room.
2. The work is done by one process (:mod:`.lookback`), which begins with the first question and
   ends after a pause. One question is asked at a time; so few wait that nobody waits long, and
   from one address fewer, and who comes then is told to come again.
3. What takes too long is ended with its process; so is what is told at too great a length.
"""

from __future__ import annotations

import asyncio
import logging
import subprocess
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Self, cast

import msgspec

from ..access.model import Knock, Refusal
from ..errors import InvalidName
from ..ids import RoomName
from ..sessions.apart import command
from ..sync.limits import Census
from .addresses import counted_as
from .http import Request, Response, answer_json, refuse
from .lookback import FRAME, Question
from .upgrade import Door, visit

__all__ = ["PREFIX", "Hindsight"]

log = logging.getLogger(__name__)

PREFIX = "/history/"

MAX_WAITING = 16
MAX_WAITING_OF_ADDRESS = 4
MAX_ANSWER_BYTES = 32 << 20
# Weaving 100,000 rows takes about a second, on a machine that does nothing else.
PATIENCE_S = 30.0
IDLE_S = 120.0
RETRY_AFTER = ("Retry-After", "1")

_MAX_DIGITS = 12
_STATUSES = {4401: 401, 4403: 403, 4404: 404, 4500: 503}


class Hindsight:
    """Answers for the past as long as its ``async with`` block runs.

    Args:
        path: The file.
        look: Who decides who may read a document: refuses whoever may not.
        door: How tokens are shown.
        program: The module that looks back; tests have others.
    """

    def __init__(
        self,
        path: str,
        look: Callable[[Knock], Awaitable[object]],
        door: Door,
        *,
        program: str = "collabkit.relay.lookback",
    ) -> None:
        self._path = path
        self._look_at = look
        self._door = door
        self._program = program
        self._looking: set[asyncio.Task[Response]] = set()
        self._addresses = Census(most=MAX_WAITING_OF_ADDRESS)
        self._turn = asyncio.Lock()
        self._looker: _Looker | None = None
        self._ending: set[asyncio.Future[None]] = set()
        self._rest: asyncio.TimerHandle | None = None

    def __repr__(self) -> str:
        state = "at rest" if self._looker is None else "at work"
        return f"<Hindsight of {self._path}, {state}, {len(self._looking)} waiting>"

    async def __aenter__(self) -> Self:
        """Answer when asked."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the process, and whoever waits for it."""
        for task in self._looking:
            task.cancel()
        await asyncio.gather(*self._looking, return_exceptions=True)
        if self._rest is not None:
            self._rest.cancel()
        self._let_go()
        await asyncio.gather(*self._ending)

    async def answer(self, request: Request) -> Response:
        """Answer a request below :data:`PREFIX`."""
        try:
            room = RoomName.parse(request.path.removeprefix(PREFIX))
            at, until = (_number(request.query.get(field)) for field in ("at", "until"))
        except (InvalidName, ValueError) as error:
            return refuse(400, str(error))
        caller = visit(request, self._door)
        knock = Knock(room, token=caller.token, peer=request.peer, name=caller.name)
        answer = await self._look_at(knock)
        if isinstance(answer, Refusal):
            return refuse(_STATUSES.get(answer.code, 403), answer.reason)
        peer = counted_as(request.peer)
        if len(self._looking) >= MAX_WAITING:
            return refuse(503, "Many look back at the moment.", RETRY_AFTER)
        if self._addresses.full(peer):
            return refuse(429, "Ask one after the other.", RETRY_AFTER)
        # A task of its own: who leaves before the answer does not end the process with it.
        task = asyncio.create_task(self._look(Question(str(room), at, until)))
        self._looking.add(task)
        self._addresses.enter(peer)
        task.add_done_callback(lambda _: self._addresses.leave(peer))
        task.add_done_callback(self._looking.discard)
        return await asyncio.shield(task)

    # The process

    async def _look(self, question: Question) -> Response:
        async with self._turn:
            if self._rest is not None:
                self._rest.cancel()
            try:
                return await asyncio.wait_for(self._ask(question), PATIENCE_S)
            except (OSError, TimeoutError) as error:
                log.warning("looking back at %r failed: %r", question.name, error)
                self._let_go()
                return refuse(503, "This cannot be shown: it takes too long, or too much.")
            except BaseException:
                self._let_go()  # the next question must not get this one's answer
                raise
            finally:
                self._rest = asyncio.get_running_loop().call_later(IDLE_S, self._let_go)

    async def _ask(self, question: Question) -> Response:
        if self._looker is None:
            self._looker = await _Looker.started(self._program, self._path)
        status, body = await self._looker.ask(question)
        return answer_json(status, body)

    def _let_go(self) -> None:
        looker, self._looker = self._looker, None
        if looker is not None:
            self._ending.add(looker.gone)
            looker.gone.add_done_callback(self._ending.discard)
            looker.end()


class _Looker(asyncio.SubprocessProtocol):
    """The process that looks back, as it is asked.

    Attributes:
        gone: Done when it has ended.
    """

    def __init__(self) -> None:
        self.gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._said = bytearray()
        self._answer: asyncio.Future[tuple[int, bytes]] | None = None
        self._transport: asyncio.SubprocessTransport

    @classmethod
    async def started(cls, program: str, path: str) -> _Looker:
        loop = asyncio.get_running_loop()
        pipe = subprocess.PIPE
        _, looker = await loop.subprocess_exec(
            cls, *command(program, path), stdin=pipe, stdout=pipe, stderr=None
        )
        return looker

    async def ask(self, question: Question) -> tuple[int, bytes]:
        """Ask one question. Raises OSError if there is no answer, or too much of one."""
        pipe = cast("asyncio.WriteTransport", self._transport.get_pipe_transport(0))
        self._answer = asyncio.get_running_loop().create_future()
        if self._transport.get_returncode() is not None:
            raise ConnectionError("the process has ended")
        pipe.write(msgspec.json.encode(question) + b"\n")
        return await self._answer

    def end(self) -> None:
        """End the process: it writes nothing, so there is nothing to be waited for."""
        self._transport.close()

    # As the loop tells it

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It runs."""
        self._transport = cast(
            "asyncio.SubprocessTransport", transport
        )  # uvloop's is a class apart

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        """It says something."""
        self._said += data
        if len(self._said) < FRAME.size or self._answer is None or self._answer.done():
            return
        status, length = FRAME.unpack_from(self._said)
        if length > MAX_ANSWER_BYTES:
            self._answer.set_exception(OSError(f"an answer of {length} bytes"))
        elif len(self._said) == FRAME.size + length:
            self._answer.set_result((status, bytes(self._said[FRAME.size :])))
            self._said.clear()

    def connection_lost(self, exc: Exception | None) -> None:
        """It is gone, with all that was open to it."""
        self.gone.set_result(None)

    def process_exited(self) -> None:
        """It died."""
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(ConnectionError("the process has ended"))


def _number(said: str | None) -> int | None:
    if said is None:
        return None
    if not said.isdecimal() or len(said) > _MAX_DIGITS:
        raise ValueError(f"{said[:_MAX_DIGITS]!r} is no row")
    return int(said)
