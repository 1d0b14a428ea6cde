"""A part of a lazy array: several selections and transpositions made one, so that only what they leave is read.

It opens no file itself: it asks `FrameArray` for an outer index.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from xarray.backends import BackendArray
from xarray.core import indexing

from ..model import FrameSources, Ints

if TYPE_CHECKING:
    from .lazy import FrameArray

Array = npt.NDArray[Any]
Axis = int | range | Ints  # of the whole array: one place, which drops the dim, or places in order
Entry = int | slice | Ints
Index = tuple[Entry, ...]


class Window(BackendArray):
    """A selection from a `FrameArray`, with its dims in any order; indexing reads it.

    Parameters
    ----------
    frames
        The whole array.
    axes
        For each dim of ``frames`` the places that are selected; ``None`` for all.
    order
        For each dim of the window, which dim of ``frames`` it is; ``None`` for theirs.
    """

    def __init__(self, frames: FrameArray, axes: Sequence[Axis] | None = None, order: Sequence[int] | None = None) -> None:
        self.frames = frames
        self.axes: tuple[Axis, ...] = tuple(range(n) for n in frames.shape) if axes is None else tuple(axes)
        self.order = tuple(range(frames.ndim)) if order is None else tuple(order)
        self.shape = tuple(len(self.axes[d]) for d in self.order)  # type: ignore[arg-type]
        self.dtype = frames.dtype

    def __dask_tokenize__(self) -> tuple[Any, ...]:
        return (self.frames.token, [a if isinstance(a, (int, range)) else a.tobytes() for a in self.axes], self.order)

    def __reduce__(self) -> tuple[Any, ...]:
        depth = self.frames.cells.ndim
        kept = [0 if isinstance(a, int) else range(len(a)) for a in self.axes[:depth]]
        return Window, (self.frames.part(self._places()), (*kept, *self.axes[depth:]), self.order)

    @property
    def sources(self) -> FrameSources:
        """Where the frames lie."""
        return self.frames.sources

    def _places(self) -> list[Ints]:
        """The places along each dim of frames of the whole array."""
        return [np.atleast_1d(np.asarray(a, np.int64)) for a in self.axes[: self.frames.cells.ndim]]

    def take(self, index: Index) -> Window:
        """The window of an outer index: integers drop dims, slices and 1D arrays select along theirs."""
        axes, order = list(self.axes), []
        for d, entry in zip(self.order, index, strict=True):
            axes[d] = _chosen(axes[d], entry)
            if not isinstance(axes[d], int):
                order.append(d)
        return Window(self.frames, axes, order)

    def transpose(self, order: Sequence[int]) -> Window:
        """The window with its dims in another order."""
        return Window(self.frames, self.axes, [self.order[k] for k in order])

    def __getitem__(self, key: indexing.ExplicitIndexer | Index) -> Array:
        """Read an index of xarray, or one of dask: integers, slices and arrays of places."""
        if isinstance(key, indexing.VectorizedIndexer):
            return indexing.explicit_indexing_adapter(key, self.shape, indexing.IndexingSupport.OUTER, self.__getitem__)
        return self.take(key.tuple if isinstance(key, indexing.ExplicitIndexer) else key).read()

    def read(self) -> Array:
        """The values, read from the files."""
        values = self.frames.read(tuple(map(_entry, self.axes)))
        return values if self.order == tuple(sorted(self.order)) else values.transpose(_ranks(self.order))

    def cells(self) -> tuple[tuple[int, ...], Ints]:
        """Which dims of the window are dims of frames, and the number of the frame in each of their cells."""
        depth = self.frames.cells.ndim
        places = self._places()
        found = self.frames.cells[np.ix_(*places)] if depth else self.frames.cells
        found = found.reshape([len(p) for p, a in zip(places, self.axes, strict=False) if not isinstance(a, int)])
        order = [d for d in self.order if d < depth]
        return tuple(k for k, d in enumerate(self.order) if d < depth), found.transpose(_ranks(order))


class Selected(indexing.ExplicitlyIndexedNDArrayMixin):
    """A `Window` as xarray takes lazy arrays: what is selected from it is a window again, and nothing is read."""

    __slots__ = ("window",)

    def __init__(self, window: Window) -> None:
        self.window = window

    def __reduce__(self) -> tuple[Any, ...]:
        return Selected, (self.window,)

    def __deepcopy__(self, memo: Any) -> Selected:
        return self

    @property
    def shape(self) -> tuple[int, ...]:
        """The sizes of the dims."""
        return self.window.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the values."""
        return self.window.dtype

    @property
    def sources(self) -> FrameSources:
        """Where the frames lie."""
        return self.window.sources

    def get_duck_array(self) -> Array:
        """The values, read from the files."""
        return self.window.read()

    async def async_get_duck_array(self) -> Array:
        """As `get_duck_array`."""
        return self.window.read()

    def transpose(self, order: Sequence[int]) -> Selected:
        """The array with its dims in another order."""
        return Selected(self.window.transpose(order))

    def __getitem__(self, indexer: indexing.ExplicitIndexer) -> Selected:
        return Selected(self.window.take(indexing.expanded_indexer(indexer.tuple, self.ndim)))

    def _oindex_get(self, indexer: indexing.OuterIndexer) -> Selected:
        return self[indexer]

    def _vindex_get(self, indexer: indexing.VectorizedIndexer) -> Any:
        window: Any = self.window
        return indexing.LazilyVectorizedIndexedArray(window, indexer)


def _ranks(order: Sequence[int]) -> list[int]:
    """The place of each number among all, in their order."""
    return [sorted(order).index(d) for d in order]


def _chosen(axis: Axis, entry: Entry) -> Axis:
    """Places of the whole array, from places within a selection of it."""
    if isinstance(entry, (int, np.integer)):
        return int(axis[int(entry)])  # type: ignore[index]
    if isinstance(entry, slice):
        return axis[entry]  # type: ignore[index]
    return np.asarray(axis, np.int64)[np.asarray(entry)]


def _entry(axis: Axis) -> Entry:
    """The places of an axis as an index."""
    if not isinstance(axis, range):
        return axis
    if not axis:
        return slice(0, 0)
    return slice(axis.start, axis.stop if axis.stop >= 0 else None, axis.step)
