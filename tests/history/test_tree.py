"""Trees: what they say of a text."""

from __future__ import annotations

from collabkit.history.tree import Run, TextNode, text_of


def test_a_text_is_its_characters_alone() -> None:
    """An embedded object is none."""
    node = TextNode(None, (Run("a", {"bold": True}), Run({"image": 1}), Run("b")))
    assert text_of(node) == "ab"
