"""The root of the tree: messages are made of fields, and fields cross processes."""

from __future__ import annotations

import copyreg
from dataclasses import dataclass, field
from typing import Any, ClassVar, dataclass_transform

__all__ = ["CollabError"]


@dataclass_transform(eq_default=False, field_specifiers=(field,))
class CollabError(Exception):
    """Root of the tree: ``except CollabError`` catches all that collabkit raises on purpose."""

    _says: ClassVar[str] = ""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        dataclass(eq=False, repr=False)(cls)

    def __str__(self) -> str:
        return self._says.format_map(vars(self))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self)!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        """Cross a process boundary as the fields are."""
        return copyreg.__newobj__, (type(self),), vars(self)  # type: ignore[attr-defined]
