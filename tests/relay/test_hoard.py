"""What all connections hold of unfinished messages."""

from __future__ import annotations

from collabkit.relay.hoard import Hoard


class Keeping:
    """A holder that remembers whether it had to let go."""

    def __init__(self) -> None:
        self.let_go = False

    def overrun(self) -> None:
        """Let go."""
        self.let_go = True


def test_who_took_longest_lets_go_first() -> None:
    """Beyond the allowance those go that began first, until it is kept again."""
    hoard = Hoard(most_bytes=100)
    first, second, third = Keeping(), Keeping(), Keeping()
    hoard.hold(first, 10)
    hoard.hold(second, 60)
    hoard.hold(first, 30)
    assert hoard.held_bytes == 90
    hoard.hold(third, 80)
    assert (first.let_go, second.let_go, third.let_go) == (True, True, False)
    assert (hoard.held_bytes, hoard.overruns) == (80, 2)


def test_one_alone_is_no_exception() -> None:
    """Who holds more than all may have lets go of it himself."""
    hoard = Hoard(most_bytes=100)
    alone = Keeping()
    hoard.hold(alone, 101)
    assert alone.let_go
    assert hoard.held_bytes == 0


def test_what_is_released_is_free() -> None:
    """Released bytes count for nobody, however often they are released."""
    hoard = Hoard(most_bytes=100)
    one, other = Keeping(), Keeping()
    for _ in range(3):
        hoard.hold(one, 90)
        hoard.release(one)
        hoard.release(one)
        hoard.hold(other, 90)
        hoard.release(other)
    assert (hoard.held_bytes, hoard.overruns) == (0, 0)
