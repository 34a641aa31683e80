"""What the audit is told of what people do, or try."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from collabkit.access import witness as module
from collabkit.access.rules import Decision, Request
from collabkit.access.witness import AuditPolicy, Witness

NO = Decision(False, "no-match", ("grant 1",), epoch=7)
YES = Decision(True, "allow", ("grant 1",), epoch=7)
ALL = AuditPolicy(writes=True, reads=True)
DOCUMENT = "/projects/acme/sessions/plan/docs/main"


def asks(action: str = "write", path: str = DOCUMENT, subject: str = "user:eve") -> Request:
    """Somebody wants something."""
    return Request(subject, action, path)


def test_the_first_denial_of_a_kind_is_told_at_once() -> None:
    """With what decided, and nothing of what was asked with it."""
    witness = Witness()
    witness.saw(Request("user:eve", "write", DOCUMENT, {"context": {"t": "secret"}}), NO, now=0)
    assert witness.is_urgent
    (deed,) = witness.take(now=0)
    assert (deed.subject, deed.action) == ("user:eve", "access-denied")
    assert deed.data == {
        "action": "write",
        "path": DOCUMENT,
        "code": "no-match",
        "rules": ("grant 1",),
        "epoch": 7,
    }
    assert not witness.is_urgent


def test_the_same_denial_is_counted_for_a_minute() -> None:
    """And told by one line then, with when it was; after that it is a first one again."""
    witness = Witness()
    for now in (100, 110, 120):
        witness.saw(asks(), NO, now=now)
    assert (len(witness.take(now=120)), witness.wakes_at) == (1, 160)
    assert witness.take(now=159.9) == []
    (deed,) = witness.take(now=160)
    assert (deed.data["again"], deed.data["code"]) == (2, "no-match")
    assert (deed.data["since_ms"], deed.data["until_ms"]) == (100_000, 120_000)
    assert witness.wakes_at is None
    witness.saw(asks(), NO, now=161)
    assert witness.is_urgent


def test_denials_of_other_kinds_are_told_apart() -> None:
    """Who, which action, on what, and why."""
    witness = Witness()
    witness.saw(asks(), NO, now=0)
    witness.saw(asks(subject="user:ben"), NO, now=0)
    witness.saw(asks("delete"), NO, now=0)
    witness.saw(asks(path="/projects/acme"), NO, now=0)
    witness.saw(asks(), Decision(False, "expired"), now=0)
    assert len(witness.take(now=0)) == 5


def test_each_use_of_admin_is_told() -> None:
    """Whatever is configured; and nothing else that was allowed is, by default."""
    witness = Witness()
    for action in ("admin", "admin", "write", "read", "delete", "execute"):
        witness.saw(asks(action), YES, now=0)
    deeds = witness.take(now=0, all=True)
    assert [deed.action for deed in deeds] == ["access-admin", "access-admin"]
    assert deeds[1].data["again"] == 1


def test_writes_and_reads_are_counted_by_document() -> None:
    """If that is asked for: one line a minute, whatever was inside."""
    witness = Witness(ALL)
    for number in range(9):
        witness.saw(asks("write", f"{DOCUMENT}/todos/{number}"), YES, now=number)
        witness.saw(asks("read"), YES, now=number)
    assert witness.take(now=59) == []
    write, read = witness.take(now=60)
    assert (write.action, write.data["path"], write.data["again"]) == ("access-write", DOCUMENT, 9)
    assert (read.action, read.data["again"]) == ("access-read", 9)
    by_session = Witness(AuditPolicy(writes=True, segments=4))
    by_session.saw(asks(), YES, now=0)
    (deed,) = by_session.take(now=0, all=True)
    assert deed.data["path"] == "/projects/acme/sessions/plan"


def test_nobody_fills_a_disk_by_being_refused() -> None:
    """Of one subject so many kinds are told a minute, the rest by number; others as ever."""
    witness = Witness()
    for number in range(5000):
        witness.saw(asks(path=f"/projects/{number}"), NO, now=0)
    witness.saw(asks(subject="user:ben"), NO, now=0)
    told = witness.take(now=0)
    assert len(told) == module.KINDS_A_SUBJECT + 1
    rest = witness.take(now=60)
    assert [(deed.data["path"], deed.data["again"]) for deed in rest] == [
        ("/**", 5000 - module.KINDS_A_SUBJECT)
    ]


def test_nobody_fills_the_memory_under_many_names() -> None:
    """Beyond so many kinds in all it is counted how many were refused what, not who."""
    witness = Witness()
    many = module.KINDS + 500
    for number in range(many):
        witness.saw(asks(subject=f"anonymous:{number}"), NO, now=0)
    told = witness.take(now=0)
    rest = witness.take(now=60)
    assert len(told) == module.KINDS
    assert [(deed.subject, deed.data["again"]) for deed in rest] == [("anyone", 500)]


def test_nobody_fills_the_memory_with_long_keys() -> None:
    """What is counted has no longer path than what is told."""
    witness = Witness()
    for end in ("a", "b"):
        witness.saw(asks(path=f"{DOCUMENT}/{'k' * 1_000_000}{end}"), NO, now=0)
    assert [len(kind.path) for kind in witness._counts] == [module.PATH_CHARACTERS]
    assert [deed.data.get("again") for deed in witness.take(now=60)] == [None, 1]


def test_what_could_not_be_told_comes_first() -> None:
    """It is given back, and taken again in its order."""
    witness = Witness()
    witness.saw(asks(), NO, now=0)
    failed = witness.take(now=0)
    witness.saw(asks("delete"), NO, now=0)
    witness.give_back(failed)
    assert [deed.data["action"] for deed in witness.take(now=0)] == ["write", "delete"]


def test_a_long_path_is_cut() -> None:
    """A line of the audit stays a line."""
    witness = Witness()
    witness.saw(asks(path="/" + "x" * 4000), NO, now=0)
    (deed,) = witness.take(now=0)
    assert len(deed.data["path"]) == module.PATH_CHARACTERS


denials = st.lists(
    st.tuples(st.sampled_from("ab"), st.sampled_from("xyz"), st.floats(0, 40), st.booleans())
)


@settings(max_examples=40)
@given(denials)
def test_nothing_is_dropped(tried: list[tuple[str, str, float, bool]]) -> None:
    """Whatever is tried, in whatever order it is told: the numbers add up, for each subject."""
    witness, deeds, now = Witness(), [], 0.0
    for subject, path, later, takes in tried:
        now += later
        witness.saw(asks(path=f"/projects/{path}", subject=subject), NO, now=now)
        if takes:
            deeds += witness.take(now=now)
    deeds += witness.take(now=now, all=True)
    for subject in "ab":
        counts = [deed.data.get("again", 1) for deed in deeds if deed.subject == subject]
        assert sum(counts) == sum(who == subject for who, *_ in tried)
    assert witness.wakes_at is None
