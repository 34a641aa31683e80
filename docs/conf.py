"""How Sphinx makes the documentation: `make docs`; a warning is an error."""

from importlib.metadata import version as version_of

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
autodoc_default_options = {"members": True, "show-inheritance": True}
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
add_module_names = False
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True

# References inside collabkit are checked; those to other packages would need their inventories.
nitpick_ignore_regex = [("py:.*", r"(?!collabkit\b)[\w.]+\.\w+")]
