"""Paths: the one space in which everything has a name that can be permitted.

Grammar::

    /projects/{p}                                       a project
    /projects/{p}/ops/{name}                            an operation on it
    /projects/{p}/sessions/{s}                          a session
    /projects/{p}/sessions/{s}/ops/{name}               an operation on it
    /projects/{p}/sessions/{s}/docs/{d}                 a document
    /projects/{p}/sessions/{s}/docs/{d}/{root}/{key}…   something inside
    /access/groups/{g}                                  who is in a group; likewise
    /access/roles/{r}  /access/templates/{t}            what those are

Rules:

1. A path is compared segment by segment, never by its characters.
2. In a pattern ``*`` is any one segment, and ``**``, as the last, is the rest, of which there may
   be nothing: ``/a/**`` is ``/a`` and all beneath it.
3. In a segment ``/`` is written ``%2F``, and ``% * [ ] { }`` and control characters likewise; the
   empty key of a map is ``%``, and ``.`` and ``..`` are ``%2E`` and ``%2E%2E``. No other way to
   write a name is taken: a rule would not know that both are one.
4. What an array, a text or an XML node has inside is called ``[]``, since places in a sequence
   do not stay: ``…/docs/main/todos/[]/done``.
5. A session is named as its users name it, so that rules can be written before it exists; a
   document likewise.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable
from typing import TypeAlias

from ..errors import InvalidPolicy
from ..ids import RoomName

__all__ = [
    "ELEMENT",
    "Path",
    "covers",
    "document_path",
    "inside",
    "join",
    "matches",
    "meet",
    "operation_path",
    "overlaps",
    "parse",
    "pattern",
    "project_path",
    "quote",
    "session_path",
    "show",
    "unquote",
    "within",
]

Path: TypeAlias = tuple[str, ...]
"""The segments of a path or pattern, quoted as they are written."""

ELEMENT = "[]"
"""What stands in a sequence."""

# Longer than any honest path; nested as deep as the engine lets documents be, and some.
MAX_CHARACTERS = 4096
MAX_SEGMENTS = 128

_PLAIN = r"%/*\[\]{}\x00-\x1f\x7f"
_QUOTED = re.compile(f"[{_PLAIN}]")
_ESCAPED = re.compile(r"%([0-9A-F]{2})")
_WRITTEN = re.compile(
    rf"""(?: / (?!\.\.?(?:/|\Z))
        (?: \*\*? | \[\] | % | (?:%2E){{1,2}}
          | (?: [^{_PLAIN}]++ | %(?:2[5AF]|[57][BD]|7F|[01][0-9A-F]) )++ )
    )+""",
    re.VERBOSE,
)


def quote(name: str) -> str:
    """Write any text as one segment.

    >>> quote("a/b"), quote(""), quote("..")
    ('a%2Fb', '%', '%2E%2E')
    """
    if name in ("", ".", ".."):
        return name.replace(".", "%2E") or "%"
    return _QUOTED.sub(lambda found: f"%{ord(found[0]):02X}", name)


def unquote(segment: str) -> str:
    """Read the name that is written as a segment.

    >>> unquote("a%2Fb"), unquote("%")
    ('a/b', '')
    """
    if segment == "%":
        return ""
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), segment)


def show(path: Iterable[str]) -> str:
    """Write segments as a path."""
    return "/" + "/".join(path)


def join(path: Path, *names: str) -> Path:
    """Go on from a path by names, each of which becomes one segment."""
    return (*path, *map(quote, names))


def parse(path: str) -> Path:
    """Read a path, which has no wildcards.

    Raises:
        InvalidPolicy: It is none.

    >>> parse("/projects/acme")
    ('projects', 'acme')
    """
    segments = _segments(path)
    for segment in segments:
        if "*" in segment:
            raise InvalidPolicy(f"path {_shown(path)}", "a wildcard stands in patterns only")
    return segments


@functools.lru_cache(maxsize=16_384)  # hundreds of thousands of grants have few scopes
def pattern(text: str) -> Path:
    """Read a pattern.

    Raises:
        InvalidPolicy: It is none.

    >>> pattern("/projects/*/sessions/**")
    ('projects', '*', 'sessions', '**')
    """
    segments = _segments(text)
    if "**" in segments[:-1]:
        raise InvalidPolicy(f"pattern {_shown(text)}", "`**` can only be the last segment")
    return segments


def _segments(text: str) -> Path:
    if text == "/":
        return ()
    if len(text) <= MAX_CHARACTERS and _WRITTEN.fullmatch(text):
        segments = tuple(text[1:].split("/"))
        if len(segments) <= MAX_SEGMENTS:
            return segments
    raise InvalidPolicy(f"path {_shown(text)}", _wrong(text))


def _wrong(text: str) -> str:
    if not text.startswith("/"):
        return "it begins with `/`"
    if len(text) > MAX_CHARACTERS or text.count("/") > MAX_SEGMENTS:
        return f"it is longer than {MAX_CHARACTERS} characters or {MAX_SEGMENTS} segments"
    segment = next(each for each in text[1:].split("/") if not _WRITTEN.fullmatch("/" + each))
    if segment in ("", ".", ".."):
        return f"it has the segment {segment!r}"
    if "{" in segment:
        return f"{segment!r}: a slot stands in templates only, and in a name `{{` is `%7B`"
    if "*" in segment:
        return f"{segment!r}: `*` is a whole segment, or `%2A` in a name"
    return f"{segment!r}: that is written {quote(unquote(segment))!r}"


def _shown(text: str) -> str:
    return repr(text if len(text) <= 80 else f"{text[:77]}...")


def matches(pattern: Path, path: Path) -> bool:
    """Whether a pattern names a path.

    >>> matches(("a", "**"), ("a",)), matches(("a", "*"), ("a",))
    (True, False)
    """
    if pattern and pattern[-1] == "**":
        pattern = pattern[:-1]
        path = path[: len(pattern)]
    return len(pattern) == len(path) and all(
        p in ("*", s) for p, s in zip(pattern, path, strict=True)
    )


def within(scope: Path, path: Path) -> bool:
    """Whether a path is named by a scope, or is beneath what it names."""
    return matches(scope if scope[-1:] == ("**",) else (*scope, "**"), path)


def covers(wide: Path, narrow: Path) -> bool:
    """Whether a pattern names all that another one does.

    >>> covers(("a", "**"), ("a", "*", "b")), covers(("a", "b"), ("a", "*"))
    (True, False)
    """
    if wide and wide[-1] == "**":
        wide, rest = wide[:-1], True
    else:
        rest = False
    bare = narrow[:-1] if narrow[-1:] == ("**",) else narrow
    if len(bare) < len(wide) or (not rest and (len(bare) > len(wide) or bare != narrow)):
        return False
    return all(w in ("*", n) for w, n in zip(wide, bare, strict=False))


def meet(one: Path, other: Path) -> Path | None:
    """The pattern of what two patterns both name; None if that is nothing.

    >>> meet(("a", "**"), ("*", "b"))
    ('a', 'b')
    """
    goes_on = one[-1:] == other[-1:] == ("**",)
    short, long = sorted((one, other), key=lambda each: len(each) - (each[-1:] == ("**",)))
    bare = long[:-1] if long[-1:] == ("**",) else long
    if short[-1:] == ("**",):
        short = short[:-1]
    elif len(short) < len(bare):
        return None
    head = [q if p == "*" else p for p, q in zip(short, bare, strict=False)]
    if any(q not in ("*", h) for h, q in zip(head, bare, strict=False)):
        return None
    return (*head, *bare[len(short) :], *(("**",) if goes_on else ()))


def overlaps(one: Path, other: Path) -> bool:
    """Whether there is a path that both patterns name."""
    return meet(one, other) is not None


def project_path(project: str) -> Path:
    """The path of a project."""
    return join(("projects",), project)


def session_path(room: RoomName) -> Path:
    """The path of the session that a room is in."""
    return ("projects", quote(room.project), "sessions", quote(room.session))


def document_path(room: RoomName) -> Path:
    """The path of a document.

    >>> show(document_path(RoomName.parse("acme~plan/budget/2027")))
    '/projects/acme/sessions/plan/docs/budget%2F2027'
    """
    return (*session_path(room), "docs", quote(room.document))


def inside(document: str, steps: Iterable[str | None]) -> str:
    """The path of something in a document, from its root; None is in a sequence.

    >>> inside("/projects/acme/sessions/plan/docs/main", ("todos", None, "a/b"))
    '/projects/acme/sessions/plan/docs/main/todos/[]/a%2Fb'
    """
    named = (ELEMENT if step is None else quote(step) for step in steps)
    return "/".join((document, *named)) or "/"


def operation_path(of: Path, name: str) -> Path:
    """The path of an operation on a project or a session."""
    return (*of, "ops", quote(name))
