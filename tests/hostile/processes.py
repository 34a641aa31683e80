"""The processes below a relay."""

from __future__ import annotations

from pathlib import Path

__all__ = ["children_of"]


def children_of(pid: int) -> list[int]:
    """The engine's processes of a relay: those that its nursery made."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text()
            except OSError:
                continue  # it ended meanwhile
            parents[int(entry.name)] = int(stat.rsplit(") ", 1)[1].split()[1])
    nurseries = [child for child, parent in parents.items() if parent == pid]
    return [child for child, parent in parents.items() if parent in nurseries]
