"""A stack that is being arranged: its table, and the axes that were found so far.  Opens no file."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ..attributes import column_of
from ..errors import GridError
from ..model import Ints
from . import geometry

TOLERANCE = {"te": 1e-3, "ti": 1e-3, "fa": 1e-3}
MOST_CELLS, LEAST_CELLS = 64, 1 << 16  # a grid may have so many cells a frame, and so many more


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
            raise GridError(_emptiness(self))


def _emptiness(work: Work) -> str:
    """Axes that cross in next to no frame: which, and what resolves it."""
    axes = " x ".join(f"{axis.name} {axis.count}" for axis in work.axes)
    return (
        f"series {work.frames['SeriesInstanceUID'].iloc[0]}: {len(work.frames)} frames do not fill a grid of {axes} cells. "
        f"Pass a filtered table, or other dims= than {[a.name for a in work.axes]!r}."
    )


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


def joint(codes: list[Ints]) -> Ints:
    """One code for every combination of codes."""
    out = np.zeros_like(codes[0])
    for c in codes:
        out = np.unique(out * (c.max() + 1) + c, return_inverse=True)[1].reshape(-1)
    return out
