"""What an expression is worth: types on loading, values later.

Rules, which are CEL's (langdef.md, "Runtime Errors", "Equality", "Ordering"):

1. A value is null, a bool, an int of 64 bits, a double, a string, or a list of values.
2. Operators take what :data:`OVERLOADS` says, and equality any two values of one type, or two
   numbers. An int and a double are compared as doubles; they are not added. What does not fit is
   an error; so is an int beyond 64 bits.
3. Values are equal by type and content; a list, item by item. NaN is equal to nothing.
4. Strings are ordered by code point and measured in code points. false is before true.
5. A name that has no value is an error, and so is one with a value of another type than was
   declared, except that an int will do for a double.
6. ``&&`` is false if any part is, ``||`` is true if any part is, whatever the others are. If not,
   an error in a part is an error of the whole, and so is a part that is no bool.

What can be seen to fail always is refused on loading: an operand whose declared type has no
overload, or two that are never equal. Of ``any``, nothing is known before.
"""

from __future__ import annotations

import difflib
import operator
from collections.abc import Callable, Mapping
from typing import TypeAlias

from .expression import MAX_INT, MIN_INT, BadExpression, Node

__all__ = ["Attributes", "ConditionError", "Evaluate", "Values", "compiled"]

Attributes: TypeAlias = Mapping[str, str]
"""What a condition can ask for: dotted names, and the type of each, one of :data:`TYPES`."""

Values: TypeAlias = Mapping[str, object]
"""What was asked for: the words of a dotted name are keys of mappings in one another."""

Evaluate: TypeAlias = Callable[[Values], object]

TYPES = ("bool", "int", "double", "string", "list", "any")

_NUMBERS = ("int", "double")
_ORDERED = tuple(
    ((one, other), "bool")
    for one, other in [
        ("bool", "bool"),
        ("string", "string"),
        *((one, other) for one in _NUMBERS for other in _NUMBERS),
    ]
)
_DIFFERENCES = tuple(((each, each), each) for each in _NUMBERS)
_AFFIX = ((("string", "string"), "bool"),)

OVERLOADS: dict[str, tuple[tuple[tuple[str, ...], str], ...]] = {
    "!": ((("bool",), "bool"),),
    "negative": tuple(((each,), each) for each in _NUMBERS),
    "+": (*_DIFFERENCES, (("string", "string"), "string"), (("list", "list"), "list")),
    "-": _DIFFERENCES,
    **dict.fromkeys(("<", "<=", ">", ">="), _ORDERED),
    "in": ((("any", "list"), "bool"),),
    "size": ((("string",), "int"), (("list",), "int")),
    "startsWith": _AFFIX,
    "endsWith": _AFFIX,
}
"""What each operator takes, and of what type the outcome is."""


class ConditionError(Exception):
    """A condition has no value, since something it asks for is missing or does not fit."""


def compiled(node: Node, attributes: Attributes) -> tuple[str, Evaluate]:
    """Find an expression's type, and how to evaluate it.

    Raises:
        BadExpression: It names what is not declared, or it could only fail.
    """
    match node.kind:
        case "literal":
            return _type_of(node.value), _constant(node.value)
        case "name":
            declared = _declared(node, attributes)
            return declared, _fetch(str(node.value), declared)
        case "has":
            _declared(node, attributes)
            return "bool", _has(str(node.value))
    parts = [compiled(part, attributes) for part in node.parts]
    types = tuple(part[0] for part in parts)
    of = [part[1] for part in parts]
    match node.kind:
        case "list":
            if all(part.kind == "literal" for part in node.parts):
                return "list", _constant(tuple(part.value for part in node.parts))
            return "list", lambda values: [each(values) for each in of]
        case "&&" | "||":
            for part, found in zip(node.parts, types, strict=True):
                if found not in ("bool", "any"):
                    raise BadExpression(part.start, f"`{node.kind}` takes bools, not {found}")
            return "bool", _decided(tuple(of), by=node.kind == "||")
        case "==" | "!=":
            return "bool", _equality(node, types, of[0], of[1])
        case _:
            return _outcome(node, types), _applied(node.kind, types, of)


