"""Sphinx configuration."""

project = "dcmxarray"
author = "The dcmxarray developers"
copyright = "2026, The dcmxarray developers"  # noqa: A001
extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
]
html_theme = "furo"
html_title = "dcmxarray"
exclude_patterns = ["_build"]
default_role = "code"
numpydoc_show_class_members = False
autodoc_typehints = "none"
myst_heading_anchors = 3
nitpicky = False
