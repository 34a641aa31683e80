"""The command line: each command parses, calls one operation or library function, and renders."""

from .app import main

__all__ = ["main"]
