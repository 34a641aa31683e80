"""``collabkit serve``: the relay, until it is told to stop."""

from __future__ import annotations

import asyncio
import gc
import ipaddress
import logging
import ssl
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
import uvloop

from ..access.control import AccessOptions
from ..access.model import Authenticate
from ..access.witness import AuditPolicy
from ..crdt.nursery import MEMORY_BYTES, PATIENCE_S
from ..relay.addresses import networks
from ..relay.auth import jwt, open_house
from ..relay.limits import DEFAULT_LIMITS, Limits
from ..relay.server import DEFAULT_PORT, Relay, tls_context
from ..sessions.shelter import LEAST_MEMORY_BYTES, PATIENCE_FROM, PATIENCE_TO
from ..sessions.versions import VersionPolicy
from ..sessions.workspace import Workspace
from ..store.database import Durability
from . import logs, render
from .arguments import DEFAULT_DB, OptionalDb
from .logs import LogFormat
from .token import read_key

__all__ = ["app"]

app = typer.Typer()

# Often enough to see that it lives, seldom enough to cost nothing.
STATUS_EVERY = 1.0


class _Auth(StrEnum):
    NONE = "none"
    JWT = "jwt"


class _Durability(StrEnum):
    STORED = "stored"
    DURABLE = "durable"


class _Audit(StrEnum):
    WRITES = "writes"
    READS = "reads"


_HowDurable = Annotated[
    _Durability,
    typer.Option(
        help="What an acknowledged edit survives: the end of the process, or loss of power too."
    ),
]
_Children = Annotated[
    int, typer.Option(min=1, help="Processes that apply updates, for as many processors.")
]
_ChildMemory = Annotated[
    int,
    typer.Option(
        min=LEAST_MEMORY_BYTES >> 20,
        metavar="MIB",
        help="Memory above which one of those is let go; it cannot have twice as much.",
    ),
]
_ChildPatience = Annotated[
    float,
    typer.Option(
        min=PATIENCE_FROM,
        max=PATIENCE_TO,
        metavar="SECONDS",
        help="Time for one update, besides what its size takes, before one of those is killed.",
    ),
]
_Insecure = Annotated[
    bool,
    typer.Option(
        "--insecure",
        help="Bind a --host that other machines reach, without --auth: whoever reaches it "
        "reads, writes and makes every session.",
    ),
]
_UnseenHistories = Annotated[
    bool,
    typer.Option(
        "--allow-unseen-histories",
        help="Let stock clients bring copies that share no edit with a document, such as those "
        "begun offline: what is in both is there twice then.",
    ),
]


_TrustedProxy = Annotated[
    list[str] | None,
    typer.Option(
        help="Address or network of a proxy whose headers tell who its clients are, such as "
        "127.0.0.1 or 10.0.0.0/8; repeatable."
    ),
]
_MaxConnections = Annotated[int, typer.Option(min=1, help="Connections, all together.")]
_MaxPerAddress = Annotated[
    int, typer.Option(min=1, help="Connections from one address, or one /64 of IPv6.")
]
_MaxPerSubject = Annotated[
    int, typer.Option(min=1, help="Connections of one subject, as its token names it.")
]
_MaxMessageBytes = Annotated[int, typer.Option(min=1024, help="Bytes of one message.")]
_Origin = Annotated[
    list[str] | None,
    typer.Option(help="A web page that may connect, such as https://app.example; repeatable."),
]
_VersionsEvery = Annotated[
    float | None,
    typer.Option(
        min=1,
        metavar="SECONDS",
        help="Save a version of each session that changed, so often. What is restored, reverted or "
        "merged is saved before, and all at the end, in any case.",
        show_default=False,
    ),
]
_Audited = Annotated[
    list[_Audit] | None,
    typer.Option(
        help="What the audit also counts, by who and in which document; repeatable. It is told of "
        "changes of rights, denials and uses of admin in any case.",
    ),
]
_LogFormat = Annotated[LogFormat, typer.Option(help="For people, or one JSON object a line.")]


