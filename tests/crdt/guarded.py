"""A log that takes of some people only what they may write, as a relay's room does, without one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from random import Random
from typing import Any, Final, TypeAlias

from collabkit.crdt.budget import NO_BUDGET
from collabkit.crdt.contents import DELETED
from collabkit.crdt.document import Document
from collabkit.crdt.engine import Contested, Good, Mended, NothingNew
from collabkit.crdt.places import Places
from collabkit.crdt.replay import Replay
from collabkit.crdt.scan import scan
from collabkit.crdt.structs import read_items
from collabkit.crdt.touches import Ranges, Touch
from collabkit.history.live import tree_of
from collabkit.history.tree import ArrayNode, MapNode, TextNode, Tree, XmlNode
from collabkit.ids import Seq, Subject
from history.crowd import ROOTS, Crowd, Person, Row
from history.yjs import shown

__all__ = ["GUARD", "Guarded", "GuardedCrowd", "content", "contested", "holds_refused", "looks"]

GUARD: Final = Subject("collabkit:guard")

Place: TypeAlias = tuple[str, str | None]
"""A root; of a map, with a key."""

PLACES: Final[tuple[Place, ...]] = (
    *[(root, None) for root in ROOTS if root != "meta"],
    *[("meta", key) for key in "abc"],
)
_LIKE: Final[Tree] = {
    "body": TextNode(),
    "other": TextNode(),
    "list": ArrayNode(),
    "page": XmlNode(),
    "meta": MapNode(),
}


class Guarded:
    """The log, and the document that it makes.

    Args:
        may: Whether somebody may touch a place.
    """

    def __init__(self, may: Callable[[tuple[str | None, ...]], bool]) -> None:
        self.rows: list[Row] = []
        self.verdicts: Counter[type] = Counter()
        self.replay = Replay("guarded")
        self._places = Places()
        self._may = may

    def offer(self, author: Subject, update: bytes, *, judged: bool) -> None:
        """Take what somebody wrote, as far as he may."""
        found = scan(update, NO_BUDGET)
        touches = self._places.touched(
            update, found, vector=self.replay.vector, mine=lambda _client: False
        )
        self._places.add(update, found)
        asked = contested(update, touches, self._allowed) if judged else update
        [verdict] = self.replay.taste([asked])
        self.verdicts[type(verdict)] += isinstance(asked, Contested)
        if isinstance(verdict, Mended):
            assert isinstance(asked, Contested)
            assert not holds_refused(verdict.update, asked.refused)
            author, update, found = GUARD, verdict.update, scan(verdict.update, NO_BUDGET)
            self._places.add(update, found)
        elif isinstance(verdict, NothingNew):
            return
        else:
            assert isinstance(verdict, Good), verdict
        self._places.died(found.deletes)
        self.rows.append(Row(Seq(len(self.rows) + 1), author, update))

    def _allowed(self, touch: Touch) -> bool:
        return bool(touch.steps) and self._may(touch.steps)


def contested(
    update: bytes, touches: Sequence[Touch], allowed: Callable[[Touch], bool]
) -> bytes | Contested:
    """An update, and what of it is not allowed, if anything is not."""
    refused = [touch for touch in touches if not allowed(touch)]
    if not refused:
        return update
    return Contested(
        update,
        tuple(span for touch in refused for span in touch.inserted),
        tuple(span for touch in touches if allowed(touch) for span in touch.deleted),
    )


def holds_refused(update: bytes, refused: Ranges) -> bool:
    """Whether an update has any content of these structs."""
    return any(
        item.content != DELETED
        and any(
            client == item.client and clock < item.clock + item.length and item.clock < clock + size
            for client, clock, size in refused
        )
        for item in read_items(update, scan(update, NO_BUDGET))
    )


class GuardedCrowd(Crowd):
    """People of whom the second may not write everywhere, on a guarded log.

    After each of his edits it is checked that the document is as it was where he may not write,
    and as he wrote it where he may.
    """

    def __init__(self, dice: Random, people: Sequence[Person]) -> None:
        self.locked = dice.sample(PLACES, dice.randrange(1, len(PLACES)))
        self.log = Guarded(lambda steps: _place(steps) not in self.locked)
        super().__init__(dice, people)
        self.rows = self.log.rows

    def send(self, person: Person, most: int = 1 << 30) -> None:
        """Put what somebody did into the log, as far as he may."""
        judged = person is self.people[1] and self.people[0].heard > 0
        for update in person.unsent[:most]:
            before = self.log.replay.core.encode()
            self.log.offer(person.subject, update, judged=judged)
            self.rows = self.log.rows
            if judged:
                self._check(before, update)
        del person.unsent[:most]

    def _check(self, before: bytes, update: bytes) -> None:
        asked = Replay("asked", guarded=False)
        asked.load([before, update])
        was, would = looks(before), looks(asked.core.encode())
        now = looks(self.log.replay.core.encode())
        for place in PLACES:
            wanted = was if place in self.locked else would
            assert now.get(place) == wanted.get(place), (place, update.hex())

    def settled(self) -> dict[Place, Any]:
        """Let all be sent and heard; returns what everybody sees by then, which is the same."""
        self.settle()
        seen = looks(self.log.replay.core.encode())
        loaded = Replay("loaded")
        loaded.load([row.update for row in self.rows])
        assert loaded.vector == self.log.replay.vector
        assert looks(loaded.core.encode()) == seen
        for person in self.people:
            if type(person) is Person:
                assert looks(person.document.update()) == seen
        return seen


def _place(steps: tuple[str | None, ...]) -> Place:
    root, *rest = steps
    assert root is not None
    return root, rest[0] if rest and root == "meta" else None


def content(update: bytes) -> dict[str, Any]:
    """What a document shows, root by root."""
    document = Document()
    for name, kind in ROOTS.items():
        getattr(document, kind)(name)
    document.apply(update)
    found: dict[str, Any] = shown(tree_of(document, like=_LIKE))
    return found


def looks(update: bytes) -> dict[Place, Any]:
    """What a document shows, place by place."""
    return by_place(content(update))


def by_place(roots: dict[str, Any]) -> dict[Place, Any]:
    """The same of what is told root by root."""
    places: dict[Place, Any] = {}
    for name, root in roots.items():
        if name == "meta":
            places |= {(name, key): value for key, value in root[1].items()}
        else:
            places[name, None] = root
    return places
