"""Diffusion volumes of one shell, or of a range of b-values, in any order and with repeats.  Opens no file."""

from __future__ import annotations

import math
from numbers import Real

import numpy as np
import xarray as xr

from ..errors import HeaderError


def shell(array: xr.DataArray, b: float | slice, tolerance: float) -> xr.DataArray:
    """The volumes of an array whose b-value is near one, or in a range; see `DicomAccessor.shell`.

    Raises
    ------
    HeaderError
        The array has no b-value along one dim, or no volume has one that fits.
    TypeError
        What is asked for is neither a number nor a range of numbers.
    ValueError
        The tolerance is negative, or the range has a step.
    """
    if "b" not in array.coords or array.coords["b"].ndim > 1:
        raise HeaderError("the array has no b-value, or it varies over several dims: b selects nothing")
    coord = array.coords["b"]
    low, high = _bounds(b, tolerance)
    inside = (coord.to_numpy() >= low) & (coord.to_numpy() <= high)
    if not inside.any():
        there = ", ".join(f"{v:g}" for v in np.unique(coord.to_numpy()))
        raise HeaderError(f"no volume has b from {low:g} to {high:g} s/mm2; the array has {there}. Pass another b or tolerance")
    return array.isel({coord.dims[0]: np.flatnonzero(inside)}) if coord.ndim else array


def _bounds(b: float | slice, tolerance: float) -> tuple[float, float]:
    """The lowest and the highest b-value, both included."""
    ends = (b.start, b.stop) if isinstance(b, slice) else (b,)
    if not all(isinstance(end, Real) or (end is None and len(ends) == 2) for end in ends):
        raise TypeError(f"b={b!r} is no b-value; pass a number, or slice(low, high) for a range")
    if isinstance(b, slice):
        if b.step is not None:
            raise ValueError(f"b={b} has a step; a range of b-values has none")
        return -math.inf if b.start is None else b.start, math.inf if b.stop is None else b.stop
    if not tolerance >= 0:
        raise ValueError(f"tolerance={tolerance!r} is no number from 0 on")
    return b - tolerance, b + tolerance
