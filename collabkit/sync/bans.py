"""Structs that a room has refused after others were sent them, and what builds on them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from ..crdt.update import Scan

__all__ = ["Bans"]


class Bans:
    """Of each client, the clock from which on its structs are banned.

    >>> from collabkit.crdt.update import scan
    >>> hi, yo = bytes.fromhex("010107000401017402686900"), bytes.fromhex("0101090084070102796f00")
    >>> bans = Bans()
    >>> bans.add(scan(hi), {})
    >>> bans.holds(scan(yo)), bans.holds(scan(bytes.fromhex("010109000401017402686900")))
    (True, False)
    """

    __slots__ = ("_from",)

    def __init__(self) -> None:
        self._from: dict[int, int] = {}

    def __repr__(self) -> str:
        return f"<Bans of {len(self._from)} clients>"

    def __bool__(self) -> bool:
        return bool(self._from)

    def add(self, scan: Scan, known: Mapping[int, int], *, but: Collection[int] = ()) -> None:
        """Ban what an update brings and nobody else did, but for what it may not bring at all."""
        spared = frozenset(but)
        for section in scan.sections:
            clock = max(section.clock, known.get(section.client, 0))
            if section.clock + section.length > clock and section.client not in spared:
                self._from[section.client] = min(self._from.get(section.client, clock), clock)

    def add_all(self, scans: Iterable[Scan], stored: Mapping[int, int]) -> None:
        """Ban what each of these brings."""
        for found in scans:
            self.add(found, stored)

    def holds(self, scan: Scan) -> bool:
        """Whether an update brings something that is banned, or builds on it."""
        reaches = [(s.client, s.clock + s.length) for s in scan.sections]
        return any(
            clock > self._from.get(client, clock)
            for client, clock in (*reaches, *scan.needs.items())
        )
