"""The header pass over one batch of files: from bytes to columns of the frame table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from ..attributes import Tag
from .asked import columns_of_numbers
from .bounds import note_pixels
from .columns import columns, large_bytes
from .compiled.walk import MODIFIED, PIXEL_AT, PIXEL_ELEMENT, PIXEL_LENGTH, SIZE
from .computed import Rows, compute
from .elements import Wanted, wanted
from .expand import expand
from .heads import Heads, read_heads, unread_heads
from .nested import nested_columns
from .vendors import LARGE_COLUMNS, LARGE_ELEMENTS

_PIXELS = pa.array([None, "int", "float", "double"], pa.string())


def read_batch(paths: Sequence[str], tags: Sequence[Tag] | None = None) -> dict[str, Any]:
    """Read the headers of a batch of files.

    Parameters
    ----------
    paths
        Paths as `sources.folders.walk` yields them.
    tags
        Elements to read besides the default ones; see `headers.scan.scan`.

    Returns
    -------
    Columns of the frame table by name, one row per frame.  Files that are not DICOM have no rows.
    """
    plan = wanted(tags)
    with np.errstate(all="ignore"):  # headers may hold any number, and the results are checked
        return _frame_columns(read_heads(paths, plan), plan)


def unread_batch(paths: Sequence[str], problems: Sequence[str], tags: Sequence[Tag] | None = None) -> dict[str, Any]:
    """Columns as from `read_batch`, with one row and its problem for each path that could not be read.  Opens no file."""
    plan = wanted(tags)
    return _frame_columns(unread_heads(paths, problems, plan), plan)


def _frame_columns(heads: Heads, plan: Wanted) -> dict[str, Any]:
    """Columns of the frame table from the heads of files."""
    found = columns(heads, plan.elements)
    found |= columns_of_numbers(plan.elements, heads, found)
    found |= _large(heads, plan, found)
    found["slice_time"] = np.full(len(heads.paths), np.nan)
    found["frames_said"] = found["NumberOfFrames"]
    note_pixels(heads, found["SOPClassUID"])
    table = expand(heads, found)
    file = table.pop("file")
    del table["frames_said"]
    computed = compute(table)
    visible = {name: column for name, column in table.items() if not name.startswith("_")}
    nested = nested_columns(heads, file, table["frame"], plan.nested)
    return _only(np.flatnonzero(_kept(heads)[file]), _places(heads, file) | visible | computed | nested)


def _kept(heads: Heads) -> Any:
    """Which files have rows: DICOM files, and files that could not be read because they may be DICOM."""
    return heads.is_dicom() | np.array([bool(p) for p in heads.problems], bool)


def _places(heads: Heads, file: Any) -> dict[str, Any]:
    """The columns that say where the pixel data of each frame are, and what is wrong with its file."""
    elements = heads.column(PIXEL_ELEMENT)
    kinds = _PIXELS.take(pa.array((elements == 0x0010) * 1 + (elements == 0x0008) * 2 + (elements == 0x0009) * 3))
    rows = pa.array(file)
    return {
        "path": pa.array(heads.paths, pa.string()).take(rows),
        "pixels": kinds.take(rows),
        "pixel_offset": heads.column(PIXEL_AT)[file],
        "pixel_length": heads.column(PIXEL_LENGTH)[file],
        "file_size": heads.column(SIZE)[file],
        "modified": heads.column(MODIFIED)[file],
        "problem": pa.array([p or None for p in heads.problems], pa.string()).take(rows),
    }


def _large(heads: Heads, plan: Wanted, found: dict[str, Any]) -> dict[str, Any]:
    """Vendors' large elements, read for the files that need them; ``None`` for all others."""
    out = {name: np.full(len(heads.paths), None, object) for name in LARGE_COLUMNS}
    places = {e.columns[0]: k for k, e in enumerate(plan.elements) if e.large}
    for vendor in LARGE_ELEMENTS:
        has = np.flatnonzero((heads.at[[places[name] for name in vendor.LARGE]] < -1).any(axis=0))
        for i in has[vendor.needs_large(Rows(found, has))].tolist() if has.size else ():
            for name, value in vendor.read_large(lambda name, i=i: large_bytes(heads, i, places[name])).items():
                out[name][i] = value
    return out


def _only(rows: Any, table: dict[str, Any]) -> dict[str, Any]:
    """The given rows of every column."""
    if rows.size == len(table["frame"]):
        return table
    return {name: c.take(pa.array(rows)) if isinstance(c, pa.Array) else c[rows] for name, c in table.items()}
