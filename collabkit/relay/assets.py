"""The page's build, read once from the installed package."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import resources
from importlib.resources.abc import Traversable

from .http import Asset

__all__ = ["load"]

# What a build contains. The system's own table differs between machines.
MEDIA_TYPES = {
    "css": "text/css; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "ico": "image/x-icon",
    "js": "text/javascript; charset=utf-8",
    "json": "application/json",
    "map": "application/json",
    "png": "image/png",
    "svg": "image/svg+xml",
    "txt": "text/plain; charset=utf-8",
    "woff2": "font/woff2",
}


def load(folder: Traversable | None = None) -> Mapping[str, Asset]:
    """Read every file of a build, by its path in it; empty if the page was not built.

    Args:
        folder: The build; by default the one that this package carries.
    """
    root = folder or resources.files(__package__) / "page" / "dist"
    return dict(_walk(root, "/")) if root.is_dir() else {}


def _walk(folder: Traversable, prefix: str) -> Iterator[tuple[str, Asset]]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _walk(entry, f"{prefix}{entry.name}/")
        elif media_type := MEDIA_TYPES.get(entry.name.rpartition(".")[2]):
            yield prefix + entry.name, Asset.of(entry.read_bytes(), media_type)
