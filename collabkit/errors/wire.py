"""What peers say to each other, and what links do."""

from __future__ import annotations

from dataclasses import field
from typing import Self

from .root import CollabError

__all__ = [
    "BadFrame",
    "ConnectionClosed",
    "ConnectionRefused",
    "LocalProtocolError",
    "MalformedBytes",
    "NoAcknowledgements",
    "ProtocolError",
    "RemoteProtocolError",
    "UpdateRefused",
]


class ProtocolError(CollabError):
    """Somebody broke the protocol; see the two subclasses for who."""

    def __new__(cls, *args: object, **fields: object) -> Self:
        """Be made as one of the subclasses only."""
        if cls is ProtocolError:
            raise TypeError("ProtocolError is abstract: raise Local- or RemoteProtocolError")
        return super().__new__(cls)


class LocalProtocolError(ProtocolError):
    """This program called something that its state does not allow."""

    reason: str
    _says = "{reason}"


class RemoteProtocolError(ProtocolError):
    """The peer sent something it must not send; ``close_code`` is the WebSocket answer."""

    # RFC 6455 §7.4.1: 1002 protocol, 1003 type not taken, 1007 data not of its type, 1008 policy.
    close_code: int = field(default=1002, kw_only=True)


class MalformedBytes(RemoteProtocolError):
    """Bytes that do not parse as what they claim to be."""

    what: str
    offset: int
    close_code: int = field(default=1007, kw_only=True)
    _says = "malformed bytes at offset {offset}: {what}"


class UpdateRefused(RemoteProtocolError):
    """A CRDT update that is well formed and yet not taken."""

    code: str  # a stable word for programs, such as too-many-structs
    reason: str  # a sentence for people
    close_code: int = field(default=1008, kw_only=True)
    _says = "update refused ({code}): {reason}"


class BadFrame(RemoteProtocolError):
    """A frame that the connection's dialect does not have."""

    reason: str
    _says = "bad frame: {reason}"


class ConnectionClosed(CollabError):
    """The link to the peer ended."""

    code: int
    reason: str = ""

    def __str__(self) -> str:
        return f"connection closed ({self.code})" + (f": {self.reason}" if self.reason else "")


class ConnectionRefused(ConnectionClosed):
    """The server does not want this connection; trying again will not help."""


class NoAcknowledgements(CollabError):
    """The server speaks a dialect in which nothing says that an edit was saved."""

    url: str
    _says = (
        "{url} cannot acknowledge edits: it is not a collabkit relay. "
        "Use `await replica.synced()` to wait for an exchange of state instead"
    )
