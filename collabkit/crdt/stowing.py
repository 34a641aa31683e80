"""The ground of a document as bytes, for another process of the same machine.

Rules:

1. Containers and places are numbered, and named by their numbers: the first two containers are
   what is gone, and what is nowhere.
2. Numbers are written in machine order, in 4 bytes each if they all fit, as most client ids do.
3. Who reads trusts who wrote: bytes of another shape are refused, but not every contradiction.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from typing import Final

import msgspec

from ..errors import MalformedBytes
from .chains import Chain
from .ground import Container, Ground, Key, Place, Steps, Track

__all__ = ["stow", "unstow"]

_NARROW: Final = 1 << 32


class _Numbers(msgspec.Struct, frozen=True, array_like=True):
    width: int
    data: bytes


class _Place(msgspec.Struct, frozen=True, array_like=True):
    container: int
    key: Key
    runs: _Numbers


class _Track(msgspec.Struct, frozen=True, array_like=True):
    client: int
    end: int
    starts: _Numbers
    places: _Numbers
    clocks: _Numbers
    containers: _Numbers
    dead_from: _Numbers
    dead_to: _Numbers


class _Stowed(msgspec.Struct, frozen=True, array_like=True):
    containers: list[tuple[Steps, bool]]
    places: list[_Place]
    roots: dict[str, int]
    tracks: list[_Track]


_DECODER: Final = msgspec.msgpack.Decoder(_Stowed)


def stow(ground: Ground) -> bytes:
    """Write it down."""
    containers = {ground.gone: 0, ground.nowhere: 1}
    places: dict[Place, int] = {}

    def number(container: Container) -> int:
        return containers.setdefault(container, len(containers))

    roots = {name: number(root) for name, root in ground.roots.items()}
    tracks: list[_Track] = []
    for client, track in ground.tracks.items():
        went = [places.setdefault(place, len(places)) for place in track.places]
        held = [number(container) for container in track.held]
        lists = (track.starts, went, track.clocks, held, track.dead_from, track.dead_to)
        tracks.append(_Track(client, track.end, *map(_pack, lists)))
    written: list[_Place] = []
    for place in places:
        chain = place.chain
        runs = chain.runs if chain is not None else place.starts
        written.append(_Place(number(place.container), place.key, _pack(runs or ())))
    listed = [(container.steps, container.dead) for container in containers]
    return msgspec.msgpack.encode(_Stowed(listed, written, roots, tracks))


def unstow(data: bytes) -> Ground:
    """Read what was written down.

    Raises:
        MalformedBytes: That was not it.
    """
    try:
        stowed = _DECODER.decode(data)
        return _unstowed(stowed)
    except (msgspec.DecodeError, IndexError, ValueError) as error:
        raise MalformedBytes(f"no places: {error}", 0) from None


def _unstowed(stowed: _Stowed) -> Ground:
    ground = Ground()
    containers = [Container(steps, dead=dead) for steps, dead in stowed.containers]
    ground.gone, ground.nowhere = containers[:2]
    ground.roots = {name: containers[number] for name, number in stowed.roots.items()}
    places: list[Place] = []
    for one in stowed.places:
        place = containers[one.container].place(one.key)
        if place.chain is not None:
            place.chain = Chain(_unpack(one.runs))
        else:
            place.starts = _unpack(one.runs)
        places.append(place)
    for stowed_track in stowed.tracks:
        track = ground.tracks[stowed_track.client] = Track()
        track.end = stowed_track.end
        track.starts = _unpack(stowed_track.starts)
        track.places = [places[number] for number in _unpack(stowed_track.places)]
        track.clocks = _unpack(stowed_track.clocks)
        track.held = [containers[number] for number in _unpack(stowed_track.containers)]
        track.dead_from = _unpack(stowed_track.dead_from)
        track.dead_to = _unpack(stowed_track.dead_to)
    return ground


def _pack(numbers: Iterable[int]) -> _Numbers:
    listed = list(numbers)
    narrow = not listed or max(listed) < _NARROW
    return _Numbers(4 if narrow else 8, array("I" if narrow else "Q", listed).tobytes())


def _unpack(numbers: _Numbers) -> array[int]:
    read = array("I" if numbers.width == 4 else "Q")
    read.frombytes(numbers.data)
    return array("Q", read)
