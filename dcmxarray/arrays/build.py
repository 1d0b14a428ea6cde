"""From a stack of frames to a lazy `xarray.DataArray`: arranged, with pixels, coordinates, attributes and chunks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from ..attributes import Tag, Tags, column_of_tag
from ..errors import FATAL, SeriesError
from ..headers.asked import settled
from ..headers.by_pydicom import header, real_world_value, segments
from ..model import MISSING, FrameGrid
from ..pixels.chunked import most_bytes
from ..pixels.frame_sources import frame_shape, frame_sources
from ..pixels.lazy import FrameArray
from ..pixels.window import Selected, Window
from ..stacks import arrange
from ..stacks.split import Stack
from . import options, suv
from .attrs import attrs_of
from .chunks import Chunks, resolve, volume_chunks
from .coords import coords_of, geometry_coords, labelled
from .files import FOLDERS, SOURCE, Opened
from .more import named, needed, with_columns
from .segments import flags, is_label_map
from .variable import FrameVariable

NAME = "image"


def open_stack(
    stack: Stack,
    *,
    dims: Sequence[Tag] | None = None,
    chunks: Chunks = "auto",
    rescale: bool | str = True,
    missing: arrange.Missing = "raise",
    duplicates: arrange.Duplicates = "raise",
    tags: Tags | None = None,
) -> xr.DataArray:
    """The lazy array of one stack; frames that a segmentation omits are empty.

    Parameters
    ----------
    stack
        Of `stacks.split.split`.
    dims, chunks, rescale, missing, duplicates, tags
        As for `open_series`.

    Returns
    -------
    xarray.DataArray
        As `open_series` returns it.

    Raises
    ------
    SeriesError
        The stack can't be opened.
    GridError
        Its frames do not fill a grid.
    HeaderError
        ``tags`` holds an unknown keyword, or a file changed since its header was read.
    """
    options.check(dims=dims, chunks=chunks, rescale=rescale, missing=missing, duplicates=duplicates, tags=tags)
    rescale = rescale if isinstance(rescale, str) else bool(rescale)
    asked = named(_whole(stack), tags)
    frames = with_columns(stack.frames, needed(dims, asked))
    frames = _with_real_world_values(frames) if rescale == "rwvm" else frames
    names = None if dims is None else [column_of_tag(d) for d in settled(dims)]
    arranged = arrange.arrange(frames, names, "fill" if stack.is_sparse else missing, duplicates)
    array = _build(frames, arranged, rescale, chunks, tuple(map(column_of_tag, asked)))
    if is_label_map(frames):
        return _with_flags(array, frames)
    return _with_suv(array, frames) if rescale is True and frames["Modality"].iat[0] == "PT" else array


def outline(stack: Stack) -> xr.DataArray:
    """The array of one stack with dims, dtype and geometry, and zeros for pixels; raises as `open_stack`."""
    frames = _whole(stack)
    return _outline(frames, arrange.arrange(frames, None, "fill" if stack.is_sparse else "raise", explain=False))


def _whole(stack: Stack) -> pd.DataFrame:
    """All frames of a stack.

    Raises
    ------
    SeriesError
        The stack can't be opened.
    """
    if stack.problem:
        raise SeriesError(f"{stack.key}: {stack.problem}")
    return stack.frames


def _with_suv(array: xr.DataArray, frames: pd.DataFrame) -> xr.DataArray:
    """The array with its SUV factor as a coordinate; unchanged if the headers lack an element: `DicomAccessor.suv` names it."""
    try:
        coordinate = suv.coordinate(header(str(frames["path"].iat[0])), frames)
    except FATAL:
        raise
    except BaseException:  # noqa: BLE001
        return array
    return array.assign_coords({suv.FACTOR: coordinate})


def _with_flags(array: xr.DataArray, frames: pd.DataFrame) -> xr.DataArray:
    """The array with the names of its values; unchanged if frames are of several files, or the header can't be read."""
    if frames["path"].nunique() > 1:
        return array
    try:
        return array.assign_attrs(flags(segments(str(frames["path"].iat[0]))))
    except FATAL:
        raise
    except BaseException:  # noqa: BLE001
        return array


def _with_real_world_values(frames: pd.DataFrame) -> pd.DataFrame:
    """The frames with RealWorldValueSlope, Intercept and units, read by pydicom file by file.

    Classic files keep the mapping in a sequence that the header pass does not enter.
    """
    if frames["RealWorldValueSlope"].notna().all():
        return frames
    found = zip(*(real_world_value(path) for path in frames["path"]), strict=True)
    return frames.assign(**dict(zip(("RealWorldValueSlope", "RealWorldValueIntercept", "real_world_units"), found, strict=True)))


def _build(
    table: pd.DataFrame, arranged: FrameGrid, rescale: bool | str, chunks: Chunks, tags: tuple[str, ...] = ()
) -> xr.DataArray:
    """The lazy array of the frames of a stack."""
    frames = table.reset_index(drop=True)
    array, dims = _lazy(frames, arranged, rescale)
    if (arranged.cells == MISSING).any() and array.dtype.kind == "f":
        array.fill = np.nan
    coords = coords_of(frames, arranged, dims, array.shape, tags)
    preferred = volume_chunks(dict(zip(dims, array.shape, strict=True)), array.dtype.itemsize, most_bytes(array.sources))
    encoding = {"preferred_chunks": preferred, SOURCE: Opened(array, arranged.dims, coords)}
    variable: xr.Variable = FrameVariable(dims, Selected(Window(array)), attrs_of(frames, arranged, tags, rescale), encoding)
    if chunks is not None:
        variable = variable.chunk(resolve(chunks, variable))
    return xr.Dataset({NAME: variable}, _encoded(coords, preferred, array.sources.paths))[NAME]


def _encoded(coords: dict[str, Any], preferred: Mapping[str, int], paths: Iterable[str]) -> dict[str, Any]:
    """Coordinates with chunks as the pixels have, and the folders of the files: arithmetic keeps the encoding of coordinates."""
    folders = tuple({path.rpartition("/")[0] or "/" for path in paths})
    return {
        name: (d, *rest, {"preferred_chunks": {k: preferred[k] for k in d}, FOLDERS: folders})
        for name, (d, *rest) in coords.items()
    }


def _outline(table: pd.DataFrame, arranged: FrameGrid) -> xr.DataArray:
    """The array of a stack with dims, dtype and geometry only, for tables of many arrays: a third of the time of `_build`."""
    frames = table.reset_index(drop=True)
    array, dims = _lazy(frames, arranged, True)
    coords = labelled(frames, arranged, geometry_coords(frames, arranged, dims, array.shape))
    return xr.DataArray(np.broadcast_to(np.zeros((), array.dtype), array.shape), coords, dims)


def _lazy(frames: pd.DataFrame, arranged: FrameGrid, rescale: bool | str) -> tuple[FrameArray, tuple[str, ...]]:
    """The lazy pixels of the frames in their cells, and the names of all dims."""
    scaled = bool(rescale)
    places = frame_sources(frames, rescale)
    array = FrameArray(places, arranged.cells, frame_shape(frames, places.specs[0], scaled), scaled)
    return array, (*arranged.dims, "row", "col", "rgb")[: array.ndim]
