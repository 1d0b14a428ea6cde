"""Which file and which SOPInstanceUID the frames of an array come from, after any selection.  Opens no file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from ..errors import HeaderError
from ..model import MISSING, FrameSources, Ints
from ..pixels.lazy import FrameArray
from .variable import FrameVariable

SOURCE = "dicom_source"  # the key in the encoding of an array
FOLDERS = "dicom_folders"  # the key in the encoding of coordinates: the folders that the array is read from


class Opened:
    """An array as it was opened, so that it is known after loading where its frames lie.

    Pickles leave it out: a lazy array brings its own frames along, one with values says that it no longer knows its files.

    Parameters
    ----------
    frames
        The lazy pixels.
    dims
        The dims of frames.
    coords
        Name -> (dims, values, attributes).
    """

    def __init__(self, frames: FrameArray, dims: tuple[str, ...], coords: Mapping[str, tuple[Any, ...]]) -> None:
        self.frames = frames
        self.dims = dims
        self.coords = {name: (d, v) for name, (d, v, *_) in coords.items() if d and set(d) <= set(dims)}

    def __deepcopy__(self, memo: Any) -> Opened:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return dict, ()


def paths(array: xr.DataArray) -> tuple[str, ...]:
    """The files that an array was opened from, none if it no longer knows them."""
    opened = array.encoding.get(SOURCE)
    return opened.frames.sources.paths if isinstance(opened, Opened) else ()


def frames_of(array: xr.DataArray) -> tuple[FrameSources, tuple[str, ...], Ints]:
    """The frames of an array: where they lie, the array's dims of frames, and the number of the frame in each cell.

    Raises
    ------
    HeaderError
        The array no longer knows its files.
    """
    variable = array.variable
    window = variable.window() if isinstance(variable, FrameVariable) else None
    if window is not None:
        axes, cells = window.cells()
        return window.frames.sources, tuple(str(array.dims[k]) for k in axes), cells
    opened = array.encoding.get(SOURCE)
    if not isinstance(opened, Opened):
        raise HeaderError(
            "the array no longer knows its files (it was computed, read from a store, or loaded in another process); "
            "ask the opened array"
        )
    dims = tuple(str(d) for d in array.dims if d in opened.dims)
    return opened.frames.sources, dims, _found(opened, array, dims)


def _found(opened: Opened, array: xr.DataArray, dims: tuple[str, ...]) -> Ints:
    """The numbers of the frames whose coordinates the cells of a loaded array have, `MISSING` where they tell none or several."""
    names = [n for n, (d, v) in opened.coords.items() if n in array.coords and array[n].dtype.kind == v.dtype.kind]
    names = [n for n in names if set(array[n].dims) <= set(dims)]
    whole = opened.frames.cells
    if not names:
        return np.full([array.sizes[d] for d in dims], whole.item() if whole.size == 1 else MISSING)
    then = _table({n: xr.Variable(*opened.coords[n]) for n in names}, dict(zip(opened.dims, whole.shape, strict=True)))
    now = _table({n: array[n].variable for n in names}, {d: array.sizes[d] for d in dims})
    then = then.assign(number=whole.reshape(-1)).drop_duplicates(names, keep=False)
    numbers = now.merge(then, on=names, how="left")["number"].fillna(MISSING)
    return numbers.to_numpy(np.int64).reshape([array.sizes[d] for d in dims])


def _table(coords: Mapping[str, xr.Variable], sizes: Mapping[str, int]) -> pd.DataFrame:
    """One row for each cell of ``sizes``, one column for each coordinate."""
    return pd.DataFrame({n: c.set_dims(sizes).transpose(*sizes).to_numpy().reshape(-1) for n, c in coords.items()})


def uids(array: xr.DataArray) -> xr.DataArray:
    """The SOPInstanceUID of each frame, "" where there is none, with the array's coordinates; raises as `frames_of`."""
    sources, dims, cells = frames_of(array)
    texts = np.array([*(sources.uids[k] for k in sources.path), ""], object)
    coords = {name: coord for name, coord in array.coords.items() if set(coord.dims) <= set(dims)}
    return xr.DataArray(texts[cells], coords, dims, name="SOPInstanceUID")