def _declared(node: Node, attributes: Attributes) -> str:
    name = str(node.value)
    if name not in attributes:
        near = difflib.get_close_matches(name, attributes, 1) or sorted(attributes)
        raise BadExpression(node.start, f"`{name}` is not declared; there is {', '.join(near)}")
    if attributes[name] not in TYPES:
        raise BadExpression(node.start, f"`{name}` has type {attributes[name]!r}: no such type")
    return attributes[name]


def _outcome(node: Node, types: tuple[str, ...]) -> str:
    fitting = {
        result
        for wanted, result in OVERLOADS[node.kind]
        if all(w == t or "any" in (w, t) for w, t in zip(wanted, types, strict=True))
    }
    if not fitting:
        shown = "-" if node.kind == "negative" else node.kind
        why = f"`{shown}` does not take {' and '.join(types)}"
        if set(types) == set(_NUMBERS):
            why += "; write the whole number with a point, as in `60.0`"
        raise BadExpression(node.at, why)
    return fitting.pop() if len(fitting) == 1 else "any"


def _equality(node: Node, types: tuple[str, ...], left: Evaluate, right: Evaluate) -> Evaluate:
    one, other = types
    if one != other and "any" not in types and not {one, other} <= set(_NUMBERS):
        raise BadExpression(node.at, f"{one} and {other} are never equal")
    if one == other and one in ("bool", "int", "string"):
        if node.kind == "==":
            return lambda values: left(values) == right(values)
        return lambda values: left(values) != right(values)
    if node.kind == "==":
        return lambda values: _equal(left(values), right(values))
    return lambda values: not _equal(left(values), right(values))


def _applied(kind: str, types: tuple[str, ...], of: list[Evaluate]) -> Evaluate:
    apply = OPERATIONS[kind]
    if len(of) == 1:
        (only,) = of
        return lambda values: apply(only(values))
    left, right = of
    # What was declared is seen to when it is fetched: here nothing need be looked at again.
    if kind in ORDERS and types in (("string", "string"), ("int", "int"), ("double", "double")):
        apply = ORDERS[kind]
    elif kind == "in" and types == ("string", "list"):
        return lambda values: left(values) in right(values)  # type: ignore[operator]
    return lambda values: apply(left(values), right(values))


def _constant(value: object) -> Evaluate:
    return lambda _values: value


def _decided(parts: tuple[Evaluate, ...], *, by: bool) -> Evaluate:
    """All parts, or any part: decided by the first that is ``by``."""

    def evaluate(values: Values) -> bool:
        failed: ConditionError | None = None
        for part in parts:
            try:
                found = part(values)
            except ConditionError as error:
                failed = error
                continue
            if found is by:
                return by
            if found is not (not by):
                failed = ConditionError(f"{_type_of(found)} where a bool belongs")
        if failed is not None:
            raise failed
        return not by

    return evaluate


def _fetch(name: str, declared: str) -> Evaluate:
    root, *rest = name.split(".")
    # What needs no closer look; a whole number may have too many bits.
    native = {"bool": bool, "double": float, "string": str}.get(declared)

    def top(values: Values) -> object:
        try:
            found = values[root]
        except KeyError:
            raise ConditionError(f"{name} is missing") from None
        return found if found.__class__ is native else _fitting(found, declared, name)

    def field(values: Values) -> object:
        try:
            found = values[root][key]  # type: ignore[index]
        except (KeyError, TypeError, IndexError):
            raise ConditionError(f"{name} is missing") from None
        return found if found.__class__ is native else _fitting(found, declared, name)

    def deep(values: Values) -> object:
        found: object = values
        for word in (root, *rest):
            if not isinstance(found, Mapping) or word not in found:
                raise ConditionError(f"{name} is missing")
            found = found[word]
        return _fitting(found, declared, name)

    if not rest:
        return top
    key = rest[0]
    return field if len(rest) == 1 else deep


def _has(name: str) -> Evaluate:
    *above, last = name.split(".")

    def evaluate(values: Values) -> bool:
        found: object = values
        for word in above:
            if not isinstance(found, Mapping) or word not in found:
                raise ConditionError(f"{name} is missing, and what has it as well")
            found = found[word]
        if not isinstance(found, Mapping):
            raise ConditionError(f"{'.'.join(above)} has no fields")
        return last in found

    return evaluate


