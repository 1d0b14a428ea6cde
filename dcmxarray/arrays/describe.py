"""What an array is, in plain values: for tables of many and for command lines."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from ..errors import GridError
from . import affine

DETAILS = ("dims", "shape", "dtype", "spacing", "problem")


def describe(array: xr.DataArray) -> dict[str, Any]:
    """Dims, sizes and ranges of an array as plain values, for tables and command lines."""
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
    """`DETAILS` of an opened array."""
    said = describe(array)
    return {
        "dims": tuple(said["dims"]),
        "shape": tuple(said["dims"].values()),
        "dtype": said["dtype"],
        "spacing": said["spacing"],
        "problem": None,
    }
