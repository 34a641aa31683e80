r"""The language of conditions: what can be written, and how it is read.

Grammar, of which every sentence is one of CEL (github.com/google/cel-spec, langdef) and means
the same there::

    any      = all *( "||" all )
    all      = relation *( "&&" relation )
    relation = sum *( ( "==" | "!=" | "<" | "<=" | ">" | ">=" | "in" ) sum )
    sum      = unary *( ( "+" | "-" ) unary )
    unary    = [ "!" | "-" ] member
    member   = primary *( "." ( "startsWith" | "endsWith" ) "(" any ")" )
    primary  = name | literal | "(" any ")" | "[" [ any *( "," any ) ] "]"
             | "has" "(" name ")" | "size" "(" any ")"
    name     = word *( "." word )
    literal  = int | double | string | "true" | "false" | "null"

Rules:

1. Nothing loops, and nothing is called but what is named here: to evaluate takes as many steps
   as there are nodes.
2. Left out of CEL, since they can be misread: ``!!x`` and ``--x`` (CEL drops both signs, whatever
   ``x`` is), ``a ? b : c``, hexadecimal and unsigned numbers, numbers that begin with a needless 0,
   raw and tripled strings, bytes, maps, and all escapes but ``\\ \" \' \n \r \t \uXXXX``.
3. Parentheses are no nodes. A chain of ``&&`` or of ``||`` is one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NoReturn

import msgspec

__all__ = ["MAX_DEPTH", "MAX_NODES", "MAX_TEXT_BYTES", "BadExpression", "Node", "parse"]

# What a person can still read, and what one check may cost: some microseconds.
MAX_TEXT_BYTES = 1024
MAX_DEPTH = 16
MAX_NODES = 64

INFIX = {
    "||": 1,
    "&&": 2,
    **dict.fromkeys(("==", "!=", "<", "<=", ">", ">=", "in"), 3),
    "+": 4,
    "-": 4,
}
"""How tightly an operator holds what is on both sides of it; on one level, the left goes first."""

METHODS = ("startsWith", "endsWith")
CONSTANTS: dict[str, object] = {"true": True, "false": False, "null": None}

# langdef.md, "Reserved": these name nothing.
RESERVED = frozenset(
    {
        "as",
        "break",
        "const",
        "continue",
        "else",
        "false",
        "for",
        "function",
        "if",
        "import",
        "in",
        "let",
        "loop",
        "namespace",
        "null",
        "package",
        "return",
        "true",
        "var",
        "void",
        "while",
    }
)

# What those write who come from another language.
MEANT = {
    "=": "`==` compares",
    "&": "`&&` is and",
    "|": "`||` is or",
    "and": "`&&` is and",
    "or": "`||` is or",
    "not": "`!` is not",
    "?": "there is no `? :`; join conditions by `&&` and `||`",
    "*": "numbers are added and subtracted only",
    "/": "numbers are added and subtracted only",
}

ESCAPES = {"\\": "\\", '"': '"', "'": "'", "n": "\n", "r": "\r", "t": "\t"}

# An int of CEL has 64 bits, and its sign is read with it.
MIN_INT, MAX_INT = -(1 << 63), (1 << 63) - 1

_TOKEN = re.compile(
    r"""[ \t\n\f\r]*
    (?: (?P<number> [0-9]+ (?:\.[0-9]+)? (?:[eE][+-]?[0-9]+)? )
      | (?P<word>   [A-Za-z_][A-Za-z0-9_]* )
      | (?P<string> " (?: [^"\\\n\r] | \\. )* " | ' (?: [^'\\\n\r] | \\. )* ' )
      | (?P<mark>   \|\| | && | [=!<>]= | [-<>!+()\[\],.] )
      | (?P<end>    \Z )
    )""",
    re.VERBOSE,
)
_ESCAPE = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|(.))", re.DOTALL)


class BadExpression(Exception):
    """What is written is no condition: where, counted in characters from 0, and why."""

    def __init__(self, at: int, reason: str) -> None:
        super().__init__(at, reason)
        self.at = at
        self.reason = reason


class Node(msgspec.Struct, frozen=True, gc=False):
    """A part of an expression.

    Attributes:
        kind: ``literal``, ``name``, ``list``, ``has``, ``size``, ``startsWith``, ``endsWith``,
            ``negative``, or the operator.
        start: Where its text begins.
        end: Where its text has ended.
        at: What an error in it points at: its operator, or its beginning.
        parts: What it is made of.
        value: Of a literal, what it stands for; of a name and of ``has``, the name.
    """

    kind: str
    start: int
    end: int
    at: int
    parts: tuple[Node, ...] = ()
    value: object = None


class _Token(msgspec.Struct, frozen=True, gc=False):
    kind: str
    text: str
    start: int
    end: int


def parse(text: str) -> Node:
    """Read an expression.

    Raises:
        BadExpression: It is none, or larger than any may be.

    >>> parse("now < 5.0").kind
    '<'
    """
    try:
        size_bytes = len(text.encode())
    except UnicodeEncodeError as error:
        raise BadExpression(error.start, "that is no character") from None
    if size_bytes > MAX_TEXT_BYTES:
        raise BadExpression(MAX_TEXT_BYTES, f"it is longer than {MAX_TEXT_BYTES} bytes")
    reader = _Reader(tuple(_tokens(text)))
    whole = reader.expression(0)
    if reader.token.kind != "end":
        reader.unexpected("an operator or the end")
    _measure(whole, 1)
    return whole


def _tokens(text: str) -> Iterator[_Token]:
    at = 0
    while True:
        found = _TOKEN.match(text, at)
        if found is None:
            at = len(text) - len(text[at:].lstrip(" \t\n\f\r"))
            here = text[at]
            why = "the string does not end" if here in "\"'" else f"`{here}` means nothing here"
            raise BadExpression(at, MEANT.get(here, why))
        kind = found.lastgroup or ""
        yield _Token(kind, found[kind], *found.span(kind))
        if kind == "end":
            return
        at = found.end()


def _measure(node: Node, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise BadExpression(node.start, f"it is nested deeper than {MAX_DEPTH}")
    for part in node.parts:
        _measure(part, depth + 1)


class _Reader:
    """Reads by the power with which operators bind (Pratt, 1973)."""

    def __init__(self, tokens: tuple[_Token, ...]) -> None:
        self.tokens = tokens
        self.place = 0
        self.nested = 0
        self.nodes = 0

    @property
    def token(self) -> _Token:
        return self.tokens[self.place]

    def unexpected(self, wanted: str) -> NoReturn:
        token = self.token
        shown = "the end" if token.kind == "end" else f"`{token.text}`"
        raise BadExpression(token.start, MEANT.get(token.text, f"expected {wanted}, not {shown}"))

    def take(self, text: str) -> _Token:
        if self.token.text != text:
            self.unexpected(f"`{text}`")
        return self.advance()

    def advance(self) -> _Token:
        token = self.token
        self.place += 1
        return token

    def node(
        self,
        kind: str,
        start: int,
        parts: tuple[Node, ...] = (),
        value: object = None,
        *,
        at: int | None = None,
    ) -> Node:
        """Make a node of what was read since ``start``."""
        self.nodes += 1
        if self.nodes > MAX_NODES:
            raise BadExpression(start, f"it has more than {MAX_NODES} parts")
        end = self.tokens[self.place - 1].end
        return Node(kind, start, end, start if at is None else at, parts, value)

    def expression(self, power: int) -> Node:
        """Read what holds together more tightly than an operator of that power would."""
        start = self.token.start
        self.nested += 1
        if self.nested > MAX_DEPTH:
            raise BadExpression(start, f"it is nested deeper than {MAX_DEPTH}")
        left = self.unary()
        while INFIX.get(self.token.text, 0) > power:
            mark = self.advance()
            right = self.expression(INFIX[mark.text])
            parts: tuple[Node, ...] = (left, right)
            if mark.text in ("&&", "||") and left.kind == mark.text:
                self.nodes -= 1
                parts = (*left.parts, right)
            left = self.node(mark.text, start, parts, at=mark.start)
        self.nested -= 1
        return left

    def unary(self) -> Node:
        start = self.token.start
        if self.token.text == "!":
            self.advance()
            return self.node("!", start, (self.member(),))
        if self.token.text == "-":
            self.advance()
            if self.token.kind == "number":
                return self.number(start, "-")
            return self.node("negative", start, (self.member(),))
        return self.member()

    def member(self) -> Node:
        start = self.token.start
        left = self.primary()
        while self.token.text == ".":
            self.advance()
            if self.token.text not in METHODS:
                self.unexpected("`startsWith` or `endsWith`")
            method = self.advance()
            left = self.node(method.text, start, (left, self.argument()), at=method.start)
        return left

    def argument(self) -> Node:
        self.take("(")
        inner = self.expression(0)
        self.take(")")
        return inner

    def primary(self) -> Node:
        token = self.token
        if token.kind == "number":
            return self.number(token.start, "")
        if token.kind == "string":
            self.advance()
            return self.node("literal", token.start, value=_unquote(token))
        if token.text in CONSTANTS:
            self.advance()
            return self.node("literal", token.start, value=CONSTANTS[token.text])
        if token.text == "(":
            return self.argument()
        if token.text == "[":
            return self.list_of(token)
        if token.kind == "word":
            return self.call_or_name(token)
        return self.unexpected("a value")

    def list_of(self, opening: _Token) -> Node:
        self.advance()
        items: list[Node] = []
        while self.token.text != "]":
            if items:
                self.take(",")
            items.append(self.expression(0))
        self.advance()
        return self.node("list", opening.start, tuple(items))

    def call_or_name(self, first: _Token) -> Node:
        called = self.tokens[self.place + 1].text == "("
        if called and first.text == "size":
            self.advance()
            return self.node("size", first.start, (self.argument(),))
        if called and first.text == "has":
            self.advance()
            self.take("(")
            name = self.name()
            self.take(")")
            if "." not in name:
                raise BadExpression(first.start, f"`has({name})`: only a field can be missing")
            return self.node("has", first.start, value=name)
        if called:
            raise BadExpression(first.start, f"there is no function `{first.text}`")
        return self.node("name", first.start, value=self.name())

    def name(self) -> str:
        """Read a name, up to the method that is called on what it names."""
        words = [self.word()]
        while self.token.text == "." and not self.calls():
            self.advance()
            words.append(self.word())
        return ".".join(words)

    def calls(self) -> bool:
        """Whether the word after this point is a method."""
        following = self.tokens[self.place + 1]
        if following.kind != "word" or self.tokens[self.place + 2].text != "(":
            return False
        if following.text not in METHODS:
            raise BadExpression(following.start, f"there is no method `{following.text}`")
        return True

    def word(self) -> str:
        text = self.token.text
        if self.token.kind != "word" or text in RESERVED or text in MEANT:
            self.unexpected("a name")
        return self.advance().text

    def number(self, start: int, sign: str) -> Node:
        token = self.advance()
        if token.text.isdigit():
            if token.text[0] == "0" and token.text != "0":
                raise BadExpression(token.start, "a number does not begin with 0")
            value: float = int(sign + token.text)
            if not MIN_INT <= value <= MAX_INT:
                raise BadExpression(token.start, "a whole number has 64 bits")
        else:
            value = float(sign + token.text)
            if value in (float("inf"), float("-inf")):
                raise BadExpression(token.start, "the number is too large")
        return self.node("literal", start, value=value)


def _unquote(token: _Token) -> str:
    def meaning(escape: re.Match[str]) -> str:
        code, letter = escape.groups()
        if code is None and letter in ESCAPES:
            return ESCAPES[letter]
        if code is None or 0xD800 <= int(code, 16) <= 0xDFFF:
            at = token.start + 1 + escape.start()
            raise BadExpression(at, f"`{escape[0]}` stands for nothing")
        return chr(int(code, 16))

    return _ESCAPE.sub(meaning, token.text[1:-1])
