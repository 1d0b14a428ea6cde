"""Puts an array on the coordinates of another one in the same place.  Opens no file, and computes no new pixel."""

from __future__ import annotations

import numpy as np
import xarray as xr

from ..errors import GridError
from ..model import Floats, Ints
from . import grid
from .index import Place, nearest, place_of, said

_SLICE = ("position_x", "position_y", "position_z", "shift_row", "shift_col")  # go with ``slice``


def match(array: xr.DataArray, other: xr.DataArray, tolerance: float, time: float | None) -> xr.DataArray:
    """The array on the coordinates of another; see `DicomAccessor.match`.

    Raises
    ------
    GridError
        The arrays lie in unlike planes or frames, a position of the other has none within the tolerance, or two have the same.
    ValueError
        A tolerance is no distance.
    """
    limits = dict.fromkeys(grid.NAMES, tolerance) | ({} if time is None else {"time": time})
    for name, limit in limits.items():
        if not 0 <= limit < np.inf:
            raise ValueError(f"{'time' if name == 'time' else 'tolerance'}={limit!r} is no distance; give 0 or more")
    for name in grid.NAMES:
        _place(array, name, "this array").check(_place(other, name, "the other array"), name)
    for name, limit in limits.items():
        array = _along(array, other, name, limit)
    for name in ("shift_row", "shift_col"):
        _check_shear(array, other, name, tolerance)
    return array.assign_coords({n: other.coords[n].variable for n in _SLICE if n in other.coords and n in array.coords})


def _place(array: xr.DataArray, name: str, what: str) -> Place:
    """Where a coordinate lies."""
    attrs = said(array, name) if name in array.coords else {}
    if grid.DIRECTION not in attrs:
        raise GridError(f"{what} has no patient geometry along {name}: the headers have none, or the coordinate was replaced")
    return place_of(attrs)


def _along(array: xr.DataArray, other: xr.DataArray, name: str, limit: float) -> xr.DataArray:
    """The array on one coordinate of the other."""
    if name not in array.coords or name not in other.coords:
        raise GridError(f"one of the arrays has no coordinate {name!r}")
    found = _nearest(_numbers(array, name), _numbers(other, name), name, limit)
    if name in array.dims and name not in other.dims:
        array = array.isel({name: int(found[0])})
    elif name in array.dims and not np.array_equal(found, np.arange(array.sizes[name])):
        array = array.isel({name: found})
    elif name in other.dims and name not in array.dims:
        array = array.expand_dims(name)
    return array.assign_coords({name: other.coords[name].variable})


def _numbers(array: xr.DataArray, name: str) -> Floats:
    """A coordinate as numbers: mm, or s."""
    values = np.atleast_1d(array.coords[name].to_numpy())
    return np.asarray(values.astype("M8[ns]").astype("i8") / 1e9 if values.dtype.kind == "M" else values, float)


def _nearest(have: Floats, wanted: Floats, name: str, limit: float) -> Ints:
    """For each position of the other the index of its own; raises `GridError` if one has none, or two have the same."""
    unit = "s" if name == "time" else "mm"
    found = nearest(wanted, have, np.inf)
    off = np.where(found < 0, np.inf, np.abs(have[found] - wanted)) if have.size else np.full(wanted.shape, np.inf)
    if (off > limit).any():
        raise GridError(
            f"{(off > limit).sum()} of {wanted.size} cells of the other along {name} have none here within {limit:g} {unit}: "
            f"the nearest lies up to {off.max():.4g} {unit} off. Allow more, or interpolate by da.interp"
        )
    if np.unique(found).size < found.size:
        raise GridError(f"two cells of the other array along {name} have the same nearest one here: its steps are finer")
    return np.asarray(found, np.int64)


def _check_shear(array: xr.DataArray, other: xr.DataArray, name: str, limit: float) -> None:
    """Raise `GridError` if a tilted gantry shifts slices of the arrays by unlike distances."""
    one, two = (np.asarray(a.coords[name].to_numpy() if name in a.coords else 0.0) for a in (array, other))
    off = float(np.abs(one - two).max(initial=0.0))
    if off > limit:
        raise GridError(f"a tilted gantry shears one of the arrays: their slices lie up to {off:.4g} mm apart ({name})")
