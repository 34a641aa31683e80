"""The reference of limits tells the figures that the code has."""

from __future__ import annotations

import re
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

import msgspec
import pytest

ROOT = Path(__file__).parent.parent.parent
PAGE = (ROOT / "docs" / "reference" / "limits.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| .+? \| ([\d.,]+) ?(\w*) \| `([\w.]+)` \|$", PAGE, flags=re.MULTILINE)
UNITS = {"": 1, "s": 1, "ms": 1, "KiB": 1 << 10, "MiB": 1 << 20}


def _value(path: str) -> Any:
    """The constant of this name; a field of a struct counts by its default."""
    owner, _, name = path.rpartition(".")
    place = resolve_name(owner)
    if isinstance(place, type):
        return {field.name: field.default for field in msgspec.structs.fields(place)}[name]
    return getattr(place, name)


@pytest.mark.parametrize(("figure", "unit", "constant"), ROWS, ids=[row[2] for row in ROWS])
def test_a_limit_is_as_documented(figure: str, unit: str, constant: str) -> None:
    """The figure on the page is the constant of the code."""
    assert float(figure.replace(",", "")) * UNITS[unit] == _value(constant)


def test_every_row_of_the_page_is_read() -> None:
    """No row of a table escapes the comparison."""
    assert len(ROWS) == PAGE.count("`collabkit.")
