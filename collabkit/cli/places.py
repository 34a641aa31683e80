"""What commands about access take: places, moments, and rules, as people write them.

======================== ===================================================
written                  meant
======================== ===================================================
``acme~``                ``/projects/acme``
``acme~plan``            ``/projects/acme/sessions/plan``
``plan``                 ``/projects/default/sessions/plan``
``acme~plan/main``       ``/projects/acme/sessions/plan/docs/main``
``acme~plan/main:a/b``   ``/projects/acme/sessions/plan/docs/main/a/b``
``acme~plan:a/[]/b``     the same of the document ``main``, in an element
``acme~*/main``          ``/projects/acme/sessions/*/docs/main``, where patterns are taken
``/projects/**``         what it says, as everything that begins with ``/``
======================== ===================================================
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Any

import msgspec
import typer

from ..access.paths import (
    ELEMENT,
    Path,
    document_path,
    parse,
    pattern,
    project_path,
    quote,
    session_path,
    show,
)
from ..access.rules import ACTIONS, Effect, Permission
from ..errors import InvalidName, InvalidPolicy
from ..ids import RoomName

__all__ = ["Allow", "Deny", "Scope", "Where", "moment", "path_of", "pattern_of", "rules_of"]

Where = Annotated[
    str,
    typer.Argument(
        metavar="PATH",
        help="To what: as acme~plan, acme~plan/main:body, acme~, or a path from /.",
        show_default=False,
    ),
]
Scope = Annotated[
    str,
    typer.Argument(
        metavar="WHERE",
        help="Where, and in all beneath: as acme~plan, acme~plan/main:body, acme~, or a pattern "
        "from /, such as /**.",
        show_default=False,
    ),
]
Allow = Annotated[
    list[str] | None,
    typer.Option(
        metavar="RULE",
        help="What is allowed, as 'write acme~plan/main:body if change.own'; repeatable.",
    ),
]
Deny = Annotated[
    list[str] | None, typer.Option(metavar="RULE", help="What is denied, likewise; repeatable.")
]

_RULE = re.compile(r"\s*(?P<action>\S+)\s+(?P<where>\S+)(?:\s+if\s+(?P<condition>.+))?", re.DOTALL)
_SPAN = re.compile(r"\+?(?P<number>\d+)(?P<unit>[smhdw])")
_WILD = {"%2A": "*", "%2A%2A": "**"}
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


def path_of(written: str) -> str:
    """The path that is meant.

    Raises:
        InvalidName: No session can be called so.
        InvalidPolicy: It is no path.

    >>> path_of("acme~plan:body/a b")
    '/projects/acme/sessions/plan/docs/main/body/a b'
    """
    if written.startswith("/"):
        return show(parse(written))
    return show(_place(written))


def pattern_of(written: str) -> str:
    """The pattern that is meant.

    Raises:
        InvalidName: No session can be called so.
        InvalidPolicy: It is no pattern.

    >>> pattern_of("acme~*")
    '/projects/acme/sessions/*'
    """
    if written.startswith("/"):
        return show(pattern(written))
    wild = (_WILD.get(each, each) for each in _place(written))
    return show(pattern(show(wild)))


def _place(written: str) -> Path:
    """A place by its short name; a name that is a wildcard is quoted."""
    room, inside, steps = written.partition(":")
    whole = room.endswith("~") and not inside
    try:
        name = RoomName.parse(f"{room}any" if whole else room)
    except InvalidName as error:
        raise InvalidName(written, error.reason) from None
    if whole:
        return project_path(name.project)
    if not inside:
        return document_path(name) if "/" in room else session_path(name)
    within = document_path(name)
    return (*within, *(each if each == ELEMENT else quote(each) for each in steps.split("/")))


def rules_of(allow: list[str] | None, deny: list[str] | None) -> tuple[Permission, ...]:
    """The permissions that rules say.

    Raises:
        InvalidPolicy: One is no rule.

    >>> rules_of(["write plan:body if change.own"], None)[0].conditions
    ('change.own',)
    """
    said: list[tuple[str, Effect]] = [(each, "allow") for each in allow or ()]
    said += [(each, "deny") for each in deny or ()]
    return tuple(_rule(text, effect) for text, effect in said)


def _rule(text: str, effect: Effect) -> Permission:
    found = _RULE.fullmatch(text)
    if found is None or found["action"] not in ACTIONS:
        why = f"it begins with one of {', '.join(ACTIONS)}, and says where"
        raise InvalidPolicy(f"rule {text!r}", why)
    conditions = () if found["condition"] is None else (found["condition"].strip(),)
    where = pattern_of(found["where"])
    resource = where if where.endswith("/**") else f"{where}/**"
    made: dict[str, Any] = {
        "resource": resource.replace("//", "/"),
        "action": found["action"],
        "conditions": conditions,
        "effect": effect,
    }
    return msgspec.convert(made, Permission)


def moment(written: str, *, now: float) -> float:
    """The Unix seconds that are meant.

    Raises:
        typer.BadParameter: It is no moment.

    >>> moment("2h", now=1000.0)
    8200.0
    """
    span = _SPAN.fullmatch(written.strip())
    if span is not None:
        return now + int(span["number"]) * _UNITS[span["unit"]]
    try:
        return datetime.fromisoformat(written.strip()).astimezone().timestamp()
    except (ValueError, OverflowError, OSError):
        why = "is no moment, such as 2h, 30d, 2027-01-31 or 2027-01-31T09:30"
        raise typer.BadParameter(f"{written!r} {why}") from None
