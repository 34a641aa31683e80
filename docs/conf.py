"""How Sphinx makes the documentation: `make docs`; a warning is an error."""

import contextlib
from importlib.metadata import version as version_of
from pkgutil import resolve_name

from docutils.nodes import Element
from sphinx.application import Sphinx
from sphinx.ext.napoleon import GoogleDocstring

project = "collabkit"
author = "the collabkit authors"
copyright = "2026, the collabkit authors"
release = version = version_of("collabkit")

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
]
exclude_patterns = ["_build"]

html_theme = "furo"
html_title = "collabkit"

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

# Pages say what a name promises; where it is defined is found by its path.
autodoc_default_options = {"members": True}
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
add_module_names = False
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True

Returned = tuple[str, str, list[str]]


def _as_prose(docstring: GoogleDocstring) -> list[str]:
    """Read the docstring of a property as that of a method: "a sentence: and more" has no type."""
    docstring._what = "method"
    docstring._parse()
    return []


def _returned(docstring: GoogleDocstring, preprocess_types: bool = False) -> list[Returned]:
    """Read what is returned as sentences: its type is an annotation."""
    return [("", "", docstring._dedent(docstring._consume_to_next_section()))]


GoogleDocstring._parse_attribute_docstring = _as_prose
GoogleDocstring._consume_returns_section = _returned


def _known(app: Sphinx, env: object, node: Element, text: Element) -> Element | None:
    """Let a reference to what exists, and is not documented, stand as text; others are errors."""
    target, module = node["reftarget"], node.get("py:module") or ""
    package = module.rpartition(".")[0]
    for name in (target, f"{module}.{target}", f"{package}.{target}"):
        if not name.startswith("collabkit."):
            # The names of other packages could be checked only against their own documentation.
            if name == target and ("." in name or "[" in name):
                return text
            continue
        with contextlib.suppress(ImportError, AttributeError, ValueError):
            resolve_name(name)
            return text
    return None


def setup(app: Sphinx) -> None:
    """Connect the above."""
    app.connect("missing-reference", _known)
