"""The seam to the engine: what passes through it can pass between processes."""

from __future__ import annotations

import msgspec
import pytest

from collabkit.crdt.engine import Bad, Built, Engine, Gap, Good, Mended, NothingNew, Verdict
from collabkit.crdt.inprocess import InProcessEngine


@pytest.mark.parametrize(
    "verdict", [Good(), NothingNew(), Gap(), Bad("too-deep", "it is"), Mended(b"\0\0")]
)
def test_a_verdict_comes_out_of_a_pipe_as_what_went_in(verdict: Verdict) -> None:
    """An engine in another process answers with these."""
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(verdict), type=Verdict) == verdict


def test_a_checkpoint_comes_out_of_a_pipe_as_what_went_in() -> None:
    """Body and digest."""
    built = Built(b"\0\0", "0" * 64)
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(built), type=Built) == built


async def test_an_engine_in_process_is_an_engine() -> None:
    """The protocol and what implements it have the same methods."""
    engine: Engine = InProcessEngine()
    methods = {name for name in vars(Engine) if not name.startswith("_")}
    told = {"open", "taste", "taste_all", "diff", "survey", "checkpoint", "examine", "close"}
    assert methods == told
    assert await engine.open(("s", "d"), []) == {}
