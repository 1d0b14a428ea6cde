"""Arranges the frames of a stack in a grid: sorts slices, finds axes, reports empty and doubly filled cells.  Opens no file.

The input is columns of the frame table, whatever the scanner; the output is a `FrameGrid`.  The steps in turn: slice, named
attributes that vary at one position, b, cycles, time.  Frames that do not fit raise `GridError`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from ..attributes import DIM_ORDER
from ..errors import GridError
from ..model import MISSING, FrameGrid
from .axes import add_attributes
from .cycles import add_counted, add_cycles, has_values, indices
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
        Names of coordinates or columns that must be dimensions, in their order; ``None`` finds the dimensions.
    missing
        ``"raise"``, or ``"fill"``, which leaves cells without a frame empty.
    duplicates
        ``"raise"``, or ``"first"``, which keeps the frame with the first SOPInstanceUID and frame number in each cell.

    Returns
    -------
    FrameGrid
        Its cells hold row numbers of ``frames``, counted from 0.

    Raises
    ------
    GridError
        Cells are empty or doubly filled, or ``dims`` names a column that the table does not have.
    """
    work = Work(frames.reset_index(drop=True))
    add_slices(work)
    named = [d for d in dims or () if d not in ("slice", "time", "b", "row", "col", "rgb")]
    _named(work, [*dict.fromkeys((*STRUCTURE, *named))])
    add_attributes(work)
    add_diffusion(work)
    add_cycles(work)
    add_time(work)
    return _fill(work, dims, missing, duplicates)


def _named(work: Work, names: list[str]) -> None:
    """Add an axis for each named column that varies; what only DimensionIndexValues counts has no column, or an empty one."""
    counted = indices(work.frames)
    for name in names:
        if name in counted and not has_values(work.frames, name):
            add_counted(work, name, counted[name])
        else:
            work.add(name, codes_of(work.frames, name))


def _fill(work: Work, dims: Sequence[str] | None, missing: Missing, duplicates: Duplicates) -> FrameGrid:
    """Order the axes, put the frames into their cells, and check that each cell holds exactly one."""
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
    coords: dict[str, tuple[tuple[str, ...], npt.NDArray[Any]]] = {
        name: ((name,), work.coords[name]) for name in names if name in work.coords
    }
    grid = FrameGrid(names, filled.reshape(shape), coords, work.time_source, work.time_units, work.slice_source)
    if work.time is not None and "time" in names:
        grid.coords["time"] = (("time",), work.time)
    return grid


def _ordered(axes: list[Axis], dims: Sequence[str] | None) -> list[Axis]:
    """The axes in `DIM_ORDER`, other names last; the dims that the user lists then take their places in the listed order."""
    usual = sorted(axes, key=lambda a: DIM_ORDER.index(a.name) if a.name in DIM_ORDER else len(DIM_ORDER))
    listed = [next(a for a in axes if a.name == d) for d in dims or () if d in {a.name for a in axes}]
    places = iter(listed)
    return [next(places) if a in listed else a for a in usual]
