"""Who is here, and what they show: a participant's own view, over one link after another."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from ..crdt.awareness import Awareness, Change

__all__ = ["Change", "Presence"]

Observer = Callable[[Change], object]


class Presence:
    """What this participant shows the others, and what they show.

    A state is any JSON value, by convention an object such as ``{"name": "Ada"}``. It is never
    stored, and gone for the others as soon as this participant is, or half a minute after
    it has fallen silent.

    >>> presence = Presence(7, clock=lambda: 0.0)
    >>> presence.set({"name": "Ada"})
    >>> presence.local, dict(presence.others)
    ({'name': 'Ada'}, {})
    """

    def __init__(
        self,
        client_id: int,
        *,
        clock: Callable[[], float],
        announce: Callable[[], object] = lambda: None,
    ) -> None:
        self._awareness = Awareness(client_id)
        self._clock = clock
        self._announce = announce
        self._unsaid = False
        self._observers: list[Observer] = []

    def __repr__(self) -> str:
        return f"<Presence of {self._awareness.client_id}, {len(self.others)} others>"

    @property
    def client_id(self) -> int:
        """Under which id the others see this participant."""
        return self._awareness.client_id

    @property
    def local(self) -> Any:
        """What this participant shows; None if nothing."""
        return self._awareness.local

    @property
    def others(self) -> Mapping[int, Any]:
        """What the others show, by client id."""
        states = dict(self._awareness.states)
        states.pop(self._awareness.client_id, None)
        return MappingProxyType(states)

    def set(self, state: Any) -> None:
        """Show this from now on, also after reconnects.

        Raises:
            ValueNotStorable: It is not JSON.
        """
        self._awareness.set_local(state, now_ms=self._now_ms())
        self._unsaid = True
        self._announce()

    def clear(self) -> None:
        """Show nothing any more."""
        self.set(None)

    def observe(self, observer: Observer) -> Callable[[], None]:
        """Call back with what changed about the others; returns what stops it."""
        self._observers.append(observer)

        def stop() -> None:
            if observer in self._observers:
                self._observers.remove(observer)

        return stop

    # For the link

    def words(self, *, anew: bool) -> bytes | None:
        """What to tell the others now, if anything; ``anew`` keeps it from expiring there."""
        if anew:
            self._tell(self._awareness.expire(now_ms=self._now_ms()))
            if self.local is not None:
                self._awareness.renew(now_ms=self._now_ms())
        if self.local is None and not self._unsaid:
            return None
        self._unsaid = False
        return self._awareness.encode()

    def hear(self, update: bytes | None) -> bool:
        """Take in what others show; None: they are out of sight. True if that must be contradicted.

        Raises:
            MalformedBytes: This is no awareness update.
        """
        if update is None:
            self._unsaid = False
            self._tell(self._awareness.forget_others())
            return False
        change = self._awareness.apply(update, now_ms=self._now_ms())
        self._tell(change)
        return change.announce

    def _now_ms(self) -> int:
        return int(self._clock() * 1000)

    def _tell(self, change: Change) -> None:
        if change:
            for observer in tuple(self._observers):
                observer(change)
