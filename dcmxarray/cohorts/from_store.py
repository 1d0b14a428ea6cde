"""The arrays of a cohort's Zarr store: what a `Cohort` is made of that was opened from one."""

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
    """The arrays of a store that `Cohort.to_zarr` wrote; the tables at its root are read, and no array."""

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
        """The frame table, as far as the store keeps it: without paths and what identifies."""
        with objects.opened(self._location) as store:
            table = tables.read(store, tables.FRAMES)
        return table[table["key"].isin(self._series.index)].sort_values(["key", "SOPInstanceUID", "frame"], ignore_index=True)

    @property
    def labels(self) -> pd.DataFrame:
        """A row an array, by key: `LABELS`, frames, files, bytes."""
        return self._series[[*LABELS, "frames", "files", "bytes"]]

    def details(self, keys: Sequence[str]) -> pd.DataFrame:
        """Rows for some arrays, by key: `DETAILS`."""
        return self._series.loc[list(keys), list(DETAILS)]

    def opener(self, key: str) -> Opener:
        """A function that opens an array."""
        return partial(open_stored, self._location, key)

    def fingerprints(self, keys: Sequence[str]) -> list[str]:
        """For each key that of the source from which it was written."""
        return self._series.loc[list(keys), "fingerprint"].str.split(":").str[0].tolist()

    def frames_of(self, key: str) -> pd.DataFrame:
        """The rows of the frame table of one array."""
        return self.frames[self.frames["key"] == key]

    def holding(self, rows: pd.Index) -> list[str]:
        """The keys of the arrays that hold any of some rows of the frame table."""
        found = set(self.frames.loc[rows, "key"])
        return [key for key in self.keys if key in found]

    def only(self, keys: Sequence[str]) -> StoredMembers:
        """Some of the arrays."""
        return StoredMembers(self._location, self._series.loc[list(keys)])


def open_stored(location: objects.Location, key: str, *, chunks: Any = "auto") -> xr.DataArray:
    """Open an array of a store; chunks as for `open_series`."""
    group = keys.name(key)
    with objects.opened(location) as store:
        return reading.open_array(store, group, chunks, objects.place(location, group))


def members(location: objects.Location) -> StoredMembers:
    """The arrays that a store's tables list."""
    with objects.opened(location) as store:
        table = tables.read(store, tables.SERIES)
    return StoredMembers(location, table.set_index("key").sort_index())


def is_cohort(location: objects.Location) -> bool:
    """Whether there is a store that holds a cohort.

    Raises
    ------
    StoreError
        There is one, but it is damaged, of another version, or holds one array.
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
        raise StoreError(f"{location} holds single arrays and no cohort; open them by xr.open_zarr(store, group=...)")
    return True


_WAY_OUT = "write the cohort again to another place; its arrays can still be read by xr.open_zarr(store, group=key)"
