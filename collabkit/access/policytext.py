"""Facts written as the text of a policy file.

Rules:

1. What :mod:`.policyfile` reads of a text is what was written, all of it.
2. The same facts are the same text, in whatever order they come: texts can be compared.
3. TOML is for people, and leaves out what is usual. JSON is for programs, and leaves out nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, assert_never

import msgspec

from .facts import name_of
from .locating import Form
from .rules import Confines, Fact, Grant, Membership, Role, Template

__all__ = ["policy_text"]

_BARE = re.compile(r"[A-Za-z0-9_-]+")

# Lists whose members are worth a line each.
_LONG = ("permissions", "roles", "grants")


def policy_text(facts: Iterable[Fact], *, form: Form = "toml") -> str:
    """Write facts down.

    >>> print(policy_text([Grant("1", "user:ada", role="viewer", scope="/projects/acme")]), end="")
    [[grants]]
    id = "1"
    subject = "user:ada"
    role = "viewer"
    scope = "/projects/acme"
    """
    parts = _parts(sorted(facts, key=name_of))
    if form == "json":
        built = {name: msgspec.to_builtins(part) for name, part in parts.items() if part}
        return msgspec.json.format(msgspec.json.encode(built), indent=2).decode() + "\n"
    return "\n".join(_toml(parts))


def _parts(facts: Iterable[Fact]) -> dict[str, Any]:
    roles: list[Role] = []
    grants: list[Grant] = []
    groups: dict[str, list[str]] = {}
    templates: list[Template] = []
    confines: list[Confines] = []
    for fact in facts:
        match fact:
            case Role():
                roles.append(fact)
            case Grant():
                grants.append(fact)
            case Membership(group, member):
                groups.setdefault(group, []).append(member)
            case Template():
                templates.append(fact)
            case Confines():
                confines.append(fact)
            case _:
                assert_never(fact)
    return {
        "roles": roles,
        "groups": groups,
        "grants": grants,
        "templates": templates,
        "confines": confines,
    }


def _toml(parts: dict[str, Any]) -> Iterator[str]:
    for name, part in parts.items():
        if name == "groups":
            if part:
                yield "[groups]"
                yield from (f"{_key(group)} = {_value(members)}" for group, members in part.items())
                yield ""
            continue
        for fact in part:
            yield f"[[{name}]]"
            for field, value in _said(fact).items():
                if field in _LONG:
                    yield f"{field} = ["
                    yield from (f"    {_value(each)}," for each in value)
                    yield "]"
                else:
                    yield f"{field} = {_value(value)}"
            yield ""


def _said(fact: msgspec.Struct) -> dict[str, Any]:
    """The fields of which something is said that is not usual."""
    usual = {field.name: field.default for field in msgspec.structs.fields(fact)}
    usual |= {"slots": {}}
    said = msgspec.structs.asdict(fact)
    return {name: value for name, value in said.items() if value != usual[name]}


def _value(value: Any) -> str:
    if isinstance(value, msgspec.Struct):
        value = _said(value)
    if isinstance(value, Mapping):
        pairs = ", ".join(f"{_key(name)} = {_value(each)}" for name, each in value.items())
        return f"{{ {pairs} }}" if pairs else "{}"
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, int | float):
        return repr(value)
    return f"[{', '.join(map(_value, value))}]"


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else _text(name)


def _text(text: str) -> str:
    # TOML's basic strings have JSON's escapes, and want one character more escaped.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
