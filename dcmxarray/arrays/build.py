"""From a stack of frames to a lazy `xarray.DataArray`: arranged, with pixels, coordinates, attributes and chunks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from ..attributes import VOCABULARY, Tag, column_of_tag
from ..errors import FATAL, SeriesError
from ..headers.by_pydicom import header, real_world_value
from ..model import MISSING, FrameGrid
from ..pixels.chunked import most_bytes
from ..pixels.frame_sources import frame_shape, frame_sources
from ..pixels.lazy import FrameArray
from ..pixels.window import Selected, Window
from ..stacks import arrange
from ..stacks.split import ORIENTATION, Stack, leading, plane
from . import options, suv
from .attrs import attrs_of, constant
from .chunks import Chunks, resolve, volume_chunks
from .coords import coords_of, geometry_coords, labelled
from .files import SOURCE, Opened
from .more import needed, with_columns
from .variable import FrameVariable

NAME = "image"


def open_stack(
    stack: Stack,
    *,
    dims: Sequence[str] | None = None,
    chunks: Chunks = "auto",
    rescale: bool | str = True,
    missing: arrange.Missing = "raise",
    duplicates: arrange.Duplicates = "raise",
    tags: Sequence[Tag] | None = None,
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
    frames = with_columns(_whole(stack), needed(dims, tags))
    frames = _with_real_world_values(frames) if rescale == "rwvm" else frames
    arranged = arrange.arrange(frames, dims, "fill" if stack.is_sparse else missing, duplicates)
    array = _build(frames, arranged, rescale, chunks, tuple(map(column_of_tag, tags or ())))
    return _with_suv(array, frames) if rescale is True and frames["Modality"].iat[0] == "PT" else array


def outline(stack: Stack) -> xr.DataArray:
    """The array of one stack with dims, dtype and geometry, and zeros for pixels; raises as `open_stack`."""
    frames = _whole(stack)
    return _outline(frames, arrange.arrange(frames, None, "fill" if stack.is_sparse else "raise"))


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


def _with_real_world_values(frames: pd.DataFrame) -> pd.DataFrame:
    """The frames with RealWorldValueSlope and Intercept, read by pydicom file by file.

    Classic files keep the mapping in a sequence that the header pass does not enter.
    """
    if frames["RealWorldValueSlope"].notna().all():
        return frames
    pairs = [real_world_value(path) for path in frames["path"]]
    return frames.assign(RealWorldValueSlope=[p[0] for p in pairs], RealWorldValueIntercept=[p[1] for p in pairs])


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
    return xr.Dataset({NAME: variable}, _alike(coords, preferred))[NAME]


def _alike(coords: dict[str, Any], preferred: Mapping[str, int]) -> dict[str, Any]:
    """Coordinates that xarray divides into chunks as it does the pixels."""
    return {name: (d, *rest, {"preferred_chunks": {k: preferred[k] for k in d}}) for name, (d, *rest) in coords.items()}


_GEOMETRY = [a for a in VOCABULARY if a.name in ("spacing", "SliceThickness", "SpacingBetweenSlices")]


def _outline(table: pd.DataFrame, arranged: FrameGrid) -> xr.DataArray:
    """The array of a stack with dims, dtype and geometry only, for tables of many arrays: a third of the time of `_build`."""
    frames = table.reset_index(drop=True)
    array, dims = _lazy(frames, arranged, True)
    attrs = {a.keyword: value for a in _GEOMETRY if (value := constant(frames, a)) is not None}
    if plane(frames) is not None:
        attrs["ImageOrientationPatient"] = leading(frames, ORIENTATION).tolist()
    coords = labelled(frames, arranged, geometry_coords(frames, arranged, dims, array.shape))
    return xr.DataArray(np.broadcast_to(np.zeros((), array.dtype), array.shape), coords, dims, attrs=attrs)


def _lazy(frames: pd.DataFrame, arranged: FrameGrid, rescale: bool | str) -> tuple[FrameArray, tuple[str, ...]]:
    """The lazy pixels of the frames in their cells, and the names of all dims."""
    scaled = bool(rescale)
    places = frame_sources(frames, rescale)
    array = FrameArray(places, arranged.cells, frame_shape(frames, places.specs[0], scaled), scaled)
    return array, (*arranged.dims, "row", "col", "rgb")[: array.ndim]
