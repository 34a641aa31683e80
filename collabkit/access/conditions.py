"""Conditions: what must hold beside, for a rule to apply.

A condition is an expression of :mod:`.expression`, a subset of CEL, over attributes that were
declared with their types. Rules:

1. It is refused on loading if it is no expression, asks for what is not declared, or could only
   fail; the reason tells the column.
2. It sees ``subject``, ``resource``, ``action``, ``context``, ``change`` and ``now``, and what a
   host declares beside :data:`DEFAULT`. ``change`` is there only where something inside a document
   is written or deleted; ``resource`` has those fields only that its path has.
3. What is missing when it is evaluated makes it fail. ``has(resource.owner)`` asks whether it is.
4. It holds, or does not, or fails. What follows is for the rule: whoever may do something only
   under a condition that failed may not, and a denial under a condition that failed is one.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator
from types import MappingProxyType

from ..errors import InvalidPolicy
from .evaluation import Attributes, ConditionError, Evaluate, Values, compiled
from .expression import BadExpression, Node, parse

__all__ = [
    "DEFAULT",
    "MAX_CONDITIONS",
    "Attributes",
    "Condition",
    "ConditionError",
    "Values",
    "compile_condition",
    "compile_conditions",
]

DEFAULT: MappingProxyType[str, str] = MappingProxyType(
    {
        "subject.id": "string",
        "subject.kind": "string",
        "subject.name": "string",
        "subject.groups": "list",
        "resource.path": "string",
        "resource.project": "string",
        "resource.session": "string",
        "resource.document": "string",
        "resource.owner": "string",
        "action": "string",
        "context.peer": "string",
        "context.dialect": "string",
        "context.connection": "string",
        "change.own": "bool",
        "change.appends": "bool",
        "change.kind": "string",
        "now": "double",
    }
)
"""What there is to ask for. A host that gives more adds it: ``DEFAULT | {"context.age": "int"}``"""

# Of one permission. Each is one line of a policy file.
MAX_CONDITIONS = 32


class Condition:
    """A condition that can be asked whether it holds. Immutable.

    Attributes:
        text: As it was written.
        names: The attributes that it asks for.
    """

    __slots__ = ("_attributes", "_evaluate", "_whole", "names", "text")

    def __init__(self, text: str, whole: Node, evaluate: Evaluate, attributes: Attributes) -> None:
        self.text = text
        self.names = _names(whole)
        self._whole = whole
        self._evaluate = evaluate
        self._attributes = attributes

    def __repr__(self) -> str:
        return f"<Condition {self.text!r}>"

    def __eq__(self, other: object) -> bool:
        """Conditions are equal that are written alike."""
        return isinstance(other, Condition) and self.text == other.text

    def __hash__(self) -> int:
        return hash(self.text)

    def holds(self, values: Values) -> bool:
        """Whether it holds.

        Raises:
            ConditionError: It has no value.
        """
        found = self._evaluate(values)
        if found is True or found is False:
            return found
        raise ConditionError(f"{self.text} is not a bool")

    def trace(self, values: Values) -> list[tuple[str, object]]:
        """What each part of it is worth, the smallest first and the whole last.

        Returns:
            The text of each part, once, and its value, or the ConditionError if it has none.

        >>> compile_condition("size(action) > 4").trace({"action": "write"})
        [('action', 'write'), ('size(action)', 5), ('size(action) > 4', True)]
        """
        worth: dict[str, object] = {}
        for node in _nodes(self._whole):
            text = self.text[node.start : node.end]
            if text in worth or not _names(node):
                continue
            try:
                worth[text] = compiled(node, self._attributes)[1](values)
            except ConditionError as error:
                worth[text] = error
        return list(worth.items())


def compile_condition(
    text: str, attributes: Attributes = DEFAULT, *, where: str = "condition"
) -> Condition:
    """Make a condition of its text.

    Args:
        text: An expression.
        attributes: What it may ask for.
        where: What an error names as the place.

    Raises:
        InvalidPolicy: It cannot be one; the reason tells the column, counted from 1.

    >>> owned = compile_condition("resource.owner == subject.id")
    >>> owned.holds({"subject": {"id": "user:ada"}, "resource": {"owner": "user:ada"}})
    True
    >>> compile_condition("now < 5.0 && acton == 'read'")
    Traceback (most recent call last):
    ...
    collabkit.errors.InvalidPolicy: condition: column 14: `acton` is not declared; there is action
    """
    try:
        whole = _parsed(text)
        kind, evaluate = compiled(whole, attributes)
        if kind not in ("bool", "any"):
            raise BadExpression(0, f"a condition is a bool, and this is {kind}")
    except BadExpression as error:
        raise InvalidPolicy(where, f"column {error.at + 1}: {error.reason}") from None
    return Condition(text, whole, evaluate, attributes)


def compile_conditions(
    texts: Iterable[str], attributes: Attributes = DEFAULT, *, where: str = "conditions"
) -> tuple[Condition, ...]:
    """Make the conditions of one permission, all of which must hold.

    Raises:
        InvalidPolicy: One of them cannot be one, or there are too many.
    """
    made = tuple(
        compile_condition(text, attributes, where=f"{where} {place}")
        for place, text in enumerate(texts, 1)
    )
    if len(made) > MAX_CONDITIONS:
        raise InvalidPolicy(where, f"there are more than {MAX_CONDITIONS}")
    return made


@functools.lru_cache(maxsize=1024)
def _parsed(text: str) -> Node:
    """Parse once what thousands of grants have in common."""
    return parse(text)


def _nodes(node: Node) -> Iterator[Node]:
    """A node and all it is made of, parts first."""
    for part in node.parts:
        yield from _nodes(part)
    yield node


def _names(node: Node) -> frozenset[str]:
    return frozenset(str(part.value) for part in _nodes(node) if part.kind in ("name", "has"))
