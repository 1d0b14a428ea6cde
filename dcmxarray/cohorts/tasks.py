"""The work of `Cohort.map` on one array: opens it, calls the function, makes a row of the result."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import xarray as xr

from ..arrays.origin import Opener
from ..errors import FATAL, one_line


def apply(function: Callable[[xr.DataArray], Any], item: tuple[Opener, dict[str, Any]]) -> dict[str, Any]:
    """Open one array, call the function with it, and return the row of `Cohort.map`.

    Parameters
    ----------
    function
        As for `Cohort.map`.
    item
        The array's opener and its options.

    Returns
    -------
    dict
        Name -> value, and ``error``; an exception becomes the row's ``error``.
    """
    opener, options = item
    try:
        return _row(function(opener(chunks=None, **options))) | {"error": None}
    except FATAL:
        raise
    except BaseException as error:  # noqa: BLE001  one bad series never stops the others
        return {"error": f"{type(error).__name__}: {one_line(error)}"}


def _row(result: Any) -> dict[str, Any]:
    """The result of a function as a row; a DataArray is computed."""
    if isinstance(result, xr.DataArray):
        result = result.compute()
        result = result.item() if result.ndim == 0 and not result.coords else result
    return dict(result) if isinstance(result, Mapping) and not isinstance(result, xr.Dataset) else {"result": result}
