"""Everybody who listens hears, whatever becomes of the others."""

from __future__ import annotations

from collabkit.sync.news import News


def test_a_mistake_in_one_observer_is_no_other_s() -> None:
    """All who still listen hear of it, those who stop meanwhile as well."""
    news = News[int]("a test")
    heard: list[int] = []

    def once(what: int) -> None:
        stop()
        raise RuntimeError(what)

    stop = news.observe(once)
    news.observe(heard.append)
    news.tell(1)
    news.tell(2)
    stop()
    assert heard == [1, 2]
