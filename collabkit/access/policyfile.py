"""Policies as files that people write, in TOML or in JSON.

A file has up to five parts, and in each the fields are those of :mod:`.rules`::

    [[roles]]
    name = "editor"
    inherits = ["viewer"]
    permissions = [
        { resource = "/projects/*/sessions/*/docs/**", action = "write" },
    ]

    [[grants]]
    id = "ada"
    subject = "user:ada"
    role = "editor"
    scope = "/projects/acme"
    not_after = 2027-01-01T00:00:00Z

    [groups]
    "group:staff" = ["user:ada", "user:ben"]

    [[templates]]
    [[confines]]

Rules:

1. A file is taken whole or not at all. What is wrong with it is said of a line: by its parser, by
   what a fact may look like, or by the policy that its facts would make.
2. Nothing in it is passed over: no unknown field, no name that stands twice in an object, no fact
   that is there twice.
3. A moment is Unix seconds, in TOML also a date and time with its offset.
4. :mod:`.policytext` writes what is read here as the same facts.
"""

from __future__ import annotations

import contextlib
import math
import re
from collections.abc import Iterator
from typing import Any, NoReturn, get_args

import msgspec

from ..errors import InvalidPolicy
from .facts import name_of, place_of
from .locating import Form, Place
from .rules import (
    Action,
    Confines,
    Effect,
    Fact,
    Grant,
    Join,
    Membership,
    Permission,
    Role,
    Slot,
    Template,
)
from .source import Source

__all__ = ["PolicyFile", "form_of"]

_PARTS: dict[str, type[Role | Grant | Template | Confines]] = {
    "roles": Role,
    "grants": Grant,
    "templates": Template,
    "confines": Confines,
}
_KNOWN = ", ".join((*_PARTS, "groups"))
_OWNERS = {**_PARTS, "permissions": Permission, "permission": Permission}
_CHOICES = {"action": Action, "effect": Effect, "join": Join, "slots": Slot}
_SLOTS = get_args(Slot)
_TIMES = ("not_before", "not_after")

# As msgspec says where something is: `$.permissions[2].action`; `[...]` is some value of a dict.
_SAID = re.compile(r"(?P<why>.*?)(?: - at `\$(?P<at>.*)`)?", re.DOTALL)
_STEP = re.compile(r"\.(?P<name>\w+)|\[(?P<number>\d+)\]")
_UNKNOWN = re.compile(r"object contains unknown field `(?P<name>.*)`", re.DOTALL)

# As policies go on from a fact to a part of it: `, permission 3, condition 1`, `, scope`.
_PART = re.compile(r', (?P<kind>\w+)(?: "(?P<name>[^"]*)"| (?P<number>\d+))?')


def form_of(name: str) -> Form:
    """Tell by its name how a file is written.

    Raises:
        InvalidPolicy: It ends in neither ``.toml`` nor ``.json``.

    >>> form_of("policy.toml")
    'toml'
    """
    match name.lower().rpartition(".")[2]:
        case "toml":
            return "toml"
        case "json":
            return "json"
    raise InvalidPolicy(name, "a policy is in a file that ends in .toml or .json")


