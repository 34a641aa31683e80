"""Something that happens again and again, for those who want to hear of it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Generic, TypeVar

__all__ = ["News"]

_log = logging.getLogger("collabkit.replica")

T = TypeVar("T")


class News(Generic[T]):
    """Tells all who listen; a mistake in one of them is logged, and is no other's.

    >>> news, heard = News[int]("a doctest"), []
    >>> stop = news.observe(heard.append)
    >>> news.tell(1)
    >>> stop()
    >>> news.tell(2)
    >>> heard
    [1]
    """

    def __init__(self, of: str) -> None:
        self._of = of
        self._observers: list[Callable[[T], object]] = []

    def __repr__(self) -> str:
        return f"<News of {self._of} for {len(self._observers)}>"

    def observe(self, observer: Callable[[T], object]) -> Callable[[], None]:
        """Call back with each one; returns what stops it."""
        self._observers.append(observer)

        def stop() -> None:
            if observer in self._observers:
                self._observers.remove(observer)

        return stop

    def tell(self, what: T) -> None:
        """It happened."""
        for observer in tuple(self._observers):
            try:
                observer(what)
            except Exception:
                _log.exception("an observer of %s failed", self._of)
