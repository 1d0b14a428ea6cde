"""Makes xarray ask where coordinates lie before it selects, interpolates or aligns by those of another array.

``sel`` and ``interp`` look at numbers alone, and call no method of an index that sees both arrays; arrays that xarray read from
a store by itself have plain indexes, which ask nothing.  Between unlike planes they would give values that are wrong and look
right.  xarray has no place for such a check, so this wraps the three methods through which all of them go.  It checks, and
changes nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import Any

import xarray as xr
from xarray.structure.alignment import Aligner

from . import grid
from .index import PlaceIndex, place_of


def guard() -> None:
    """Wrap ``xarray.Dataset.sel``, ``interp``, and what aligns arrays; to be called once."""
    for name in ("sel", "interp"):
        setattr(xr.Dataset, name, _asking(getattr(xr.Dataset, name)))
    setattr(Aligner, "align", _comparing(Aligner.align))  # noqa: B010  # mypy takes no assignment to a method


def _asking(method: Callable[..., xr.Dataset]) -> Callable[..., xr.Dataset]:
    """A method that raises `GridError` for positions in another plane or frame of reference."""

    @wraps(method)
    def checked(self: xr.Dataset, *args: Any, **kwargs: Any) -> xr.Dataset:
        for wanted in (*args[:1], kwargs.get("indexers"), kwargs.get("coords"), kwargs):
            for name in grid.NAMES:
                if wanted and name in wanted and name in self.coords:
                    check(self.coords[name].variable, getattr(wanted[name], "variable", wanted[name]), name)
        return method(self, *args, **kwargs)

    return checked


def _comparing(align: Callable[[Any], None]) -> Callable[[Any], None]:
    """``Aligner.align`` that raises `GridError` for indexes in unlike planes or frames of reference."""

    @wraps(align)
    def checked(self: Any) -> None:
        if self.join != "override":
            _compare([*self.index_vars.values(), *(getattr(o, "coords", o).variables for o in self.objects)])
        align(self)

    return checked


def _compare(groups: Sequence[Mapping[Any, Any]]) -> None:
    """Compare where the indexes of arrays lie with those of the first; coordinates without an index count as numbers."""
    for name in grid.NAMES:
        found = [v for group in groups if isinstance(v := group.get(name), xr.IndexVariable)]
        for other in found[1:]:
            check(found[0], other, name)


def check(one: Any, other: Any, name: str) -> None:
    """Raise `GridError` if two coordinates say that they lie in unlike planes or frames; what says nothing passes."""
    mine, others = (v.to_index() if isinstance(v, xr.IndexVariable) else None for v in (one, other))
    if isinstance(mine, PlaceIndex) and isinstance(others, PlaceIndex):
        mine.check(others)
        return
    said = [_said(index, v) for index, v in ((mine, one), (others, other))]
    if all(len(attrs.get(grid.DIRECTION, ())) == 3 for attrs in said):
        place_of(said[0]).check(place_of(said[1]), name)


def _said(index: Any, variable: Any) -> Mapping[str, Any]:
    """The attributes that say where a coordinate lies, from its index or else its own."""
    return index.place.attrs if isinstance(index, PlaceIndex) else getattr(variable, "attrs", {})
