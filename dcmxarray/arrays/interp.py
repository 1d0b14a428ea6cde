"""Makes xarray's ``interp`` and ``interp_like`` ask the index before they interpolate to the positions of another array.

They look at numbers alone, and call no method of an index that sees both arrays: between unlike planes they would give values
that are wrong and look right.  xarray has no place for such a check, so this wraps ``Dataset.interp``, through which all of
them go.  It checks, and changes nothing else; what has no `PlaceIndex` passes at once.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import xarray as xr

from .index import PlaceIndex


def guard() -> None:
    """Wrap ``xarray.Dataset.interp``; to be called once."""
    setattr(xr.Dataset, "interp", guarded(xr.Dataset.interp))  # noqa: B010  # mypy takes no assignment to a method


def guarded(interp: Callable[..., xr.Dataset]) -> Callable[..., xr.Dataset]:
    """``interp`` that raises `GridError` for positions in another plane or frame of reference."""

    @wraps(interp)
    def checked(self: xr.Dataset, coords: Any = None, *args: Any, **kwargs: Any) -> xr.Dataset:
        wanted = {**(coords or {}), **kwargs}
        for name, index in self.xindexes.items():
            own = getattr(index, "index", None)
            if isinstance(own, PlaceIndex) and name in wanted:
                own.check(_index_of(wanted[name]))
        return interp(self, coords, *args, **kwargs)

    return checked


def _index_of(wanted: Any) -> Any:
    """The pandas index of a coordinate; anything else as it is."""
    variable = getattr(wanted, "variable", wanted)
    return variable.to_index() if isinstance(variable, xr.IndexVariable) else variable
