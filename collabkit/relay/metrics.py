"""What the relay counts, as Prometheus reads it.

The hub and the server keep plain integers on their hot paths; they become metrics only when
somebody asks. Names follow https://prometheus.io/docs/practices/naming/: a unit, and ``_total`` on
what only grows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from itertools import accumulate
from typing import Any

from prometheus_client import CollectorRegistry, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)
from prometheus_client.registry import Collector

from ..crdt.sandbox import SandboxEngine, SandboxStats
from ..sync.counts import DurationsSeen
from ..sync.hub import Hub
from .hoard import Hoard

__all__ = ["Metrics", "Traffic"]


class Traffic:
    """What a server counts of its sockets.

    Attributes:
        connections: How many there are.
        gates: How many connections have not said yet what they want, or want no WebSocket.
        dropped: Connections that were let go without a word, since too many were at the gates.
        rests: How often somebody was read more slowly for a time.
        bytes_in: Payload bytes received.
        refused: Requests refused before the upgrade, by HTTP status.
        closed: Connections ended from here, by close code.
        unsent_bytes: Counts what was sent and the kernel has not taken yet.
        hoard: What is held of unfinished messages, where the server does not hold it.
    """

    __slots__ = (
        "bytes_in",
        "closed",
        "connections",
        "dropped",
        "gates",
        "hoard",
        "refused",
        "rests",
        "unsent_bytes",
    )

    def __init__(self) -> None:
        self.connections = 0
        self.gates = 0
        self.dropped = 0
        self.rests = 0
        self.bytes_in = 0
        self.refused: Counter[int] = Counter()
        self.closed: Counter[int] = Counter()
        self.unsent_bytes: Callable[[], int] = int
        self.hoard = Hoard(most_bytes=0)

    def __repr__(self) -> str:
        return f"<Traffic {self.connections} connections, {self.bytes_in} bytes in>"


class Metrics(Collector):
    """The metrics of one relay, in a registry of their own.

    Args:
        hub: Whose rooms are counted.
        traffic: What the server around it counts.
    """

    def __init__(self, hub: Hub, traffic: Traffic) -> None:
        self._hub = hub
        self._traffic = traffic
        self._registry = CollectorRegistry()
        self._registry.register(self)

    def __repr__(self) -> str:
        return f"<Metrics of {self._hub!r}>"

    def exposition(self) -> tuple[bytes, str]:
        """The text that a scraper reads, and its media type."""
        return generate_latest(self._registry), CONTENT_TYPE_LATEST

    def describe(self) -> Iterable[Metric]:
        """Nothing: the registry need not look for names of others, it has none."""
        return ()

    def collect(self) -> Iterable[Metric]:
        """All metrics, as they are now."""
        stats, traffic, held = self._hub.stats(), self._traffic, self._traffic.hoard
        # What is there
        yield _gauge("connections", "Open WebSockets of this server.", traffic.connections)
        yield _gauge("gates", "Connections that are no WebSocket, or not yet.", traffic.gates)
        yield _gauge("links", "Links of the hub, those of the host's own code too.", stats.links)
        yield _gauge("subjects", "Subjects that proved who they are.", stats.subjects)
        yield _gauge("rooms", "Documents that are open.", stats.rooms)
        yield _gauge("stalled_rooms", "Rooms whose edits cannot be stored.", stats.stalled_rooms)
        # What waits
        yield _gauge("unfinished_bytes", "Bytes of long unfinished messages.", held.held_bytes)
        yield _gauge("waiting_bytes", "Bytes of edits not stored yet.", stats.waiting_bytes)
        yield _gauge("pending_rows", "Rows on their way to disk.", stats.pending_rows)
        yield _gauge("queued_bytes", "Bytes queued for slow readers.", stats.queued_bytes)
        yield _gauge("unsent_bytes", "Bytes that the kernel has not taken.", traffic.unsent_bytes())
        # What happened
        yield _count("edits", "Edits committed.", stats.edits)
        yield _histogram(
            "commit_seconds", "From queueing rows of a room to their disk.", stats.commits
        )
        yield _count("deliveries", "Updates delivered to others.", stats.deliveries)
        yield _count("delivered_bytes", "Bytes of updates delivered.", stats.delivered_bytes)
        yield _count("received_bytes", "Payload bytes received.", traffic.bytes_in)
        yield _count("presence_changes", "Presence messages sent on.", stats.presence_changes)
        yield _count("overflows", "Slow readers that were resynced.", stats.overflows)
        yield _count("diverged", "Replicas with other content than the log.", stats.diverged)
        yield _count("recovered", "Edits that brought back what others wrote.", stats.recovered)
        # Who met a limit
        yield _count("foreign_refused", "Edits under others' client ids.", stats.foreign_refused)
        yield _count("dropped", "Connections let go at the accept.", traffic.dropped)
        yield _count("rests", "Times a connection was read more slowly.", traffic.rests)
        yield _count("overruns", "Long messages that were given up.", held.overruns)
        yield _counts("http_refused", "Requests refused.", "status", traffic.refused)
        yield _counts("refused", "Knocks refused.", "code", stats.refused)
        yield _counts("dismissed", "Sockets ended by the hub.", "code", stats.dismissed)
        yield _counts("closed", "Connections ended by this server.", "code", traffic.closed)
        if isinstance(self._hub.engine, SandboxEngine):
            yield from _engine(self._hub.engine.stats())


def _engine(stats: SandboxStats) -> Iterable[Metric]:
    """The children in which updates are applied."""
    yield _gauge("engine_children", "Children that hold documents.", stats.children)
    yield _gauge("engine_spares", "Children that wait.", stats.spares)
    yield _gauge("engine_documents", "Documents that children hold.", stats.documents)
    yield _gauge("engine_queue", "Calls that children have not answered.", stats.queue)
    yield _count("engine_trips", "Calls that children have answered.", stats.trips)
    yield _count("engine_births", "Children that were made.", stats.births)
    yield _counts("engine_deaths", "Children that died.", "cause", stats.deaths)
    yield _count("engine_retirements", "Children let go for their memory.", stats.retirements)
    yield _count("engine_trials", "Checkpoints and examinations.", stats.trials)
    yield _count("engine_nursery_starts", "Starts of what makes them.", stats.nursery_starts)


def _gauge(name: str, help: str, value: float) -> Metric:
    return GaugeMetricFamily(f"collabkit_{name}", help, value)


def _count(name: str, help: str, value: float) -> Metric:
    return CounterMetricFamily(f"collabkit_{name}", help, value)


def _histogram(name: str, help: str, seen: DurationsSeen) -> Metric:
    bounds = [str(bound) for bound in seen.bounds] + ["+Inf"]
    buckets = list(zip(bounds, accumulate(seen.counts), strict=True))
    return HistogramMetricFamily(f"collabkit_{name}", help, buckets, seen.total_s)


def _counts(name: str, help: str, label: str, values: Mapping[Any, int]) -> Metric:
    family = CounterMetricFamily(f"collabkit_{name}", help, labels=[label])
    for value, count in sorted(values.items()):
        family.add_metric([str(value)], count)
    return family