class PolicyFile:
    r"""The facts of a file, and the lines they are on.

    Args:
        data: What is in the file.
        name: What errors call it.
        form: How it is written; or None, and its name says so.

    Raises:
        InvalidPolicy: It is not right; ``where`` is ``{name} line {number}``.

    >>> PolicyFile(b'[[roles]]\nname = "editor"\nmay = "write"', name="policy.toml")
    Traceback (most recent call last):
    collabkit.errors.InvalidPolicy: policy.toml line 3: unknown field 'may'; a role has ...
    """

    def __init__(self, data: bytes, *, name: str, form: Form | None = None) -> None:
        self._source = Source(data, name=name, form=form or form_of(name))
        self._places: dict[str, Place] = {}
        self.facts: tuple[Fact, ...] = tuple(self._read())

    def __repr__(self) -> str:
        return f"<PolicyFile {self._source.name} facts={len(self.facts)}>"

    @contextlib.contextmanager
    def pointing(self) -> Iterator[None]:
        """Let what is wrong with a policy that has these facts be said of a line of the file.

        Raises:
            InvalidPolicy: One was raised inside. If it tells of a fact of the file, of its line.
        """
        try:
            yield
        except InvalidPolicy as error:
            self.refuse(f"{error.where}: {error.reason}")
            raise

    def refuse(self, said: str) -> None:
        """Say of its line what a policy said is wrong.

        Raises:
            InvalidPolicy: If it begins with the name of a fact of the file, as policies do.
        """
        for fact, place in self._places.items():
            if said.startswith((f"{fact},", f"{fact}:")):
                where, _, _ = said[len(fact) :].partition(":")
                self._source.refuse(self._within(place, where), said)

    def _within(self, place: Place, where: str) -> Place:
        """Go on to a part of a fact that a policy names, as far as it is there."""
        for kind, name, number in _PART.findall(where):
            parts = (*place, f"{kind}s")
            found = self._source.at(parts)
            if isinstance(found, list) and number:
                place = (*parts, int(number) - 1)
            elif isinstance(found, list):
                ids = [one.get("name", one.get("id")) for one in found if isinstance(one, dict)]
                place = (*parts, ids.index(name)) if name in ids else parts
            elif isinstance(found, dict):
                place = (*parts, name)
            else:
                place = (*place, kind)
        return place

    def _read(self) -> Iterator[Fact]:
        parts = self._source.value
        if not isinstance(parts, dict):
            self._source.refuse((), f"a policy is an object with {_KNOWN}")
        for part, value in parts.items():
            if part == "groups":
                yield from self._memberships(value)
            elif part not in _PARTS:
                self._source.refuse((part,), f"unknown part {part!r}; a policy has {_KNOWN}")
            elif not isinstance(value, list):
                self._source.refuse((part,), f"{part} is a list")
            else:
                for number, each in enumerate(value):
                    yield self._fact((part, number), each, _PARTS[part])

    def _fact(
        self, place: Place, value: Any, kind: type[Role | Grant | Template | Confines]
    ) -> Fact:
        self._see_times(place, value)
        try:
            fact: Fact = msgspec.convert(value, kind)
        except msgspec.ValidationError as error:
            self._refuse_value(place, str(error))
        self._keep(fact, place)
        return fact

    def _memberships(self, groups: Any) -> Iterator[Fact]:
        if not isinstance(groups, dict):
            self._source.refuse(("groups",), "groups are names, each with a list of members")
        for group, members in groups.items():
            place: Place = ("groups", group)
            self._places[f'group "{group}"'] = place
            if not isinstance(members, list):
                self._source.refuse(place, "a group is a list of its members")
            for number, member in enumerate(members):
                at = (*place, number)
                if not isinstance(member, str):
                    self._source.refuse(at, "a member is the name of a subject, or of a group")
                fact = Membership(group, member)
                self._keep(fact, at)
                yield fact

    def _keep(self, fact: Fact, place: Place) -> None:
        name = place_of(*name_of(fact))
        if name in self._places:
            self._source.refuse(place, f"{name} is there twice")
        self._places[name] = place

    def _see_times(self, place: Place, value: Any) -> None:
        """Let dates be seconds, in grants and in those of templates."""
        if not isinstance(value, dict):
            return
        grants = value.get("grants")
        for number, grant in enumerate(grants if isinstance(grants, list) else ()):
            self._see_times((*place, "grants", number), grant)
        for field in _TIMES:
            moment: Any = value.get(field)
            if hasattr(moment, "tzinfo") and hasattr(moment, "timestamp"):
                if moment.tzinfo is None:
                    why = f"{field}: a moment says its offset, such as Z"
                    self._source.refuse((*place, field), why)
                value[field] = moment.timestamp()
            elif isinstance(moment, float) and not math.isfinite(moment):
                self._source.refuse((*place, field), f"{field}: {moment} is no moment")

    def _refuse_value(self, place: Place, said: str) -> NoReturn:
        """Say of its line what a field may not be."""
        found = _SAID.fullmatch(said)
        assert found is not None
        why, at = found["why"][0].lower() + found["why"][1:], found["at"] or ""
        for step in _STEP.finditer(at):
            place = (*place, step["name"] or int(step["number"]))
        if at.endswith("[...]"):
            slots = self._source.at(place)
            place = (*place, next(name for name, kind in slots.items() if kind not in _SLOTS))
        names = [step for step in place if isinstance(step, str)]
        unknown = _UNKNOWN.fullmatch(why)
        if unknown is not None:
            owner = next(_OWNERS[name] for name in reversed(names) if name in _OWNERS)
            known = ", ".join(owner.__struct_fields__)
            place = (*place, unknown["name"])
            why = f"unknown field {unknown['name']!r}; a {owner.__name__.lower()} has {known}"
        elif why.startswith("invalid enum value"):
            choice = next(_CHOICES[name] for name in reversed(names) if name in _CHOICES)
            why = f"{why}; it is one of {', '.join(get_args(choice))}"
        else:
            why = f"{names[-1]}: {why}"
        self._source.refuse(place, why)
