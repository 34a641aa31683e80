"""Expressions are read as CEL reads them, or refused with the place and the reason."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collabkit.access.expression import MAX_NODES, BadExpression, Node, parse


def shape(node: Node) -> object:
    """What an expression was taken for, with every part in brackets of its own."""
    if node.kind in ("literal", "name", "has"):
        return node.value
    return (node.kind, *map(shape, node.parts))


@pytest.mark.parametrize(
    ("text", "taken"),
    [
        ("a || b && c", ("||", "a", ("&&", "b", "c"))),
        ("a && b && (c && d)", ("&&", "a", "b", ("&&", "c", "d"))),
        ("(a && b) && c", ("&&", "a", "b", "c")),
        ("a == b < c", ("<", ("==", "a", "b"), "c")),
        ("a in b == c", ("==", ("in", "a", "b"), "c")),
        ("a - b - c + d", ("+", ("-", ("-", "a", "b"), "c"), "d")),
        ("a < b + 1", ("<", "a", ("+", "b", 1))),
        ("!a == b", ("==", ("!", "a"), "b")),
        ("!a.b.startsWith(c)", ("!", ("startsWith", "a.b", "c"))),
        ("a.startsWith(b).endsWith(c)", ("endsWith", ("startsWith", "a", "b"), "c")),
        ("-a - -1", ("-", ("negative", "a"), -1)),
        ("size([a, 'b'])", ("size", ("list", "a", "b"))),
        ("has(a.b.c) || []", ("||", "a.b.c", ("list",))),
        ("-9223372036854775808", -9223372036854775808),
        ("\t1.5e3\n", 1500.0),
        (r""" 'it\'s' + "\"\u00e9\n\t\\" """, ("+", "it's", '"é\n\t\\')),
        ("true == null", ("==", True, None)),
    ],
)
def test_operators_bind_as_those_of_cel(text: str, taken: object) -> None:
    """Of operators on one level the left goes first; the grammar tells the levels."""
    assert shape(parse(text)) == taken


@pytest.mark.parametrize(
    ("text", "column", "reason"),
    [
        ("", 0, "expected a value, not the end"),
        ("a = 1", 2, "`==` compares"),
        ("a and b", 2, "`&&` is and"),
        ("a & b", 2, "`&&` is and"),
        ("not a", 0, "`!` is not"),
        ("a ? b : c", 2, "there is no `? :`; join conditions by `&&` and `||`"),
        ("a * 2", 2, "numbers are added and subtracted only"),
        ("a # b", 2, "`#` means nothing here"),
        ("a == 'b", 5, "the string does not end"),
        ("a == 'b\n'", 5, "the string does not end"),
        (r"a == '\x41'", 6, r"`\x` stands for nothing"),
        (r"a == '\ud800'", 6, r"`\ud800` stands for nothing"),
        ("a == '\ud800'", 6, "that is no character"),
        ("a == 012", 5, "a number does not begin with 0"),
        ("a == 1e999", 5, "the number is too large"),
        ("a == 9223372036854775808", 5, "a whole number has 64 bits"),
        ("a == 5u", 6, "expected an operator or the end, not `u`"),
        ("!!a", 1, "expected a value, not `!`"),
        ("--a", 1, "expected a value, not `-`"),
        ("(a", 2, "expected `)`, not the end"),
        ("[a b]", 3, "expected `,`, not `b`"),
        ("[a,]", 3, "expected a value, not `]`"),
        ("a.b.contains('c')", 4, "there is no method `contains`"),
        ("a.", 2, "expected a name, not the end"),
        ("a.b.if", 4, "expected a name, not `if`"),
        ("'a'.b", 4, "expected `startsWith` or `endsWith`, not `b`"),
        ("matches(a)", 0, "there is no function `matches`"),
        ("has(a)", 0, "`has(a)`: only a field can be missing"),
        ("has(size(a))", 8, "expected `)`, not `(`"),
        ("size()", 5, "expected a value, not `)`"),
        ("a[0]", 1, "expected an operator or the end, not `[`"),
        ("{'a': 1}", 0, "`{` means nothing here"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_place(text: str, column: int, reason: str) -> None:
    """The error points at the first character that does not belong, and says what would."""
    with pytest.raises(BadExpression) as caught:
        parse(text)
    assert (caught.value.at, caught.value.reason) == (column, reason)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a" * 1025, "it is longer than 1024 bytes"),
        ("'" + "é" * 512 + "'", "it is longer than 1024 bytes"),
        ("(" * 17 + "a" + ")" * 17, "it is nested deeper than 16"),
        ("(" * 10_000, "it is longer than 1024 bytes"),
        ("(" * 1000, "it is nested deeper than 16"),
        ("[" * 1000, "it is nested deeper than 16"),
        ("!(" * 500, "it is nested deeper than 16"),
        ("a" + "-1" * 16, "it is nested deeper than 16"),
        ("[" + "1," * 63 + "1]", "it has more than 64 parts"),
        ("&&".join("a" * 64), "it has more than 64 parts"),
    ],
)
def test_what_is_too_large_is_refused(text: str, reason: str) -> None:
    """Text, depth and parts have a limit each, and no depth of nesting ends the process."""
    with pytest.raises(BadExpression) as caught:
        parse(text)
    assert caught.value.reason == reason


def test_what_is_just_small_enough_is_read() -> None:
    """The limits are what may still be."""
    assert parse("a" * 1024).kind == "name"
    assert len(parse("&&".join("a" * (MAX_NODES - 1))).parts) == MAX_NODES - 1
    assert parse("(" * 15 + "a" + ")" * 15).kind == "name"
    assert parse("a" + "-1" * 15).kind == "-"


@given(
    st.lists(
        st.sampled_from(
            [
                "a",
                ".b",
                "1",
                "2.5",
                "'x'",
                "(",
                ")",
                "[",
                "]",
                ",",
                "!",
                "-",
                "&&",
                "||",
                "==",
                "in",
                "has(",
                "size(",
                ".endsWith(",
                "true",
                " ",
                "\\",
                '"',
                "é",
                ".",
            ]
        ),
        max_size=20,
    ).map("".join)
)
def test_every_text_is_read_or_refused(text: str) -> None:
    """No text makes the reader raise anything else, and a place is always in it, or its end."""
    at, again = 0, text
    try:
        node = parse(text)
    except BadExpression as error:
        at = error.at
    else:
        again = text[node.start : node.end]
        assert shape(parse(again)) == shape(node)
    assert 0 <= at <= len(again)
