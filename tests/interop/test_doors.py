"""Who may come in: stock clients with good tokens, reading ones, bad ones and none."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from collabkit.access.tokens import Claims, mint
from interop.agreement import converge
from interop.serving import Serving
from interop.stock import HOCUSPOCUS, KINDS, PAGE, YWS, CommandFailed, Driver, StockClient

# The tests of refusals watch this long; clients that loop make 64 to 97 attempts in it.
WATCHED = 10.0
# y-websocket 1 to 3.0 do not know final close codes: they are held, and come back seldom.
PERSISTENT = YWS[:3]

Minted = Callable[..., str]


def _collabkit(*arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "collabkit", *arguments], check=True, timeout=30)


@pytest.fixture(scope="module")
def key_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key for tokens."""
    path = tmp_path_factory.mktemp("keys") / "key"
    path.write_text("k" * 43)
    return path


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory, key_file: Path) -> Iterator[Serving]:
    """A relay that wants tokens, with the sessions `plan` and `minutes`."""
    database = tmp_path_factory.mktemp("guarded") / "relay.db"
    for session in ("plan", "minutes"):
        _collabkit("create", str(database), session)
    with Serving.running(database, "--auth", "jwt", "--key-file", str(key_file)) as serving:
        yield serving


@pytest.fixture
def token(key_file: Path) -> Minted:
    """Mint a token: ``token("user:ada", write=["plan"])``."""

    def minted(
        subject: str, *, read: Sequence[str] = (), write: Sequence[str] = (), ttl: int = 3600
    ) -> str:
        now = int(time.time())
        claims = Claims(subject, exp=now + ttl, read=tuple(read), write=tuple(write))
        return mint(claims, key_file.read_bytes(), now=now)

    return minted


@pytest.mark.parametrize("kind", KINDS)
async def test_token_opens_its_rooms(
    driver: Driver, guarded: Serving, token: Minted, kind: str
) -> None:
    """A writer writes, and is refused where his token does not reach."""
    writes = token("user:ada", write=["plan/**", "plan"])
    room = f"plan/{kind}"
    ada = await driver.connect(kind, guarded.url, room, token=writes)
    await ada.wait(synced=True)
    await ada.append("written")
    ben = await driver.connect("hocuspocus@4", guarded.url, room, token=writes)
    await ben.wait(text="written", scope="read-write")
    elsewhere = await driver.connect(kind, guarded.url, "minutes", token=writes)
    await elsewhere.wait(denied_at_least=1)
    _forgive_denials(await driver.faults())


@pytest.mark.parametrize("kind", KINDS)
async def test_reader_reads_and_never_writes(
    driver: Driver, guarded: Serving, token: Minted, kind: str
) -> None:
    """A reader gets everything and is seen, and nothing that he types reaches anybody."""
    room = f"plan/read-by-{kind}"
    writer = await driver.connect(
        PAGE, guarded.url, room, token=token("user:ada", write=["plan/**"])
    )
    await writer.wait(synced=True)
    await writer.append("original")
    await writer.wait(unsynced=0)
    reader = await driver.connect(
        kind, guarded.url, room, token=token("user:ben", read=["plan/**"])
    )
    state = await reader.wait(synced=True)
    assert state.lengths_at_synced == [len("original")]
    if state.unsynced is not None:
        await reader.wait(scope="readonly", unsynced=0)
    await reader.presence({"name": "ben"})
    await writer.wait(states={str(reader.client_id): {"name": "ben"}})
    await reader.append(" forged")
    await writer.append(" and more")
    await reader.wait(text_contains="and more")
    witness = await driver.connect(
        kind, guarded.url, room, token=token("user:cleo", read=["plan/**"])
    )
    state = await witness.wait(synced=True)
    assert state.lengths_at_synced == [len("original and more")]
    assert state.text == "original and more"
    await converge([writer, witness])


