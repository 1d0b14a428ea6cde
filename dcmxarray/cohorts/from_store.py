"""The arrays of a `Cohort` that was opened from a Zarr store."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property, partial
from typing import Any

import pandas as pd
import xarray as xr

from ..arrays.describe import DETAILS
from ..arrays.origin import Opener
from ..attributes import LABELS
from ..errors import StoreError
from ..stores import documents, keys, objects, reading, tables


class StoredMembers:
    """The arrays of a store that `Cohort.to_zarr` wrote; reads the tables at the store's root, but no array.

    Parameters
    ----------
    location
        The store.
    series
        Its table of series, by key.
    """

    def __init__(self, location: objects.Location, series: pd.DataFrame) -> None:
        self._location = location
        self._series = series

    @property
    def location(self) -> objects.Location:
        """The store."""
        return self._location

    @property
    def keys(self) -> list[str]:
        """The keys, sorted."""
        return self._series.index.tolist()

    @cached_property
    def frames(self) -> pd.DataFrame:
        """The frame table, without the paths and identifying elements that the store leaves out."""
        with objects.opened(self._location) as store:
            table = tables.read(store, tables.FRAMES)
        return table[table["key"].isin(self._series.index)].sort_values(["key", "SOPInstanceUID", "frame"], ignore_index=True)

    @property
    def labels(self) -> pd.DataFrame:
        """One row per array, by key: `LABELS`, frames, files, bytes."""
        return self._series[[*LABELS, "frames", "files", "bytes"]]

    def details(self, keys: Sequence[str]) -> pd.DataFrame:
        """One row per key: `DETAILS`."""
        return self._series.loc[list(keys), list(DETAILS)]

    def opener(self, key: str) -> Opener:
        """A function that opens an array."""
        return partial(open_stored, self._location, key)

    def fingerprints(self, keys: Sequence[str]) -> list[str]:
        """For each key the fingerprint of the source from which the array was written."""
        return self._series.loc[list(keys), "fingerprint"].str.split(":").str[0].tolist()

    def frames_of(self, key: str) -> pd.DataFrame:
        """The rows of the frame table that belong to one array."""
        return self.frames[self.frames["key"] == key]

    def holding(self, rows: pd.Index) -> list[str]:
        """The keys of the arrays that hold at least one of the given rows of the frame table."""
        found = set(self.frames.loc[rows, "key"])
        return [key for key in self.keys if key in found]

    def only(self, keys: Sequence[str]) -> StoredMembers:
        """A selection of the arrays."""
        return StoredMembers(self._location, self._series.loc[list(keys)])


def open_stored(location: objects.Location, key: str, *, chunks: Any = "auto") -> xr.DataArray:
    """Open an array of a store by its key; ``chunks`` as for `open_series`.

    Raises
    ------
    StoreError
        The store holds no complete array of that key, or a damaged one.
    """
    group = keys.name(key)
    with objects.opened(location) as store:
        return reading.open_array(store, group, chunks, objects.place(location, group))


def members(location: objects.Location) -> StoredMembers:
    """Read which arrays a store's tables list.

    Raises
    ------
    StoreError
        The tables are damaged.
    """
    with objects.opened(location) as store:
        table = tables.read(store, tables.SERIES)
    return StoredMembers(location, table.set_index("key").sort_index())


def is_cohort(location: objects.Location) -> bool:
    """Whether a store holds a cohort; false if there is no store of dcmxarray.

    Raises
    ------
    StoreError
        The store is damaged, was written by another version, or holds single arrays.
    """
    with objects.opened(location) as store:
        said = documents.ours(objects.read(store, documents.DOCUMENT))
        if said is None and tables.is_there(store):
            raise StoreError(f"{location}: the root of the store, {documents.DOCUMENT}, is gone or damaged; {_WAY_OUT}")
    if said is None:
        return False
    if said.get("format") != documents.FORMAT:
        raise StoreError(f"{location} was written by another version of dcmxarray; write it again, to another place")
    if said.get("tables") != tables.TABLES:
        raise StoreError(f"{location} holds single arrays and no cohort; open one by xr.open_zarr(store), or with its group=")
    return True


_WAY_OUT = "write the cohort again to another place; its arrays can still be read by xr.open_zarr(store, group=key)"
