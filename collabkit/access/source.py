"""A text in TOML or JSON, read, that can say on which line what is wrong with it is."""

from __future__ import annotations

import json
import re
import tomllib
from typing import Any, NoReturn

from ..errors import InvalidPolicy
from .locating import Form, Place, Places, locate, repeated, see_bounds

__all__ = ["MAX_BYTES", "Source"]

# Two hundred thousand grants, and less than a process that reads them should have left.
MAX_BYTES = 64 * 1024 * 1024

_LINE = re.compile(r" ?\(at (?:line (?P<line>\d+), column \d+|end of document)\)")


class Source:
    r"""What a file of a policy says, before anybody asks whether it makes sense.

    Args:
        data: The bytes of the file.
        name: What errors call it.
        form: How it is written.

    Raises:
        InvalidPolicy: Its parser does not take it.

    >>> Source(b'a = [1,\n 2]', name="a.toml", form="toml").refuse(("a", 1), "it is two")
    Traceback (most recent call last):
    collabkit.errors.InvalidPolicy: a.toml line 2: it is two
    """

    def __init__(self, data: bytes, *, name: str, form: Form) -> None:
        self.name = name
        self._form = form
        self._places: Places | None = None
        if len(data) > MAX_BYTES:
            raise InvalidPolicy(name, f"it has more than {MAX_BYTES} bytes")
        try:
            self._text = data.decode("utf-8-sig").replace("\r\n", "\n")
        except UnicodeDecodeError as error:
            self._refuse_line(data.count(b"\n", 0, error.start) + 1, "it is not UTF-8")
        see_bounds(self._text, name=name)
        self.value: Any = self._toml() if form == "toml" else self._json()

    def __repr__(self) -> str:
        return f"<Source {self.name}>"

    def at(self, place: Place) -> Any:
        """The part that is at a place; None if there is none."""
        part = self.value
        for step in place:
            if isinstance(part, dict):
                part = part.get(step)
            elif isinstance(part, list) and isinstance(step, int) and step < len(part):
                part = part[step]
            else:
                return None
        return part

    def refuse(self, place: Place, reason: str) -> NoReturn:
        """Say what is wrong at a place, or at the nearest around it that is there.

        Raises:
            InvalidPolicy: Of that line.
        """
        if self._places is None:
            self._places = locate(self._text, self._form)
        while place not in self._places:
            place = place[:-1]
        self._refuse_line(self._places[place], reason)

    def _refuse_line(self, line: int, reason: str) -> NoReturn:
        raise InvalidPolicy(f"{self.name} line {line}", reason) from None

    def _toml(self) -> Any:
        try:
            return tomllib.loads(self._text)
        except ValueError as error:
            found = _LINE.search(str(error))
            line = found and found["line"]
            last = self._text.rstrip().count("\n") + 1
            self._refuse_line(int(line or last), _lower(_LINE.sub("", str(error))))

    def _json(self) -> Any:
        odd: list[str] = []

        def noted(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
            made = dict(pairs)
            if len(made) < len(pairs):
                odd.append("a name is there twice")
            return made

        def constant(name: str) -> None:
            odd.append(f"{name} is no number in JSON")

        try:
            parsed = json.loads(self._text, object_pairs_hook=noted, parse_constant=constant)
        except json.JSONDecodeError as error:
            self._refuse_line(error.lineno, _lower(error.msg))
        except ValueError as error:  # a number of thousands of digits
            raise InvalidPolicy(self.name, _lower(str(error))) from None
        if odd:
            found = repeated(self._text)
            if found is None:
                raise InvalidPolicy(self.name, odd[0])
            place, line = found
            self._refuse_line(line, f"{place[-1]!r} is there twice")
        return parsed


def _lower(said: str) -> str:
    return said[:1].lower() + said[1:]
