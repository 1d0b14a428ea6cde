"""Frames of a stack find their cells: slices are sorted, axes are found, holes and doubles are named.

It knows columns, never scanners: numbers in, a `FrameGrid` out.  Opens no file.  The steps are those of the design: slice,
attributes that vary at one position, b, time; what does not fit is a `GridError`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from . import geometry, grid_time
from .attributes import DIM_ORDER, column_of
from .errors import GridError
from .grid_errors import describe_doubles, describe_emptiness, describe_holes
from .model import MISSING, FrameGrid, Ints
from .series import POSITION, plane

Missing = Literal["raise", "fill"]
Duplicates = Literal["raise", "first"]

CANDIDATES = ("component", "te", "ti", "fa")
STRUCTURE = ("segment", "tile_row", "tile_col")
TOLERANCE = {"te": 1e-3, "ti": 1e-3, "fa": 1e-3}
SAME_DIRECTION = 1e-3
MOST_CELLS, LEAST_CELLS = 64, 1 << 16  # a grid may have so many cells a frame, and so many more
TOMOGRAPHIC = ("CT", "MR", "PT", "NM")


@dataclass
class Axis:
    """A dimension in the making: a code for every frame, and how many codes there are."""

    name: str
    codes: Ints
    count: int = 0

    def __post_init__(self) -> None:
        self.count = int(self.codes.max()) + 1 if self.codes.size else 0


@dataclass
class Work:
    """A stack being arranged: its table, the axes found so far, and where their values came from."""

    frames: pd.DataFrame
    axes: list[Axis] = field(default_factory=list)
    time_source: str = ""
    time_units: str = "s"
    time: npt.NDArray[Any] | None = None
    slice_source: str = ""

    def cells(self) -> Ints:
        """The flat cell of every frame on the axes found so far."""
        codes = np.zeros(len(self.frames), np.int64)
        for axis in self.axes:
            codes = codes * axis.count + axis.codes
        return codes

    def add(self, name: str, codes: Ints) -> None:
        """One more axis, if it varies.

        Raises
        ------
        GridError
            Next to none of the cells would have a frame.
        """
        axis = Axis(name, codes)
        if axis.count > 1:
            self.axes.append(axis)
        if math.prod(a.count for a in self.axes) > MOST_CELLS * len(self.frames) + LEAST_CELLS:
            raise GridError(describe_emptiness(self))


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
    _slices(work)
    named = [d for d in dims or () if d not in ("slice", "time", "b", "row", "col", "rgb")]
    _named(work, [*dict.fromkeys((*STRUCTURE, *named))])
    _attributes(work)
    _diffusion(work)
    grid_time.add_time(work)
    return _fill(work, dims, missing, duplicates)


def _slices(work: Work) -> None:
    """Slices by position along the normal; where no frame has a position, by what else orders a tomographic stack."""
    frames = work.frames
    place = plane(frames)
    if place is not None:
        along = frames[POSITION].to_numpy(float) @ place.normal
        work.add("slice", geometry.clusters(along, geometry.slice_tolerance(frames["SliceThickness"].min())))
        return
    if frames["Modality"].iloc[0] not in TOMOGRAPHIC:
        return
    for name in ("SliceLocation", "InStackPositionNumber", "InstanceNumber", "frame"):
        values = frames[name].to_numpy(float, na_value=np.nan)
        if np.isfinite(values).all() and len(np.unique(values)) > 1:
            work.slice_source = name
            work.add("slice", geometry.clusters(values, 1e-3))
            return


def codes_of(frames: pd.DataFrame, name: str) -> Ints:
    """Codes of a coordinate's or column's values.

    Raises
    ------
    GridError
        The table has no such column.
    """
    column = column_of(name)
    if column not in frames:
        raise GridError(f"dims: {name!r} is no column of the frame table; read it with tags=[{name!r}]")
    values = frames[column]
    if pd.api.types.is_numeric_dtype(values):
        return geometry.clusters(values.to_numpy(float, na_value=np.nan), TOLERANCE.get(name, 0.0))
    return geometry.as_codes(values.to_numpy(dtype=None if values.dtype.kind in "mM" else object))


def _named(work: Work, names: list[str]) -> None:
    for name in names:
        work.add(name, codes_of(work.frames, name))


def _attributes(work: Work) -> None:
    """The smallest set of candidates that tells apart what varies at one position, with every combination there."""
    taken = {axis.name for axis in work.axes}
    cells = work.cells()
    varying = {n: codes_of(work.frames, n) for n in CANDIDATES if n not in taken}
    varying = {n: codes for n, codes in varying.items() if _is_axis(codes, cells)}
    for size in range(1, len(varying) + 1):
        for names in combinations(varying, size):
            if _determines(cells, [varying[n] for n in names], list(varying.values())):
                for name in names:
                    work.add(name, varying[name])
                return


def _is_axis(codes: Ints, cells: Ints) -> bool:
    """Whether codes vary within a cell, and some cell holds all of them (not another value in every slice)."""
    if codes.max() == 0:
        return False
    pairs = np.unique(np.stack([cells, codes]), axis=1)
    counts = np.unique(pairs[0], return_counts=True)[1]
    return bool(counts.max() == codes.max() + 1)


def _determines(cells: Ints, chosen: list[Ints], others: list[Ints]) -> bool:
    """Whether the chosen codes fix all others, and are full: every combination occurs (somewhere) as often."""
    key = _joint(chosen)
    full = len(np.unique(key)) == np.prod([c.max() + 1 for c in chosen])
    fixed = all(len(np.unique(_joint([key, o]))) == len(np.unique(key)) for o in others)
    last = len(chosen) == len(others)
    return fixed and (full or last)


def _joint(codes: list[Ints]) -> Ints:
    """One code for every combination of codes."""
    out = np.zeros_like(codes[0])
    for c in codes:
        out = np.unique(out * (c.max() + 1) + c, return_inverse=True)[1].reshape(-1)
    return out


def b_values(frames: pd.DataFrame) -> npt.NDArray[np.float64]:
    """B of every frame, s/mm2; where others of the stack have one above 0, a frame without the element is b = 0.

    Some vendors leave it out there.  NaN throughout where the stack is no diffusion.
    """
    b = frames["b"].to_numpy(float)
    return np.where(np.isnan(b), 0.0, b) if (b > 0).any() else np.full(b.size, np.nan)


def _diffusion(work: Work) -> None:
    """b: repeating cycles of (b, gradient) are time x b, anything else is one axis in acquisition order."""
    b = b_values(work.frames)
    if np.isnan(b).all():
        return
    gradient = work.frames[["gradient_x", "gradient_y", "gradient_z"]].to_numpy(float)
    kinds = _joint([geometry.clusters(b, 0.0), geometry.vector_clusters(gradient, SAME_DIRECTION)])
    cells = work.cells()
    if not _varies(kinds, cells):
        return
    rank = grid_time.acquisition_rank(work.frames, cells)
    again = _occurrence(kinds, cells, rank)
    volume = _joint([kinds, again])
    order = _by_rank(volume, rank)
    repeats = np.bincount(np.unique(np.stack([kinds, again]), axis=1)[0])
    first = kinds[np.unique(order, return_index=True)[1]]
    cycle = np.tile(first[: repeats.size], int(repeats.max()))
    if repeats.max() > 1 and (repeats == repeats.max()).all() and np.array_equal(cycle, first):
        work.add("b", order % repeats.size)
    else:
        work.add("b", order)


def _varies(codes: Ints, cells: Ints) -> bool:
    return len(np.unique(np.stack([cells, codes]), axis=1).T) > len(np.unique(cells))


def _occurrence(kinds: Ints, cells: Ints, rank: Ints) -> Ints:
    """0 for the first frame of a kind in its cell, 1 for the second, ... in acquisition order."""
    table = pd.DataFrame({"cell": cells, "kind": kinds, "rank": rank}).sort_values("rank", kind="stable")
    return np.asarray(table.groupby(["cell", "kind"]).cumcount().sort_index(), np.int64)


def _by_rank(volume: Ints, rank: Ints) -> Ints:
    """Codes of volumes anew, in the order of their middle rank."""
    middle = pd.Series(rank).groupby(volume).median().to_numpy()
    place = np.empty(middle.size, np.int64)
    place[np.argsort(middle, kind="stable")] = np.arange(middle.size)
    return place[volume]


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
