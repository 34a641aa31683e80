"""What is remembered, and that it is bounded."""

from __future__ import annotations

from collabkit.access.clauses import Reader
from collabkit.access.conditions import DEFAULT
from collabkit.access.facts import Change, Facts, Put, concern
from collabkit.access.paths import parse
from collabkit.access.rules import ANYONE, Fact, Grant, Membership, Permission
from collabkit.access.views import Views

WRITE = Permission("/**", "write")


def _views(*facts: Fact, most: int = 1000) -> tuple[Facts, Views]:
    reader = Reader(DEFAULT)
    nothing = Facts()
    return _changed(nothing, Views(nothing, reader, most=most), *map(Put, facts))


def _changed(before: Facts, views: Views, *step: Change) -> tuple[Facts, Views]:
    facts, touched = before.changed(step)
    return facts, views.changed(facts, touched, concern(before, touched))


def _weight(views: Views) -> int:
    everyone = {**views._old, **views.young}
    return sum(len(view.masks) for view in everyone.values())


def test_a_view_is_made_once() -> None:
    """It stays while its period lasts, and another moment has another one."""
    _, views = _views(Grant("1", "user:ada", permission=WRITE, not_after=5))
    view = views.of("user:ada", 0)
    assert views.of("user:ada", 4.9) is view
    assert views.of("user:ada", 5) is not view
    assert views.of("user:ada", 0).until == 5


def test_a_glance_leaves_nothing() -> None:
    """Who asks about everybody once fills no memory."""
    _, views = _views(Grant("1", "user:ada", permission=WRITE))
    assert views.glance("user:ada", 0) is not views.glance("user:ada", 0)
    assert views.young == {}
    assert views.glance("user:ada", 0) is not views.of("user:ada", 0)
    assert views.glance("user:ada", 0) is views.of("user:ada", 0)


def test_what_does_not_depend_on_time_leaves_what_does() -> None:
    """Who looks at rules leaves the view of now where it is."""
    _, views = _views(Grant("1", "user:ada", permission=WRITE, not_after=5))
    now = views.of("user:ada", 9)
    assert views.whenever("user:ada") is now
    assert views.of("user:ada", 9) is now
    assert views.whenever("user:eve").groups == {}


def test_memory_is_bounded_and_what_is_used_stays() -> None:
    """However many ask, and about however much, no more is kept; who keeps asking is kept."""
    _, views = _views(Grant("1", ANYONE, permission=WRITE), most=400)
    busy = views.of("user:busy", 0)
    for number in range(1000):
        view = views.of(f"user:{number}", 0)
        path = f"/{number}"
        views.mask(view, path, parse(path), 0)
        assert views.of("user:busy", 0) is busy
        assert _weight(views) <= 400
        assert len(views.young) + len(views._old) <= 400 / 8 + 1


def test_one_who_asks_about_everything_is_bounded() -> None:
    """A subject that looks at each path there is fills a quarter at most, and is answered."""
    _, views = _views(Grant("1", ANYONE, permission=WRITE), most=400)
    for number in range(1000):
        view = views.of("user:ada", 0)
        assert views.mask(view, f"/{number}", (str(number),), 0) == 2
        assert len(view.masks) <= 100


def test_a_change_forgets_whom_it_concerns() -> None:
    """Others keep their views, as the same objects; everybody loses them if anyone is concerned."""
    facts, views = _views(
        Grant("1", "group:staff", permission=WRITE),
        Grant("2", "user:eve", permission=WRITE),
        Membership("group:staff", "user:ada"),
    )
    ada, eve = views.of("user:ada", 0), views.of("user:eve", 0)
    _, later = _changed(facts, views, Put(Grant("3", "group:staff", permission=WRITE)))
    assert later.of("user:eve", 0) is eve
    assert later.of("user:ada", 0) is not ada
    assert views.of("user:ada", 0) is ada
    _, public = _changed(facts, views, Put(Grant("3", ANYONE, permission=WRITE)))
    assert public.of("user:eve", 0) is not eve
    assert "answers" in repr(public)
