"""The position of an array in the patient, from its coordinates alone, so that selections keep it.  Opens no file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from ..errors import GridError
from ..model import Floats, normal
from ..stacks import geometry
from . import grid
from .index import said

_UNLIKE = 1e-3  # of a cosine


def affine(array: xr.DataArray) -> Floats:
    """The 4 x 4 matrix from (slice, row, col) index to patient coordinates, LPS, mm; see `DicomAccessor.affine`.

    Raises
    ------
    GridError
        The array has no patient geometry, its slices or pixels are unevenly spaced, or a spacing is unknown.
    """
    row, column, normal = _axes(array)
    where = _coordinate(array, "slice")
    shift = np.stack([_shift(array, "shift_row", where.size), _shift(array, "shift_col", where.size)], axis=1)
    places = where[:, None] * normal + shift[:, :1] * column + shift[:, 1:] * row
    first = places[0] + _coordinate(array, "row")[0] * column + _coordinate(array, "col")[0] * row
    step = (places[-1] - places[0]) / (where.size - 1) if where.size > 1 else _thickness(array) * normal
    _check_regular("slice", where)
    if where.size > 2 and np.abs(places - (places[0] + np.arange(where.size)[:, None] * step)).max() > geometry.REGULAR * 10:
        raise GridError(
            "the slices do not lie on a line: no affine describes them; use the coords position_x, position_y, position_z"
        )
    return geometry.affine(first, (step, _step(array, "row") * column, _step(array, "col") * row))


def spacing(array: xr.DataArray) -> tuple[float, float, float]:
    """Distance between neighbours along (slice, row, col), mm; raises as `affine`."""
    lengths = np.linalg.norm(affine(array)[:3, :3], axis=0)
    return tuple(round(float(v), 6) for v in lengths)  # type: ignore[return-value]


def _axes(array: xr.DataArray) -> tuple[Floats, Floats, Floats]:
    """Unit vectors, (3,) each: along a row, along a column, normal; raises `GridError` if the coordinates do not say them."""
    column, row = _direction(array, "row"), _direction(array, "col")
    across = normal(row, column)
    along = _said(array, "slice").get(grid.DIRECTION, across)
    frames = {_said(array, name).get(grid.FRAME) for name in grid.NAMES} - {None}
    if not geometry.is_plane(row, column) or np.abs(along - across).max() > _UNLIKE or len(frames) > 1:
        raise GridError("slice, row and col do not belong together: some were taken from an array in another plane or frame")
    header = np.asarray(array.attrs.get("ImageOrientationPatient", ()), float)
    if header.size == 6 and np.abs(header - [*row, *column]).max() > _UNLIKE:
        raise GridError(
            "the coordinates lie in another plane than the array's ImageOrientationPatient: interp_like, reindex_like or "
            "assign_coords took them from another array, and do not look at planes"
        )
    return row, column, across


def _direction(array: xr.DataArray, name: str) -> Floats:
    """(3,) in which a coordinate grows."""
    direction = np.asarray(_said(array, name).get(grid.DIRECTION, ()), float)
    if direction.shape != (3,):
        raise GridError(
            f"the array has no patient geometry: {name} lacks its attribute {grid.DIRECTION!r}. Either ImagePositionPatient or "
            f"ImageOrientationPatient is missing in the headers, or {name} was replaced by other values; then take it from an "
            f"array in the same place: da.assign_coords({name}=da.{name}.assign_attrs(other.{name}.attrs))"
        )
    return direction


def _said(array: xr.DataArray, name: str) -> Mapping[str, Any]:
    """The attributes that say where a coordinate lies."""
    _found(array, name)
    return said(array, name)


def _found(array: xr.DataArray, name: str) -> xr.DataArray:
    """A coordinate; raises `GridError` if there is none."""
    if name not in array.coords:
        raise GridError(
            f"the array has no coordinate {name!r}, which geometry needs: a reduction over {name}, a fit (polyfit keeps no "
            f"scalar coordinates) or a combination of arrays with unlike {name} dropped it. Ask before, or give a position back: "
            f"da.assign_coords({name}=...)"
        )
    return array.coords[name]


def _coordinate(array: xr.DataArray, name: str) -> Floats:
    """A coordinate as a vector, mm; a scalar coordinate has one element."""
    found = _found(array, name)
    if found.dims not in ((), (name,)):
        raise GridError(f"{name} lies along {', '.join(map(str, found.dims))}: points and stacked dims have no affine")
    if found.size == 0:
        raise GridError(f"nothing is left of the array along {name}: a selection, or a combination, was empty")
    return grid.exact(np.atleast_1d(found.to_numpy().astype(float)), said(array, name))


def _shift(array: xr.DataArray, name: str, count: int) -> Floats:
    """The shift of each slice within its plane, mm; zeros for an array without gantry tilt."""
    return np.atleast_1d(array.coords[name].to_numpy()) if name in array.coords else np.zeros(count)


def _thickness(array: xr.DataArray) -> float:
    """The step of a single slice, mm: that of its stack, else SpacingBetweenSlices, else SliceThickness."""
    known = (_said(array, "slice").get(grid.STEP), *(array.attrs.get(k) for k in ("SpacingBetweenSlices", "SliceThickness")))
    for value in (abs(float(v or 0.0)) for v in known):
        if geometry.are_lengths(np.array(value)):
            return value
    raise GridError(
        "the step of a single slice is not known: the headers have no SpacingBetweenSlices and no SliceThickness; "
        "say it: da.assign_attrs(SliceThickness=...)"
    )


def _step(array: xr.DataArray, name: str) -> float:
    """The step along ``row`` or ``col``, mm."""
    values = _coordinate(array, name)
    step = abs(float(_said(array, name).get(grid.STEP) or 0.0))
    if not 0 < step < np.inf:
        raise GridError(
            f"{name} is an index: the headers have no PixelSpacing; say it in the frame table, which dx.scan gives: "
            f"dx.open_series(table.assign(spacing_row=..., spacing_col=...))"
        )
    _check_regular(name, values)
    return float((values[-1] - values[0]) / (values.size - 1)) if values.size > 1 else step


def _check_regular(name: str, values: Floats) -> None:
    """Raise `GridError` if the values of a coordinate are unevenly spaced."""
    steps = np.diff(values)
    if not geometry.is_regular(steps) or not np.isfinite(steps).all():
        raise GridError(
            f"{name} is unevenly spaced (steps of {steps.min():g} to {steps.max():g} mm): no affine describes it. "
            f"Select an even part, or resample: da.interp({name}=...), which needs scipy."
        )
