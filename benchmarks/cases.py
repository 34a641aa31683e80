"""The loads. Each takes a peer's name and a scale, and returns named figures."""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import resource
import time
from pathlib import Path
from typing import Any

from load import Arrivals, Client, filled_in, join_all, percentile, typing, until
from peers import HERE, Missing, Server, running
from pycrdt import Doc, Text

from collabkit.crdt.update import advance, scan

Figures = dict[str, float]

# Files of a process that are no connections.
SPARE_FILES = 200


def trace_path(name: str) -> Path:
    """A recorded trace; Missing names it."""
    folder = Path(os.environ.get("COLLABKIT_DATA") or HERE.parent.parent / "shared" / "data")
    path = folder / name
    if not path.is_file():
        raise Missing(f"{name} is missing: name its folder in COLLABKIT_DATA")
    return path


def read_trace(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(gzip.decompress(trace_path(name).read_bytes()))
    return loaded


def _per_edit(server: Server, cpu_s: float, filled: list[tuple[Arrivals, Any]]) -> Figures:
    delivered = sum(arrivals.delivered for arrivals, _ in filled)
    latencies = [value for arrivals, _ in filled for value in arrivals.latencies_s]
    return {
        "cpu_us_per_delivered_edit": cpu_s * 1e6 / delivered if delivered else float("nan"),
        "delivered": delivered,
        "p50_ms": percentile(latencies, 0.5) * 1e3,
        "p99_ms": percentile(latencies, 0.99) * 1e3,
        "memory_mb": server.memory_kb() / 1024,
    }


async def steady(peer: str, scale: float) -> Figures:
    """50 rooms, 10 clients each, 20 edits a second a room."""
    rooms, clients, rate, seconds = max(2, int(50 * scale)), 10, 20, max(1.0, 8 * scale)
    with running(peer) as server:
        filled = await join_all(server, rooms, clients)
        edits = int(rate * seconds)
        cpu_before = server.cpu_s()
        began = time.perf_counter()
        for clock in range(edits):
            for place, (_, members) in enumerate(filled):
                due = began + (clock + place / rooms) / rate
                if (early := due - time.perf_counter()) > 0:
                    await asyncio.sleep(early)
                members[0].write(typing(1000 + place, clock))
        want = edits * (clients - 1)
        await until(lambda: all(a.delivered >= want for a, _ in filled), 10)
        return _per_edit(server, server.cpu_s() - cpu_before, filled)


async def flood(peer: str, scale: float) -> Figures:
    """One room, one writer who has 64 edits on their way, and 49 readers."""
    edits, clients, window = max(500, int(8000 * scale)), 50, 64
    with running(peer) as server:
        filled = await join_all(server, 1, clients)
        arrivals, members = filled[0]
        writer, witness = members[0], members[1]
        cpu_before = server.cpu_s()
        began = time.perf_counter()
        for clock in range(edits):
            while clock - witness.vector.get(1000, 0) >= window:
                witness.got.clear()
                async with asyncio.timeout(30):
                    await witness.got.wait()
            writer.write(typing(1000, clock))
        await until(lambda: arrivals.delivered >= edits * (clients - 1), 20)
        seconds = time.perf_counter() - began
        figures = _per_edit(server, server.cpu_s() - cpu_before, filled)
        return {**figures, "edits_per_s": edits / seconds}


async def idle(peer: str, scale: float) -> Figures:
    """Sockets that say nothing after they have joined, as many as files may be open here."""
    files, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    clients, seconds = 10, max(1.0, 10 * scale)
    rooms = max(10, int(min(10_000, most - SPARE_FILES) * scale) // clients)
    with running(peer) as server:
        before_kb = server.memory_kb()
        await join_all(server, rooms, clients)
        after_kb = server.memory_kb()
        cpu_before = server.cpu_s()
        await asyncio.sleep(seconds)
        resource.setrlimit(resource.RLIMIT_NOFILE, (files, most))
        return {
            "connections": rooms * clients,
            "memory_kb_per_connection": (after_kb - before_kb) / (rooms * clients),
            "cpu_percent_of_a_core": (server.cpu_s() - cpu_before) / seconds * 100,
        }


async def storm(peer: str, scale: float) -> Figures:
    """All at once open one large document; it was edited by one client just before."""
    clients, megabytes = max(10, int(150 * scale)), max(0.5, 6 * scale)
    with running(peer) as server:
        [(_, [writer])] = await join_all(server, 1, 1)
        for update in filled_in(1000, int(megabytes * 1e6)):
            writer.write(update)
        witness = await Client.join(server, "bench-0", Arrivals())
        async with asyncio.timeout(60):
            while witness.bytes_in < megabytes * 1e6:
                witness.got.clear()
                await witness.got.wait()
        await asyncio.sleep(1)  # what is written behind the scenes is no part of the storm
        cpu_before, before_kb = server.cpu_s(), server.memory_kb()
        began = time.perf_counter()
        with server.peak() as peak_kb:
            opening = (
                Client.join(server, "bench-0", Arrivals(), reader=False) for _ in range(clients)
            )
            joined = await asyncio.gather(*opening)
            async with asyncio.timeout(120):
                synced = await asyncio.gather(*(client.synced for client in joined))
            await until(lambda: all(c.bytes_in >= megabytes * 1e6 for c in joined), 60)
            waits_s = [at - began for at in synced]
            return {
                "cpu_s": server.cpu_s() - cpu_before,
                "peak_mb": peak_kb() / 1024,
                "peak_above_mb": (peak_kb() - before_kb) / 1024,
                "p50_s": percentile(waits_s, 0.5),
                "last_s": max(waits_s),
            }


async def presence(peer: str, scale: float) -> Figures:
    """One room; each moves once a second, and says again all that he hears of others."""
    clients, seconds = max(10, int(100 * scale)), max(2.0, 8 * scale)
    with running(peer) as server:
        [(_, members)] = await join_all(server, 1, clients)
        for client in members:
            client.echoes = True
        began, moves = time.perf_counter(), 0
        cpu_before = server.cpu_s()
        for second in range(int(seconds)):
            for place, client in enumerate(members):
                due = began + second + place / clients
                if (early := due - time.perf_counter()) > 0:
                    await asyncio.sleep(early)
                client.move(2000 + place, 1 + second)
                moves += 1
        last = int(seconds)
        seen = await until(lambda: all(c.saw_all(last, clients) for c in members), 20)
        wall_s = time.perf_counter() - began
        cpu_s = server.cpu_s() - cpu_before
        return {
            "cpu_percent_of_a_core": cpu_s / wall_s * 100 if seen else float("nan"),
            "cpu_us_per_move_and_reader": cpu_s * 1e6 / (moves * (clients - 1)),
            "frames_in": float(sum(c.frames_in for c in members)),
        }


async def trace(peer: str, scale: float) -> Figures:
    """Two people's recorded session: each sends as soon as what he builds on has reached him."""
    updates = _updates_of(read_trace("friendsforever.json.gz"), max(500, int(26_078 * scale)))
    scans = [scan(update) for _, update in updates]
    vector: dict[int, int] = {}
    for found in scans:
        advance(found, vector)
    with running(peer) as server:
        [(_, members)] = await join_all(server, 1, 3)
        members[0].reader = True  # both read what the other writes
        reader = members[2]
        cpu_before = server.cpu_s()
        began = time.perf_counter()
        for (agent, update), found in zip(updates, scans, strict=True):
            writer = members[agent]
            async with asyncio.timeout(60):
                await writer.has(found)
            writer.write(update)
            advance(found, writer.vector)
        arrived = await until(lambda: reader.vector == vector, 120)
        seconds = time.perf_counter() - began
        return {
            "cpu_us_per_edit": (server.cpu_s() - cpu_before) * 1e6 / len(updates),
            "edits_per_s": len(updates) / seconds if arrived else float("nan"),
        }


def _updates_of(recorded: dict[str, Any], limit: int) -> list[tuple[int, bytes]]:
    """Each transaction as the update its author sends: made knowing its causal parents only."""
    docs: list[Doc[Any]] = [Doc(client_id=100 + n) for n in range(recorded["numAgents"])]
    texts = [doc.get("t", type=Text) for doc in docs]
    seen: list[set[int]] = [set() for _ in docs]
    made: list[tuple[int, bytes]] = []
    transactions = recorded["txns"][:limit]
    for number, transaction in enumerate(transactions):
        agent = transaction["agent"]
        doc, text = docs[agent], texts[agent]
        for past in _unseen(transactions, transaction["parents"], seen[agent]):
            doc.apply_update(made[past][1])
        before = doc.get_state()
        with doc.transaction():
            for position, deleted, inserted in transaction["patches"]:
                if deleted:
                    del text[position : position + deleted]
                if inserted:
                    text.insert(position, inserted)
        seen[agent].add(number)
        made.append((agent, doc.get_update(before)))
    return made


def _unseen(transactions: list[dict[str, Any]], tips: list[int], seen: set[int]) -> list[int]:
    """The ancestors that an agent has not seen, oldest first; from now on he has."""
    found, stack = [], list(tips)
    while stack:
        past = stack.pop()
        if past not in seen:
            seen.add(past)
            found.append(past)
            stack += transactions[past]["parents"]
    return sorted(found)


NETWORK = {
    "steady": steady,
    "flood": flood,
    "storm": storm,
    "presence": presence,
    "idle": idle,
    "trace": trace,
}
