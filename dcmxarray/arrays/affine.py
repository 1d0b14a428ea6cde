"""The position of an array in the patient, from its coordinates alone, so that selections keep it.  Opens no file."""

from __future__ import annotations

import numpy as np
import xarray as xr

from ..errors import GridError
from ..model import Floats, normal
from ..stacks import geometry


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
    return geometry.affine(first, (step, _step(array, "row", 0) * column, _step(array, "col", 1) * row))


def spacing(array: xr.DataArray) -> tuple[float, float, float]:
    """Distance between neighbours along (slice, row, col), mm; raises as `affine`."""
    lengths = np.linalg.norm(affine(array)[:3, :3], axis=0)
    return tuple(round(float(v), 6) for v in lengths)  # type: ignore[return-value]


def _axes(array: xr.DataArray) -> tuple[Floats, Floats, Floats]:
    """Unit vectors, (3,) each: along a row, along a column, normal."""
    cosines = np.asarray(array.attrs.get("ImageOrientationPatient", ()), float)
    if cosines.size != 6 or "slice" not in array.coords or not geometry.is_plane(cosines[:3], cosines[3:]):
        raise GridError("the array has no patient geometry: ImagePositionPatient or ImageOrientationPatient is missing")
    return cosines[:3], cosines[3:], normal(cosines[:3], cosines[3:])


def _coordinate(array: xr.DataArray, name: str) -> Floats:
    """A coordinate as a vector, mm; a scalar coordinate has one element."""
    if name not in array.coords:
        raise GridError(f"the array has no coordinate {name!r}, which geometry needs")
    return np.atleast_1d(array.coords[name].to_numpy().astype(float))


def _shift(array: xr.DataArray, name: str, count: int) -> Floats:
    """The shift of each slice within its plane, mm; zeros for an array without gantry tilt."""
    return np.atleast_1d(array.coords[name].to_numpy()) if name in array.coords else np.zeros(count)


def _thickness(array: xr.DataArray) -> float:
    """The step of a single slice, mm: SpacingBetweenSlices, else SliceThickness."""
    for name in ("SpacingBetweenSlices", "SliceThickness"):
        value = abs(float(array.attrs.get(name) or 0.0))
        if geometry.are_lengths(np.array(value)):
            return value
    raise GridError(
        "the step of a single slice is not known: the headers have no SpacingBetweenSlices and no SliceThickness; "
        "say it: da.assign_attrs(SliceThickness=...)"
    )


def _step(array: xr.DataArray, name: str, k: int) -> float:
    """The step along ``row`` or ``col``, mm; ``k`` is its place in PixelSpacing."""
    values = _coordinate(array, name)
    if array.coords[name].attrs.get("units") == "1":
        raise GridError(
            f"{name} is an index: the headers have no PixelSpacing; say it in the frame table, which dx.scan gives: "
            f"dx.open_series(table.assign(spacing_row=..., spacing_col=...))"
        )
    _check_regular(name, values)
    if values.size > 1:
        return float((values[-1] - values[0]) / (values.size - 1))
    return _pixel(array, name, k)


def _pixel(array: xr.DataArray, name: str, k: int) -> float:
    """The step of a single row or column, mm, from the attributes of the array."""
    for keyword in ("PixelSpacing", "ImagerPixelSpacing"):
        spacing = array.attrs.get(keyword)
        if spacing is not None and geometry.are_lengths(np.array(float(spacing[k]))):
            return float(spacing[k])
    raise GridError(f"the step of a single {name} is not known; say it: da.assign_attrs(PixelSpacing=[..., ...])")


def _check_regular(name: str, values: Floats) -> None:
    """Raise `GridError` if the values of a coordinate are unevenly spaced."""
    steps = np.diff(values)
    if not geometry.is_regular(steps):
        raise GridError(
            f"{name} is unevenly spaced (steps of {steps.min():g} to {steps.max():g} mm): no affine describes it. "
            f"Select an even part, or resample: da.interp({name}=...), which needs scipy."
        )
