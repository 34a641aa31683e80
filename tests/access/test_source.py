"""Texts that are read: what is no TOML or JSON is refused, at its line."""

from __future__ import annotations

import pytest

from collabkit.access.locating import Form
from collabkit.access.source import MAX_BYTES, Source
from collabkit.errors import InvalidPolicy

DEEP = 10_000


@pytest.mark.parametrize(
    ("data", "form", "where", "reason"),
    [
        (b"a = 1\nb = \n", "toml", "f line 2", "invalid value"),
        (b"a = 1\n\na = 2\n", "toml", "f line 3", "cannot overwrite a value"),
        (b'a = 1\nb = "x\n\n', "toml", "f line 2", "illegal character"),
        (b"a = 1\nb = [1,\n\n", "toml", "f line 2", "invalid value"),
        (b"a = 1\nb = '\xff'", "toml", "f line 2", "it is not UTF-8"),
        (b"\na = " + b"[" * DEEP, "toml", "f line 2", "nested deeper than 32 levels"),
        (b"a = 1" + b"0" * DEEP, "toml", "f", "integer string conversion"),
        (b'{"a": 1,\n "b"}', "json", "f line 2", "expecting ':' delimiter"),
        (b'{"a": 1,\n "a": 1}', "json", "f line 2", "'a' is there twice"),
        (b'{"a":\n NaN}', "json", "f", "NaN is no number in JSON"),
        (b'{"a": 1, "a": 1,\n "\n": 2}', "json", "f line 2", "invalid control character"),
        (b"", "json", "f line 1", "expecting value"),
        (b'{"a":\n' + b"[" * 33 + b"]" * 33 + b"}", "json", "f line 2", "nested deeper than 32"),
        (b'{"a":\n' + b"[" * DEEP, "json", "f line 2", "nested deeper than 32 levels"),
        (b"1" + b"0" * DEEP, "json", "f", "integer string conversion"),
        (b" " * (MAX_BYTES + 1), "json", "f", f"more than {MAX_BYTES} bytes"),
    ],
)
def test_what_its_parser_does_not_take_is_refused_at_its_line(
    data: bytes, form: Form, where: str, reason: str
) -> None:
    """One error that names the line, however broken the text, however deep."""
    with pytest.raises(InvalidPolicy) as refused:
        Source(data, name="f", form=form)
    assert refused.value.where.startswith(where)
    assert reason.lower() in refused.value.reason.lower()


def test_what_is_wrong_is_said_of_the_nearest_part_that_is_there() -> None:
    """A part that is missing is missed where it should be, also in files of other systems."""
    text = '\ufeff[a]\r\nb = 1\r\n[[c]]\r\nd = "x"\r\n'
    source = Source(text.encode(), name="f", form="toml")
    assert source.value == {"a": {"b": 1}, "c": [{"d": "x"}]}
    assert (source.at(("c", 0, "d")), source.at(("c", 1)), source.at(("a", 0))) == ("x", None, None)
    for place, line in ((("a", "b"), 2), (("c", 0, "e"), 3), (("z",), 1)):
        with pytest.raises(InvalidPolicy, match="odd") as refused:
            source.refuse(place, "odd")
        assert refused.value.where == f"f line {line}"
