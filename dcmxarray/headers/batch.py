"""The header pass over one batch of files: from bytes to columns of the frame table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from ..attributes import Tag
from .bounds import note_pixels
from .columns import columns, large_bytes
from .compiled.walk import MODIFIED, PIXEL_AT, PIXEL_ELEMENT, PIXEL_LENGTH, SIZE
from .computed import Rows, compute
from .elements import Wanted, wanted
from .expand import expand
from .heads import Heads, read_heads, unread_heads
from .vendors import LARGE_COLUMNS, LARGE_ELEMENTS

_PIXELS = pa.array([None, "int", "float", "double"], pa.string())


def read_batch(paths: Sequence[str], tags: Sequence[Tag] | None = None) -> dict[str, Any]:
    """Columns of the frame table for a batch of files, one row a frame; files that are no DICOM are left out."""
    plan = wanted(tags)
    with np.errstate(all="ignore"):  # numbers of a header may be any, and what comes of them is looked at
        return _frame_columns(read_heads(paths, plan), plan)


def unread_batch(paths: Sequence[str], problems: Sequence[str], tags: Sequence[Tag] | None = None) -> dict[str, Any]:
    """As `read_batch`, a row for each of what could not be read, with the problem that it is; opens no file."""
    plan = wanted(tags)
    return _frame_columns(unread_heads(paths, problems, plan), plan)


def _frame_columns(heads: Heads, plan: Wanted) -> dict[str, Any]:
    found = columns(heads, plan.elements)
    found |= _large(heads, plan, found)
    found["slice_time"] = np.full(len(heads.paths), np.nan)
    found["frames_said"] = found["NumberOfFrames"]
    note_pixels(heads, found["SOPClassUID"])
    table = expand(heads, found)
    file = table.pop("file")
    del table["frames_said"]
    computed = compute(table)
    visible = {name: column for name, column in table.items() if not name.startswith("_")}
    return _only(np.flatnonzero(_kept(heads)[file]), _places(heads, file) | visible | computed)


def _kept(heads: Heads) -> Any:
    """DICOM files, and files that could not be read, which may be."""
    return heads.is_dicom() | np.array([bool(p) for p in heads.problems], bool)


def _places(heads: Heads, file: Any) -> dict[str, Any]:
    """Where each frame lies."""
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
    """Vendors' large elements, of the rows that need them; ``None`` elsewhere."""
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
