"""★ A difference in colours: as pieces for a terminal, and as a page for people who rather look.

Rules:

1. The page is one file that needs nothing else: no script, no font, no request. It says so to the
   browser, which then runs nothing, whatever a document holds.
2. All content is escaped, and so are names of people. What a browser or a terminal obeys instead
   of showing is spelled out; text that runs from right to left does so within its line only.
3. A person has one colour on every page: it is made of the name. Nothing is told by colour alone,
   and on a dark screen the page is dark.
"""

from __future__ import annotations

import html
import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import Final, TypeAlias

from .changed import KeyChange
from .rows import Kind, Line, Span
from .tree import Stamp
from .unified import SIGNS, unified

__all__ = ["Piece", "page", "pieces", "spelled_out", "styled"]

Piece: TypeAlias = tuple[str, str]
"""Some text, and its style as rich and most terminals call it; empty for none."""

_STYLES: Final[dict[Kind, str]] = {
    "head": "bold",
    "hunk": "cyan",
    "same": "",
    "old": "red",
    "new": "green",
    "note": "magenta",
}
_KINDS: Final[dict[str, Kind]] = {sign: kind for kind, sign in SIGNS.items() if sign}
# Beside the colour, so that it is seen without.
_MARKED: Final = "bold underline"

# C0 without tab, DEL and C1; marks that turn the direction of what comes after them.
_OBEYED: Final = {
    code: f"\\x{code:02x}" for code in (*range(9), *range(10, 32), 127, *range(128, 160))
} | {
    code: f"\\u{code:04x}"
    for code in (*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F)
}


def spelled_out(text: str) -> str:
    r"""Text of one line, with what would be obeyed spelled out.

    >>> spelled_out("a\x1b[2J")
    'a\\x1b[2J'
    """
    return text.translate(_OBEYED)


def pieces(roots: dict[str, KeyChange]) -> Iterator[tuple[Piece, ...]]:
    """The lines of a unified diff, each as pieces with their styles.

    Args:
        roots: What :attr:`.Difference.roots` has.
    """
    for line in unified(roots):
        style = _STYLES[line.kind]
        marked = f"{style} {_MARKED}"
        yield (
            (SIGNS[line.kind], style),
            *((spelled_out(span.text), marked if span.marked else style) for span in line.spans),
        )


def styled(unified_diff: str) -> Iterator[tuple[Piece, ...]]:
    r"""The lines of a unified diff that is text, with the styles that can be told from it.

    >>> list(styled("-a\n+b"))
    [(('-a', 'red'),), (('+b', 'green'),)]
    """
    for text in unified_diff.split("\n"):
        kind: Kind = "hunk" if text.startswith("@@ ") else "same"
        if text.startswith(("--- ", "+++ ")):
            kind = "head"
        elif text[:1] in _KINDS:
            kind = _KINDS[text[:1]]
        yield ((spelled_out(text), _STYLES[kind]),)


def page(
    roots: dict[str, KeyChange], *, title: str, about: str = "", clock: Callable[[int], str] = str
) -> str:
    """A difference as an HTML page.

    Args:
        roots: What :attr:`.Difference.roots` has.
        title: What is compared.
        about: One more sentence for its head.
        clock: Shows a time in Unix milliseconds.

    >>> "<script>" in page({}, title="<script>")
    False
    """
    lines = list(unified(roots))
    people = dict.fromkeys(_name(stamp) for line in lines for stamp in line.by)
    body = "".join(_parts(lines, clock)) or "<p>Nothing is different.</p>"
    legend = "".join(f'<li style="--who: {_hue(who)}">{_escaped(who)}</li>' for who in people)
    return _PAGE.format(
        title=_escaped(title),
        about=_escaped(about),
        style=_STYLE,
        legend=f'<ul class="who">{legend}</ul>' if people else "",
        body=body,
    )


def _name(stamp: Stamp) -> str:
    return stamp.subject or "somebody"


def _hue(who: str) -> int:
    return zlib.crc32(who.encode("utf-8", "surrogatepass")) % 360


def _escaped(text: str) -> str:
    # Half characters, which JSON can have and UTF-8 cannot, would keep the page from being written.
    sound = spelled_out(text).encode("utf-8", "replace").decode()
    return html.escape(sound)


def _parts(lines: Iterable[Line], clock: Callable[[int], str]) -> Iterator[str]:
    """Each part a section with its path as a heading, each of its lines a row of a table."""
    is_open = False
    for line in lines:
        if line.kind == "head":
            # The path stands twice, as in a unified diff; once is enough here.
            if line.text.startswith("+++"):
                yield f"<h2>{_escaped(line.text[4:])}</h2><table>"
                is_open = True
            elif is_open:
                yield "</table>"
            continue
        yield _row(line, clock)
    if is_open:
        yield "</table>"


def _row(line: Line, clock: Callable[[int], str]) -> str:
    if line.kind == "hunk":
        return f'<tr class="hunk"><td></td><td></td><td>{_escaped(line.text)}</td></tr>'
    who = whose = ""
    if line.by:
        last = line.by[-1]
        who = f' style="--who: {_hue(_name(last))}" class="by"'
        whose = f"{_name(last)}, #{last.seq}, {clock(last.at_ms)}"
    content = "".join(map(_span, line.spans)) or "&#8203;"
    return (
        f'<tr class="{line.kind}"><td{who} title="{_escaped(whose)}"></td>'
        f"<td>{SIGNS[line.kind].strip()}</td><td><bdi>{content}</bdi></td></tr>"
    )


def _span(span: Span) -> str:
    text = _escaped(span.text)
    return f"<mark>{text}</mark>" if span.marked else text


_STYLE: Final = """
:root { color-scheme: light dark; --ink: #1c1c1c; --paper: #fff; --rule: #d7d7d7; --dim: #5f5f5f;
  --old: #fbe3e4; --new: #e0f3e4; --old-mark: #f2b3b7; --new-mark: #a6dcb2; --light: 45%; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e4e4; --paper: #161616; --rule: #3a3a3a;
  --dim: #a0a0a0; --old: #3a1f22; --new: #17311d; --old-mark: #77343b; --new-mark: #2b6138;
  --light: 65%; } }
body { margin: 2rem auto; max-width: 72rem; padding: 0 1rem; color: var(--ink);
  background: var(--paper); font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.4rem; } h2 { font: 600 1rem ui-monospace, monospace; margin: 2rem 0 .4rem; }
p { color: var(--dim); }
.who { list-style: none; padding: 0; display: flex; flex-wrap: wrap; gap: .3rem 1.2rem; }
.who li::before { content: ""; display: inline-block; width: .8em; height: .8em; margin-right: .4em;
  border-radius: 50%; background: hsl(var(--who) 60% var(--light)); }
table { width: 100%; border-collapse: collapse; border: 1px solid var(--rule); table-layout: fixed;
  font: 13px/1.5 ui-monospace, monospace; }
td { padding: 0 .5rem; vertical-align: top; white-space: pre-wrap; overflow-wrap: anywhere; }
td:first-child { width: 4px; padding: 0; } td:nth-child(2) { width: 1ch; color: var(--dim); }
.by { background: hsl(var(--who) 60% var(--light)); }
.hunk td, .note td { color: var(--dim); } .hunk td { border-top: 1px solid var(--rule); }
.old { background: var(--old); } .new { background: var(--new); }
mark { color: inherit; background: none; } bdi { unicode-bidi: isolate; }
.old mark { background: var(--old-mark); } .new mark { background: var(--new-mark); }
"""

_PAGE: Final = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<h1>{title}</h1>
<p>{about}</p>
{legend}
{body}
</body>
</html>
"""
