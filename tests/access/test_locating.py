"""Where the parts of a text are: all that its parser finds, each on its line."""

from __future__ import annotations

import json
import tomllib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from access.written import FACTS, NAMES
from collabkit.access.locating import Form, Place, locate, repeated, see_bounds
from collabkit.access.policytext import policy_text
from collabkit.access.rules import Fact
from collabkit.errors import InvalidPolicy

ODD = r"""
# [[roles]] in a comment = "no"
a.b."c d" = 1   # line 3
'e' = [
  1.5,
  # ] and "
  { f = '''
  [x]
  ''', g.h = [[], [1979-05-27 07:32:00]] },
]
[x.y]
z = QQQ""quoted\"QQQ""
[[x.list]]
k = 1
[[x.list]]
[x.list.sub]
deep = true
[[x.list.more]]
v = "\u0041 = 1"
[x]
last = 1
""".replace("QQQ", '"' * 3)


def parts(value: Any, place: Place = ()) -> set[Place]:
    """The places of a value and of all its parts."""
    inner: Any = value.items() if isinstance(value, dict) else ()
    inner = enumerate(value) if isinstance(value, list) else inner
    return {place}.union(*(parts(each, (*place, name)) for name, each in inner))


def test_every_part_of_odd_toml_is_on_its_line() -> None:
    """Comments, dotted keys, tables in lists of tables and texts over lines mislead nobody."""
    found = locate(ODD, "toml")
    assert set(found) == parts(tomllib.loads(ODD))
    lines = {
        ("a", "b", "c d"): 3,
        ("e",): 4,
        ("e", 0): 5,
        ("e", 1): 7,
        ("e", 1, "f"): 7,
        ("e", 1, "g", "h", 1, 0): 9,
        ("x", "y"): 11,
        ("x", "y", "z"): 12,
        ("x", "list", 0, "k"): 14,
        ("x", "list", 1): 15,
        ("x", "list", 1, "sub", "deep"): 17,
        ("x", "list", 1, "more", 0, "v"): 19,
        ("x", "last"): 21,
    }
    assert {place: found[place] for place in lines} == lines


@settings(max_examples=25)
@given(FACTS)
def test_all_that_is_written_is_found(facts: list[Fact]) -> None:
    """Of every text of a policy, in both forms, exactly the parts that its parser finds."""
    text = policy_text(facts)
    assert set(locate(text, "toml")) == parts(tomllib.loads(text))
    text = policy_text(facts, form="json")
    assert set(locate(text, "json")) == parts(json.loads(text))


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | NAMES,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
        max_leaves=9,
    ),
    st.sampled_from([None, 0, 2]),
    st.booleans(),
)
def test_every_part_of_any_json_is_found(value: Any, indent: int | None, escaped: bool) -> None:
    """In JSON of any look, and none of its names is there twice."""
    text = json.dumps(value, indent=indent, ensure_ascii=escaped)
    assert set(locate(text, "json")) == parts(value)
    assert repeated(text) is None


def test_a_name_that_stands_twice_is_found() -> None:
    """The second time that an object has a name is on its line; in other objects it may be."""
    text = '{"a": {"b": 1},\n"b": [{"b": 1}, {"b": 2,\n"\\u0062": 3}]}'
    assert repeated(text) == (("b", 1, "b"), 3)


@given(st.text("[]{}=:,.\"'\\#\na1 ", max_size=40), st.sampled_from(["toml", "json"]))
def test_a_text_that_no_parser_takes_is_gone_over_too(text: str, form: Form) -> None:
    """Of garbage it may say anything, but it ends."""
    try:
        found = locate(text, form)
    except (ValueError, RecursionError):
        return
    assert all(1 <= line <= text.count("\n") + 1 for line in found.values())


DEEP = 10_000


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("\na = " + "[" * DEEP + "]" * DEEP, 2),
        ("a = " + "{a = " * DEEP + "}" * DEEP, 1),
        ("\n\n" + ".".join("a" * DEEP) + " = 1", 3),
        ("[" + '"a".' * DEEP + "a]", 1),
        ("a = [\n" * DEEP, 33),
    ],
    ids=["lists", "tables", "keys", "header", "lines"],
)
def test_what_is_nested_too_deep_is_refused_at_its_line(text: str, line: int) -> None:
    """Before a parser sees it that would take all the stack, or all the memory."""
    with pytest.raises(InvalidPolicy) as refused:
        see_bounds(text, name="policy.toml")
    assert refused.value.where == f"policy.toml line {line}"


@settings(max_examples=25)
@given(FACTS)
def test_what_people_write_is_not_too_deep(facts: list[Fact]) -> None:
    """Brackets and dots in texts and comments count for nothing."""
    see_bounds(policy_text(facts), name="policy.toml")
    see_bounds(ODD + f'\nt = \'{"[" * 99}\' # {"[" * 99}\nu = """{"a." * 99}"""', name="t")