@app.command()
def serve(
    db: OptionalDb = DEFAULT_DB,
    *,
    host: Annotated[str, typer.Option(help="Address to bind.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port to bind; 0 picks a free one.")
    ] = DEFAULT_PORT,
    auth: Annotated[
        _Auth, typer.Option(help="Who may come in: anybody on this machine, or bearers of a token.")
    ] = _Auth.NONE,
    key_file: Annotated[
        Path | None, typer.Option(help="The key of the tokens; `collabkit token key` makes one.")
    ] = None,
    origin: _Origin = None,
    durability: _HowDurable = _Durability.STORED,
    children: _Children = 1,
    child_memory: _ChildMemory = MEMORY_BYTES >> 20,
    child_patience: _ChildPatience = PATIENCE_S,
    tls_cert: Annotated[Path | None, typer.Option(help="Certificate chain, PEM.")] = None,
    tls_key: Annotated[Path | None, typer.Option(help="Its private key, PEM.")] = None,
    insecure: _Insecure = False,
    allow_unseen_histories: _UnseenHistories = False,
    trusted_proxy: _TrustedProxy = None,
    max_connections: _MaxConnections = DEFAULT_LIMITS.max_connections,
    max_per_address: _MaxPerAddress = DEFAULT_LIMITS.max_per_address,
    max_per_subject: _MaxPerSubject = DEFAULT_LIMITS.max_per_subject,
    max_message_bytes: _MaxMessageBytes = DEFAULT_LIMITS.max_message_bytes,
    versions_every: _VersionsEvery = None,
    audit: _Audited = None,
    log_format: _LogFormat = LogFormat.TEXT,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Log to stderr.")] = False,
) -> None:
    """Serve the sessions of a file to Yjs clients, until SIGTERM or Ctrl-C.

    Without --auth only this machine is served, and a session is made of every name that is
    opened. With --auth jwt a client shows a token, and sessions are made with `collabkit create`.
    """
    authenticate = _authenticate(auth, key_file, host, insecure=insecure)
    tls = _tls(tls_cert, tls_key)
    if auth is _Auth.JWT and tls is None and not _is_loopback(host):
        render.note("tokens travel unencrypted: use --tls-cert and --tls-key, or a proxy with TLS")
    logs.begin(log_format, logging.INFO if verbose else logging.WARNING)
    level: Durability = "durable" if durability is _Durability.DURABLE else "stored"
    versions, access = VersionPolicy(every_s=versions_every), _audited(audit or ())
    workspace = Workspace.open(db, durability=level, versions=versions, access=access)
    options = {"host": host, "port": port, "authenticate": authenticate, "tls": tls}
    # Where nobody is asked who he is, there is nobody to make sessions beforehand for.
    options |= {"origins": origin or (), "create_sessions": auth is _Auth.NONE}
    options |= {"children": children, "child_memory_bytes": child_memory << 20}
    options |= {"child_patience": child_patience, "unseen_histories": allow_unseen_histories}
    options |= {"trusted_proxies": _proxies(trusted_proxy)}
    options["limits"] = Limits(
        max_connections=max_connections,
        max_per_address=max_per_address,
        max_per_subject=max_per_subject,
        max_message_bytes=max_message_bytes,
    )
    _run(_serve(workspace, f"{host}:{port}", **options))


def _audited(audit: Sequence[_Audit]) -> AccessOptions:
    told = AuditPolicy(writes=_Audit.WRITES in audit, reads=_Audit.READS in audit)
    return AccessOptions(audit=told)


@asynccontextmanager
async def _relay(workspace: Workspace, where: str, **options: Any) -> AsyncIterator[Relay]:
    async with AsyncExitStack() as stack:
        try:
            relay = await stack.enter_async_context(Relay(workspace, **options))
        except OSError as error:
            raise OSError(error.errno, error.strerror, where) from error
        yield relay


async def _serve(workspace: Workspace, where: str, **options: Any) -> None:
    async with workspace, _relay(workspace, where, **options) as relay:
        stopped = asyncio.create_task(relay.until_stopped())
        showing = asyncio.create_task(_show_status(workspace))
        await asyncio.sleep(0)  # whoever reads that it listens may stop it: signals are heeded now
        gc.freeze()  # what is there now stays: nobody need look through it again
        _introduce(relay.url)
        try:
            await stopped
        finally:
            showing.cancel()
        render.note("stopping: storing what came, telling the clients")


def _introduce(url: str) -> None:
    page = url.replace("ws", "http", 1)
    render.line(f"listening on {url}")
    render.answers(
        (
            ("y-websocket", f'new WebsocketProvider("{url}", "NAME", doc)'),
            (
                "Hocuspocus",
                f'new HocuspocusProvider({{ url: "{url}", name: "NAME", document: doc }})',
            ),
            ("browser", f"{page}/?session=NAME"),
        )
    )


async def _show_status(workspace: Workspace) -> None:
    with render.Live() as show:
        while True:
            stats = workspace.hub.stats()
            show(f"{stats.links} connections, {stats.rooms} rooms, {stats.edits} edits")
            await asyncio.sleep(STATUS_EVERY)


def _run(work: Coroutine[Any, Any, None]) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(work)


def _authenticate(
    auth: _Auth, key_file: Path | None, host: str, *, insecure: bool
) -> Authenticate | None:
    if auth is _Auth.JWT:
        if key_file is None:
            raise typer.BadParameter("--auth jwt needs --key-file")
        return jwt(read_key(key_file))
    if key_file is not None:
        raise typer.BadParameter("--key-file is for --auth jwt")
    if _is_loopback(host):
        return None
    if not insecure:
        raise typer.BadParameter(
            f"{host} can be reached from other machines: use --auth jwt, or --insecure"
        )
    return open_house()


def _proxies(said: list[str] | None) -> list[str]:
    try:
        networks(said or ())
    except ValueError as error:
        raise typer.BadParameter(f"--trusted-proxy: {error}") from None
    return said or []


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _tls(cert: Path | None, key: Path | None) -> ssl.SSLContext | None:
    if cert is None and key is None:
        return None
    if cert is None or key is None:
        raise typer.BadParameter("--tls-cert and --tls-key go together")
    try:
        return tls_context(str(cert), str(key))
    except ssl.SSLError as error:
        raise typer.BadParameter(f"no certificate and key in {cert}, {key}: {error}") from None
