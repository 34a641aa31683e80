"""What ``collabkit serve`` writes to its log, in two forms.

Rules:

1. A line says what happened, and beside it on which ``connection`` and in which ``room``. A
   connection has one name from its request to its end, so its lines can be found.
2. No line has a token or a word of a document in it: neither is ever handed to a logger.
3. What a client said about itself is shown with its control characters spelled out.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from enum import StrEnum

import msgspec

from . import render

__all__ = ["JsonLines", "LogFormat", "TextLines", "begin"]

# What our loggers add to a record; in this order.
FIELDS = ("connection", "room", "code")


class LogFormat(StrEnum):
    """The forms."""

    TEXT = "text"
    JSON = "json"


class TextLines(logging.Formatter):
    """For people.

    >>> said = {"name": "relay", "msg": "hello", "levelname": "INFO", "connection": "c7"}
    >>> TextLines().format(logging.makeLogRecord(said)).partition(" ")[2]
    'INFO relay: hello [connection=c7]'
    """

    def format(self, record: logging.LogRecord) -> str:
        """One record, in one line and its traceback."""
        said = " ".join(f"{name}={value}" for name, value in _fields(record).items())
        beside = f" [{said}]" if said else ""
        line = f"{_when(record)} {record.levelname} {record.name}: {record.getMessage()}{beside}"
        trace = f"\n{self.formatException(record.exc_info)}" if record.exc_info else ""
        return render.plain(line) + trace


class JsonLines(logging.Formatter):
    """For programs: one object a line.

    >>> record = logging.makeLogRecord({"msg": "hello", "levelname": "INFO", "connection": "c7"})
    >>> said = msgspec.json.decode(JsonLines().format(record))
    >>> said["message"], said["connection"]
    ('hello', 'c7')
    """

    def format(self, record: logging.LogRecord) -> str:
        """One record, in one line."""
        said = {"time": _when(record), "level": record.levelname, "logger": record.name}
        said |= {"message": record.getMessage()} | _fields(record)
        if record.exc_info:
            said["trace"] = self.formatException(record.exc_info)
        return msgspec.json.encode(said).decode()


def begin(form: LogFormat, level: int) -> None:
    """Log to stderr from now on."""
    to_stderr = logging.StreamHandler()
    to_stderr.setFormatter(JsonLines() if form is LogFormat.JSON else TextLines())
    logging.basicConfig(level=level, handlers=[to_stderr])


def _when(record: logging.LogRecord) -> str:
    when = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
    return when.replace("+00:00", "Z")


def _fields(record: logging.LogRecord) -> dict[str, str]:
    values = ((name, getattr(record, name, None)) for name in FIELDS)
    return {name: str(value) for name, value in values if value not in (None, "")}
