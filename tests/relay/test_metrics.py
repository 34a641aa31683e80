"""What a scraper reads."""

from __future__ import annotations

import asyncio

import pycrdt
import websockets
from prometheus_client.parser import text_string_to_metric_families

from collabkit.relay.metrics import Metrics, Traffic
from collabkit.relay.server import Relay
from collabkit.sessions.workspace import Workspace
from relay.conftest import Metric
from relay.peers import Peer, Raw


def test_the_text_is_prometheus_own(workspace: Workspace) -> None:
    """Every family parses, is described, carries the project's name and is a gauge or counts up."""
    text, media_type = Metrics(workspace.hub, Traffic()).exposition()
    assert media_type.startswith("text/plain")
    families = list(text_string_to_metric_families(text.decode()))
    assert len(families) > 10
    for family in families:
        assert family.name.startswith("collabkit_")
        assert family.documentation.endswith(".")
        assert family.type in ("gauge", "counter", "histogram")


async def test_what_happens_is_counted(relay: Relay, metric: Metric) -> None:
    """Connections, rooms, edits, deliveries and bytes move as clients do."""
    async with (
        websockets.connect(f"{relay.url}/notes") as one,
        websockets.connect(f"{relay.url}/notes") as other,
        Peer.joined(one) as ada,
        Peer.joined(other) as bob,
    ):
        presence = pycrdt.create_awareness_message(bytes.fromhex("010701027b7d"))
        await one.send(presence)
        await ada.write("hello")
        await bob.reads("hello")
        await bob.write("!")
        await ada.reads("hello!")
        assert await metric(relay, "collabkit_connections") == 2
        assert await metric(relay, "collabkit_rooms") == 1
        assert await metric(relay, "collabkit_presence_changes_total") >= 1
        assert await metric(relay, "collabkit_deliveries_total") == 2
        assert await metric(relay, "collabkit_received_bytes_total") > 20
        assert await metric(relay, "collabkit_delivered_bytes_total") > 20
        async with asyncio.timeout(20):
            while await metric(relay, "collabkit_edits_total") < 2:
                await asyncio.sleep(0.01)
        commits = await metric(relay, "collabkit_commit_seconds_count")
        assert 1 <= commits <= 2
        assert await metric(relay, "collabkit_commit_seconds_bucket", le="+Inf") == commits
        assert await metric(relay, "collabkit_commit_seconds_sum") > 0
        assert await metric(relay, "collabkit_pending_rows") == 0


async def test_children_are_counted(relay: Relay, metric: Metric) -> None:
    """What applies updates shows too: who is there, what it was asked, and that nobody died."""
    async with websockets.connect(f"{relay.url}/notes") as socket, Peer.joined(socket) as peer:
        await peer.write("hello")
        async with asyncio.timeout(20):
            while not await metric(relay, "collabkit_engine_trips_total"):
                await asyncio.sleep(0.01)
        assert await metric(relay, "collabkit_engine_children") == 1
        assert await metric(relay, "collabkit_engine_documents") == 1
        assert await metric(relay, "collabkit_engine_births_total") >= 1
        assert await metric(relay, "collabkit_engine_deaths_total", cause="crashed") == 0


async def test_two_relays_do_not_share_their_metrics(workspace: Workspace) -> None:
    """A registry belongs to one relay: another one in the process starts at nothing."""
    traffic = Traffic()
    traffic.refused[403] += 1
    one, other = Metrics(workspace.hub, traffic), Metrics(workspace.hub, Traffic())
    assert b'http_refused_total{status="403"} 1.0' in one.exposition()[0]
    assert b"403" not in other.exposition()[0]


async def test_metrics_need_no_socket(relay: Relay) -> None:
    """A scrape is one plain request."""
    async with Raw.connect(relay.url, "/metrics", upgrade=False) as request:
        assert request.status == 200
        assert request.headers["content-type"].startswith("text/plain")
