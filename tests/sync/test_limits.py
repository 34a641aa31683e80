"""How much is much."""

from __future__ import annotations

from typing import Any

import pycrdt
from hypothesis import given
from hypothesis import strategies as st

from collabkit.sync.limits import CALM, LONGEST_REST, Census, Meter, Pace, Rate
from collabkit.sync.link import HEAVY_BYTES, REST
from sync.conftest import Sockets

TIGHT = Rate(messages=10, burst_messages=20, bytes=1000, burst_bytes=5000)


def test_a_pace_is_busy_from_the_bound_on() -> None:
    """The bound itself is busy, one below is not."""
    pace = Pace(per_second=3)
    assert [pace.count(now=5.0 + n / 10) for n in range(4)] == [False, False, True, True]


def test_a_full_second_keeps_the_next_one_busy() -> None:
    """A flood does not fall back into calm at each turn of the second."""
    pace = Pace(per_second=2)
    for now in (1.0, 1.1, 2.0):
        pace.count(now=now)
    assert pace.busy
    pace.count(now=4.0)
    assert not pace.busy


def sent(meter: Meter, count: int, size: int, *, now: float) -> float:
    """The rest that a connection is due after so many messages."""
    over = sum(meter.spend(size) for _ in range(count))
    return meter.rest(now=now) if over else 0.0


def test_a_burst_is_free_and_what_follows_is_not() -> None:
    """Up to the burst nothing waits; beyond it each message costs its time."""
    meter = Meter(TIGHT, now=0.0)
    assert sent(meter, 20, 1, now=0.0) == 0
    assert sent(meter, 1, 1, now=0.0) == 0.1
    assert sent(meter, 9, 1, now=0.0) == 1.0
    assert sent(meter, 1, 1, now=1.2) == 0


def test_bytes_count_as_messages_do() -> None:
    """A few large messages wait for as long as their bytes take."""
    meter = Meter(TIGHT, now=0.0)
    assert sent(meter, 1, 5000, now=0.0) == 0
    assert sent(meter, 1, 2000, now=0.0) == 2.0


def test_nobody_rests_for_long() -> None:
    """However much was sent, one rest is short; the next one begins where it ended."""
    meter = Meter(TIGHT, now=0.0)
    assert sent(meter, 1, 1_000_000, now=0.0) == LONGEST_REST
    assert sent(meter, 1, 1, now=LONGEST_REST) == LONGEST_REST


def test_a_flood_is_one_without_calm() -> None:
    """Whoever goes on at once has been flooding since he began; a pause ends that."""
    meter = Meter(TIGHT, now=0.0)
    now = 0.0
    while now < 60:
        now += sent(meter, 100, 1, now=now)
    assert meter.flooding_s(now=now) == now
    calm = now + LONGEST_REST + CALM
    assert meter.flooding_s(now=calm) == 0
    assert sent(meter, 100, 1, now=calm) > 0
    assert meter.flooding_s(now=calm) == 0


@given(st.lists(st.tuples(st.floats(0, 3), st.integers(0, 3000)), max_size=200))
def test_no_more_than_the_rate_gets_through(steps: list[tuple[float, int]]) -> None:
    """Who rests when he is told to has sent at most two bursts beyond his rate, at any time."""
    meter = Meter(TIGHT, now=0.0)
    now, size = 0.0, 0
    for messages, (gap, each) in enumerate(steps, 1):
        now += gap
        now += sent(meter, 1, each, now=now)
        size += each
        assert messages <= 2 * TIGHT.burst_messages + TIGHT.messages * now + 1
        assert size <= 2 * TIGHT.burst_bytes + TIGHT.bytes * now + 3000


def test_a_name_has_its_places() -> None:
    """One name fills up without the others, and a place that is free is given again."""
    census = Census(most=2)
    for name in ("ada", "ada", "bob", None):
        census.enter(name)
    assert [name for name in ("ada", "bob", "eve", None) if census.full(name)] == ["ada"]
    census.leave("ada")
    assert not census.full("ada")
    for name in ("ada", "bob", "bob", None):
        census.leave(name)
    assert len(census) == 0


async def test_writers_to_a_heavy_room_are_spared(attach: Sockets) -> None:
    """Who writes to a room with much on its way rests, in any dialect; others are not concerned."""
    doc = pycrdt.Doc[Any]()
    doc["text"] = pycrdt.Text("x" * (HEAVY_BYTES + 1))
    large = pycrdt.create_update_message(doc.get_update())
    hello = bytes.fromhex("00000100")
    writer, reader, many = attach(), attach(), attach("")
    for socket, frame in ((writer, hello), (reader, hello), (many, b"\3doc" + hello)):
        socket.say(frame)
        await socket.until(lambda socket=socket: len(socket.frames) > 1)  # type: ignore[misc]
    writer.say(large)
    many.say(b"\3doc" + large)
    assert writer.rests == [REST]
    assert many.rests == [REST]
    assert reader.rests == []
