"""An index of positions that knows where it lies, so that unlike planes and frames of reference never combine in silence.

xarray wraps any pandas index, and joins, compares and searches arrays by the methods of that index alone.  So this is a pandas
index: an xarray index of our own would break ``interp``, ``reindex`` and every combination with an array that lacks it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from ..errors import GridError
from . import grid

Coords = dict[str, tuple[tuple[Any, ...], Any, dict[str, Any]]]  # as xarray takes them: dims, values, attributes

SAME_DIRECTION = 2e-4  # of each cosine: 0.05 mm at 250 mm
_SHIFT = 0.1  # mm; by more, a shear makes two stacks unlike
CELL_BY_CELL = "other.drop_indexes(['slice', 'row', 'col'], errors='ignore')"


class Place(NamedTuple):
    """What positions along one axis mean.

    Attributes
    ----------
    direction
        How far a point moves in the patient (LPS) for each mm; with the shear of a tilted gantry.  () if unknown.
    frame
        FrameOfReferenceUID, "" if unknown.
    tolerance
        Positions within this distance are one, mm.
    attrs
        The attributes of the coordinate that say all this: operations on arrays may drop them.
    """

    direction: tuple[float, ...]
    frame: str
    tolerance: float
    attrs: Mapping[str, Any]

    @property
    def is_sheared(self) -> bool:
        """Whether a tilted gantry shifts the slices."""
        return self.direction != tuple(self.attrs.get(grid.DIRECTION, ()))

    def check(self, other: Place, name: object, extent: float = np.inf) -> None:
        """Raise `GridError` if positions of two arrays can't be compared; what is unknown meets anything.

        Parameters
        ----------
        other, name
            The place of the other array, and the axis.
        extent
            How far the axis reaches, mm: a shear is known no better than positions are, and matters over this distance.
        """
        if self.frame and other.frame and self.frame != other.frame:
            raise GridError(
                f"the arrays have unlike frames of reference (FrameOfReferenceUID), so positions along {name} can't be compared. "
                f"If they are registered all the same, combine them cell by cell: {CELL_BY_CELL}"
            )
        if self.direction == other.direction or not (self.direction and other.direction):
            return
        limit = max(SAME_DIRECTION, _SHIFT / extent) if self.is_sheared or other.is_sheared else SAME_DIRECTION
        if np.abs(np.subtract(self.direction, other.direction)).max() > limit:
            one, two = (", ".join(f"{round(v, 4) + 0.0:g}" for v in p.direction) for p in (self, other))
            raise GridError(
                f"the arrays lie in unlike planes: {name} runs along ({one}) in one, along ({two}) in the other (LPS). "
                f"Resample one of them first; or combine them cell by cell: {CELL_BY_CELL}"
            )


NOWHERE = Place((), "", 0.0, {})


class PlaceIndex(pd.Index):
    """Positions along ``slice``, ``row`` or ``col``, mm, that are equal within a tolerance, and their place.

    Operations that return something else than a part, a copy or a join of it give a plain index.
    """

    place: Place = NOWHERE  # of what pandas makes by itself

    @classmethod
    def of(cls, values: npt.ArrayLike, place: Place, name: Any = None) -> PlaceIndex:
        """An index of these positions."""
        made: PlaceIndex = cls._simple_new(np.asarray(values, np.float64), name)  # type: ignore[attr-defined]
        made.place = place
        return made

    def _kept(self, index: Any) -> Any:
        """The same index, in this place."""
        if isinstance(index, pd.Index) and index.dtype == np.float64 and index.nlevels == 1:
            return PlaceIndex.of(index.to_numpy(), self.place, index.name)
        return index

    def _view(self) -> Any:
        return self._kept(super()._view())  # type: ignore[misc]

    def __reduce__(self) -> Any:
        return PlaceIndex.of, (self.to_numpy(), self.place, self.name)

    def __getitem__(self, key: Any) -> Any:
        return self._kept(super().__getitem__(key))

    def take(self, indices: Any, *args: Any, **kwargs: Any) -> Any:
        """The positions at some indices."""
        return self._kept(super().take(indices, *args, **kwargs))

    def copy(self, name: Any = None, deep: bool = False) -> Any:
        """A copy, in this place."""
        return self._kept(super().copy(name, deep))

    def append(self, other: Any) -> Any:
        """These positions and then those of one or several others; raises `GridError` if one lies elsewhere."""
        for one in other if isinstance(other, (list, tuple)) else [other]:
            self.check(one)
        return self._kept(_plain(self).append([_plain(o) for o in other] if isinstance(other, (list, tuple)) else _plain(other)))

    def equals(self, other: Any) -> bool:
        """Whether positions are equal, within the tolerance for a `PlaceIndex`; raises `GridError` if it lies elsewhere."""
        self.check(other)
        if not isinstance(other, PlaceIndex) or len(self) != len(other):
            return bool(_plain(self).equals(other))
        return bool((np.abs(self.to_numpy() - other.to_numpy()) <= self._reach(other)).all())

    def intersection(self, other: Any, sort: Any = False) -> Any:
        """These positions, where the other has one too; raises `GridError` if it lies elsewhere, or shares none."""
        self.check(other)
        if isinstance(other, PlaceIndex):
            found = self[nearest(self.to_numpy(), other.to_numpy(), self._reach(other)) >= 0]
        else:  # which will be searched for equal positions
            found = self._kept(_plain(self).intersection(other, sort))
        if len(self) and len(other) and not len(found):
            raise GridError(self._apart(other))
        return found

    def union(self, other: Any, sort: Any = None) -> Any:
        """These positions, and those of the other that are none of these, ascending; raises `GridError` if it lies elsewhere."""
        self.check(other)
        if not isinstance(other, PlaceIndex):
            return self._kept(_plain(self).union(other, sort))
        numbers = other.to_numpy()
        new = numbers[nearest(numbers, self.to_numpy(), self._reach(other)) < 0]
        return PlaceIndex.of(np.sort(np.concatenate([self.to_numpy(), new])), self.place, self.name)

    def get_indexer(self, target: Any, method: Any = None, limit: Any = None, tolerance: Any = None) -> Any:
        """Where these positions are, -1 for those that are not here; without ``method`` within the tolerance."""
        self.check(target)
        found = super().get_indexer(_plain(target), method, limit, tolerance)
        numbers = np.asarray(target)
        if method is not None or numbers.dtype.kind not in "iuf" or (found >= 0).all():
            return found
        return nearest(numbers, self.to_numpy(), self._reach(target))

    def get_loc(self, key: Any) -> Any:
        """Where this position is, within the tolerance."""
        try:
            return super().get_loc(key)
        except KeyError:
            found = self.get_indexer([key])[0] if isinstance(key, (float, int)) and self.is_unique else -1
            if found < 0:
                raise
            return int(found)

    def check(self, other: Any) -> None:
        """Raise `GridError` if the other index says that it lies elsewhere."""
        if isinstance(other, PlaceIndex) and other.place is not self.place:
            extent = min(np.ptp(i.to_numpy()) if len(i) else 0.0 for i in (self, other))
            self.place.check(other.place, self.name, max(float(extent), 1e-9))

    def _reach(self, other: Any) -> float:
        """The distance up to which positions of both are one."""
        return min(self.place.tolerance, other.place.tolerance) if isinstance(other, PlaceIndex) else self.place.tolerance

    def _apart(self, other: Any) -> str:
        """What to say if no position is shared."""
        numbers = np.asarray(other)
        known = numbers.dtype.kind in "iuf"
        far = f": the nearest lie {np.abs(self.to_numpy()[:, None] - numbers).min():.3g} mm apart" if known else ""
        return (
            f"the arrays share no position along {self.name}{far}. Take the nearest cells by "
            f"da.dicom.match(other, tolerance=...); interpolate by da.interp({self.name}=other.{self.name}.values); "
            f"or combine cell by cell: {CELL_BY_CELL}"
        )


def nearest(wanted: Any, have: Any, within: float) -> npt.NDArray[np.intp]:
    """For each position the index of the nearest one of ``have``, -1 if none is within a distance."""
    numbers, there = np.asarray(wanted, float), np.asarray(have, float)
    if not there.size:
        return np.full(numbers.shape, -1, np.intp)
    order = np.argsort(there, kind="stable")
    after = np.searchsorted(there[order], numbers).clip(max=there.size - 1)
    before = (after - 1).clip(min=0)
    near = [np.abs(there[order[k]] - numbers) for k in (before, after)]
    found = order[np.where(near[0] <= near[1], before, after)]
    return np.where(np.minimum(*near) <= within, found, -1).astype(np.intp)


def _plain(index: Any) -> Any:
    """The same positions as a plain pandas index."""
    return pd.Index(index.to_numpy(), name=index.name) if isinstance(index, PlaceIndex) else index


def placed(coords: Coords) -> Coords:
    """Coordinates, of which ``slice``, ``row`` and ``col`` hold a `PlaceIndex` where they are dims and say where they lie."""
    return coords | {
        name: (dims, PlaceIndex.of(values, _place(name, values, attrs, coords), name), attrs)
        for name, (dims, values, attrs) in coords.items()
        if name in grid.NAMES and tuple(dims) == (name,) and len(attrs.get(grid.DIRECTION, ())) == 3
    }


def with_places(array: xr.DataArray) -> xr.DataArray:
    """The array with a `PlaceIndex` for ``slice``, ``row`` and ``col``, where their attributes say where they lie."""
    coords = {str(n): (c.dims, c.to_numpy(), c.attrs) for n, c in array.coords.items() if n in _SAYING}
    return array.assign_coords({name: coord for name, coord in placed(coords).items() if isinstance(coord[1], PlaceIndex)})


_SAYING = (*grid.NAMES, "shift_row", "shift_col")


def said(array: xr.DataArray, name: str) -> Mapping[str, Any]:
    """The attributes that say where a coordinate lies, from the coordinate or else from its index; {} if neither knows."""
    attrs = array.coords[name].attrs
    index = getattr(array.xindexes.get(name), "index", None)
    return index.place.attrs if grid.DIRECTION not in attrs and isinstance(index, PlaceIndex) else attrs


def place_of(attrs: Mapping[str, Any], tolerance: float = 0.0) -> Place:
    """Where a coordinate lies, as its attributes say."""
    kept = {k: attrs[k] for k in (grid.DIRECTION, grid.FRAME, grid.START, grid.STEP) if k in attrs}
    return Place(tuple(map(float, attrs[grid.DIRECTION])), str(attrs.get(grid.FRAME, "")), tolerance, kept)


def _place(name: str, values: Any, attrs: Mapping[str, Any], coords: Coords) -> Place:
    """Where a coordinate lies; for slices of a tilted gantry with its shear."""
    place = place_of(attrs, grid.tolerance(np.asarray(values, float), attrs))
    if name != "slice":
        return place
    direction = np.asarray(place.direction) + sum(_shear(values, k, coords) for k in ("row", "col"))
    return place._replace(direction=tuple(direction.tolist()))


def _shear(values: Any, name: str, coords: Coords) -> Any:
    """How far a tilted gantry moves a point along ``row`` or ``col`` for each mm of ``slice``: (3,), or 0."""
    shift = coords.get(f"shift_{name}")
    along = coords[name][2].get(grid.DIRECTION) if name in coords else None
    if shift is None or along is None or np.ndim(shift[1]) == 0 or np.ptp(values) == 0:
        return 0.0
    with np.errstate(all="ignore"):
        from_middle = np.asarray(values, float) - np.mean(values)
        slope = (from_middle * np.asarray(shift[1], float)).sum() / (from_middle**2).sum()
    return slope * np.asarray(along, float) if np.isfinite(slope) else 0.0
