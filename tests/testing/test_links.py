"""The virtual link: its faults, its seed, and replicas that converge over it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycrdt import Doc, Text

from collabkit.crdt.update import advance, encode_state_vector, gap, scan
from collabkit.testing.links import Delivery, Faults, Link

FAULTS = st.builds(
    Faults,
    loss=st.sampled_from([0.0, 0.2, 0.6]),
    repetition=st.sampled_from([0.0, 0.3]),
    delay_ms=st.sampled_from([(0, 0), (5, 5), (1, 500)]),
    ordered=st.booleans(),
)


def arrivals(faults: Faults, seed: int, count: int = 100) -> list[bytes]:
    link = Link(faults, seed=seed)
    for number in range(count):
        link.send(0, bytes((number,)), now_ms=number)
    return [message for _, message in link.receive(now_ms=10_000)]


def test_without_faults_all_arrive_in_order_at_once() -> None:
    """The default link is a perfect one, in both directions."""
    link = Link()
    for message in (b"a", b"b"):
        link.send(0, message, now_ms=5)
        link.send(1, message.upper(), now_ms=5)
    assert link.next_at_ms == 5
    assert link.receive(now_ms=5) == [
        Delivery(1, b"a"),
        Delivery(0, b"A"),
        Delivery(1, b"b"),
        Delivery(0, b"B"),
    ]
    assert link.next_at_ms is None


@given(FAULTS, st.integers(0, 99))
def test_a_seed_repeats_itself(faults: Faults, seed: int) -> None:
    """The same seed and calls give the same deliveries."""
    assert arrivals(faults, seed) == arrivals(faults, seed)


@given(FAULTS, st.integers(0, 99))
def test_what_arrives_was_sent(faults: Faults, seed: int) -> None:
    """Nothing is made up, and nothing without its fault is lost, repeated or overtaken."""
    arrived = arrivals(faults, seed)
    sent = [bytes((number,)) for number in range(100)]
    assert set(arrived) <= set(sent)
    if not faults.loss:
        assert set(arrived) == set(sent)
    if not faults.repetition:
        assert len(set(arrived)) == len(arrived)
    if faults.ordered:
        assert arrived == sorted(arrived)


@pytest.mark.parametrize(
    ("faults", "broken"),
    [
        (Faults(loss=0.5), lambda arrived: len(arrived) < 100),
        (Faults(repetition=0.5), lambda arrived: len(arrived) > 100),
        (Faults(delay_ms=(0, 99), ordered=False), lambda arrived: arrived != sorted(arrived)),
    ],
    ids=["loss", "repetition", "reordering"],
)
def test_each_fault_happens(faults: Faults, broken: Any) -> None:
    """Half a hundred chances are enough for every seed to see its fault."""
    assert all(broken(arrivals(faults, seed)) for seed in range(20))


def test_nothing_crosses_a_cut() -> None:
    """What was on the way is lost with what is sent meanwhile."""
    link = Link(Faults(delay_ms=(10, 10)))
    link.send(0, b"on the way", now_ms=0)
    link.cut()
    link.send(1, b"meanwhile", now_ms=1)
    link.heal()
    link.send(0, b"after", now_ms=2)
    assert link.receive(now_ms=100) == [Delivery(1, b"after")]


class Replica:
    """A text that sends its edits, and asks for what it lacks when it meets a gap."""

    def __init__(self, client: int) -> None:
        self.doc: Doc[Any] = Doc(client_id=client)
        self.text = self.doc.get("t", type=Text)
        self.vector: dict[int, int] = {}

    def write(self, text: str) -> bytes:
        before = self.doc.get_state()
        self.text.insert(len(str(self.text)) // 2, text)
        edit = self.doc.get_update(before)
        advance(scan(edit), self.vector)
        return b"U" + edit

    def ask(self) -> bytes:
        return b"?" + encode_state_vector(self.vector)

    def handle(self, message: bytes) -> list[bytes]:
        if message[:1] == b"?":
            return [b"U" + self.doc.get_update(message[1:])]
        found = scan(message[1:])
        if gap(found, self.vector):
            return [self.ask()]
        self.doc.apply_update(message[1:])
        advance(found, self.vector)
        return []


@given(FAULTS, st.integers(0, 99), st.lists(st.sampled_from([0, 1, "cut", "heal"]), max_size=30))
def test_replicas_converge_over_any_link(
    faults: Faults, seed: int, script: list[int | str]
) -> None:
    """Whatever the link does to edits, once it is whole the texts become equal."""
    link, replicas, now_ms = Link(faults, seed=seed), (Replica(1), Replica(2)), 0

    def run(until_ms: int) -> None:
        while link.next_at_ms is not None and link.next_at_ms <= until_ms:
            at_ms = link.next_at_ms
            for end, message in link.receive(now_ms=at_ms):
                for answer in replicas[end].handle(message):
                    link.send(end, answer, now_ms=at_ms)

    for step in script:
        now_ms += 20
        run(now_ms)
        match step:
            case "cut":
                link.cut()
            case "heal":
                link.heal()
            case 0 | 1:
                link.send(step, replicas[step].write(f"{now_ms} "), now_ms=now_ms)
    run(now_ms + 1_000)
    link.heal()
    link.faults = Faults()
    link.send(0, replicas[0].ask(), now_ms=now_ms + 1_000)
    link.send(1, replicas[1].ask(), now_ms=now_ms + 1_000)
    run(now_ms + 2_000)
    assert str(replicas[0].text) == str(replicas[1].text)
    assert replicas[0].vector == replicas[1].vector
