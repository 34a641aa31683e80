"""A relay in a process of its own, for those who try to end it."""

from __future__ import annotations

from interop.fixtures import driver, own_relay, relay, room

__all__ = ["driver", "own_relay", "relay", "room"]
