"""Workspaces and sessions: open files, the documents in them, and what can be done to both."""

from .session import Kind, Session
from .workspace import Workspace

__all__ = ["Kind", "Session", "Workspace"]
