r"""★ Contents as lines for people: maps and lists as in YAML, values as in JSON, XML as markup.

Whatever a document holds fits on lines of its own: a line end inside a value is written as ``\n``,
except in texts, whose lines are lines here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from .changed import Path
from .tree import (
    ArrayNode,
    ElementNode,
    MapNode,
    Subdocument,
    TextNode,
    XmlNode,
    XmlTextNode,
    plain_content,
)

__all__ = ["brief", "embedded", "outline", "scalar", "spelled", "start_tag"]

# As much as fits on a line of most terminals.
WIDTH = 80

_WORD = re.compile(r"[^\W\d]\w*")


def outline(content: Any, label: str = "") -> list[str]:
    """Write a content on lines.

    Args:
        content: Any.
        label: What to begin the first line with, such as ``key: ``.

    >>> from .tree import Entry
    >>> tags = ArrayNode(None, (Entry("a"), Entry(None)))
    >>> outline(MapNode(None, {"tags": Entry(tags), "due": Entry(2027)}), "meta:")
    ['meta:', '  due: 2027', '  tags:', '    - "a"', '    - null']
    """
    match content:
        case MapNode():
            values = {key: entry.value for key, entry in content.entries.items()}
            return _block(label, _keyed(values), "{}")
        case dict():
            return _block(label, _keyed(content), "{}")
        case ArrayNode():
            return _block(label, _listed(entry.value for entry in content.items), "[]")
        case list() | tuple():
            return _block(label, _listed(content), "[]")
        case XmlNode():
            children = [line for each in content.children for line in outline(each.value)]
            return _block(label, children, "<></>")
        case ElementNode():
            return _labelled(label, _element(content))
        case TextNode() | XmlTextNode():
            return _labelled(label, _text(content))
    return [label + scalar(content)]


def _block(label: str, lines: list[str], nothing: str) -> list[str]:
    if not lines:
        return [label + nothing if not label or label.endswith(" ") else f"{label} {nothing}"]
    return [label.rstrip(), *_indented(lines)] if label else lines


def _labelled(label: str, lines: list[str]) -> list[str]:
    if not label or len(lines) == 1:
        return [label + lines[0], *lines[1:]]
    return [label.rstrip(), *_indented(lines)]


def _indented(lines: Iterable[str]) -> list[str]:
    return [f"  {line}" for line in lines]


def _keyed(values: Mapping[str, Any]) -> list[str]:
    return [line for key in sorted(values) for line in outline(values[key], f"{_name(key)}: ")]


def _listed(values: Iterable[Any]) -> list[str]:
    return [line for value in values for line in outline(value, "- ")]


def _element(node: ElementNode) -> list[str]:
    whole: str = plain_content(node)
    if len(whole) <= WIDTH and "\n" not in whole:
        return [whole]
    children = [line for each in node.children for line in outline(each.value)]
    return [start_tag(node), *_indented(children)]


def start_tag(node: ElementNode) -> str:
    """The beginning of an element, with its attributes.

    >>> from .tree import Entry
    >>> start_tag(ElementNode("p", None, {"align": Entry("left")}))
    '<p align="left">'
    """
    attributes = (f" {key}={scalar(node.attributes[key].value)}" for key in sorted(node.attributes))
    return f"<{node.tag}{''.join(attributes)}>"


def _text(node: TextNode | XmlTextNode) -> list[str]:
    shown = "".join(
        run.value if isinstance(run.value, str) else embedded(run.value) for run in node.runs
    )
    return [scalar(line) for line in shown.splitlines(keepends=True)] or ['""']


def embedded(value: Any) -> str:
    """An embedded object as it stands in a text.

    >>> embedded({"image": "a.png"})
    '⟦{"image":"a.png"}⟧'
    """
    return f"⟦{brief(value)}⟧"


def brief(content: Any) -> str:
    """A content on one line, cut where it is longer than that.

    >>> brief(MapNode())
    '{}'
    """
    plain = plain_content(content)
    is_markup = isinstance(content, XmlNode | ElementNode)
    line = plain.replace("\n", "\\n") if is_markup else scalar(plain)
    return line if len(line) <= WIDTH else f"{line[: WIDTH - 1]}…"


def scalar(value: Any) -> str:
    """A plain value as JSON; what that does not have, as Python writes it.

    >>> scalar("a"), scalar(None), scalar(b"a")
    ('"a"', 'null', "b'a'")
    """
    if isinstance(value, bytes):
        return repr(value)
    if isinstance(value, Subdocument):
        return f"document {value.guid}"
    try:
        return msgspec.json.encode(value).decode()
    except UnicodeEncodeError:  # JSON can escape half a character, and Unicode has none
        return json.dumps(value, default=repr)


def spelled(path: Path) -> str:
    """A path as one word.

    >>> spelled(("meta", "tags", 0, "two words"))
    'meta.tags[0]["two words"]'
    """
    root, *rest = path
    shown = _name(str(root))
    for step in rest:
        if isinstance(step, str) and _WORD.fullmatch(step):
            shown += f".{step}"
        else:
            shown += f"[{scalar(step)}]"
    return shown


def _name(key: str) -> str:
    return key if _WORD.fullmatch(key) else scalar(key)
