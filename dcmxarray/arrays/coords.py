"""Coordinates of an array: values of its dims, attributes that vary along them, positions.  Opens no file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ..attributes import BY_NAME, column_of, labels
from ..model import MISSING, FrameGrid
from ..stacks import diffusion, geometry
from ..stacks.split import POSITION, leading, plane
from . import grid
from .attrs import constant
from .index import Coords, placed
from .segments import segment_values

Values = npt.NDArray[Any]
Coord = tuple[tuple[str, ...], Values]

# Columns that become coordinates.  Other columns become attributes if they are constant, and stay in the table if not.
_ALWAYS = ("te", "fa", "ti")
_WHERE_VARYING = (
    "tr",
    "TriggerTime",
    "FrameReferenceTime",
    "ActualFrameDuration",
    "SliceThickness",
    "slice_time",
    "frame",
)
_SAME = 1e-6  # of the largest value; headers of one volume differ in the last digits


def spread(values: Values, cells: npt.NDArray[np.int64], dims: tuple[str, ...], tolerance: float | None = None) -> Coord:
    """A coordinate from values of frames, on only the dims over which they vary.

    A cell without a frame takes the value of the others along a dim that is dropped, else NaN, NaT or "".

    Parameters
    ----------
    values
        (frames,).
    cells
        The frame in each cell of the grid, `MISSING` for none.
    dims
        Of ``cells``.
    tolerance
        The largest difference between floats that count as one value; ``None`` takes a millionth of the largest.
    """
    numbers, step = _numbers(values, tolerance)
    numbers, hole = numbers[cells], cells == MISSING
    kept, taken = [], cells
    for axis, dim in reversed(list(enumerate(dims))):
        low = np.where(hole, np.inf, numbers).min(axis=axis)
        high = np.where(hole, -np.inf, numbers).max(axis=axis)
        if (high - low > step).any():
            kept.append(dim)
            continue
        first = np.expand_dims((~hole).argmax(axis=axis), axis)
        taken, numbers, hole = (np.take_along_axis(a, first, axis).squeeze(axis) for a in (taken, numbers, hole))
    out = np.asarray(values[taken])
    if hole.any():
        out = np.where(hole, _nothing(out), out)
    return tuple(reversed(kept)), out


def _numbers(values: Values, tolerance: float | None) -> tuple[Values, float]:
    """Numbers that differ by more than a step where values differ, and the step; a missing value is far from all others."""
    if values.dtype.kind != "f":
        return geometry.as_codes(values).astype(float), 0.5
    finite = np.where(np.isfinite(values), values, 0.0)
    largest = float(np.abs(finite).max(initial=0.0))
    return np.where(np.isfinite(values), values, 4 * largest + 1), _SAME * largest if tolerance is None else tolerance


def _nothing(values: Values) -> Any:
    """The missing value of an array's dtype."""
    if values.dtype.kind in "mM":
        return np.array("NaT", values.dtype)
    return "" if values.dtype.kind in "UO" else np.nan


def column_values(frames: pd.DataFrame, name: str) -> Values:
    """The column of a coordinate or keyword: (frames,) float64, fixed-width strings, or times."""
    if name == "b":
        return diffusion.b_values(frames)
    if name in diffusion.DIRECTION:
        return diffusion.directions(frames)[:, diffusion.DIRECTION.index(name)]
    column = frames[column_of(name)]
    if pd.api.types.is_numeric_dtype(column):
        return column.to_numpy(float, na_value=np.nan)
    if column.dtype.kind in "mM":
        return np.asarray(column.to_numpy())
    return column.astype(object).fillna("").to_numpy(dtype=str)


