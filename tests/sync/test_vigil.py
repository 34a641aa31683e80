"""Whether a link is alive, and when to try the next one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collabkit.sync.vigil import (
    BREATH,
    DENIAL_PATIENCE,
    GREETING_PATIENCE,
    LONGEST_RETRY,
    PATIENCE,
    Due,
    Vigil,
    is_final,
)


def watching(*, patience: float | None = PATIENCE, greeting: bool = False) -> Vigil:
    vigil = Vigil(patience=patience)
    vigil.opened(now=100.0, greeting=greeting)
    return vigil


def test_silence_kills() -> None:
    """Half a minute without a message ends a link, and one message begins it anew."""
    vigil = watching()
    vigil.heard(now=110.0)
    assert vigil.due(now=139.9) is not Due.DEAD
    assert vigil.due(now=140.0) is Due.DEAD


def test_breath_once() -> None:
    """A breath is due every 15 s, and once."""
    vigil = watching(patience=None)
    assert vigil.due(now=114.0) is Due.NOTHING
    assert vigil.due(now=115.0) is Due.BREATH
    assert vigil.due(now=116.0) is Due.NOTHING
    assert vigil.wake_at == 115.0 + BREATH


def test_link_that_cannot_die() -> None:
    """Without patience, silence is fine for ever."""
    vigil = watching(patience=None)
    vigil.due(now=1e6)
    assert vigil.due(now=1e6) is Due.NOTHING


def test_greeting() -> None:
    """A peer that was expected to speak first and does not is found out, once."""
    vigil = watching(greeting=True)
    assert vigil.wake_at == 100.0 + GREETING_PATIENCE
    assert vigil.due(now=vigil.wake_at) is Due.UNGREETED
    assert vigil.wake_at == 100.0 + BREATH


def test_greeted() -> None:
    """A peer that speaks in time is not found out."""
    vigil = watching(greeting=True)
    vigil.heard(now=101.0)
    assert vigil.due(now=100.0 + GREETING_PATIENCE) is Due.NOTHING


def test_denied() -> None:
    """A peer that denies and does not close is closed on."""
    vigil = watching()
    vigil.denied(now=101.0)
    assert vigil.due(now=101.0 + DENIAL_PATIENCE) is Due.DENIED


@given(st.floats(0, 1, exclude_max=True), st.integers(0, 40))
def test_retry_is_bounded(dice: float, losses: int) -> None:
    """Whatever the dice say, a retry never comes at once, and comes in ten seconds."""
    vigil = watching()
    for _ in range(losses):
        vigil.retry_after(dice=dice)
    assert 0.05 <= vigil.retry_after(dice=dice) <= LONGEST_RETRY


def test_retry_doubles_until_it_worked() -> None:
    """Waits double, and start again after a link that worked."""
    vigil = watching()
    assert [vigil.retry_after(dice=0.0) for _ in range(4)] == [0.1, 0.2, 0.4, 0.8]
    vigil.worked()
    assert vigil.retry_after(dice=0.0) == 0.1


@given(st.lists(st.floats(0, 40), max_size=20), st.booleans(), st.booleans())
def test_wakes_make_progress(steps: list[float], greeting: bool, denied: bool) -> None:
    """Whoever sleeps until `wake_at` finds something due then, so no clock ever spins."""
    vigil = watching(greeting=greeting)
    if denied:
        vigil.denied(now=100.0)
    now = 100.0
    for step in steps:
        now = max(vigil.wake_at, now)
        due = vigil.due(now=now)
        assert due is not Due.NOTHING
        if due in (Due.DEAD, Due.DENIED):
            return
        now += step
        vigil.heard(now=now)


@pytest.mark.parametrize("code", [1002, 1003, 1007, 1008, 1009, 4400, 4401, 4403, 4404, 4409])
def test_final(code: int) -> None:
    """Broken frames and refusals are not tried again."""
    assert is_final(code)


@pytest.mark.parametrize("code", [1000, 1001, 1005, 1006, 1011, 1012, 1013, 4290, 4408, 4429, 4500])
def test_not_final(code: int) -> None:
    """Losses, restarts and "later" are tried again."""
    assert not is_final(code)