async def _do_not_storm(clients: dict[str, StockClient]) -> None:
    """Watch refused clients: one attempt each, or at most five if the client knows no better."""
    allowed = {kind: 5 if kind in PERSISTENT else 1 for kind in clients}

    async def storms(kind: str) -> bool:
        try:
            await clients[kind].wait(attempts_at_least=allowed[kind] + 1, timeout=WATCHED)
        except CommandFailed:
            return False
        return True

    verdicts = await asyncio.gather(*map(storms, clients))
    states = {kind: await client.read() for kind, client in clients.items()}
    attempts = {kind: state.attempts for kind, state in states.items()}
    assert not any(verdicts), f"attempts: {attempts}, allowed: {allowed}"
    assert all(state.denied for state in states.values()), "some were not told why"
    for client in clients.values():
        await client.destroy()


async def test_refused_clients_do_not_storm(driver: Driver, guarded: Serving) -> None:
    """A client with a bad token makes one attempt, or few if it knows no better."""
    await _do_not_storm(
        {
            kind: await driver.connect(kind, guarded.url, "plan", token="no token of ours")
            for kind in KINDS
        }
    )
    _forgive_denials(await driver.faults())


async def test_authors_of_refused_edits_do_not_storm(
    driver: Driver, guarded: Serving, token: Minted
) -> None:
    """An edit that no document may hold costs its author the connection, and nobody else."""
    nested: list[Any] = []
    for _ in range(100):
        nested = [nested]
    writes = token("user:ada", write=["plan/**"])
    authors = {
        kind: await driver.connect(kind, guarded.url, f"plan/refused-{kind}", token=writes)
        for kind in KINDS
    }
    for author in authors.values():
        await author.wait(synced=True)
        await author.append("accepted")
        await author.edit(("set", "map", "k", nested))
    await authors[PAGE].wait(refused_at_least=1)
    await _do_not_storm(authors)
    for kind in KINDS:
        other = await driver.connect(PAGE, guarded.url, f"plan/refused-{kind}", token=writes)
        state = await other.wait(synced=True)
        assert (state.text, state.map) == ("accepted", {})
    _forgive_denials(await driver.faults())


@pytest.mark.parametrize("kind", HOCUSPOCUS[1:])
async def test_one_refused_document_leaves_the_others(
    driver: Driver, guarded: Serving, token: Minted, kind: str
) -> None:
    """Documents of one Hocuspocus socket are let in and refused one by one."""
    ada = token("user:ada", write=["plan/**"])
    good = await driver.connect(kind, guarded.url, "plan/good", token=ada, socket=kind)
    bad = await driver.connect(kind, guarded.url, "minutes", token=ada, socket=kind)
    await bad.wait(denied_at_least=1)
    await good.wait(synced=True)
    state = await good.append("still here")
    await good.wait(unsynced=0)
    assert state.opens == 1


@pytest.mark.parametrize("kind", [YWS[-1], *HOCUSPOCUS, PAGE])
async def test_expired_token_ends_the_session(
    driver: Driver, guarded: Serving, token: Minted, kind: str
) -> None:
    """When a token runs out its bearer is told, and gets nothing more."""
    room = f"plan/expiring-{kind}"
    brief = await driver.connect(
        kind, guarded.url, room, token=token("user:ada", ttl=3, write=["plan/**"])
    )
    await brief.wait(synced=True)
    writer = await driver.connect(
        PAGE, guarded.url, room, token=token("user:ben", write=["plan/**"])
    )
    await writer.wait(synced=True)
    await brief.wait(denied_at_least=1)
    await writer.append("after the end")
    await writer.wait(unsynced=0)
    assert (await brief.read()).text == ""
    _forgive_denials(await driver.faults())


async def test_a_token_is_asked_for_and_shown_again(
    driver: Driver, guarded: Serving, token: Minted
) -> None:
    """Hocuspocus 3 and later go on beyond the end of a token, on the same connection."""
    ends_at = int(time.time()) + 2
    both = [token("user:ada", ttl=ttl, write=["plan/**"]) for ttl in (2, 3600)]
    stay = [await driver.connect(k, guarded.url, f"plan/{k}", token=both) for k in HOCUSPOCUS[1:]]
    for client in stay:
        await client.wait(synced=True)
    await asyncio.sleep(ends_at + 1 - time.time())
    for client in stay:
        await client.append("still here")
        await client.wait(unsynced=0)
        assert (await client.read()).denied == []


def _forgive_denials(faults: list[str]) -> None:
    """Stock clients write a refusal to the console; nothing else may be there."""
    assert [fault for fault in faults if "ermission denied" not in fault] == []