def coords_of(
    frames: pd.DataFrame, arranged: FrameGrid, dims: tuple[str, ...], shape: tuple[int, ...], tags: tuple[str, ...]
) -> dict[str, Any]:
    """All coordinates of an array by name, each on the dims over which it varies, with ``units`` and ``long_name``.

    Parameters
    ----------
    frames
        The rows of the stack.
    arranged
        Its grid.
    dims, shape
        Of the array, pixels included.
    tags
        Columns that the user asked for.
    """
    found: dict[str, Coord] = dict(arranged.coords)
    segments = segment_values(frames)
    for name in (d for d in arranged.dims if d not in ("slice", "time", *arranged.coords)):
        values = segments[name] if name in segments else column_values(frames, name)
        found[name] = _axis_values(values, arranged, name)
    found |= {n: spread(v, arranged.cells, arranged.dims) for n, v in segments.items() if n not in found}
    for name in (*_ALWAYS, "component", "label", "b", *diffusion.DIRECTION, *_WHERE_VARYING, *tags):
        if name not in found and column_of(name) in frames:
            tolerance = 2 * diffusion.SAME_DIRECTION if name in diffusion.DIRECTION else None
            coord = spread(column_values(frames, name), arranged.cells, arranged.dims, tolerance)
            if _has_values(coord) and (name not in _WHERE_VARYING or coord[0] or (name == "frame" and coord[1] > 0)):
                found[name] = coord
    if "b" not in found:
        found = {n: c for n, c in found.items() if n not in diffusion.DIRECTION}
    found |= _acquired(frames, arranged) | geometry_coords(frames, arranged, dims, shape)
    if (arranged.cells == MISSING).any():
        found["valid"] = arranged.dims, arranged.cells != MISSING
    return labelled(frames, arranged, found)


def labelled(frames: pd.DataFrame, arranged: FrameGrid, found: Mapping[str, Coord]) -> dict[str, Any]:
    """Coordinates with ``units``, ``long_name`` and place; ``row`` and ``col`` are indices without a pixel spacing."""
    steps = _spacing(frames)
    pixels = {dim for dim, step in zip(("row", "col"), steps, strict=True) if step is None}
    index = {dim: {"units": "1", "long_name": f"{dim} index"} for dim in pixels}
    named = {name: (d, _plain_text(v), index.get(name) or _labels(name, arranged)) for name, (d, v) in found.items()}
    return named | placed(named | _described(frames, named, steps))


def _described(frames: pd.DataFrame, found: Coords, steps: tuple[float | None, float | None]) -> Coords:
    """``slice``, ``row`` and ``col`` with attributes that say where they lie, and without the noise of headers."""
    place = plane(frames) if POSITION[0] in found else None
    if place is None:
        return {}
    frame = constant(frames, BY_NAME[grid.FRAME])
    nominal = dict(zip(grid.NAMES, (_thickness(frames), *steps), strict=True))
    out: Coords = {}
    for name, direction in grid.directions(place).items():
        if name in found:
            dims, values, attrs = found[name]
            flat = np.atleast_1d(values)
            measured = grid.spacing(flat, nominal[name]) if attrs["units"] == "mm" else {}
            said = attrs | grid.attributes(direction, frame) | measured
            out[name] = dims, grid.rounded(flat, said).reshape(np.shape(values)), said
    return out


def _thickness(frames: pd.DataFrame) -> float | None:
    """The step of a single slice, mm: SpacingBetweenSlices, else SliceThickness."""
    for name in ("SpacingBetweenSlices", "SliceThickness"):
        value = constant(frames, BY_NAME[name])
        if value is not None and 0 < abs(value) < np.inf:
            return abs(float(value))
    return None


def _plain_text(values: Values) -> Values:
    """Values with texts as Python's: Zarr has no specified type for texts of fixed width, so that xarray's writer would warn."""
    return values.astype(object) if values.dtype.kind == "U" else values


def _axis_values(values: Values, arranged: FrameGrid, name: str) -> Coord:
    """The coordinate of a dim, from the first frame at each place along it."""
    return (name,), values[_first_along(arranged, name)]


def _has_values(coord: Coord) -> bool:
    """Whether any value of a coordinate is there."""
    values = coord[1]
    return bool((values != "").any()) if values.dtype.kind in "UO" else not bool(np.all(pd.isna(values)))


