"""An expression is worth what CEL says it is worth."""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collabkit.access.evaluation import ConditionError, compiled
from collabkit.access.expression import BadExpression, parse

TYPES = {"b": "bool", "i": "int", "d": "double", "s": "string", "l": "list", "x": "any", "y": "any"}
ATTRIBUTES = {f"v.{name}": kind for name, kind in TYPES.items()} | {
    "w.b": "bool",
    "w.deep.x": "any",
    "n": "double",
}

INTS = [0, 1, -1, 2, 2**53, 2**53 + 1, 2**63 - 1, -(2**63)]
DOUBLES = [0.0, 1.0, -1.0, 1.5, 2.0**53, 2.0**63, -(2.0**63), 1.7e308]
STRINGS = ["", "a", "ab", "b", "é", "\uffff", "😀", "\"'\\\n\t"]

error = "error"

WITH_A_POINT = "`+` does not take double and int; write the whole number with a point, as in `60.0`"


def worth(text: str, values: Mapping[str, object]) -> object:
    """The value of an expression, or :data:`error`."""
    _, evaluate = compiled(parse(text), ATTRIBUTES)
    try:
        return evaluate(values)
    except ConditionError:
        return error


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("v.i == 1", True),
        ("v.x == 1", False),  # which is true, and no number
        ("v.y == v.i", True),  # 1.0
        ("v.y in [1]", True),
        ("v.l == [1, 'a', null]", True),
        ("'a' in v.l", True),
        ("v.x in v.l", False),
        ("[v.y] == [1]", True),
        ("v.i + 9223372036854775807", error),
        ("v.i - 1 < v.d", True),
        ("v.x + v.y", error),
        ("-v.x", error),
        ("!v.y", error),
        ("v.y < v.x", error),
        ("v.x in v.y", error),
        ("size(v.x)", error),
        ("v.x.startsWith('a')", error),
        ("v.s.endsWith(v.y)", error),
        ("v.s + 'c'", "abc"),
        ("v.l + [2]", [1, "a", None, 2]),
        ("size(v.s) + size(v.l)", 5),
        ("v.s.startsWith('a') && v.s.endsWith('b')", True),
        ("w.b", error),
        ("w.b && false", False),
        ("v.y && false", False),
        ("v.y && true", error),
        ("w.b || true", True),
        ("w.b || false || v.y", error),
        ("has(v.x)", True),
        ("has(w.b)", error),
        ("has(w.deep.x) || has(v.b)", error),
        ("n < 5", True),  # an int does for a double
        ("n + 1.0", 4.0),
    ],
)
def test_expressions_are_worth_what_cel_says(text: str, value: object) -> None:
    """Errors are absorbed where the other side decides; a bool is no number; 1 equals 1.0."""
    values = {
        "v": {"i": 1, "d": 0.5, "s": "ab", "l": (1, "a", None), "x": True, "y": 1.0},
        "n": 3,
    }
    found = worth(text, values)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("v.i", True),
        ("v.i", 1.0),
        ("v.i", 2**63),
        ("v.d", "1"),
        ("v.b", 1),
        ("v.s", None),
        ("v.l", "a"),
        ("v.l", frozenset("a")),
        ("v.x", {}),
        ("v.x", b""),
        ("v.x", 1 - 2**64),
    ],
)
def test_a_value_of_another_type_than_declared_is_an_error(text: str, value: object) -> None:
    """What a host gives is held to what it declared, and to what values there are."""
    assert worth(text, {"v": {text[2:]: value}}) == error
    assert worth(text, {"v": value}) == error
    assert worth(text, {}) == error


@pytest.mark.parametrize(
    ("text", "column", "reason"),
    [
        ("v.b && w.deep.y", 7, "`w.deep.y` is not declared; there is w.deep.x"),
        ("zzz", 0, "`zzz` is not declared; there is " + ", ".join(sorted(ATTRIBUTES))),
        ("has(w.dep.x)", 0, "`w.dep.x` is not declared; there is w.deep.x"),
        ("v.b && v.i", 7, "`&&` takes bools, not int"),
        ("v.s == v.i", 4, "string and int are never equal"),
        ("v.s != null", 4, "string and null are never equal"),
        ("n + 1", 2, WITH_A_POINT),
        ("v.s - v.s", 4, "`-` does not take string and string"),
        ("!v.i", 0, "`!` does not take int"),
        ("-v.s", 0, "`-` does not take string"),
        ("v.l < v.l", 4, "`<` does not take list and list"),
        ("v.i in v.s", 4, "`in` does not take int and string"),
        ("size(v.i)", 0, "`size` does not take int"),
        ("v.s.startsWith(v.i)", 4, "`startsWith` does not take string and int"),
    ],
)  # fmt: skip
def test_what_could_only_fail_is_refused_on_loading(text: str, column: int, reason: str) -> None:
    """A name that is not declared, and operands that no operator takes, are seen at once."""
    with pytest.raises(BadExpression) as caught:
        compiled(parse(text), ATTRIBUTES)
    assert (caught.value.at, caught.value.reason) == (column, reason)


def test_a_type_that_is_none_is_refused() -> None:
    """An attribute is declared as one of the types that there are."""
    with pytest.raises(BadExpression, match="no such type"):
        compiled(parse("a"), {"a": "number"})


# The same questions, put to a CEL that others made.


