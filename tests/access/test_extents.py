"""How far rights go, compared with asking about each place."""

from __future__ import annotations

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from access.policies import PATHS, SUBJECTS, TIMES, worlds
from collabkit.access.paths import document_path, matches, parse, pattern, show, within
from collabkit.access.policy import Policy
from collabkit.access.rules import ANYONE, Confines, Effect, Fact, Grant, Permission
from collabkit.ids import RoomName

ROOM = RoomName("p", "s", "d")
DOCUMENT = show(document_path(ROOM))
INSIDE = [
    "/".join((DOCUMENT, *steps))
    for size in (1, 2, 3)
    for steps in itertools.product(("x", "y", "z"), repeat=size)
]


@settings(max_examples=6)
@given(worlds, st.sampled_from(TIMES))
def test_all_and_none_are_true(facts: tuple[Fact, ...], now: float) -> None:
    """Where all is said each place inside may be written, and where none is said none may."""
    policy = Policy.load(facts)
    for subject in SUBJECTS:
        share = policy.uniform(subject, ROOM, now=now).write
        answers = [policy.check(subject, "write", path, now=now) for path in INSIDE]
        assert share != "all" or all(answers)
        assert share != "none" or not any(answers)


def _allow(resource: str, effect: Effect = "allow", *conditions: str) -> Permission:
    return Permission(resource, "write", conditions, effect)


def _share(
    *permissions: Permission, confines: tuple[Permission, ...] = (), scope: str = "/**"
) -> str:
    grants = [
        Grant(str(number), "user:ada", permission=each, scope=scope)
        for number, each in enumerate(permissions)
    ]
    session = [Confines("/projects/p/sessions/s", confines)] if confines else []
    return Policy.load([*grants, *session]).uniform("user:ada", ROOM, now=0).write


def test_how_much_of_a_document_may_be_written() -> None:
    """Whole grants are all, narrow or conditional ones some, denials take, sessions too."""
    whole, title = _allow("/projects/**"), _allow(f"{DOCUMENT}/title")
    assert _share(whole) == "all"
    assert _share(_allow(f"{DOCUMENT}/*/**")) == "all"
    assert _share(whole, scope=f"{DOCUMENT}/title") == "some"
    assert _share(title) == "some"
    assert _share(_allow("/projects/**", "allow", "change.own")) == "some"
    assert _share(whole, _allow(f"{DOCUMENT}/title", "deny")) == "some"
    assert _share(whole, _allow("/**", "deny", "change.own")) == "some"
    assert _share(whole, _allow("/**", "deny")) == "none"
    assert _share(title, _allow(f"{DOCUMENT}/*", "deny")) == "none"
    assert _share() == _share(_allow(DOCUMENT)) == _share(_allow("/other/**")) == "none"
    assert _share(whole, confines=(whole,)) == "all"
    assert _share(whole, confines=(title,)) == "some"
    assert _share(whole, confines=(_allow("/projects/q/**"),)) == "none"


def test_how_much_of_a_document_holds_until_a_window_ends() -> None:
    """Who asks again then misses nothing."""
    grant = Grant("1", "user:ada", permission=_allow("/**"), not_before=5, not_after=9)
    policy = Policy.load([grant])
    shares = [policy.uniform("user:ada", ROOM, now=now) for now in (0, 5, 9)]
    assert [(each.write, each.delete, each.until) for each in shares] == [
        ("none", "none", 5), ("all", "none", 9), ("none", "none", float("inf")),
    ]  # fmt: skip


@settings(max_examples=6)
@given(worlds, st.sampled_from(TIMES), st.sampled_from(("/", "/projects/p", PATHS[2])))
def test_what_is_listed_is_all_that_is_allowed(
    facts: tuple[Fact, ...], now: float, under: str
) -> None:
    """Each path that is allowed is in a pattern that is listed; patterns alone are all allowed."""
    policy = Policy.load(facts)
    for subject in SUBJECTS:
        reach = policy.list_resources(subject, "write", under, now=now)
        for path in (path for path in PATHS if within(parse(under), parse(path))):
            able = policy.check(subject, "write", path, now=now)
            named = {
                name: any(matches(pattern(each), parse(path)) for each in getattr(reach, name))
                for name in ("allowed", "conditional", "denied")
            }
            confined = any(within(parse(each), parse(path)) for each in reach.confined)
            assert not able or named["allowed"] or named["conditional"]
            if named["allowed"] and not named["denied"] and not confined:
                assert able


def test_what_is_denied_whole_is_not_listed() -> None:
    """A pattern of which nothing is left is left out; below a path only what is there is listed."""
    policy = Policy.load(
        [
            Grant("1", "user:ada", permission=_allow("/projects/p/**")),
            Grant("2", "user:ada", permission=_allow("/projects/*/x")),
            Grant("3", ANYONE, permission=_allow("/projects/q/**", "allow", "change.own")),
            Grant("4", ANYONE, permission=_allow("/projects/*/x", "deny")),
            Confines("/projects/p/sessions/s", (_allow("/**"),)),
        ]
    )
    reach = policy.list_resources("user:ada", "write", now=0)
    assert reach.allowed == ("/projects/p/**",)
    assert reach.conditional == ("/projects/q/**",)
    assert reach.denied == ("/projects/*/x",)
    assert reach.confined == ("/projects/p/sessions/s",)
    below = policy.list_resources("user:ada", "write", "/projects/q", now=0)
    assert (below.allowed, below.denied, below.confined) == ((), ("/projects/q/x",), ())
    assert policy.list_resources("user:ada", "fly", now=0) == type(reach)()


def test_who_was_granted_something_in_a_session_is_invited() -> None:
    """A grant in the session itself invites, one of all sessions does not, administering does."""

    def invited(grant: Grant, now: float = 0) -> bool:
        return Policy.load([grant]).invited("user:ada", ROOM, now=now)

    session, read = "/projects/p/sessions/s", Permission("/**", "read")
    assert invited(Grant("1", "user:ada", permission=read, scope=session))
    assert invited(Grant("1", "user:ada", permission=Permission(DOCUMENT, "read")))
    assert invited(Grant("1", "user:ada", permission=Permission("/projects/**", "admin")))
    assert not invited(Grant("1", "user:ada", permission=read))
    assert not invited(Grant("1", "user:ada", permission=read, scope="/projects/p"))
    assert not invited(Grant("1", "user:ada", permission=read, scope=session, not_after=5), now=5)
    assert not invited(
        Grant("1", "user:ada", permission=Permission("/**", "read", effect="deny"), scope=session)
    )
