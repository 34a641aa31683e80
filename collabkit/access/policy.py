"""The policy: facts that make sense together, and what follows from them.

::

    policy = Policy.load(facts)                             refused whole if anything is wrong
    policy.check("user:ada", "write", path, now=now)        may she?
    later = policy.changed([Put(grant)], epoch=8)           another policy; this one stays as it is

Rules:

1. A policy never changes, so any number of threads may ask it, and what it answers is of one epoch.
   What it has found out it remembers, see :mod:`.views`; that shows in nothing but time.
2. ``now`` is an argument. What is remembered of a subject holds between two edges of windows of his
   grants: there is nothing to expire.
3. A changed policy shares what stays: what was granted to others, what roles permit that do not
   inherit the changed ones, and what was found out about subjects whom no change can concern.
4. What is no action and no path, and who is unknown, is answered like everything else.

What a subject may do is in :mod:`.view`, what is refused in :mod:`.sense` and :mod:`.clauses`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar

from ..errors import InvalidPolicy
from ..ids import RoomName
from .clauses import BITS, Reader
from .conditions import DEFAULT, Attributes
from .extents import Reach, Uniform, has_something_in, reach, uniform
from .facts import Change, Drop, Facts, Kind, Put, concern, name_of, place_of
from .holders import Holders, Index
from .listing import Rule, confining, rules
from .paths import Path, parse, session_path, show
from .rules import ACTIONS, ANYONE, Action, Confines, Decision, Fact, Request
from .sense import check
from .shelves import standing
from .view import Asked, Context, Values, values_of
from .views import Views

__all__ = ["Change", "Drop", "Holders", "Policy", "Put", "Reach", "Rule", "Uniform"]

P = TypeVar("P", bound=str | Path)

# So many holders of something are remembered when all are asked about; more would push out others.
_SOME = 1_000


class Policy:
    """Who may do what. Immutable.

    Attributes:
        epoch: Which of the policies of a file it is.
        is_empty: Whether there are no facts at all.
        attributes: What conditions may ask for.

    >>> from collabkit.access.rules import Grant, Permission, Request, Role
    >>> editor = Role("editor", (Permission("/projects/acme/**", "write"),))
    >>> policy = Policy.load([editor, Grant("1", "user:ada", "editor", not_after=100)])
    >>> policy.check("user:ada", "write", "/projects/acme/sessions/plan", now=99)
    True
    >>> policy.decide(Request("user:ada", "write", "/projects/acme"), now=100).code
    'expired'
    """

    __slots__ = ("_facts", "_hot", "_index", "_reader", "_views", "attributes", "epoch", "is_empty")

    def __init__(self, facts: Facts, reader: Reader, views: Views, epoch: int) -> None:
        self.epoch = epoch
        self.attributes = reader.attributes
        self.is_empty = len(facts) == 0
        self._facts = facts
        self._reader = reader
        self._views = views
        self._hot = views.young
        self._index: Index | None = None

    def __repr__(self) -> str:
        return f"<Policy of epoch {self.epoch}: {len(self._facts)} facts>"

    @classmethod
    def load(
        cls, facts: Iterable[Fact], *, epoch: int = 0, attributes: Attributes = DEFAULT
    ) -> Policy:
        """Make a policy of facts.

        Raises:
            InvalidPolicy: They make no sense, or two have one name. It names the place.
        """
        puts = [Put(fact) for fact in facts]
        seen: set[tuple[Kind, str]] = set()
        for put in puts:
            name = name_of(put.fact)
            if name in seen:
                raise InvalidPolicy(place_of(*name), "it is there twice")
            seen.add(name)
        nothing, reader = Facts(), Reader(attributes)
        return cls(nothing, reader, Views(nothing, reader), epoch).changed(puts, epoch=epoch)

    def changed(self, changes: Sequence[Change], *, epoch: int) -> Policy:
        """Make a policy of this one and changes, one after the other.

        Raises:
            InvalidPolicy: What is to be dropped is not there, or what comes out makes no sense.
        """
        facts, touched = self._facts.changed(changes)
        check(facts, touched, self._reader)
        views = self._views.changed(facts, touched, concern(self._facts, touched))
        other = Policy(facts, self._reader, views, epoch)
        other._index = self._index and self._index.changed(touched.grants)
        return other

    def affected(self, changes: Sequence[Change]) -> frozenset[str] | None:
        """Whose rights changes may change, groups among them; None if it may be anybody's."""
        _, touched = self._facts.changed(changes)
        return concern(self._facts, touched).subjects

    def facts(self) -> tuple[Fact, ...]:
        """All that is written down: roles, grants, memberships, templates, confines."""
        return tuple(self._facts)

    def fact(self, kind: Kind, key: str) -> Fact | None:
        """A fact by its name, see :func:`.facts.name_of`."""
        return self._facts.get(kind, key)

    def check(
        self, subject: str, action: str, path: str | Path, context: Context = None, *, now: float
    ) -> bool:
        """Whether a subject may do something.

        Args:
            subject: Who, such as ``user:ada``.
            action: One of :data:`~.rules.ACTIONS`.
            path: To what.
            context: What conditions may ask for beside, such as ``{"context": {"peer": …}}``.
            now: Unix seconds.
        """
        try:
            view = self._hot[subject]
            mask = view.masks[path]
            if mask.__class__ is int and view.since <= now < view.until:
                return mask & BITS[action] != 0
        except KeyError:
            pass
        bit, segments = BITS.get(action), _path(path)
        if bit is None or segments is None:
            return False
        view = self._views.of(subject, now)
        mask = self._views.mask(view, path, segments, now)
        return view.allows(mask, action, segments, context, now=now)

    def decide(self, request: Request, *, now: float) -> Decision:
        """Whether, why, and until when; the codes are in :data:`~.rules.CODES`."""
        bit, path = BITS.get(request.action), _path(request.resource)
        if bit is None or path is None:
            return Decision(False, "unknown-action" if bit is None else "bad-path", (), self.epoch)
        asked = Asked(request.action, path, request.context, now)
        return self._views.of(request.subject, now).decide(asked, self.epoch)

    def check_many(self, requests: Iterable[Request], *, now: float) -> list[bool]:
        """Answer many requests, in order."""
        return [self.check(r.subject, r.action, r.resource, r.context, now=now) for r in requests]

    def filter(
        self, subject: str, action: str, paths: Iterable[P], context: Context = None, *, now: float
    ) -> list[P]:
        """Those of many paths to which a subject may do something, in order."""
        bit = BITS.get(action, 0)
        view = self._views.of(subject, now)
        masks, kept = view.masks, []
        for path in paths:
            mask = masks.get(path)
            if mask.__class__ is int:
                allowed = mask & bit
            else:
                allowed = self.check(subject, action, path, context, now=now)
            if allowed:
                kept.append(path)
        return kept

    def actions(
        self, subject: str, path: str | Path, context: Context = None, *, now: float
    ) -> tuple[Action, ...]:
        """All that a subject may do to something."""
        return tuple(each for each in ACTIONS if self.check(subject, each, path, context, now=now))

    def who_can(
        self, action: str, path: str | Path, context: Context = None, *, now: float
    ) -> Holders:
        """Who may do something, of all who were granted anything or are in a group."""
        segments = _path(path)
        if segments is None or action not in BITS:
            return Holders()
        if self._index is None:
            self._index = Index(self._facts.grants.values())
        found = self._index.find(action, segments, self._facts.grants, self._views.roles)
        holders: set[str] = {grant.subject for grant in found} - {ANYONE}

        if self._depends_on_who(action, segments, now):
            holders.update(self._facts.held, self._facts.groups)
        named = [each for each in self._facts.within(holders) if self._is_somebody(each)]

        def may(subject: str) -> bool:
            if len(named) <= _SOME:
                return self.check(subject, action, path, context, now=now)
            view = self._views.glance(subject, now)
            return view.allows(view.look(segments, now), action, segments, context, now=now)

        answers = {subject: may(subject) for subject in sorted(named)}
        able = tuple(subject for subject, answer in answers.items() if answer)
        if not may(ANYONE):
            return Holders(able)
        return Holders(able, True, tuple(each for each, answer in answers.items() if not answer))

    def list_resources(
        self, subject: str, action: str, under: str | Path = (), *, now: float
    ) -> Reach:
        """To what a subject may do something, as patterns of what is at or beneath a path."""
        bit, path = BITS.get(action), _path(under)
        if bit is None or path is None:
            return Reach()
        return reach(self._views.of(subject, now), bit, path, now)

    def uniform(self, subject: str, room: RoomName, *, now: float) -> Uniform:
        """How much of what is inside a document a subject may write and delete."""
        return uniform(self._views.of(subject, now), room, now)

    def invited(self, subject: str, room: RoomName, *, now: float) -> bool:
        """Whether a subject was granted something in a session itself, or may administer it."""
        return has_something_in(self._views.of(subject, now), room, now) or self.check(
            subject, "admin", session_path(room), now=now
        )

    def confines(self, room: RoomName) -> Confines | None:
        """What a session lets nobody exceed, as it is written down."""
        return self._facts.confines.get(show(session_path(room)))

    def rules(self, subject: str, path: str | Path | None = None) -> tuple[Rule, ...]:
        """The rules that a subject has, whatever their time: of a path, or all."""
        view, segments = self._views.whenever(subject), None if path is None else _path(path)
        return () if segments is None and path is not None else rules(view, segments)

    def confining(self, path: str | Path) -> tuple[Rule, ...]:
        """The rules of a session that say something of a path in it."""
        segments = _path(path) or ()
        return confining(self._views.sessions.get(segments[:4]), segments)

    def conditioned(self, subject: str, path: str) -> bool:
        """Whether a condition may have a say in what a subject may do to something."""
        segments = _path(path) or ()
        view = self._views.whenever(subject)
        session = view.session_of(segments)
        confined = [] if session is None else session.tree.find(segments)
        return any(clause.conditions for _, clause in (*view.given(segments), *confined))

    def values(self, request: Request, *, now: float) -> Values:
        """What conditions see when a request is decided; without its path if that is none."""
        about = self._views.of(request.subject, now).about
        path = _path(request.resource) or ()
        return values_of(about, request.action, path, request.context, now)

    def spends(self, request: Request, *, now: float) -> str | None:
        """The id of the grant that is used when this is done, if it can be used only so often.

        None is spent if any other grant allows it; of several, the one that ends first.
        """
        bit, path = BITS.get(request.action), _path(request.resource)
        if bit is None or path is None:
            return None
        view = self._views.of(request.subject, now)
        values = values_of(view.about, request.action, path, request.context, now)
        grants = [
            grant
            for grant, clause in view.given(path)
            if grant is not None
            and clause.bit == bit
            and not clause.deny
            and not standing(grant, now)
            and clause.holds(values)
        ]
        if not grants or any(grant.uses is None for grant in grants):
            return None
        return min(grants, key=lambda grant: (grant.not_after or float("inf"), grant.id)).id

    def _is_somebody(self, name: str) -> bool:
        return name not in self._facts.members and not name.startswith("group:")

    def _depends_on_who(self, action: str, path: Path, now: float) -> bool:
        """Whether what anyone has may be had by some and not by others, through conditions."""
        mask = self._views.glance(ANYONE, now).look(path, now)
        if isinstance(mask, int):
            return False
        return bool(mask.open & (mask.own.allow | mask.own.open) & BITS[action])


def _path(path: str | Path) -> Path | None:
    if not isinstance(path, str):
        return path
    try:
        return parse(path)
    except InvalidPolicy:
        return None
