"""pycasbin decides as the laws ask, behind the seam."""

from __future__ import annotations

import pytest

from collabkit.access.rules import Confines, Grant, Permission, Role
from collabkit.errors import UnsupportedByEngine
from collabkit.testing.access_contract import AccessEngineContract, MakeEngine

casbin = pytest.importorskip("collabkit.access.casbin", reason="pip install collabkit[casbin]")


class TestCasbin(AccessEngineContract):
    """The contract of engines."""

    @pytest.fixture
    def engine_of(self) -> MakeEngine:
        """Make an enforcer of a policy."""
        made: MakeEngine = casbin.CasbinEngine.of
        return made


@pytest.mark.parametrize(
    "fact",
    [
        Grant("g", "user:ada", permission=Permission("/**", "read", ("now > 0",))),
        Grant("g", "user:ada", permission=Permission("/**", "read"), not_after=1.0),
        Confines("/projects/a/sessions/s", (Permission("/**", "read"),)),
    ],
    ids=["condition", "window", "confines"],
)
def test_what_it_has_no_words_for_is_refused(fact: Grant | Confines) -> None:
    """Nothing of a policy is left out in silence."""
    with pytest.raises(UnsupportedByEngine, match="casbin cannot say"):
        casbin.CasbinEngine.of([Role("r"), fact])


def test_a_new_version_forgets() -> None:
    """A host that changes its policy raises the version, which is the epoch."""
    engine = casbin.CasbinEngine.of([])
    before = engine.epoch()
    engine.version += 1
    assert engine.epoch() != before
    assert repr(engine) == "<CasbinEngine, version 1>"
