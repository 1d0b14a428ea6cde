"""Opens stored arrays lazily; a missing or damaged object is an error, never other values."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr
import zarr
from xarray.backends import BackendArray
from xarray.core import indexing
from zarr.abc.store import ByteRequest, Store
from zarr.core.buffer import Buffer, BufferPrototype
from zarr.storage import WrapperStore

from ..arrays.build import NAME
from ..arrays.chunks import Chunks, auto_chunks
from ..errors import StoreError
from . import documents, objects

PLACE = "dicom_store"  # key in an array's encoding: the place that it is read from


class Listed(WrapperStore[Store]):  # type: ignore[misc]  # mypy does not look into zarr
    """A store for reading one group: shows the objects that the group's document lists, and no others."""

    def __init__(self, store: Store, group: str = "", checksums: Mapping[str, int] | None = None) -> None:
        super().__init__(store)
        self._group = group
        self._checksums = checksums or {}

    def _with_store(self, store: Store) -> Listed:
        return type(self)(store, self._group, self._checksums)

    async def get(self, key: str, prototype: BufferPrototype, byte_range: ByteRequest | None = None) -> Buffer | None:
        """Read an object for zarr; ``None`` if it is not listed.

        Raises
        ------
        StoreError
            A listed object is missing, or its checksum is wrong.
        """
        name = key.removeprefix(f"{self._group}/") if self._group else key
        known = self._checksums.get(name)
        if known is None and name != documents.DOCUMENT:
            return None
        found = await self._store.get(key, prototype, byte_range)
        if known is None:
            return found
        if found is None:
            raise StoreError(f"{self._group or 'the store'}: {name} is gone; write the array again")
        if len(found) == 0:  # what a crash of the system leaves; zarr takes an empty shard for one of zeros
            raise StoreError(f"{self._group or 'the store'}: {name} is empty; write the array again")
        if byte_range is None and not name.startswith(f"{NAME}/c") and zlib.crc32(found.to_bytes()) != known:
            raise StoreError(f"{self._group or 'the store'}: {name} is damaged; write the array again")
        return found  # shards need no check here: each chunk in them has a checksum, which zarr checks


class Stored(BackendArray):
    """The values of a stored array, with outer indexing; its pickle holds no values.

    Parameters
    ----------
    array
        The stored array.
    dtype
        The dtype of values as read.
    group
        The array's group, for error messages.
    token
        The store's place, then texts that together identify the content for dask.
    """

    def __init__(self, array: zarr.Array[Any], dtype: np.dtype[Any], group: str, token: tuple[str, ...]) -> None:
        self.array = array
        self.shape = array.shape
        self.dtype = dtype
        self.group = group
        self.token = token

    def __dask_tokenize__(self) -> tuple[str, ...]:
        return self.token

    def __getitem__(self, key: indexing.ExplicitIndexer) -> Any:
        return indexing.explicit_indexing_adapter(key, self.shape, indexing.IndexingSupport.OUTER, self._read)

    def _read(self, key: tuple[Any, ...]) -> Any:
        try:
            whole = all(isinstance(one, (slice, int, np.integer)) for one in key)
            values = self.array[key] if whole else self.array.oindex[key]
        except StoreError:
            raise
        except Exception as error:
            raise StoreError(f"{self.group or 'the store'}: {NAME} is damaged ({error}); write the array again") from error
        return np.asarray(values).astype(self.dtype, copy=False)


def open_array(store: Store, group: str, chunks: Chunks = "auto", place: str = "") -> xr.DataArray:
    """Open a stored array lazily.

    Parameters
    ----------
    store, group
        Where the array is; "" is the root.
    chunks
        As for `open_series`.
    place
        The place of the store as text, kept in the array's encoding.

    Raises
    ------
    StoreError
        The group holds no complete array, or a damaged one.
    """
    data = objects.read(store, f"{group}/{documents.DOCUMENT}" if group else documents.DOCUMENT)
    mark = documents.read(data, group)
    if data is None or mark is None:
        raise StoreError(f"no whole array {group!r} in the store; write it again by cohort.to_zarr")
    token = (place, group, f"{zlib.crc32(data):x}", mark.fingerprint)
    array = described(Listed(store, group, mark.checksums), group, token, mark)
    for part in (array, array.variable, *array.coords.variables.values()):
        part.encoding[PLACE] = place
    if chunks is None:
        return array
    wanted: Any = auto_chunks({str(d): max(1, n) for d, n in array.sizes.items()}, array.dtype.itemsize)
    return array.chunk(_whole(wanted, array.encoding["chunks"], array.dims) if chunks == "auto" else chunks)


def described(store: Store, group: str, token: tuple[str, ...], mark: documents.Mark) -> xr.DataArray:
    """Open an array, without dask, as the objects of its group and its mark describe it."""
    decoder = xr.coders.CFDatetimeCoder(time_unit="us")
    where = objects.inside(store, group)
    dataset = xr.open_zarr(where, chunks=None, decode_times=decoder, zarr_format=3, consolidated=True)
    dataset = dataset.set_coords([name for name in dataset.data_vars if name != NAME])
    array = dataset[NAME]
    image = Stored(zarr.open_array(where / NAME, mode="r", zarr_format=3), array.dtype, group, token)
    lazy = xr.Variable(array.dims, indexing.LazilyIndexedArray(image), array.attrs, array.encoding)
    texts = {n: (c.dims, np.array(c.values.tolist(), str), c.attrs) for n, c in array.coords.items() if c.dtype.kind in "OT"}
    back = dataset.assign({NAME: lazy})[NAME].assign_coords(texts)
    back = back.assign_coords({n: back.coords[n].astype(dtype) for n, dtype in mark.dtypes.items() if n in back.coords})
    return back.rename({n: name for n, name in mark.names.items() if n in back.coords})


def _whole(wanted: Mapping[str, int], stored: tuple[int, ...], dims: tuple[Any, ...]) -> dict[Any, int]:
    """Round sizes of dask chunks up to whole stored chunks."""
    return {d: int(np.ceil(max(wanted[d], 1) / s)) * s for d, s in zip(dims, stored, strict=True)}
