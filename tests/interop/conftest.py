"""What the tests with stock clients share."""

from __future__ import annotations

from interop.fixtures import driver, own_relay, relay, room

__all__ = ["driver", "own_relay", "relay", "room"]
