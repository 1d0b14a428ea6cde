"""The state of a stack while it is arranged: its table, and the axes found so far.  Opens no file."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ..attributes import BY_NAME, column_of
from ..errors import GridError
from ..model import Ints
from . import geometry

TOLERANCE = {"te": 1e-3, "ti": 1e-3, "fa": 1e-3}
MOST_CELLS, LEAST_CELLS = 64, 1 << 16  # a grid may have this many cells for each frame, plus a constant


class MisfitError(GridError):
    """Frames do not fill a grid; `arrange` adds the ways out to the message."""


@dataclass
class Axis:
    """A dimension: (frames,) codes from 0, the place of each frame along it, and the number of codes."""

    name: str
    codes: Ints
    count: int = 0

    def __post_init__(self) -> None:
        self.count = int(self.codes.max()) + 1 if self.codes.size else 0


@dataclass
class Work:
    """A stack while it is arranged.

    Attributes
    ----------
    frames
        Its rows of the frame table.
    axes
        The axes found so far.
    time_source, slice_source
        The elements that gave the axes their order.
    time
        (times,) the coordinate, in ``time_units``.
    coords
        Coordinates of axes that are no column of the table, by the axis's name.
    may_lack_first
        Whether a slice that lacks a time may lack the first as well as the last one.
    """

    frames: pd.DataFrame
    axes: list[Axis] = field(default_factory=list)
    time_source: str = ""
    time_units: str = "s"
    time: npt.NDArray[Any] | None = None
    slice_source: str = ""
    coords: dict[str, npt.NDArray[Any]] = field(default_factory=dict)
    may_lack_first: bool = False

    def groups(self) -> Ints:
        """The flat cell of every frame on all axes except ``slice``."""
        codes = np.zeros(len(self.frames), np.int64)
        for axis in self.axes:
            if axis.name != "slice":
                codes = codes * axis.count + axis.codes
        return codes

    def cells(self) -> Ints:
        """The flat cell of every frame on the axes found so far."""
        codes = np.zeros(len(self.frames), np.int64)
        for axis in self.axes:
            codes = codes * axis.count + axis.codes
        return codes

    def add(self, name: str, codes: Ints) -> None:
        """Add an axis, if its codes vary.

        Raises
        ------
        MisfitError
            Almost all cells of the grid would be empty.
        """
        axis = Axis(name, codes)
        if axis.count > 1:
            self.axes.append(axis)
        if math.prod(a.count for a in self.axes) > MOST_CELLS * len(self.frames) + LEAST_CELLS:
            raise MisfitError(_emptiness(self))


def _emptiness(work: Work) -> str:
    """The message for axes whose combinations are almost all without a frame."""
    axes = " x ".join(f"{axis.name} {axis.count}" for axis in work.axes)
    return f"series {work.frames['SeriesInstanceUID'].iloc[0]}: {len(work.frames)} frames do not fill a grid of {axes} cells."


def codes_of(frames: pd.DataFrame, name: str) -> Ints:
    """(frames,) codes of the values of a coordinate or column.

    Raises
    ------
    GridError
        The table has no such column.
    """
    column = column_of(name)
    if column not in frames:
        raise GridError(f"dims: {name!r} is no column of the frame table; {_instead(name)}")
    values = frames[column]
    if isinstance(values.dtype, pd.CategoricalDtype):  # in the order of its categories
        return np.unique(values.cat.codes.to_numpy(np.int64) % (len(values.cat.categories) + 1), return_inverse=True)[1]
    if pd.api.types.is_numeric_dtype(values):
        return geometry.clusters(values.to_numpy(float, na_value=np.nan), TOLERANCE.get(name, 0.0))
    return geometry.as_codes(values.to_numpy(dtype=None if values.dtype.kind in "mM" else object))


def _instead(name: str) -> str:
    """What to pass instead of a name that is no column."""
    attribute = BY_NAME.get(name)
    parts = attribute.parts if attribute else ()
    return f"its columns are {', '.join(parts)}" if parts else f"read it with tags=[{name!r}]"


def joint(codes: list[Ints]) -> Ints:
    """(frames,) codes of the combinations of several codes, in their lexicographic order."""
    out = np.zeros_like(codes[0])
    for c in codes:
        out = np.unique(out * (c.max() + 1) + c, return_inverse=True)[1].reshape(-1)
    return out
