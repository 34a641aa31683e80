"""A difference in colours, with nothing in it that is obeyed."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

import pytest

from collabkit.history.difference import difference
from collabkit.history.markup import page, pieces, styled
from collabkit.history.tree import Entry, MapNode, Run, Stamp, TextNode, Tree
from collabkit.ids import Seq, Subject

ADA = Stamp(Seq(3), Subject("user:ada"), 1000)


def text(value: str, by: Stamp | None = ADA) -> Tree:
    return {"t": TextNode(None, (Run(value, {}, by),))}


def test_each_piece_has_its_style() -> None:
    """Colours say what a line is, and marks what changed in it."""
    *_, old, new = pieces(difference(text("a cat"), text("a dog")).roots)
    assert old == (("-", "red"), ("a ", "red"), ("cat", "red bold underline"))
    assert new == (("+", "green"), ("a ", "green"), ("dog", "green bold underline"))


def test_a_difference_that_is_text_has_styles_too() -> None:
    """Lines of one that came from elsewhere are coloured by how they begin."""
    found = difference(text("a cat"), text("a dog"))
    whole = ["".join(each for each, _ in line) for line in pieces(found.roots)]
    lines = list(styled(str(found)))
    assert [line[0][0] for line in lines] == whole
    assert [line[0][1] for line in lines] == ["bold", "bold", "cyan", "red", "green"]


def test_a_terminal_obeys_nothing() -> None:
    """Controls and marks that turn the direction of writing are spelled out."""
    *_, new = pieces(difference({}, text("\x1b[2J\u202e")).roots)
    assert new[1:] == (("\\x1b[2J\\u202e", "green bold underline"),)


class Reads(HTMLParser):
    """What a browser makes of a page: its tags, and the text of its cells."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, Any]]] = []
        self.shown = ""
        self._inside: list[str] = []
        self.feed(page)
        self.close()
        assert self._inside == [], "each tag that is opened is closed"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag != "meta":
            self._inside.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._inside.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._inside and self._inside[-1] != "style":
            self.shown += data


HOSTILE = '</td><script>alert(1)</script><img src=x onerror="alert(1)">\x1b[2J\u202e&quot;{title}'


@pytest.mark.parametrize("hostile", [HOSTILE, '" onmouseover="alert(1)', "\ud800", "{body}"])
def test_hostile_content_is_text(hostile: str) -> None:
    """Text, keys, names of roots and of people are shown, and nothing of them is a tag."""
    by = Stamp(Seq(1), Subject(hostile), 1)
    new: Tree = {
        hostile: MapNode(None, {hostile: Entry(hostile, by)}),
        "t": TextNode(None, (Run(hostile.replace("\ud800", ""), {"a": hostile}, by),)),
    }
    plain = Reads(page(difference({}, {"r": MapNode(None, {"k": Entry(1, ADA)})}).roots, title=""))
    read = Reads(page(difference({}, new).roots, title=hostile, about=hostile))
    assert {tag for tag, _ in read.tags} - {"mark"} <= {tag for tag, _ in plain.tags}
    names = {name for _, attributes in read.tags for name in attributes}
    assert names <= {name for _, attributes in plain.tags for name in attributes}
    assert "\x1b" not in read.shown
    page(difference({}, new).roots, title=hostile).encode()
    if hostile == HOSTILE:
        assert read.shown.count("<script>alert(1)</script>") >= 6


def test_a_page_tells_whose_each_line_is() -> None:
    """Each author is in the legend, and a line says by whom and when it came."""
    read = Reads(
        page(difference({}, text("a")).roots, title="plan", clock=lambda ms: f"at {ms} ms")
    )
    assert "user:ada" in read.shown
    titles = [attributes["title"] for _, attributes in read.tags if attributes.get("title")]
    assert titles == ["user:ada, #3, at 1000 ms"]


def test_a_page_without_a_difference_says_so() -> None:
    """There is no empty page."""
    assert "Nothing is different." in Reads(page({}, title="plan")).shown
