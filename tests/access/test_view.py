"""What one subject may do: the order of codes, and what conditions see."""

from __future__ import annotations

import pytest

from collabkit.access.clauses import BITS, Reader
from collabkit.access.conditions import DEFAULT
from collabkit.access.paths import parse
from collabkit.access.rules import Confines, Decision, Effect, Grant, Permission
from collabkit.access.shelves import Roles, Shelf, confinement
from collabkit.access.view import Asked, Tangle, View, values_of

READER = Reader(DEFAULT)
PATH = parse("/projects/p/sessions/s/docs/a%2Fb")
TRUE, FALSE, FAILS = ("now > 0.0",), ("now < 0.0",), ("change.own",)
CONFINED = Confines("/projects/p/sessions/s", (Permission("/**", "read"),))


def _grant(effect: Effect = "allow", conditions: tuple[str, ...] = (), **fields: object) -> Grant:
    permission = Permission("/projects/**", "write", conditions, effect)
    return Grant("", "user:ada", permission=permission, **fields)  # type: ignore[arg-type]


# The table at the head of the module, its last row first: each wins over all above it here.
ROWS: list[tuple[str, Grant]] = [
    ("used-up", _grant(uses=0)),
    ("expired", _grant(not_after=5.0)),
    ("not-yet-valid", _grant(not_before=15.0)),
    ("condition-false", _grant(conditions=FALSE)),
    ("condition-error", _grant(conditions=FAILS)),
    ("allow", _grant()),
    ("condition-error", _grant("deny", FAILS)),
    ("explicit-deny", _grant("deny")),
]


def _view(*grants: Grant, confines: tuple[Confines, ...] = ()) -> View:
    shelf = Shelf("user:ada", grants, READER)
    sessions = confinement(confines, READER)
    return View("user:ada", {}, [shelf], roles=Roles({}, READER), sessions=sessions, now=10.0)


def _decide(view: View, action: str = "write") -> Decision:
    return view.decide(Asked(action, PATH, None, 10.0), epoch=7)


@pytest.mark.parametrize("row", range(len(ROWS)))
def test_the_first_of_the_table_that_is_true_is_the_code(row: int) -> None:
    """Whatever else there is below it, the code is that of the highest row."""
    view = _view(*(grant for _, grant in ROWS[: row + 1]))
    decision = _decide(view)
    assert decision.code == ROWS[row][0]
    mask = view.look(PATH, 10.0)
    assert view.allows(mask, "write", PATH, None, now=10.0) == decision.allowed
    assert decision.allowed == (decision.code == "allow")


@pytest.mark.parametrize("row", range(len(ROWS)))
def test_a_session_confines_whatever_was_granted(row: int) -> None:
    """Only a denial that holds comes before it."""
    view = _view(*(grant for _, grant in ROWS[: row + 1]), confines=(CONFINED,))
    assert _decide(view).code == ("explicit-deny" if row == len(ROWS) - 1 else "confined")


def test_what_a_session_denies_it_denies_whatever_it_allows() -> None:
    """A session's own denial wins over its allowance, and over what was granted."""
    write = Permission("/projects/**", "write")
    for conditions in ((), FAILS, TRUE):
        denial = Permission("/projects/**", "write", conditions, "deny")
        view = _view(_grant(), confines=(Confines(CONFINED.session, (write, denial)),))
        assert _decide(view).code == "confined"
        mask = view.look(PATH, 10.0)
        assert not view.allows(mask, "write", PATH, None, now=10.0)
    denial = Permission("/projects/**", "write", FALSE, "deny")
    view = _view(_grant(), confines=(Confines(CONFINED.session, (write, denial)),))
    assert _decide(view).code == "allow"
    assert view.allows(view.look(PATH, 10.0), "write", PATH, None, now=10.0)


def test_nothing_is_no_match() -> None:
    """Without a rule, with a rule of another action, or with denials that do not apply."""
    for view in (_view(), _view(_grant("deny", FALSE)), _view(_grant("deny", not_after=1.0))):
        assert _decide(view).code == "no-match"
    assert _decide(_view(_grant()), "delete").code == "no-match"


def test_what_depends_on_no_condition_is_five_bits() -> None:
    """Conditions are asked only where they decide something."""
    assert _view(_grant()).look(PATH, 10.0) == BITS["write"]
    assert _view(_grant("deny"), _grant(conditions=FAILS)).look(PATH, 10.0) == 0
    tangle = _view(_grant(), _grant("deny", FALSE)).look(PATH, 10.0)
    assert isinstance(tangle, Tangle)
    assert (tangle.settled, tangle.open) == (0, BITS["write"])


def test_a_view_is_of_a_period() -> None:
    """It begins and ends with the nearest windows of all that is in it."""
    view = _view(_grant(not_after=5.0), _grant(not_before=15.0), _grant(not_after=30.0))
    assert (view.since, view.until) == (5.0, 15.0)


def test_what_asks_for_the_time_holds_for_a_moment() -> None:
    """A condition on ``now`` may change its mind soon; others wait for a window."""
    assert _decide(_view(_grant(conditions=FALSE))).valid_until == 11.0
    assert _decide(_view(_grant(conditions=FAILS, not_after=99.0))).valid_until == 99.0
    assert _decide(_view(_grant())).valid_until == float("inf")


def test_conditions_see_who_and_what() -> None:
    """Names are as people write them, and nothing that a host gives replaces what is known."""
    host = {
        "subject": {"id": "user:eve", "team": "red"},
        "resource": {"owner": "user:ada", "session": "x"},
        "context": {"peer": "::1"},
        "action": "read",
    }
    view = View(
        "user:ada",
        {"group:b": None, "group:a": "group:b"},
        [],
        roles=Roles({}, READER),
        sessions={},
        now=0.0,
    )
    values = values_of(view.about, "write", PATH, host, 7.0)
    assert values == {
        "subject": {
            "id": "user:ada",
            "kind": "user",
            "name": "ada",
            "groups": ["group:a", "group:b"],
            "team": "red",
        },
        "resource": {
            "path": "/projects/p/sessions/s/docs/a%2Fb",
            "project": "p",
            "session": "s",
            "document": "a/b",
            "owner": "user:ada",
        },
        "context": {"peer": "::1"},
        "action": "write",
        "now": 7.0,
    }
    of_operation = values_of(view.about, "execute", parse("/projects/p/ops/fork"), None, 0.0)
    assert of_operation["resource"] == {"path": "/projects/p/ops/fork", "project": "p"}
