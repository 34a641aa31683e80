"""On which line of a text in TOML or JSON each of its values is.

Neither of the parsers that we use tells, and somebody who wrote two hundred lines is not helped by
"unknown field". So the text is gone over once more, when there is something to point at.

Rules:

1. Whether a text is right is for its parser to say. This one takes all that the parser takes, and
   of a text that it does not take it may say anything, but says it soon.
2. A text is looked at before it is parsed as well, by :func:`see_bounds`: parsers call themselves
   for each bracket, and that of TOML copies a dotted key for each of its parts.
3. Names of TOML's tables and of its inline ones, and those of JSON's objects, are the same here:
   a path of names and of numbers, as in ``("roles", 0, "permissions", 2, "action")``.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from typing import Literal, NamedTuple, TypeAlias

from ..errors import InvalidPolicy

__all__ = ["Form", "Place", "Places", "locate", "repeated", "see_bounds"]

Form: TypeAlias = Literal["toml", "json"]

Place: TypeAlias = tuple[str | int, ...]
"""Names and numbers, from the whole to one of its parts."""

Places: TypeAlias = dict[Place, int]
"""The line on which each part of a text begins."""

# A policy needs six: a list of templates, of their roles, of permissions, of conditions.
MAX_DEPTH = 32

_TEXT = r"""
    \"{3} (?:\\.|[^\\])*? \"{3} \"{0,2}
  | '{3} .*? '{3} '{0,2}
  | "(?:\\.|[^"\\\n])*"
  | '[^'\n]*'
