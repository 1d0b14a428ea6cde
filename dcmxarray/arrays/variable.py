"""The variable of an opened array: selections, transpositions and other chunks are made before frames are read.

It changes what is read, never a value: where it does not know better, xarray and dask do what they always do.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import xarray as xr
from dask.array import array_expr_enabled
from dask.array.core import normalize_chunks
from xarray.core import indexing

from ..pixels.chunked import Sizes, chunked, kept, large, window_of
from ..pixels.window import Selected, Window


class FrameVariable(xr.Variable):
    """A variable whose pixels are frames that were not read yet, in dask chunks or not."""

    __slots__ = ()

    def __reduce__(self) -> tuple[Any, ...]:
        return FrameVariable if self.window() is not None else xr.Variable, (
            self._dims,
            self._data,
            self._attrs,
            self._encoding,
            True,
        )

    def window(self) -> Window | None:
        """What it reads; ``None`` once it holds values, or something is computed from it."""
        data = self._data
        while isinstance(data, (indexing.CopyOnWriteArray, indexing.MemoryCachedArray)):
            data = data.array
        return data.window if isinstance(data, Selected) else window_of(data)

    def __getitem__(self, key: Any) -> Any:
        window = self._in_chunks()
        if window is None:
            return super().__getitem__(key)
        part = self._unread(window)[key]
        if not isinstance(part._data, Selected):  # pointwise
            return super().__getitem__(key)
        return self._chunked(part, kept(self._sizes(), window, part._data.window))

    def __setitem__(self, key: Any, value: Any) -> None:
        if self.chunks is None:  # what was not read can't be written into
            self.load()
        super().__setitem__(key, value)  # type: ignore[no-untyped-call]

    def transpose(self, *dim: Any, **options: Any) -> Any:
        """The variable with its dims in another order, as in xarray."""
        window = self._in_chunks()
        if window is None:
            return super().transpose(*dim, **options)
        part = self._unread(window).transpose(*dim, **options)
        return self._chunked(part, tuple(self.chunksizes[d] for d in part.dims))

    def to_base_variable(self) -> FrameVariable:
        """A copy: xarray asks for it after indexing by arrays that have dims, and would make a plain variable."""
        return self._replace()

    def reduce(self, func: Any, *args: Any, **options: Any) -> Any:
        """As in xarray, from larger chunks: all of the array is read."""
        window = self._in_chunks()
        whole = self if window is None else self._chunked(self._unread(window), large(self._sizes(), window))
        return super(FrameVariable, whole).reduce(func, *args, **options)

    def chunk(self, chunks: Any = {}, *args: Any, **options: Any) -> Any:  # noqa: B006
        """The variable in dask chunks, as in xarray; what it reads is not read twice."""
        window = self.window()
        if window is None or array_expr_enabled() or not _is_dask(options.get("chunked_array_type")):
            return super().chunk(chunks, *args, **options)
        before = self.chunks
        given = dict(chunks) if isinstance(chunks, Mapping) else dict.fromkeys(self.dims, chunks)
        given |= {d: options[str(d)] for d in self.dims if str(d) in options}
        if isinstance(chunks, (tuple, list)):
            given = dict(zip(self.dims, chunks, strict=True))
        wanted = tuple(_or(given.get(d), before[k] if before else -1) for k, d in enumerate(self.dims))
        return self._chunked(self._unread(window), normalize_chunks(wanted, self.shape, dtype=self.dtype, previous_chunks=before))

    def _in_chunks(self) -> Window | None:
        """What it reads, if that is in dask chunks."""
        return self.window() if self.chunks is not None else None

    def _unread(self, window: Window) -> xr.Variable:
        """The variable without chunks."""
        return xr.Variable(self._dims, Selected(window), self._attrs, self._encoding, True)

    def _chunked(self, part: xr.Variable, sizes: Sizes) -> FrameVariable:
        """A variable that reads what ``part`` does, in chunks."""
        selected: Any = part._data
        return FrameVariable(part.dims, chunked(selected.window, sizes), part._attrs, part._encoding, True)

    def _sizes(self) -> Sizes:
        """The sizes of its chunks."""
        return tuple(self.chunks or ())


def _or(given: Any, otherwise: Any) -> Any:
    """A value, or another for ``None``."""
    return otherwise if given is None else given


def _is_dask(manager: Any) -> bool:
    """Whether the kind of chunked array that xarray asks for is dask's."""
    return manager is None or manager == "dask" or type(manager).__name__ == "DaskManager"
