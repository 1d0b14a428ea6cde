"""The public functions that open arrays: they read as the path that data takes."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence

import pandas as pd
import xarray as xr

from . import copies, files, grid, options, suv, to_xarray
from .attributes import BY_COLUMN, BY_NAME, VOCABULARY, Tag, column_of, column_of_tag
from .errors import FATAL, HeaderError, SeriesError
from .scan import frame_table, read_files, scan
from .series import Stack, choose, images

_KEYWORDS = {a.keyword for a in VOCABULARY}
Source = files.Source | Iterable[files.Source] | pd.DataFrame


def open_series(
    source: Source,
    *,
    series: str | None = None,
    dims: Sequence[str] | None = None,
    chunks: to_xarray.Chunks = "auto",
    rescale: bool | str = True,
    missing: grid.Missing = "raise",
    duplicates: grid.Duplicates = "raise",
    tags: Sequence[Tag] | None = None,
) -> xr.DataArray:
    """Open one series as a lazy, labelled array; no pixel is read before it is asked for.

    Parameters
    ----------
    source
        A folder, a file, a list of either, or a frame table of `scan` (filtered as you like).  A list is joined to one
        series, whatever the SeriesInstanceUIDs.
    series
        Which of several: a key as the error lists it, a SeriesInstanceUID, SeriesNumber or SeriesDescription; ``None`` if
        the source holds just one.
    dims
        Coordinates or DICOM keywords that must be dimensions besides slice, row and col, and their order; ``None`` finds
        them from what varies at one position.
    chunks
        As xarray's: ``"auto"`` makes dask chunks of whole volumes, ``{}`` one a frame, ``None`` is lazy without dask.
    rescale
        Whether values are real-world values (rescale slope and intercept of every frame; palettes looked up); ``False``
        gives stored values; ``"philips_fp"`` Philips' floating point values, by (2005,xx0E); ``"rwvm"`` the first
        RealWorldValueMapping.
    missing
        ``"raise"``, or ``"fill"``: cells without a frame are NaN in float arrays, 0 in integer ones, and the coordinate
        ``valid`` says which they are.
    duplicates
        ``"raise"``, or ``"first"``: of several frames in one cell, the one with the first SOPInstanceUID stays.
    tags
        More elements to read: keywords, or ``(group, "creator", element)`` of private ones; what varies becomes a coordinate,
        what is constant an attribute.

    Returns
    -------
    xarray.DataArray
        Dims ``slice, time, b, te, fa, ti, component`` as far as they vary, then ``row, col[, rgb]``.  ``slice``, ``row``
        and ``col`` are mm along the normal, the column and the row direction (LPS); ``time`` is s since the first
        acquisition, ``b`` s/mm2, ``te`` and ``ti`` ms, ``fa`` degrees.

    Raises
    ------
    SeriesError
        The source holds no image, or several arrays; the message lists them.
    GridError
        Frames do not fill a grid; the message names the cells, the files and the argument that resolves it.
    HeaderError
        No DICOM under the path, or an unknown keyword.
    ValueError, TypeError
        An option is none of its choices.

    Examples
    --------
    >>> import dcmxarray as dx
    >>> da = dx.open_series(dx.testing.example("dce"))
    >>> dict(da.sizes)
    {'slice': 4, 'time': 6, 'row': 32, 'col': 32}
    >>> float(da.sel(time=slice(0, 10)).max())
    218.0
    """
    options.check(series=series, dims=dims, chunks=chunks, rescale=rescale, missing=missing, duplicates=duplicates, tags=tags)
    frames = read(source, _needed(dims, tags))
    stack = choose(frames, series, copies.pixels)
    return open_stack(stack, dims=dims, chunks=chunks, rescale=rescale, missing=missing, duplicates=duplicates, tags=tags)


def open_stack(
    stack: Stack,
    *,
    dims: Sequence[str] | None = None,
    chunks: to_xarray.Chunks = "auto",
    rescale: bool | str = True,
    missing: grid.Missing = "raise",
    duplicates: grid.Duplicates = "raise",
    tags: Sequence[Tag] | None = None,
) -> xr.DataArray:
    """The array of one stack; frames that a segmentation leaves out are empty ones."""
    options.check(dims=dims, chunks=chunks, rescale=rescale, missing=missing, duplicates=duplicates, tags=tags)
    rescale = rescale if isinstance(rescale, str) else bool(rescale)
    frames = with_columns(_whole(stack), _needed(dims, tags))
    frames = _with_real_world_values(frames) if rescale == "rwvm" else frames
    arranged = grid.arrange(frames, dims, "fill" if stack.is_sparse else missing, duplicates)
    array = to_xarray.build(frames, arranged, rescale, chunks, tuple(map(column_of_tag, tags or ())))
    return _with_suv(array, frames) if rescale is True and frames["Modality"].iat[0] == "PT" else array


def outline(stack: Stack) -> xr.DataArray:
    """The array of one stack without its pixels, with its geometry alone."""
    frames = _whole(stack)
    return to_xarray.outline(frames, grid.arrange(frames, None, "fill" if stack.is_sparse else "raise"))


def _whole(stack: Stack) -> pd.DataFrame:
    """The frames of a stack that can be opened."""
    if stack.problem:
        raise SeriesError(f"{stack.key}: {stack.problem}")
    return stack.frames


def _needed(dims: Sequence[str] | None, tags: Sequence[Tag] | None) -> list[Tag]:
    """Keywords that must be read besides the vocabulary."""
    asked = [*(tags or ()), *(d for d in dims or () if d not in BY_NAME)]
    return [t for t in asked if not isinstance(t, str) or not (column_of(t) in BY_COLUMN or t in _KEYWORDS or t == "rgb")]


def with_columns(frames: pd.DataFrame, tags: Sequence[Tag]) -> pd.DataFrame:
    """The frames with more elements, read from just their files where the table lacks them.

    Raises
    ------
    HeaderError
        An unknown keyword; or a file is not the one whose header the table holds.
    """
    lacking = tuple(tag for tag in dict.fromkeys(_needed(None, tags)) if column_of_tag(tag) not in frames)
    if not lacking:
        return frames
    place = ["path", "frame", "SOPInstanceUID"]
    more = frame_table(read_files(frames["path"].unique().tolist(), lacking, "synchronous"))
    more = more[[*place, *map(column_of_tag, lacking)]].drop_duplicates(place)
    found = frames.merge(more, on=place, how="left", indicator="_found").set_axis(frames.index)
    lost = found["_found"] != "both"
    if lost.any():
        raise HeaderError(f"{found.loc[lost, 'path'].iloc[0]}: it is gone, or has changed since its header was read; scan again")
    return found.drop(columns="_found")


def _with_suv(array: xr.DataArray, frames: pd.DataFrame) -> xr.DataArray:
    """The array with its factor to SUV; as it is where the headers do not hold all of it: `suv` says why."""
    from .headers.whole import header

    try:
        coordinate = suv.coordinate(header(str(frames["path"].iat[0])), frames)
    except FATAL:
        raise
    except BaseException:  # noqa: BLE001
        return array
    return array.assign_coords({suv.FACTOR: coordinate})


def _with_real_world_values(frames: pd.DataFrame) -> pd.DataFrame:
    """The mapping of classic files stands in a sequence that the header pass does not enter: read it file by file."""
    if frames["RealWorldValueSlope"].notna().all():
        return frames
    from .headers.odd import real_world_value

    pairs = [real_world_value(path) for path in frames["path"]]
    return frames.assign(RealWorldValueSlope=[p[0] for p in pairs], RealWorldValueIntercept=[p[1] for p in pairs])


def read(source: Source, tags: list[Tag]) -> pd.DataFrame:
    """The frame table of a source; a list is joined to one series."""
    if isinstance(source, pd.DataFrame):
        return checked(source)
    if isinstance(source, (str, os.PathLike)):
        return scan(source, tags=tags)
    return joined(scan(source, tags=tags))


def checked(frames: pd.DataFrame) -> pd.DataFrame:
    """A table that a user gives, if it is a frame table."""
    lacking = [name for name in ("path", "frame", "pixels", "SOPInstanceUID") if name not in frames]
    if lacking:
        raise HeaderError(f"the table has no column {lacking[0]!r}: it is no frame table as dx.scan gives it")
    return frames


def joined(frames: pd.DataFrame) -> pd.DataFrame:
    """All images of a table as one series, under the first of their SeriesInstanceUIDs."""
    uids = images(frames)["SeriesInstanceUID"].dropna()
    return frames.assign(SeriesInstanceUID=uids.min()) if uids.nunique() > 1 else frames