def _fitting(value: object, declared: str, name: str) -> object:
    """A value as what it was declared to be."""
    if value.__class__ is int and declared == "int" and MIN_INT <= value <= MAX_INT:
        return value
    found = _type_of(value)
    if declared == "double" and found == "int":
        return float(value)  # type: ignore[arg-type]
    if declared not in ("any", found):
        raise ConditionError(f"{name} is {found}, not {declared}")
    return value


_TYPE_OF_CLASS = {
    type(None): "null",
    bool: "bool",
    float: "double",
    str: "string",
    list: "list",
    tuple: "list",
}


def _type_of(value: object) -> str:
    """The type of a value; raises ConditionError if it is none."""
    for kind in value.__class__.__mro__:
        if kind in _TYPE_OF_CLASS:
            return _TYPE_OF_CLASS[kind]
        if kind is int:
            if MIN_INT <= value <= MAX_INT:  # type: ignore[operator]
                return "int"
            raise ConditionError("a whole number has more than 64 bits")
    raise ConditionError(f"a {type(value).__name__} is no value of a condition")


def _equal(one: object, other: object) -> bool:
    types = _type_of(one), _type_of(other)
    match types:
        case ("list", "list"):
            return len(one) == len(other) and all(map(_equal, one, other))  # type: ignore[arg-type,call-overload]
        case ("int", "double") | ("double", "int"):
            return float(one) == float(other)  # type: ignore[arg-type]
    return types[0] == types[1] and one == other


def _in(item: object, among: object) -> bool:
    if _type_of(among) != "list":
        raise ConditionError(f"`in` looks into a list, not {_type_of(among)}")
    if item.__class__ is str:
        return item in among  # type: ignore[operator]
    return any(_equal(item, each) for each in among)  # type: ignore[attr-defined]


def _plus(one: object, other: object) -> object:
    match _type_of(one), _type_of(other):
        case ("int", "int") | ("double", "double") | ("string", "string"):
            return _bounded(one + other)  # type: ignore[operator]
        case ("list", "list"):
            return [*one, *other]  # type: ignore[misc]
        case types:
            raise ConditionError(f"`+` does not take {' and '.join(types)}")


def _minus(one: object, other: object) -> object:
    types = _type_of(one), _type_of(other)
    if types[0] == types[1] and types[0] in _NUMBERS:
        return _bounded(one - other)  # type: ignore[operator]
    raise ConditionError(f"`-` does not take {' and '.join(types)}")


def _negative(value: object) -> object:
    if _type_of(value) in _NUMBERS:
        return _bounded(-value)  # type: ignore[operator]
    raise ConditionError(f"`-` does not take {_type_of(value)}")


def _bounded(value: object) -> object:
    _type_of(value)
    return value


def _not(value: object) -> bool:
    if isinstance(value, bool):
        return not value
    raise ConditionError(f"`!` does not take {_type_of(value)}")


def _size(value: object) -> int:
    if _type_of(value) in ("string", "list"):
        return len(value)  # type: ignore[arg-type]
    raise ConditionError(f"`size` does not take {_type_of(value)}")


def _starts(text: object, affix: object) -> bool:
    if isinstance(text, str) and isinstance(affix, str):
        return text.startswith(affix)
    raise ConditionError("`startsWith` takes strings")


def _ends(text: object, affix: object) -> bool:
    if isinstance(text, str) and isinstance(affix, str):
        return text.endswith(affix)
    raise ConditionError("`endsWith` takes strings")


def _ordered(kind: str) -> Callable[[object, object], bool]:
    compare = ORDERS[kind]

    def apply(one: object, other: object) -> bool:
        match _type_of(one), _type_of(other):
            case ("int", "double") | ("double", "int"):
                return compare(float(one), float(other))  # type: ignore[arg-type]
            case ("int", "int") | ("double", "double") | ("string", "string") | ("bool", "bool"):
                return compare(one, other)
            case types:
                raise ConditionError(f"{' and '.join(types)} have no order")

    return apply


ORDERS: dict[str, Callable[..., bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}

OPERATIONS: dict[str, Callable[..., object]] = {
    "!": _not,
    "negative": _negative,
    "+": _plus,
    "-": _minus,
    **{kind: _ordered(kind) for kind in ORDERS},
    "in": _in,
    "size": _size,
    "startsWith": _starts,
    "endsWith": _ends,
}
"""What is done with values of which nothing is known; these say what does not fit."""
