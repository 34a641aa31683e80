"""What the reference says of the wire is what the code does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from collabkit.sync import messages
from collabkit.sync.vigil import is_final

VALUES = {"int": 1, "str": "x", "bytes": b"x", "bool": True}


@pytest.fixture(scope="module")
def page(root: Path) -> str:
    """The reference."""
    return (root / "docs/reference/wire-protocol.md").read_text(encoding="utf-8")


def test_the_messages_of_our_dialect_are_those_of_the_codec(page: str) -> None:
    """Each has its number, its fields in their kinds and order, and none is left out."""
    rows = re.findall(
        r"^\| ([67]\d) \| (\w+) \| (?:[SC]→[SC]|both) \| (.*) \|$", page, re.MULTILINE
    )
    assert [int(number) for number, _, _ in rows] == list(range(64, 78))
    for number, name, fields in rows:
        kind = getattr(messages, name)
        types = list(kind.__annotations__.values())
        said = {"varUint": ("int", "bool"), "varString": ("str",), "varBytes": ("bytes",)}
        for word, given in zip(re.findall(r"`(var\w+)`", fields), types, strict=True):
            assert given in said[word]
        assert messages.write(kind(*(VALUES[given] for given in types)))[0] == int(number)


def test_the_close_codes_are_taken_as_they_are_meant(page: str) -> None:
    """A replica tries again where the reference says so, and nowhere else."""
    rows = re.findall(r"^\| (\d{4}) \| .* \| (yes|no|with another) \|$", page, re.MULTILINE)
    assert len(rows) == 21
    for code, again in rows:
        assert is_final(int(code)) is (again != "yes")