"""
_TOKEN = re.compile(
    rf"""
    (?P<text> {_TEXT} )
    | (?P<gap> [^\S\n]+ | \#[^\n]* )
    | (?P<line> \n )
    | (?P<mark> [\[\]{{}}=:,.] )
    | (?P<bare> [^\s"'\#\[\]{{}}=:,.]+ )
    """,
    re.VERBOSE | re.DOTALL,
)
_NESTING = re.compile(
    rf"(?: {_TEXT} | \#[^\n]* ) | (?P<mark> [\[\]{{}}=,.\n\"'] )", re.VERBOSE | re.DOTALL
)


class _Token(NamedTuple):
    kind: str
    text: str
    line: int


def _tokens(text: str) -> Iterator[_Token]:
    """All but what parts them. A quote that is not closed ends it, with the kind ``end``."""
    line, at = 1, 0
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            break
        at = found.end()
        kind = found.lastgroup or ""
        if kind != "gap":
            yield _Token(kind, found[0], line)
        line += found[0].count("\n")
    yield _Token("end", "", line)


def see_bounds(text: str, *, name: str) -> None:
    """See that a text is nested no deeper than its parser can bear.

    Raises:
        InvalidPolicy: At that line it is.
    """
    depth = dots = 0
    for found in _NESTING.finditer(text):
        match found["mark"]:
            case "[" | "{":
                depth, dots = depth + 1, 0
            case "]" | "}":
                depth -= 1
            case ".":
                dots += 1
            case "=" | "," | "\n":
                dots = 0
            case '"' | "'":
                return  # it is not closed, and its parser says so before it comes to the rest
        if depth > MAX_DEPTH or dots > MAX_DEPTH:
            line = text.count("\n", 0, found.start()) + 1
            why = f"it is nested deeper than {MAX_DEPTH} levels"
            raise InvalidPolicy(f"{name} line {line}", why)


def locate(text: str, form: Form) -> Places:
    r"""Find the lines of all parts of a text that its parser takes.

    >>> locate('[[roles]]\nname = "a"\n[[roles]]\nname = "b"', "toml")[("roles", 1, "name")]
    4
    >>> locate('{"roles": [{"name": "a"},\n {"name": "b"}]}', "json")[("roles", 1, "name")]
    2
    """
    return _Walk(text, form).places


def repeated(text: str) -> tuple[Place, int] | None:
    r"""Find a name that stands twice in an object of JSON, which its parser passes over.

    >>> repeated('{"a": 1, "b": 2,\n "a": 3}')
    (('a',), 2)
    """
    return next(iter(_Walk(text, "json").repeated), None)


class _Walk:
    """A way through the tokens of a text, from its beginning to its end."""

    def __init__(self, text: str, form: Form) -> None:
        self.places: Places = {}
        self.repeated: list[tuple[Place, int]] = []
        self._form = form
        self._tokens = _tokens(text)
        self._now = next(self._tokens)
        self._steps = 0
        # Of TOML: which table of a list is its last.
        self._lasts: dict[Place, int] = {}
        self._gap()
        self._note((), self._now.line)
        if form == "toml":
            self._document()
        else:
            self._value(())

    def _is(self, *marks: str) -> bool:
        return self._now.kind == "mark" and self._now.text in marks

    def _step(self) -> None:
        if self._now.kind != "end":
            self._now = next(self._tokens)
            self._steps += 1

    def _over(self, *marks: str) -> bool:
        """Step over one of these marks, if it is here."""
        here = self._is(*marks)
        if here:
            self._step()
        return here

    def _gap(self) -> None:
        """Go on to where there is something."""
        while self._now.kind == "line":
            self._step()

    def _note(self, place: Place, line: int) -> None:
        # A table that is named again, by a header or in a dotted key, begins where it first was.
        self.places.setdefault(place, line)

    def _document(self) -> None:
        """Go through a document in TOML: headers, and keys with values."""
        table: Place = ()
        while self._now.kind != "end":
            steps = self._steps
            if self._is("["):
                table = self._header()
            else:
                self._pair(table)
            self._on(steps)

    def _on(self, steps: int) -> None:
        """Go on. What no parser takes is stepped over, not turned about in."""
        if self._steps == steps:
            self._step()
        self._gap()

    def _header(self) -> Place:
        line = self._now.line
        self._step()
        is_list = self._over("[")
        place: Place = ()
        for name in self._key():
            place = (*self._in_last(place), name)
            self._note(place, line)
        if is_list:
            self._lasts[place] = self._lasts.get(place, -1) + 1
        place = self._in_last(place)
        self._note(place, line)
        while self._over("]"):
            pass
        return place

    def _in_last(self, place: Place) -> Place:
        return (*place, self._lasts[place]) if place in self._lasts else place

    def _key(self) -> Iterator[str]:
        while self._now.kind in ("bare", "text"):
            yield self._name()
            self._step()
            self._over(".")

    def _name(self) -> str:
        written = self._now.text
        if self._now.kind == "bare":
            return written
        if self._form == "json":
            return str(json.loads(written))
        return str(tomllib.loads(f"_ = {written}")["_"])

    def _pair(self, table: Place) -> None:
        line = self._now.line
        place = table
        for name in self._key():
            place = (*place, name)
            if place in self.places:
                self.repeated.append((place, line))
            self._note(place, line)
        self._over("=", ":")
        self._gap()
        self._value(place)

    def _value(self, place: Place) -> None:
        """Go through a value."""
        self._note(place, self._now.line)
        if self._over("["):
            self._list(place)
        elif self._over("{"):
            self._table(place)
        elif self._now.kind == "text":
            self._step()
        else:
            # A number with a fraction, or a time with its colons.
            while self._now.kind == "bare" or self._is(".", ":"):
                self._step()

    def _list(self, place: Place) -> None:
        number = 0
        while not self._ended("]"):
            steps = self._steps
            self._value((*place, number))
            self._gap()
            self._over(",")
            self._on(steps)
            number += 1

    def _table(self, place: Place) -> None:
        while not self._ended("}"):
            steps = self._steps
            self._pair(place)
            self._gap()
            self._over(",")
            self._on(steps)

    def _ended(self, mark: str) -> bool:
        self._gap()
        return self._over(mark) or self._now.kind == "end"
