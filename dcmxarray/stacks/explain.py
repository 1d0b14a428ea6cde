"""Error messages for frames that do not fill a grid: the cells, the files and the argument that helps.  Opens no file."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from ..attributes import BOOKKEEPING, column_of, labels
from ..model import Ints
from .split import POSITION
from .work import Work

_PLACES = BOOKKEEPING | {*POSITION, "SOPInstanceUID"}
_MOST = 3
_WAY_OF_COPIES = "pass duplicates='first', or a table without the wrong one"


def _cell(work: Work, code: int) -> str:
    """A cell in words: "slice index 2, te=9.84 ms"."""
    parts = []
    for axis in reversed(work.axes):
        code, place = divmod(code, axis.count)
        parts.append(_coordinate(work, axis.name, axis.codes, place))
    return ", ".join(reversed(parts)) or "the only cell"


def _coordinate(work: Work, name: str, codes: Ints, place: int) -> str:
    """The position on one axis in words: an index, or the attribute's value with its unit."""
    rows = np.flatnonzero(codes == place)
    if name == "time":
        return f"time index {place}"
    if name == "slice":
        return f"slice index {place}"
    value: Any = work.frames[column_of(name)].iloc[int(rows[0])] if rows.size else place
    number = f"{value:g}" if isinstance(value, float) else value
    return f"{name}={number}" + (f" {labels(name)['units']}" if labels(name).get("units") else "")


def _series(work: Work) -> str:
    """The series in words."""
    return f"series {work.frames['SeriesInstanceUID'].iloc[0]}"


def _file(frames: pd.DataFrame, row: int) -> str:
    """A frame in words: the file's name without its folder, and the frame number."""
    name = re.split(r"[/\\]", str(frames["path"].iloc[row]))[-1]
    return f"{name} frame {frames['frame'].iloc[row]}"


def differing(rows: pd.DataFrame) -> list[str]:
    """The columns in which frames differ, except position, bookkeeping columns and SOPInstanceUID."""
    columns = [c for c in rows.columns if c not in _PLACES]
    return [c for c in columns if rows[c].nunique(dropna=False) > 1]


def describe_doubles(work: Work, cells: Ints, counts: Ints, dims: Sequence[str] | None) -> str:
    """The message for cells that hold several frames.

    It names the first such cell, its files, the columns in which they differ, and the argument that resolves it.

    Parameters
    ----------
    work
        The arranged stack.
    cells
        (frames,) flat cell of each frame.
    counts
        (cells,) frames in each cell.
    dims
        The dims that the user asked for.
    """
    doubles = np.flatnonzero(counts > 1)
    rows = np.flatnonzero(cells == doubles[0])
    names = ", ".join(_file(work.frames, r) for r in rows[:_MOST])
    unlike = differing(work.frames.iloc[rows])
    asked = [*(dims or [a.name for a in work.axes])]
    way = f"pass dims={[*asked, unlike[0]]!r}, duplicates='first' or a filtered table" if unlike else _WAY_OF_COPIES
    one = work.frames["SOPInstanceUID"].iloc[rows].nunique() == 1
    same = "their pixels alone, under one SOPInstanceUID" if one else "nothing that the table knows"
    what = ", ".join(unlike[:8]) if unlike else same
    return (
        f"{_series(work)}: {doubles.size} cells hold several frames, first at {_cell(work, int(doubles[0]))} ({names}). "
        f"They differ in {what}; {way}."
    )


def describe_holes(work: Work, counts: Ints, shape: tuple[int, ...]) -> str:
    """The message for cells without a frame: which cells, and the argument that resolves it; ``counts`` is (cells,)."""
    empty = np.flatnonzero(counts == 0)
    names = "; ".join(_cell(work, int(e)) for e in empty[:_MOST])
    axes = " x ".join(f"{axis.name} {n}" for axis, n in zip(work.axes, shape, strict=True))
    more = f" and {empty.size - _MOST} more" if empty.size > _MOST else ""
    return (
        f"{_series(work)}: {empty.size} of {counts.size} cells ({axes}) have no frame: {names}{more}. Pass missing='fill', "
        f"or a filtered table."
    )
