"""Sphinx configuration; the table of columns.md is made from `dcmxarray.attributes` when the page is read."""

from typing import Any

from pydicom.datadict import dictionary_description

from dcmxarray.attributes import BY_COLUMN, Attribute

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

PLACEHOLDER = "<!-- the table of columns -->"


def meaning(column: str, attribute: Attribute) -> str:
    """What a column holds: the attribute's own words, else the element's name in PS3.6."""
    words = attribute.long_name or dictionary_description(attribute.keyword)
    if not attribute.parts:
        return words
    return f"{words}, value {attribute.parts.index(column) + 1} of {len(attribute.parts)}"


def columns_table() -> str:
    """A Markdown table with one row for each column of the frame table."""
    rows = ["| column | DICOM keyword | type | units | meaning | bookkeeping |", "| --- | --- | --- | --- | --- | --- |"]
    for column, attribute in BY_COLUMN.items():
        keyword = f"`{attribute.keyword}`" if attribute.keyword else "computed"
        book = "yes" if attribute.bookkeeping else ""
        rows.append(f"| `{column}` | {keyword} | {attribute.dtype} | {attribute.units} | {meaning(column, attribute)} | {book} |")
    return "\n".join(rows)


def fill_columns(app: Any, page: str, source: list[str]) -> None:
    """Put the table into columns.md."""
    if page == "columns":
        source[0] = source[0].replace(PLACEHOLDER, columns_table())


def setup(app: Any) -> None:
    """Connect to Sphinx."""
    app.connect("source-read", fill_columns)
