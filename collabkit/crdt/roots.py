"""What kinds of root types an update shows.

A root has no struct of its own: it is a name, and a program gives it a type when it first
asks for it. A document made elsewhere does not say which. It is told from what lies
directly in the root:

=============================================  ============================================
in the root                                    kind
=============================================  ============================================
strings, formats or embeds                     ``text`` (rich text holds shared types too)
any-values, JSON, bytes or documents           ``array``
both of these                                  ``unknown``: it was used as both
only XML elements, hooks and texts             ``xml`` (an array of nothing else looks alike)
other shared types, with or without XML        ``array``
nothing but keyed items                        ``map``
nothing but what was deleted                   ``unknown``
=============================================  ============================================

Keyed items say nothing beside others: text and XML keep their attributes that way. The
items that name the root decide. Where they leave a doubt, because the first was deleted
or is a shared type, those are asked that lie beside them, as far as this update has them.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection

from .budget import NO_BUDGET
from .contents import DELETED, EMBED, FORMAT, STRING, TYPE
from .scan import scan
from .structs import Id, Item, read_item, read_items

__all__ = ["UNKNOWN", "evidence", "kind_of", "root_kinds"]

UNKNOWN = "unknown"

_TEXTUAL = (STRING, EMBED, FORMAT)
_XML_TYPES = (3, 5, 6)

_CERTAIN = {"text", "array"}
_DOUBTFUL = {"deleted", "types", "xml"}


def root_kinds(update: bytes) -> dict[str, str]:
    """Tell the roots that an update names, and of each ``text map array xml`` or ``unknown``.

    Args:
        update: A whole document, best; or as much as there is.

    Raises:
        MalformedBytes: This is no v1 update.
        UpdateRefused: It breaks a rule that does not depend on amounts.

    >>> root_kinds(bytes.fromhex("010107000401017402686900"))
    {'t': 'text'}
    """
    found = scan(update, NO_BUDGET)
    seen: dict[str, set[str]] = {}
    for at in found.named:
        item, _ = read_item(update, at, 0, 0)
        if isinstance(item.parent, str):
            seen.setdefault(item.parent, set()).add(_evidence(update, item, item.key))
    if any(told & _DOUBTFUL and not told & _CERTAIN for told in seen.values()):
        for item, root, key in _linked(list(read_items(update, found))):
            seen[root].add(_evidence(update, item, key))
    return {root: kind_of(told) for root, told in seen.items()}


def _evidence(update: bytes, item: Item, key: str | None) -> str:
    shared = update[item.content_at] if item.content == TYPE else None
    return evidence(key, item.content, shared)


def evidence(key: str | None, content: int, shared: int | None) -> str:
    """What an item in a root says of it: by its key, its content ref, and its type ref if any."""
    if key is not None:
        return "map"
    if content == DELETED:
        return "deleted"
    if content in _TEXTUAL:
        return "text"
    if content == TYPE:
        return "xml" if shared in _XML_TYPES else "types"
    return "array"


def kind_of(seen: Collection[str]) -> str:
    """What a root is, of whose items this :func:`evidence` was seen."""
    if "text" in seen:
        return UNKNOWN if "array" in seen else "text"
    if "array" in seen or "types" in seen:
        return "array"
    if "xml" in seen:
        return "xml"
    return "map" if "map" in seen else UNKNOWN


def _linked(items: list[Item]) -> list[tuple[Item, str, str | None]]:
    """Items that lie in a root without naming it, with that root and their key."""
    starts: dict[int, list[int]] = {}
    places: dict[int, list[int]] = {}
    for place, item in enumerate(items):
        starts.setdefault(item.client, []).append(item.clock)
        places.setdefault(item.client, []).append(place)

    def find(link: Id) -> int | None:
        client, clock = link
        nearest = bisect_right(starts.get(client, ()), clock) - 1
        if nearest < 0:
            return None
        place = places[client][nearest]
        return place if clock < items[place].clock + items[place].length else None

    heads: dict[int, Item | None] = {}  # of each item, the one that its origins lead to
    for place in range(len(items)):
        trail: list[int] = []
        here: int | None = place
        head: Item | None = None
        while here is not None:
            if here in heads:
                head = heads[here]
                break
            item = items[here]
            if item.parent is not None:
                head = item
                break
            heads[here] = None  # met again on this trail, it goes in a circle: in no root
            trail.append(here)
            link = item.origin or item.right_origin
            here = find(link) if link is not None else None
        heads.update(dict.fromkeys(trail, head))
    return [
        (items[place], head.parent, head.key)
        for place, head in heads.items()
        if head is not None and isinstance(head.parent, str)
    ]
