"""What is wrong with who may do what."""

from __future__ import annotations

from .root import CollabError

__all__ = ["AccessDenied", "AccessError", "InvalidPolicy", "InvalidToken", "UnsupportedByEngine"]


class AccessError(CollabError):
    """Something about who may do what."""


class AccessDenied(AccessError, PermissionError):
    """The subject may not do this."""

    subject: str
    action: str
    path: str
    reason: str = ""

    def __str__(self) -> str:
        why = f": {self.reason}" if self.reason else ""
        return f"{self.subject} may not {self.action} {self.path}{why}"


class InvalidToken(AccessError):
    """A token that does not prove anything. The message never holds the token."""

    reason: str
    _says = "invalid token: {reason}"


class InvalidPolicy(AccessError, ValueError):
    """A policy, or a change of one, that is refused whole: the one before stays."""

    where: str  # such as `line 7`, or `role "editor", permission 2`
    reason: str
    _says = "{where}: {reason}"


class UnsupportedByEngine(AccessError):
    """A question that this access engine has no answer to."""

    engine: str
    what: str
    _says = "the access engine {engine} cannot say {what}"
