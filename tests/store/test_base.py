"""The shapes that stores deal in."""

from __future__ import annotations

import msgspec

from collabkit.ids import Subject
from collabkit.store.base import Draft, Row


def test_a_row_is_a_draft_with_a_place() -> None:
    """Every field of a draft is in its row but whose ids become, and the row has one more: seq."""
    draft = {field.name: field.type for field in msgspec.structs.fields(Draft)}
    row = {field.name: field.type for field in msgspec.structs.fields(Row)}
    assert row.pop("seq") is not None
    assert draft.pop("claims") == draft.pop("repairs")
    assert row == draft


def test_a_draft_is_an_update_from_the_relay_unless_it_says_otherwise() -> None:
    """What most rows are need not be said."""
    draft = Draft("main", Subject("user:ada"), b"", 0)
    assert (draft.kind, draft.origin, draft.clients, draft.seen, draft.group) == (
        "update",
        "relay",
        (),
        0,
        None,
    )
