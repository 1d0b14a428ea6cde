"""Frames of a stack find their cells: slices are sorted, axes are found, holes and doubles are named.

It knows columns, never scanners: numbers in, a `FrameGrid` out.  Opens no file.  The steps are those of the design: slice,
attributes that vary at one position, b, time; what does not fit is a `GridError`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import pandas as pd

from ..attributes import DIM_ORDER
from ..errors import GridError
from ..model import MISSING, FrameGrid
from .axes import add_attributes
from .diffusion import add_diffusion
from .explain import describe_doubles, describe_holes
from .slices import add_slices
from .time import add_time
from .work import Axis, Work, codes_of

Missing = Literal["raise", "fill"]
Duplicates = Literal["raise", "first"]

STRUCTURE = ("segment", "tile_row", "tile_col")


def arrange(
    frames: pd.DataFrame,
    dims: Sequence[str] | None = None,
    missing: Missing = "raise",
    duplicates: Duplicates = "raise",
) -> FrameGrid:
    """Give every frame of a stack its cell.

    Parameters
    ----------
    frames
        The rows of one stack of the frame table.
    dims
        Names of coordinates or columns that must be dimensions, and their order; ``None`` finds them.
    missing
        ``"raise"``, or ``"fill"``: cells without a frame stay empty.
    duplicates
        ``"raise"``, or ``"first"``: of several frames in a cell the one with the first SOPInstanceUID and frame stays.

    Raises
    ------
    GridError
        Cells are empty or doubly filled, or a dim is no column.
    """
    work = Work(frames.reset_index(drop=True))
    add_slices(work)
    named = [d for d in dims or () if d not in ("slice", "time", "b", "row", "col", "rgb")]
    _named(work, [*dict.fromkeys((*STRUCTURE, *named))])
    add_attributes(work)
    add_diffusion(work)
    add_time(work)
    return _fill(work, dims, missing, duplicates)


def _named(work: Work, names: list[str]) -> None:
    for name in names:
        work.add(name, codes_of(work.frames, name))


def _fill(work: Work, dims: Sequence[str] | None, missing: Missing, duplicates: Duplicates) -> FrameGrid:
    """Lay the frames into their cells, after the order of dims is settled."""
    work.axes = _ordered(work.axes, dims)
    shape = tuple(axis.count for axis in work.axes)
    cells = work.cells()
    counts = np.bincount(cells, minlength=int(np.prod(shape)))
    if (counts > 1).any() and duplicates == "raise":
        raise GridError(describe_doubles(work, cells, counts, dims))
    if (counts == 0).any() and missing == "raise":
        raise GridError(describe_holes(work, counts, shape))
    filled = np.full(counts.size, MISSING, np.int64)
    filled[cells[::-1]] = np.arange(len(cells))[::-1]
    names = tuple(axis.name for axis in work.axes)
    grid = FrameGrid(names, filled.reshape(shape), {}, work.time_source, work.time_units, work.slice_source)
    if work.time is not None and "time" in names:
        grid.coords["time"] = (("time",), work.time)
    return grid


def _ordered(axes: list[Axis], dims: Sequence[str] | None) -> list[Axis]:
    """The usual order, names of the user's own last; places of the dims that the user lists are filled in their order."""
    usual = sorted(axes, key=lambda a: DIM_ORDER.index(a.name) if a.name in DIM_ORDER else len(DIM_ORDER))
    listed = [next(a for a in axes if a.name == d) for d in dims or () if d in {a.name for a in axes}]
    places = iter(listed)
    return [next(places) if a in listed else a for a in usual]
