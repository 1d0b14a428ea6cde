"""Arranges the frames of a stack in a grid: sorts slices, finds axes, reports empty and doubly filled cells.  Opens no file.

The input is columns of the frame table, whatever the scanner; the output is a `FrameGrid`.  The steps in turn: slice, named
attributes that vary at one position, b, cycles, time.  Frames that do not fit raise `GridError`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from ..attributes import DIM_ORDER, column_of
from ..errors import GridError
from ..model import MISSING, FrameGrid, Ints
from .axes import add_attributes
from .cycles import add_counted, add_cycles, has_values, indices
from .diffusion import add_diffusion
from .doubles import hidden
from .explain import describe_double, describe_doubles, describe_holes
from .slices import add_slices
from .time import add_time
from .ways import Stuck, ways_out
from .work import Axis, MisfitError, Work, codes_of

Missing = Literal["raise", "fill"]
Duplicates = Literal["raise", "first"]

STRUCTURE = ("segment", "tile_row", "tile_col")


def arrange(
    frames: pd.DataFrame,
    dims: Sequence[str] | None = None,
    missing: Missing = "raise",
    duplicates: Duplicates = "raise",
    explain: bool = True,
) -> FrameGrid:
    """Give every frame of a stack its cell.

    Parameters
    ----------
    frames
        The rows of one stack of the frame table.
    dims
        Names of coordinates or columns that become dimensions where they vary, in their order; ``None`` finds the dimensions.
    missing
        ``"raise"``, or ``"fill"``, which leaves cells without a frame empty.
    duplicates
        ``"raise"``, or ``"first"``, which keeps the frame with the first SOPInstanceUID and frame number in each cell.

    explain
        Whether an error names the ways out, which it tries first: that takes as long as arranging 50 stacks.

    Returns
    -------
    FrameGrid
        Its cells hold row numbers of ``frames``, counted from 0.

    Raises
    ------
    GridError
        Cells are empty or doubly filled, or ``dims`` names a column that the table does not have.
    """
    whole = frames.reset_index(drop=True)
    try:
        return _arranged(whole, dims, missing, duplicates)
    except MisfitError as misfit:
        problem = _problem(whole, dims, duplicates, misfit)
        ways = _ways(whole, dims, missing, duplicates) if explain else "Open it, and the error names the ways out."
        raise GridError(f"{problem} {ways}") from None


def _arranged(frames: pd.DataFrame, dims: Sequence[str] | None, missing: Missing, duplicates: Duplicates) -> FrameGrid:
    """`arrange`, with a `MisfitError` that names no way out.

    With ``duplicates="first"``, doubles that hide an axis are left out before axes are sought.
    """
    work = _axes(frames, dims)
    try:
        return _fill(work, "raise", "raise")
    except MisfitError:
        found = _hidden(frames, dims, np.unique(work.cells()).size) if duplicates == "first" else None
    if found is None:
        return _fill(work, missing, duplicates)
    kept = found[0]
    grid = _fill(_axes(frames.iloc[kept].reset_index(drop=True), dims), missing, "raise")
    return replace(grid, cells=np.where(grid.cells == MISSING, MISSING, kept[grid.cells]))


def _fits(frames: pd.DataFrame, dims: Sequence[str] | None, missing: Missing, duplicates: Duplicates) -> bool:
    """Whether frames fill a grid."""
    try:
        _arranged(frames.reset_index(drop=True), dims, missing, duplicates)
    except GridError:
        return False
    return True


def _hidden(frames: pd.DataFrame, dims: Sequence[str] | None, least: int) -> tuple[Ints, Ints] | None:
    """The frames that have a cell each when doubles are left out, and for every frame the one in its place; ``None`` if none do.

    A grid without holes is better than one with holes, which must hold more than ``least`` frames.
    """
    work = Work(frames)
    add_slices(work)
    ways: tuple[Missing, ...] = ("raise", "fill")
    for missing in ways:
        found = hidden(work, _names(dims), partial(_rows_fit, frames, dims, missing))
        if found is not None and (missing == "raise" or found[0].size > least):
            return found
    return None


def _rows_fit(frames: pd.DataFrame, dims: Sequence[str] | None, missing: Missing, rows: Ints) -> bool:
    """Whether some rows fill a grid without doubles."""
    return _fits(frames.iloc[rows], dims, missing, "raise")


def _problem(frames: pd.DataFrame, dims: Sequence[str] | None, duplicates: Duplicates, misfit: MisfitError) -> str:
    """What does not fit; doubles that hide an axis are named alone, not all the volumes that look like doubles beside them."""
    found = _hidden(frames, dims, 0) if duplicates == "raise" else None
    if found is None:
        return str(misfit)
    return describe_double(_axes(frames.iloc[found[0]].reset_index(drop=True), dims), frames, *found)


def _ways(frames: pd.DataFrame, dims: Sequence[str] | None, missing: Missing, duplicates: Duplicates) -> str:
    """The ways out of frames that do not fit; each was tried."""
    work = Work(frames)
    add_slices(work)
    slices = work.axes[0].codes if work.axes else np.zeros(len(frames), np.int64)
    options = {"dims": dims, "missing": missing, "duplicates": duplicates}
    return ways_out(Stuck(frames, options, slices, _fits))


def _axes(frames: pd.DataFrame, dims: Sequence[str] | None) -> Work:
    """A stack with its axes, in order."""
    work = Work(frames)
    add_slices(work)
    _named(work, _names(dims))
    add_attributes(work)
    add_diffusion(work)
    add_cycles(work)
    add_time(work)
    work.axes = _ordered(work.axes, dims)
    return work


def _names(dims: Sequence[str] | None) -> list[str]:
    """The columns that become axes by their name: those of segments and tiles, then those that the user lists."""
    named = [d for d in dims or () if d not in ("slice", "time", "b")]
    return [*dict.fromkeys((*STRUCTURE, *named))]


def _named(work: Work, names: list[str]) -> None:
    """Add an axis for each named column that varies; what only DimensionIndexValues counts has no column, or an empty one."""
    counted = indices(work.frames)
    for name in names:
        if name in counted and not has_values(work.frames, name):
            add_counted(work, name, counted[name])
            continue
        codes = codes_of(work.frames, name)
        if name not in STRUCTURE and work.frames[column_of(name)].isna().all():
            raise GridError(f"dims: no header of the series has a value of {name!r}")
        work.add(name, codes)


def _fill(work: Work, missing: Missing, duplicates: Duplicates) -> FrameGrid:
    """Put the frames into their cells, and check that each cell holds exactly one."""
    shape = tuple(axis.count for axis in work.axes)
    cells = work.cells()
    counts = np.bincount(cells, minlength=int(np.prod(shape)))
    if (counts > 1).any() and duplicates == "raise":
        raise MisfitError(describe_doubles(work, cells, counts))
    if (counts == 0).any() and missing == "raise":
        raise MisfitError(describe_holes(work, counts, shape))
    if (counts == 0).any() and work.may_lack_first:
        raise MisfitError(f"{describe_holes(work, counts, shape)} Or the first volume lacks them: the times allow both.")
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
