"""Writes docs/reference/cli.md from the command line itself: ``python tools/cli_reference.py``.

A test compares the page with what this would write.
"""

from __future__ import annotations

import enum
import types
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer.main

from collabkit.cli import app as module

PAGE = Path(__file__).parent.parent / "docs" / "reference" / "cli.md"

HEAD = """\
# Command line

`collabkit` works on a file of sessions, also while a relay or another program holds it: what only
looks reads beside the holder; what changes something is done by the holder, who is asked through
the socket `FILE.sock`, or by the command itself if nobody holds the file.

Where a command takes a `NAME`, it is a session's name or id, or a full name
`[PROJECT~]SESSION[/DOCUMENT]`. On a terminal listings are tables; in a pipe they are lines of
tab-separated fields under a head; with `--json` they are JSON.

Where a command about access takes a `PATH`, or says `WHERE`, places are written so:

| written | meant |
|---|---|
| `acme~` | the project `acme` |
| `acme~plan`, `plan` | a session; without a project, of `default` |
| `acme~plan/notes` | a document |
| `acme~plan/notes:a/b`, `acme~plan:a/b` | something in it; without a document, in `main` |
| `acme~*/main:todos/[]` | where patterns are taken: of any session, any element |
| `/projects/acme/ops/create` | what begins with `/` is a whole [path or pattern](access-laws.md) |

| exit code | meaning |
|---|---|
| 0 | fine |
| 1 | the answer is no: nothing of that name, not permitted, held, not written |
| 2 | wrong usage: arguments, or a file that is not what the command works on |
| 3 | damaged data |
| 130 | interrupted |

An error is one sentence on stderr. With `COLLABKIT_TRACEBACK` set in the environment, the
traceback is shown instead.

"""


def reference() -> str:
    """The whole page."""
    group = typer.main.get_command(module.app)
    return HEAD + "\n".join(_section(name, command) for name, command in _commands(group))


def _commands(group: Any, path: str = "collabkit") -> Iterator[tuple[str, Any]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _commands(command, f"{path} {name}")
        else:
            yield f"{path} {name}", command


def _section(name: str, command: Any) -> str:
    hints = typing.get_type_hints(command.callback)
    arguments = [p for p in command.params if p.param_type_name == "argument"]
    options = [p for p in command.params if p.param_type_name == "option"]
    usage = " ".join([name, *(["[OPTIONS]"] if options else []), *map(_metavar, arguments)])
    lines = [f"## `{name}`", "", _paragraphs(command.help), "", "```text", usage, "```", ""]
    rows = [(f"`{_metavar(p).strip('[]')}`", p) for p in arguments]
    rows += [(f"`{_option(p, hints[p.name])}`", p) for p in options]
    if rows:
        lines += ["| | | default |", "|---|---|---|"]
        lines += [f"| {shown} | {_text(p.help)} | {_default(p)} |" for shown, p in rows]
        lines.append("")
    return "\n".join(lines)


def _paragraphs(help_: str) -> str:
    return "\n\n".join(" ".join(part.split()) for part in help_.split("\n\n"))


def _metavar(argument: Any) -> str:
    shown = argument.metavar or argument.name.upper()
    return shown if argument.required else f"[{shown}]"


def _option(option: Any, hint: Any) -> str:
    names = ", ".join(sorted(option.opts, key=len, reverse=True))
    if option.is_flag:
        return names
    return f"{names} {option.metavar or _value(hint)}"


def _value(hint: Any) -> str:
    if typing.get_origin(hint) in (types.UnionType, typing.Union):
        (hint,) = (one for one in typing.get_args(hint) if one is not type(None))
    if typing.get_origin(hint) is typing.Literal:
        return r"\|".join(typing.get_args(hint))
    if typing.get_origin(hint) is list:
        (hint,) = typing.get_args(hint)
    if issubclass(hint, enum.Enum):
        return r"\|".join(str(member.value) for member in hint)
    return {int: "N", Path: "FILE"}.get(hint, "TEXT")


def _text(help_: str) -> str:
    return help_.replace("|", r"\|")


def _default(parameter: Any) -> str:
    if parameter.required:
        return "required"
    default = parameter.default
    if default is None or default is False:
        return ""
    return f"`{default.value if isinstance(default, enum.Enum) else default}`"


if __name__ == "__main__":
    PAGE.write_text(reference(), encoding="utf-8")
