"""Where an array is read from, as far as it is known: in its encoding and its coordinates', or in its dask graph."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import xarray as xr
import zarr

from ..arrays import files
from . import objects, reading


def sources(array: xr.DataArray) -> list[str]:
    """The folders of an array's files, and the places of the stores that it is read from.

    Coordinates carry them too, since arithmetic in memory drops the encoding of arrays.  A lazy array is traced to what it reads,
    also to Zarr arrays that others opened.
    """
    encodings = [array.encoding, *(coord.encoding for coord in array.coords.variables.values())]
    paths = set(files.paths(array))
    known = {folder for one in encodings for folder in one.get(files.FOLDERS, ())}
    places = [one[reading.PLACE] for one in encodings if reading.PLACE in one]
    for part in _parts(array):
        paths |= set(getattr(getattr(part, "sources", None), "paths", ()))
        places += [part.token[0]] if isinstance(part, reading.Stored) else []
        places += [objects.place(part.store, part.path)] if isinstance(part, zarr.Array) else []
    return [*folders(paths), *_local(known), *filter(None, dict.fromkeys(places))]


def _parts(array: xr.DataArray) -> Iterator[Any]:
    """What lies below a lazy array: the arrays wrapped in each other, of the source tasks of a dask array too."""
    if array.chunks is None:
        yield from _within(getattr(array.variable, "_data", None))
        return
    for layer in array.data.dask.layers.values():
        for task in _tasks(layer) if len(layer) < 2 else ():
            yield from _within(getattr(task, "value", task))


def _tasks(layer: Mapping[Any, Any]) -> list[Any]:
    return list(dict(layer).values())


def _within(part: Any) -> Iterator[Any]:
    """An array, and those that it wraps one in another; values in memory end the chain."""
    while part is not None and not isinstance(part, np.ndarray):
        yield part
        inner = getattr(part, "array", None)
        part = part.get_array() if inner is None and hasattr(part, "get_array") else inner


def folders(paths: Iterable[str]) -> list[str]:
    """The distinct folders of files, sorted."""
    return _local({path.rpartition("/")[0] or "/" for path in paths})


def _local(folders: Iterable[str]) -> list[str]:
    """Folders and URLs, with local ones as absolute paths."""
    return sorted(objects.local(path) or path for path in folders)