@pytest.fixture(scope="module")
def cel(lack: Callable[[str], None]) -> Callable[[str, Mapping[str, object]], object]:
    """Evaluate by Google's own CEL, without its checker: it knows no double that meets an int."""
    try:
        module: Any = importlib.import_module("cel_expr_python.cel")
    except ImportError:
        lack("cel-expr-python")
        raise
    variables = dict.fromkeys(("v", "w", "n"), module.Type.DYN)
    environment = module.NewEnv(variables=variables)

    def evaluate(text: str, values: Mapping[str, object]) -> object:
        found = environment.compile(text, disable_check=True).eval(data=values)
        return error if found.type() == module.Type.ERROR else found.plain_value()

    return evaluate


def same(one: object, other: object) -> bool:
    """Whether two values are one, by type as well, and NaN is NaN."""
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, float) and isinstance(other, float) and math.isnan(one):
        return math.isnan(other)
    return type(one) is type(other) and one == other


def literal(value: object) -> str:
    """Write a value as an expression."""
    match value:
        case str():
            return '"' + value.translate({10: r"\n", 9: r"\t", 34: r"\"", 92: r"\\"}) + '"'
        case bool():
            return "true" if value else "false"
    return repr(value)


SCALARS = {
    "bool": st.booleans(),
    "int": st.sampled_from(INTS),
    "double": st.sampled_from(DOUBLES),
    "string": st.sampled_from(STRINGS),
}
ANY = st.one_of(*SCALARS.values(), st.none(), st.just(math.nan))
LISTS = st.lists(ANY, max_size=3) | st.lists(st.lists(ANY, max_size=1), max_size=2)
GIVEN = {
    name: SCALARS.get(kind, LISTS if kind == "list" else ANY | LISTS)
    for name, kind in TYPES.items()
}
VALUES = st.fixed_dictionaries(
    {"v": st.fixed_dictionaries(GIVEN) | st.fixed_dictionaries({}, optional=GIVEN)},
    optional={
        "n": SCALARS["double"],
        "w": st.fixed_dictionaries({}, optional={"b": st.booleans()}),
    },
)


def expressions() -> st.SearchStrategy[str]:
    """Expressions whose operands mostly fit, and which are not all true at a glance."""
    whole = st.sampled_from(["v.i", "size(v.s)", "-v.i", "v.x"]) | SCALARS["int"].map(literal)
    double = st.sampled_from(["v.d", "n", "-n", "v.y"]) | SCALARS["double"].map(literal)
    number = whole | double
    text = st.sampled_from(["v.s", "v.x", "v.s + 'b'"]) | SCALARS["string"].map(literal)
    items = st.sampled_from(["v.l", "[v.x, 1, 'a']", "v.l + [v.i]"])
    some = st.sampled_from(["v.x", "v.y", "null", "v.l"]) | number | text
    truth = st.sampled_from(
        ["v.b", "w.b", "true", "has(v.x)", "has(w.b)", "has(w.deep.x)", "!v.b", "v.y"]
    )

    def joined(left: st.SearchStrategy[str], marks: str, right: st.SearchStrategy[str]) -> Any:
        return st.tuples(left, st.sampled_from(marks.split()), right).map(" ".join)

    leaf = st.one_of(
        truth,
        joined(number, "== < >= !=", number),
        joined(joined(whole, "+ -", whole) | joined(double, "+ -", double), "<= >", number),
        joined(text, "== < > !=", text),
        joined(some, "== !=", some),
        joined(some, "in", items),
        st.tuples(text, st.sampled_from(["startsWith", "endsWith"]), text).map(
            lambda t: f"({t[0]}).{t[1]}({t[2]})"
        ),
    )
    return st.recursive(
        leaf,
        lambda inner: (
            joined(inner, "&& ||", inner)
            | joined(inner.map("({})".format), "&& || == in", inner.map("({})".format))
            | inner.map("!({})".format)
        ),
        max_leaves=6,
    )


@settings(max_examples=150)
@given(text=expressions(), values=st.lists(VALUES, min_size=4, max_size=4))
def test_values_are_those_of_another_cel(
    cel: Callable[[str, Mapping[str, object]], object], text: str, values: list[dict[str, Any]]
) -> None:
    """Whatever is taken has the same value here as there, or is an error in both."""
    try:
        ours = [worth(text, each) for each in values]
    except BadExpression:
        return
    theirs = [cel(text, each) for each in values]
    assert all(map(same, ours, theirs)), (text, values, ours, theirs)


# Mostly of any type, since most others would be refused.
OPERANDS = ["v.x", "v.y", "w.deep.x", "(v.x)", "v.x", "v.y", "1", "-1", "'a'", "true", "[v.x]"]


@settings(max_examples=100)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["!", "-", *"....."]),
            st.sampled_from(OPERANDS),
            st.sampled_from(["==", "!=", "<", "<=", ">", ">=", "in", "+", "-", "&&", "||"]),
        ),
        min_size=2,
        max_size=6,
    ),
    st.lists(VALUES, min_size=3, max_size=3),
)
def test_operators_in_a_row_are_those_of_another_cel(
    cel: Callable[[str, Mapping[str, object]], object],
    row: list[tuple[str, str, str]],
    values: list[dict[str, Any]],
) -> None:
    """Without parentheses, operands find the same operators here and there."""
    text = " ".join(f"{sign.strip('.')}{of} {mark}" for sign, of, mark in row).rpartition(" ")[0]
    try:
        ours = [worth(text, each) for each in values]
    except BadExpression:
        return
    theirs = [cel(text, each) for each in values]
    assert all(map(same, ours, theirs)), (text, values, ours, theirs)
