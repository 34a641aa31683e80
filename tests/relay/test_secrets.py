"""What no line of a log may hold: tokens, and what people write."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator

import pytest
import websockets

from collabkit.access.model import Identity, Knock, Refusal
from collabkit.access.tokens import Claims, mint
from collabkit.cli.logs import JsonLines
from collabkit.relay.auth import jwt
from collabkit.relay.limits import Limits
from collabkit.relay.server import Relay
from collabkit.sessions.workspace import Workspace
from collabkit.sync.client import connect
from relay.peers import BINARY, CLOSE, CONTINUATION, PING, PONG, SYNC_STEP_1, TEXT, Peer, Raw, frame

KEY = b"k" * 32
# A word that occurs nowhere else, as text and inside of messages.
CONTENT = "zyzzyva"
SAID = CONTENT.encode()
OURS = ("collabkit", "picows", "aiofastnet", "asyncio", "uvloop")


class Written(logging.Handler):
    """Keeps every line, with all that hangs on its record."""

    def __init__(self) -> None:
        super().__init__(level=1)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a record."""
        self.lines.append(JsonLines().format(record) + repr(vars(record)))


@pytest.fixture
def written() -> Iterator[Written]:
    """All that is logged on this side, at the lowest level there is."""
    handler = Written()
    loggers = [logging.getLogger(name) for name in OURS]
    levels = [each.level for each in loggers]
    for each in loggers:
        each.addHandler(handler)
        each.setLevel(1)
    yield handler
    for each, level in zip(loggers, levels, strict=True):
        each.removeHandler(handler)
        each.setLevel(level)


def token(subject: str, *, read: str = "", write: str = "") -> str:
    """A token of a subject."""
    now = int(time.time())
    claims = Claims(
        sub=subject, exp=now + 600, read=(read,) * bool(read), write=(write,) * bool(write)
    )
    return mint(claims, KEY, now=now)


# Frames of somebody who is in a room, each of which ends him.
BROKEN = [
    frame(BINARY, SAID),
    frame(TEXT, SAID),
    frame(BINARY, b"\0\2\x20" + SAID * 4 + b"xxxx"),
    frame(BINARY, b"\0\1\x07" + SAID),
    frame(BINARY, b"\1\x0c\1\7\1\x08{" + SAID),
    frame(BINARY, SAID, reserved=4),
    frame(BINARY, SAID, masked=False),
    frame(CONTINUATION, SAID),
    frame(PING, SAID * 100),
    frame(CLOSE, b"\x03\xe8" + SAID),
    frame(CLOSE, b"\x03\xe7" + SAID),
    frame(BINARY, SAID * 20_000),
]


async def test_a_run_logs_no_token_and_no_content(workspace: Workspace, written: Written) -> None:
    """Whatever clients do, and whatever is wrong with it, its words and tokens are in no line."""
    may, other = token("user:ada", write="**"), token("user:bob", read="elsewhere")
    shown = [may, other, f"{may[:-3]}abc", "opaque-secret-of-somebody"]
    limits = Limits(max_message_bytes=100_000, refusal_hold=0.01, close_timeout=0.2)
    async with Relay(
        workspace, port=0, authenticate=jwt(KEY), create_sessions=True, limits=limits
    ) as relay:
        async with (
            websockets.connect(f"{relay.url}/notes?token={may}") as socket,
            Peer.joined(socket) as peer,
            connect(f"{relay.url}/notes", token=may) as replica,
        ):
            await peer.write(CONTENT)
            await replica.synced()
            await peer.replace(CONTENT)
        for each in shown:
            for target, headers in (
                (f"/notes?token={each}", {}),
                (f"/notes?token={each}", {"Origin": "https://evil.example"}),
                (f"/notes?token={each}", {"Sec-WebSocket-Key": ""}),
                (f"/nothing?token={each}", {"Upgrade": "", "Connection": "close"}),
                ("/notes", {"Authorization": f"Bearer {each}"}),
                ("/notes", {"Authorization": f"Bearer {each}", "Host": "\x01"}),
                ("/notes", {"Sec-WebSocket-Protocol": f"yjs, collabkit.token.{each}"}),
            ):
                async with Raw.connect(relay.url, target, headers=headers) as client:
                    if client.status == 101:
                        client.say(frame(BINARY, SYNC_STEP_1))
                        await client.hear_only(BINARY)
        for broken in BROKEN:
            async with Raw.connect(relay.url, f"/notes?token={may}&name={CONTENT}") as client:
                client.say(frame(BINARY, SYNC_STEP_1))
                await client.hear_only(BINARY)
                client.say(broken, frame(PING))
                while (heard := await client.hear()) and heard[0] not in (CLOSE, PONG):
                    pass
    text = "\n".join(written.lines)
    assert "enters notes" in text
    assert "refused" in text
    assert CONTENT not in text
    for each in shown:
        assert each not in text
        assert each.rpartition(".")[2] not in text


SECRET = "c2VjcmV0LXRva2Vu"


@pytest.mark.parametrize(
    ("target", "headers"),
    [
        (f"/notes?token={SECRET}", {}),
        (f"/notes?token={SECRET}", {"Origin": "https://evil.example"}),
        (f"/notes?token={SECRET}", {"Content-Length": "5"}),
        (f"/notes?token={SECRET}", {"Sec-WebSocket-Key": ""}),
        (f"/%ff?token={SECRET}", {}),
        ("/notes", {"Authorization": f"Bearer {SECRET}"}),
        ("/notes", {"Authorization": f"Bearer {SECRET}", "Connection": ""}),
        ("/notes", {"Sec-WebSocket-Protocol": f"yjs, collabkit.token.{SECRET}"}),
        ("/notes", {"Cookie": f"session={SECRET}"}),
    ],
)
async def test_no_token_is_ever_logged(
    workspace: Workspace,
    caplog: pytest.LogCaptureFixture,
    target: str,
    headers: dict[str, str],
) -> None:
    """Whatever happens to a request, at whatever level, its token is in no line of the log."""
    caplog.set_level(1)
    for name in ("collabkit", "picows", "aiofastnet"):
        caplog.set_level(1, logger=name)

    async def fails(knock: Knock) -> Identity | Refusal:
        raise RuntimeError("the directory is down")

    async with (
        Relay(workspace, port=0, authenticate=fails, cookie="session") as relay,
        Raw.connect(relay.url, target, headers=headers) as client,
    ):
        client.say(frame(BINARY, SYNC_STEP_1), frame(3))
        if client.status == 101:
            assert await client.farewell()
        await client.body()
    assert caplog.records
    assert SECRET not in caplog.text
