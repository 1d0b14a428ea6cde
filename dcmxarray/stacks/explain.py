"""What to tell a user whose frames do not fill a grid: which cells, which files, and the way out.  Opens no file."""

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
    """A cell in words: "slice=-12.5 mm, te=9.84 ms"."""
    parts = []
    for axis in reversed(work.axes):
        code, place = divmod(code, axis.count)
        parts.append(_coordinate(work, axis.name, axis.codes, place))
    return ", ".join(reversed(parts)) or "the only cell"


def _coordinate(work: Work, name: str, codes: Ints, place: int) -> str:
    rows = np.flatnonzero(codes == place)
    if name == "time":
        return f"time index {place}"
    if name == "slice":
        return f"slice index {place}"
    value: Any = work.frames[column_of(name)].iloc[int(rows[0])] if rows.size else place
    number = f"{value:g}" if isinstance(value, float) else value
    return f"{name}={number}" + (f" {labels(name)['units']}" if labels(name).get("units") else "")


def _series(work: Work) -> str:
    return f"series {work.frames['SeriesInstanceUID'].iloc[0]}"


def _file(frames: pd.DataFrame, row: int) -> str:
    name = re.split(r"[/\\]", str(frames["path"].iloc[row]))[-1]
    return f"{name} frame {frames['frame'].iloc[row]}"


def differing(rows: pd.DataFrame) -> list[str]:
    """The columns in which frames differ, but for where they lie and their own UID."""
    columns = [c for c in rows.columns if c not in _PLACES]
    return [c for c in columns if rows[c].nunique(dropna=False) > 1]


def describe_doubles(work: Work, cells: Ints, counts: Ints, dims: Sequence[str] | None) -> str:
    """Several frames in one cell: which, in what they differ, and what resolves it."""
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
    """Cells without a frame: which, and what resolves it."""
    empty = np.flatnonzero(counts == 0)
    names = "; ".join(_cell(work, int(e)) for e in empty[:_MOST])
    axes = " x ".join(f"{axis.name} {n}" for axis, n in zip(work.axes, shape, strict=True))
    more = f" and {empty.size - _MOST} more" if empty.size > _MOST else ""
    return (
        f"{_series(work)}: {empty.size} of {counts.size} cells ({axes}) have no frame: {names}{more}. Pass missing='fill', "
        f"or a filtered table."
    )
