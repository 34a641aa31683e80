"""The lines of the log, in both forms."""

from __future__ import annotations

import json
import logging

import pytest

from collabkit.cli.logs import JsonLines, LogFormat, TextLines, begin


def record(
    message: str, *, error: BaseException | None = None, **extra: object
) -> logging.LogRecord:
    """A record as a logger makes it."""
    made = logging.makeLogRecord({"msg": message, "levelname": "INFO", "name": "collabkit.relay"})
    made.exc_info = None if error is None else (type(error), error, None)
    vars(made).update(extra)
    return made


def test_a_line_says_where_it_happened() -> None:
    """Connection and room stand beside the words, where they are known."""
    line = TextLines().format(record("is put out", connection="c7", room="notes", other="x"))
    assert line.endswith(" INFO collabkit.relay: is put out [connection=c7 room=notes]")
    assert TextLines().format(record("hello", room="")).endswith(": hello")


def test_a_line_is_one_line() -> None:
    """What a client called itself cannot begin a new line, in either form."""
    for form in (TextLines(), JsonLines()):
        assert "\n" not in form.format(record("from \x1b[2J\nINFO fake: line", connection="a\nb"))


def test_an_object_has_what_programs_look_for() -> None:
    """Each line is an object; an error brings its trace with it."""
    said = json.loads(JsonLines().format(record("it failed", error=OSError("disk"), code=1011)))
    assert (said["level"], said["logger"], said["message"]) == (
        "INFO",
        "collabkit.relay",
        "it failed",
    )
    assert said["code"] == "1011"
    assert said["time"].endswith("Z")
    assert "OSError: disk" in said["trace"]


@pytest.mark.parametrize("form", list(LogFormat))
def test_it_goes_to_stderr(form: LogFormat, capsys: pytest.CaptureFixture[str]) -> None:
    """Answers are on stdout, the log is beside them."""
    root = logging.getLogger()
    before, root.handlers = root.handlers, []
    level = root.level
    try:
        begin(form, logging.INFO)
        logging.getLogger("collabkit.relay").info("hello", extra={"connection": "c1"})
    finally:
        root.handlers = before
        root.setLevel(level)
    said = capsys.readouterr()
    assert said.out == ""
    assert "hello" in said.err
    assert "c1" in said.err
