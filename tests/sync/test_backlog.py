"""What cannot be heard yet is kept in order, within bounds."""

from __future__ import annotations

from collabkit.sync.backlog import MAX_BYTES, OVERHEAD_BYTES, Backlog
from collabkit.sync.events import Said
from collabkit.sync.messages import Edit, Update


def test_it_comes_out_in_the_order_it_went_in() -> None:
    """All of it, or what one member said."""
    said = [Said(member, Update(bytes([number]))) for number, member in enumerate((1, 2, 1, 3))]
    backlog = Backlog()
    assert all(map(backlog.keep, said))
    assert backlog.take(1) == [said[0], said[2]]
    assert backlog
    assert backlog.take() == [said[1], said[3]]
    assert not backlog


def test_it_takes_no_more_than_it_may() -> None:
    """Until something was taken out."""
    large = Said(1, Edit(0, "g", b"x" * (MAX_BYTES - 2 * OVERHEAD_BYTES)))
    small = Said(2, Update(b"y" * OVERHEAD_BYTES))
    backlog = Backlog()
    assert backlog.keep(large)
    assert not backlog.keep(small)
    assert backlog.take(1) == [large]
    assert backlog.keep(small)
