"""What one subject may do, while no window of his begins or ends.

Rules:

1. He has what was granted to him, to the groups he is in, however far up, and to
   :data:`~.rules.ANYONE`. Who proved nothing has the last of these alone.
2. A rule applies to a path that it names within its grant's scope, while its grant holds.
3. He may do what a rule that applies allows and none denies, if the session, where it confines
   anything, allows and does not deny it as well. Their order is nothing.
4. A denial applies unless its conditions are false; an allowance applies only if they hold.
5. What was found for a path is remembered: as five bits where no condition has a say, and otherwise
   as what is to be asked each time.
6. The code of a decision is the first of these that is true:

   =================== =====================================================================
   explicit-deny       a denial applies, and its conditions hold
   confined            the session confines, and does not allow it
   condition-error     a denial applies whose conditions failed
   allow               an allowance applies
   condition-error     an allowance would, but its conditions failed
   condition-false     an allowance would, but its conditions are false
   not-yet-valid       an allowance whose conditions hold would, at a later time
   expired             an allowance whose conditions hold would have, at an earlier time
   used-up             an allowance whose conditions hold was used up
   no-match            else
   =================== =====================================================================
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeAlias

import msgspec

from .clauses import ALL, BITS, Clause, rule_name
from .paths import Path, show, unquote
from .rules import Decision
from .shelves import Confinement, Given, Roles, Shelf, edge_after, standing

__all__ = ["Asked", "Context", "Tangle", "Values", "View", "values_of"]

# A condition that asks for the time may change its mind whenever it is asked: what it decided holds
# for a second, which is as fine as policies are written.
_TICK = 1.0

Values: TypeAlias = dict[str, object]

Context: TypeAlias = Mapping[str, object] | None
"""What a host tells conditions."""


class Tally(msgspec.Struct, frozen=True, eq=False):
    """What rules that apply to a path say of it, as bits of actions.

    Attributes:
        conditional: Those that have to be asked.
    """

    allow: int
    deny: int
    conditional: tuple[Clause, ...]

    @classmethod
    def of(cls, given: Iterable[Given], now: float) -> Tally:
        """Add up what holds at a time."""
        allow = deny = 0
        conditional = []
        for grant, clause in given:
            if standing(grant, now):
                continue
            if clause.conditions:
                conditional.append(clause)
            elif clause.deny:
                deny |= clause.bit
            else:
                allow |= clause.bit
        return cls(allow, deny, tuple(conditional))

    @property
    def open(self) -> int:
        """Of which actions a condition has a say."""
        bits = 0
        for clause in self.conditional:
            bits |= clause.bit
        return bits

    def allows(self, bit: int, values: Values) -> bool:
        """Whether an action is allowed, and not denied."""
        allowed = self.allow & bit != 0
        for clause in self.conditional:
            if clause.bit != bit:
                continue
            if clause.deny:
                if clause.holds(values) is not False:
                    return False
            elif not allowed:
                allowed = clause.holds(values) is True
        return allowed and not self.deny & bit


_EVERYTHING = Tally(ALL, 0, ())


class Tangle(msgspec.Struct, frozen=True, eq=False):
    """What may be done with a path, where conditions have a say.

    Attributes:
        settled: What may be done whatever they say.
        open: What they decide.
    """

    settled: int
    open: int
    own: Tally
    session: Tally

    def allows(self, bit: int, values: Values) -> bool:
        """Whether an action is allowed."""
        return self.own.allows(bit, values) and self.session.allows(bit, values)


class Asked(msgspec.Struct, frozen=True):
    """What is to be decided: an action on a path, at a time, and what a host tells conditions."""

    action: str
    path: Path
    context: Context
    now: float


class View:
    """What one subject may do, from one edge of a window to the next.

    Args:
        subject: Who.
        groups: All that he is in, and from where they were reached.
        shelves: What was granted to him, and to those.
        roles: What roles permit.
        sessions: What sessions confine.
        now: The moment around which it holds.
    """

    __slots__ = ("about", "groups", "masks", "roles", "sessions", "shelves", "since", "until")

    def __init__(
        self,
        subject: str,
        groups: Mapping[str, str | None],
        shelves: Iterable[Shelf],
        *,
        roles: Roles,
        sessions: Mapping[Path, Confinement],
        now: float,
    ) -> None:
        kind, colon, name = subject.partition(":")
        self.about: Values = {
            "id": subject,
            "kind": kind if colon else "",
            "name": name if colon else subject,
            "groups": sorted(groups),
        }
        self.groups = groups
        self.shelves = tuple(shelves)
        self.roles = roles
        self.sessions = sessions
        periods = [shelf.period(now) for shelf in self.shelves]
        self.since = max((since for since, _ in periods), default=float("-inf"))
        self.until = min((until for _, until in periods), default=float("inf"))
        self.masks: dict[str | Path, int | Tangle] = {}

    def __repr__(self) -> str:
        return f"<View of {self.about['id']}: {len(self.masks)} paths>"

    def given(self, path: Path) -> list[Given]:
        """All rules of his that say something of a path, whatever the time."""
        found: list[Given] = []
        for shelf in self.shelves:
            found += shelf.find(path, self.roles)
        return found

    def given_below(self, path: Path) -> list[Given]:
        """All rules of his that say something of a path or of what is beneath it."""
        found: list[Given] = []
        for shelf in self.shelves:
            found += shelf.overlapping(path, self.roles)
        return found

    def session_of(self, path: Path) -> Confinement | None:
        """What confines whatever is done with a path."""
        return self.sessions.get(path[:4]) if self.sessions else None

    def look(self, path: Path, now: float) -> int | Tangle:
        """Find out what may be done with a path; ``now`` is a time for which the view is."""
        own = Tally.of(self.given(path), now)
        confined = self.session_of(path)
        session = _EVERYTHING if confined is None else Tally.of(confined.tree.find(path), now)
        denied = own.deny | session.deny
        allowed = own.allow & session.allow & ~denied
        undecided = (own.open | session.open) & ~denied
        if not undecided:
            return allowed
        return Tangle(allowed & ~undecided, undecided, own, session)

    def allows(
        self,
        mask: int | Tangle,
        action: str,
        path: Path,
        context: Mapping[str, object] | None,
        *,
        now: float,
    ) -> bool:
        """Whether an action is allowed, by what was found out of a path."""
        bit = BITS[action]
        if isinstance(mask, int):
            return mask & bit != 0
        if not mask.open & bit:
            return mask.settled & bit != 0
        return mask.allows(bit, values_of(self.about, action, path, context, now))

    def decide(self, asked: Asked, epoch: int) -> Decision:
        """Say whether, why, and until when, in the name of a policy."""
        verdict = _Verdict(asked, self.about)
        for given in self.given(asked.path):
            verdict.weigh(given)
        confined = self.session_of(asked.path)
        if confined is not None:
            verdict.confine(confined)
        return verdict.decision(epoch)


class _Verdict:
    """Rules, sorted by what they do to a decision."""

    def __init__(self, asked: Asked, about: Values) -> None:
        self._now = asked.now
        self._bit = BITS[asked.action]
        self._asked = asked
        self._about = about
        self._values: Values | None = None
        self._until = float("inf")
        self._confined: list[str] | None = None
        self._sorted: dict[str, list[str]] = {}

    def weigh(self, given: Given) -> None:
        grant, clause = given
        if clause.bit != self._bit:
            return
        self._watch(given)
        worth = self._worth(clause)
        idle = standing(grant, self._now)
        if idle:
            sort = idle if worth and not clause.deny else ""
        elif clause.deny:
            sort = {True: "explicit-deny", None: "failed-deny", False: ""}[worth]
        else:
            sort = {True: "allow", None: "failed-allow", False: "condition-false"}[worth]
        if sort:
            self._sorted.setdefault(sort, []).append(rule_name(grant, clause))

    def confine(self, session: Confinement) -> None:
        """Note who in a session keeps it from allowing this, if it does not."""
        allowed, denials = False, []
        for given in session.tree.find(self._asked.path):
            clause = given[1]
            if clause.bit != self._bit:
                continue
            self._watch(given)
            worth = self._worth(clause)
            if clause.deny and worth is not False:
                denials.append(rule_name(None, clause, session.name))
            allowed |= worth is True and not clause.deny
        if denials or not allowed:
            self._confined = denials or [f"confines {session.name}"]

    def decision(self, epoch: int) -> Decision:
        """The first of the table that is true."""
        found = self._sorted
        rows: tuple[tuple[str, list[str] | None], ...] = (
            ("explicit-deny", found.get("explicit-deny")),
            ("confined", self._confined),
            ("condition-error", found.get("failed-deny")),
            ("allow", found.get("allow")),
            ("condition-error", found.get("failed-allow")),
            ("condition-false", found.get("condition-false")),
            ("not-yet-valid", found.get("not-yet-valid")),
            ("expired", found.get("expired")),
            ("used-up", found.get("used-up")),
        )
        for code, rules in rows:
            if rules:
                names = tuple(sorted(set(rules)))
                return Decision(code == "allow", code, names, epoch, self._until)
        return Decision(False, "no-match", (), epoch, self._until)

    def _worth(self, clause: Clause) -> bool | None:
        if not clause.conditions:
            return True
        if self._values is None:
            asked = self._asked
            self._values = values_of(
                self._about, asked.action, asked.path, asked.context, asked.now
            )
        return clause.holds(self._values)

    def _watch(self, given: Given) -> None:
        grant, clause = given
        until = edge_after(grant, self._now)
        if clause.conditions and clause.asks_for_now:
            until = min(until, self._now + _TICK)
        self._until = min(self._until, until)


def values_of(about: Values, action: str, path: Path, context: Context, now: float) -> Values:
    """What conditions see; what the policy knows itself stands above what a host gives."""
    given = context or {}
    resource: Values = {"path": show(path)}
    for place, (kind, name) in enumerate(_LEVELS):
        if path[place * 2 : place * 2 + 1] != (kind,) or len(path) < place * 2 + 2:
            break
        resource[name] = unquote(path[place * 2 + 1])
    return {
        **given,
        "subject": _over(given.get("subject"), about),
        "resource": _over(given.get("resource"), resource),
        "action": action,
        "now": now,
    }


_LEVELS = (("projects", "project"), ("sessions", "session"), ("docs", "document"))


def _over(below: object, values: Values) -> Values:
    return {**below, **values} if isinstance(below, Mapping) else values
