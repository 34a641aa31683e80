"""The reference of operations says of each what the table says."""

from __future__ import annotations

import re
from pathlib import Path

from collabkit.sessions.operations import TABLE

DOCUMENTS = {
    "": "none",
    "read": "read",
    "read; write and delete all": "all of it",
    "for the host only": "host's file",
}


def test_the_page_has_the_table(root: Path) -> None:
    """Its usage, its permission by path, and what it needs of documents; none is left out."""
    page = (root / "docs/reference/operations.md").read_text(encoding="utf-8")
    rows = re.findall(
        r"^\| `([^`]+)` \| (\w+) `(\S+)/ops/([\w-]+)` \| ([^|]*) \|", page, re.MULTILINE
    )
    assert [name for _, _, _, name, _ in rows] == list(TABLE)
    for usage, action, of, name, documents in rows:
        row = TABLE[name]
        told, _, reads = documents.strip().partition("; read all of ")
        where = {"/projects/{p}": "project", "…/sessions/{s}": "session"}[of]
        assert usage == row.usage
        assert (action, where, DOCUMENTS[told], reads.strip("`")) == (
            row.needs.action,
            row.needs.of,
            row.needs.documents,
            row.needs.reads,
        )
