"""What is printed can be read by people on a terminal and by programs in a pipe."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable

import pytest
from rich.tree import Tree

from collabkit.cli import render


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        """It is."""
        return True


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Callable[[], Terminal]:
    """Call it, and stdout and stderr are one terminal until the test is over."""

    def begin() -> Terminal:
        monkeypatch.setenv("TERM", "xterm-256color")
        monkeypatch.delenv("NO_COLOR", raising=False)
        screen = Terminal()
        monkeypatch.setattr(sys, "stdout", screen)
        monkeypatch.setattr(sys, "stderr", screen)
        return screen

    return begin


HOSTILE = "a\x1b[2J\x9b31m\x07\u2028\u202eb"
SPELLED = r"a\x1b[2J\x9b31m\x07\u2028\u202eb"


def test_a_listing_in_a_pipe_is_fields_between_tabs(capsys: pytest.CaptureFixture[str]) -> None:
    """In a pipe every cell is whole and plain, however long, with the head above."""
    render.listing(("Name", "Size"), [("n" * 300, "1 B"), ("m", "22 B")], empty="none")
    assert capsys.readouterr().out == f"name\tsize\n{'n' * 300}\t1 B\nm\t22 B\n"


def test_a_listing_on_a_terminal_is_a_table(terminal: Callable[[], Terminal]) -> None:
    """On a terminal columns are aligned and the head is bold."""
    screen = terminal()
    render.listing(("Name", "Size"), [("n", "1 B"), ("m", "22 B")], empty="-", right=("Size",))
    shown = screen.getvalue()
    assert "\x1b[1mName" in shown
    assert " 1 B" in shown
    assert "22 B" in shown


def test_nothing_to_list_is_said_beside_the_answer(capsys: pytest.CaptureFixture[str]) -> None:
    """An empty listing leaves its head on stdout and says so on stderr."""
    render.listing(("Name",), [], empty="no sessions")
    said = capsys.readouterr()
    assert (said.out, said.err) == ("name\n", "no sessions\n")


def test_nobodys_text_moves_the_cursor(terminal: Callable[[], Terminal]) -> None:
    """Control characters from documents and clients are spelled out wherever they are shown."""
    screen = terminal()
    render.listing(("Name",), [(HOSTILE,)], empty="-")
    render.line(HOSTILE)
    render.answers([("name", HOSTILE)])
    render.note(HOSTILE)
    render.error(HOSTILE)
    render.raw(HOSTILE)
    shown = screen.getvalue()
    assert shown.count(SPELLED) == 6
    assert "\x1b[2J" not in shown
    assert "\x9b" not in shown


def test_a_document_into_a_pipe_is_what_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    """The text of a document reaches another program byte by byte."""
    render.raw(HOSTILE)
    assert capsys.readouterr().out == HOSTILE


def test_nothing_of_rich_is_read_into_text(terminal: Callable[[], Terminal]) -> None:
    """Square brackets and colons are text, not markup and not emoji."""
    screen = terminal()
    render.line("[red]x[/red] :smile: [/]")
    assert "[red]x[/red] :smile: [/]" in screen.getvalue()


def test_json_is_json(capsys: pytest.CaptureFixture[str]) -> None:
    """JSON is indented for people, or one line for programs that read lines."""
    render.json({"a": [1]})
    render.json({"a": [1]}, compact=True)
    assert capsys.readouterr().out == '{\n  "a": [\n    1\n  ]\n}\n{"a":[1]}\n'


def test_half_a_character_is_escaped(capsys: pytest.CaptureFixture[str]) -> None:
    """What no stream takes is spelled out, in JSON as elsewhere."""
    render.json({"a": "\ud800"}, compact=True)
    render.line("\ud800")
    assert capsys.readouterr().out == '{"a":"\\ud800"}\n\\ud800\n'


def test_pieces_have_colours_on_a_terminal_only(
    capsys: pytest.CaptureFixture[str], terminal: Callable[[], Terminal]
) -> None:
    """In a pipe a line is its text; nowhere is anything in it obeyed."""
    lines = [(("-", "red"), (HOSTILE, "red bold")), (("+", ""),)]
    render.pieces(lines)
    assert capsys.readouterr().out == f"-{SPELLED}\n+\n"
    screen = terminal()
    render.pieces(lines)
    assert "\x1b[31m-" in screen.getvalue()
    assert SPELLED in screen.getvalue()


def test_an_error_is_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    """An error leaves stdout to the answer."""
    render.error("it is so")
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", "error: it is so\n")


def test_a_tree_is_drawn(capsys: pytest.CaptureFixture[str]) -> None:
    """A tree shows what is under what, and in a pipe it cuts nothing off."""
    root = Tree("root")
    root.add("leaf" * 50)
    render.tree(root)
    assert capsys.readouterr().out == f"root\n└── {'leaf' * 50}\n"


@pytest.mark.parametrize("name", ["NO_COLOR", "TERM"])
def test_colours_can_be_refused(
    terminal: Callable[[], Terminal], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """A terminal without colours, or a user who wants none, gets none."""
    screen = terminal()
    monkeypatch.setenv(name, "dumb" if name == "TERM" else "1")
    render.error("plain")
    assert "\x1b[31m" not in screen.getvalue()
    assert "\x1b[1;31m" not in screen.getvalue()


def test_a_live_line_is_for_terminals_only(
    capsys: pytest.CaptureFixture[str], terminal: Callable[[], Terminal]
) -> None:
    """What rewrites itself in place is silent in a pipe."""
    with render.Live() as show:
        show("12 connections")
    with render.waiting("for something"):
        pass
    with render.progress() as bar:
        assert list(bar.track([1, 2])) == [1, 2]
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", "")
    screen = terminal()
    with render.Live() as show:
        show("12 connections")
    assert "12 connections" in screen.getvalue()
