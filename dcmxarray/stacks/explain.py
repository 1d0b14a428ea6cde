"""Error messages for frames that do not fill a grid: the cells and the files.  Opens no file."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd

from ..attributes import BOOKKEEPING, column_of, labels
from ..model import Ints
from .split import POSITION
from .work import Work

_PLACES = BOOKKEEPING | {*POSITION, "SOPInstanceUID"}
_MOST = 3


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
    uid = work.frames["SeriesInstanceUID"].iloc[0]
    return f"series {uid}" if isinstance(uid, str) else "a series without SeriesInstanceUID"


def _file(frames: pd.DataFrame, row: int) -> str:
    """A frame in words: the file's name without its folder, and the frame number."""
    name = re.split(r"[/\\]", str(frames["path"].iloc[row]))[-1]
    return f"{name} frame {frames['frame'].iloc[row]}"


def differing(rows: pd.DataFrame) -> list[str]:
    """The columns in which frames differ, except position, bookkeeping columns and SOPInstanceUID."""
    return [str(c) for c in rows.columns if c not in _PLACES and _varies(rows[c])]


def _varies(column: pd.Series) -> bool:
    """Whether a column holds several values; a user's own may hold what can't be compared."""
    try:
        return column.nunique(dropna=False) > 1
    except TypeError:
        return False


def describe_doubles(work: Work, cells: Ints, counts: Ints) -> str:
    """The message for cells that hold several frames: the first such cell, its files, the columns in which they differ.

    Parameters
    ----------
    work
        The arranged stack.
    cells
        (frames,) flat cell of each frame.
    counts
        (cells,) frames in each cell.
    """
    doubles = np.flatnonzero(counts > 1)
    rows = work.frames.iloc[np.flatnonzero(cells == doubles[0])]
    return _doubled(work, doubles.size, _cell(work, int(doubles[0])), rows)


def describe_double(work: Work, frames: pd.DataFrame, kept: Ints, stands_in: Ints) -> str:
    """The message for doubles that hide an axis.

    Parameters
    ----------
    work
        The arranged stack, without the doubles.
    frames
        All frames of the stack.
    kept
        The rows of ``frames`` in ``work``.
    stands_in
        (frames,) the row that stays in the place of each.
    """
    doubled = np.unique(stands_in[stands_in != np.arange(len(frames))])
    cell = int(work.cells()[np.searchsorted(kept, doubled[0])])
    return _doubled(work, doubled.size, _cell(work, cell), frames.iloc[np.flatnonzero(stands_in == doubled[0])])


def _doubled(work: Work, count: int, cell: str, rows: pd.DataFrame) -> str:
    """The message for doubles, of which ``rows`` share the first cell."""
    names = ", ".join(_file(rows, r) for r in range(min(len(rows), _MOST)))
    unlike = differing(rows)
    one = rows["SOPInstanceUID"].nunique() == 1
    same = "their pixels alone, under one SOPInstanceUID" if one else "nothing that the table knows"
    hold = "cell holds" if count == 1 else "cells hold"
    return f"{_series(work)}: {count} {hold} several frames, first at {cell} ({names}). They differ in " + (
        f"{', '.join(unlike[:8]) or same}."
    )


def describe_holes(work: Work, counts: Ints, shape: tuple[int, ...]) -> str:
    """The message for cells without a frame: which cells; ``counts`` is (cells,)."""
    empty = np.flatnonzero(counts == 0)
    names = "; ".join(_cell(work, int(e)) for e in empty[:_MOST])
    axes = " x ".join(f"{axis.name} {n}" for axis, n in zip(work.axes, shape, strict=True))
    more = f" and {empty.size - _MOST} more" if empty.size > _MOST else ""
    return f"{_series(work)}: {empty.size} of {counts.size} cells ({axes}) have no frame: {names}{more}."