def _acquired(frames: pd.DataFrame, arranged: FrameGrid) -> dict[str, Coord]:
    """The coordinate ``AcquisitionDateTime``, if any frame has it."""
    values = column_values(frames, "acquired")
    return {} if np.isnat(values).all() else {"AcquisitionDateTime": spread(values, arranged.cells, arranged.dims)}


def _labels(name: str, arranged: FrameGrid) -> dict[str, Any]:
    """``units`` and ``long_name`` of a coordinate; an axis without a measured position is an index."""
    text: dict[str, Any] = dict(labels(name))
    if name == "time":
        text["units"] = arranged.time_units
        if arranged.time_units == "1":
            text["long_name"] = "volume index"
    if name == "slice" and arranged.slice_source not in ("", "SliceLocation"):
        text = {"units": "1", "long_name": "slice index"}
    return text


def _spacing(frames: pd.DataFrame) -> tuple[float | None, float | None]:
    """PixelSpacing, else ImagerPixelSpacing (PS3.3 10.7.1.3), mm."""
    for names in (("spacing_row", "spacing_col"), ("imager_spacing_row", "imager_spacing_col")):
        pair = leading(frames, names)
        if geometry.are_lengths(pair):
            return float(pair[0]), float(pair[1])
    return None, None


def geometry_coords(frames: pd.DataFrame, arranged: FrameGrid, dims: tuple[str, ...], shape: tuple[int, ...]) -> dict[str, Coord]:
    """The coordinates ``slice``, ``row``, ``col`` and ``position_x/y/z``, mm; with gantry tilt the shift of each slice.

    Parameters are those of `coords_of`.
    """
    place = plane(frames)
    sizes = dict(zip(dims, shape, strict=True))
    steps = _spacing(frames)
    origin = np.zeros(2)
    out: dict[str, Coord] = {}
    if place is not None:
        positions = frames[POSITION].to_numpy(float)
        corner = positions @ np.stack([place.along_column, place.along_row], axis=1)
        first = _first_along(arranged, "slice")
        origin = corner[first[0]]
        out["slice"] = _on_slices(arranged, positions @ place.normal, first)
        out |= {name: _on_slices(arranged, positions[:, k], first) for k, name in enumerate(POSITION)}
        shift = corner[first] - origin
        if np.abs(shift).max(initial=0.0) > 2 * geometry.REGULAR and "slice" in arranged.dims:
            out["shift_row"], out["shift_col"] = (("slice",), shift[:, 0]), (("slice",), shift[:, 1])
    elif "slice" in arranged.dims:
        first = _first_along(arranged, "slice")
        by_place = arranged.slice_source == "SliceLocation"
        out["slice"] = (
            ("slice",),
            column_values(frames, "SliceLocation")[first] if by_place else np.arange(len(first), dtype=float),
        )
    for k, dim in enumerate(("row", "col")):
        places, step = np.arange(sizes[dim], dtype=float), steps[k]
        out[dim] = (dim,), places if step is None else origin[k] + places * step
    return out


def _first_along(arranged: FrameGrid, name: str) -> npt.NDArray[np.int64]:
    """(places,) the first frame at each place along a dim; the first frame of all if the array lacks the dim."""
    axis = arranged.dims.index(name) if name in arranged.dims else None
    rows = (
        arranged.cells.reshape(1, -1)
        if axis is None
        else np.moveaxis(arranged.cells, axis, 0).reshape(arranged.cells.shape[axis], -1)
    )
    return np.asarray(rows[np.arange(len(rows)), (rows != MISSING).argmax(axis=1)])


def _on_slices(arranged: FrameGrid, values: Values, first: npt.NDArray[np.int64]) -> Coord:
    """A coordinate on ``slice`` from values of frames, a scalar if the array has one slice."""
    return (("slice",), values[first]) if "slice" in arranged.dims else ((), np.asarray(values[first[0]]))
