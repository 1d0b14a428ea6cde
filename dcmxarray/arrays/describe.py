"""A summary of an array in plain values, for tables of many arrays and for the command line."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from ..errors import GridError
from . import affine

DETAILS = ("dims", "shape", "dtype", "spacing", "problem")


def describe(array: xr.DataArray) -> dict[str, Any]:
    """Dims, dtype, spacing (mm, ``None`` if unknown), and the distinct values of time, b, te, ti and fa that the array has."""
    coords = array.coords
    out: dict[str, Any] = {"dims": dict(array.sizes), "dtype": str(array.dtype)}
    try:
        out["spacing"] = affine.spacing(array)
    except GridError:
        out["spacing"] = None
    for name in ("time", "b", "te", "ti", "fa"):
        if name in coords:
            out[name] = np.unique(np.atleast_1d(coords[name].to_numpy())).tolist()
    return out


def details_of(array: xr.DataArray) -> dict[str, Any]:
    """The columns `DETAILS` of an array that could be opened."""
    found = describe(array)
    return {
        "dims": tuple(found["dims"]),
        "shape": tuple(found["dims"].values()),
        "dtype": found["dtype"],
        "spacing": found["spacing"],
        "problem": None,
    }
