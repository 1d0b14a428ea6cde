"""The public functions that open arrays: they read as the path that data takes."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import xarray as xr

from .arrays import build, options
from .arrays.chunks import Chunks
from .arrays.more import needed, with_columns
from .attributes import Tag
from .cohorts.cohort import Cohort
from .cohorts.from_files import FrameMembers
from .errors import HeaderError
from .headers.scan import scan
from .pixels import copies
from .sources import files
from .stacks import arrange
from .stacks.split import choose, images

Source = files.Source | Iterable[files.Source] | pd.DataFrame


def open_series(
    source: Source,
    *,
    series: str | None = None,
    dims: Sequence[str] | None = None,
    chunks: Chunks = "auto",
    rescale: bool | str = True,
    missing: arrange.Missing = "raise",
    duplicates: arrange.Duplicates = "raise",
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
    frames = read(source, needed(dims, tags))
    stack = choose(frames, series, copies.pixels)
    return build.open_stack(stack, dims=dims, chunks=chunks, rescale=rescale, missing=missing, duplicates=duplicates, tags=tags)


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


def open_cohort(source: Source, *, index: str | os.PathLike[str] | None = None, tags: Sequence[Tag] | None = None) -> Cohort:
    """Give what folders, files, a frame table, an index or a Zarr store hold as a `Cohort`.

    Parameters
    ----------
    source
        A folder, several, files; a frame table; an index (a Parquet file); or a store that `Cohort.to_zarr` wrote.
    index
        A Parquet file that keeps the headers: only new and changed files are read, what is gone is dropped.  It is made
        where there is none, moves with its folder, and is left as it is where it may not be written to.  ``None`` keeps none.
    tags
        More elements to read, as for `scan`.

    Raises
    ------
    HeaderError
        No DICOM under the path, or an unknown keyword.

    Examples
    --------
    >>> import dcmxarray as dx, tempfile
    >>> index = tempfile.mkdtemp() + "/index.parquet"
    >>> cohort = dx.open_cohort(dx.testing.example("cohort"), index=index)
    >>> sorted(cohort.series["SeriesDescription"])
    ['dce', 'dwi']
    >>> dx.open_cohort(index).unique("Modality")
    ['MR']
    """
    options.check(tags=tags)
    if isinstance(source, pd.DataFrame):
        return Cohort(FrameMembers(with_columns(checked(source), list(tags or ()))))
    if not isinstance(source, (str, os.PathLike)) and not hasattr(source, "list_prefix"):
        return Cohort(FrameMembers(_read(list(source), index, tags)))
    if _may_be_store(source):
        from .cohorts.from_store import is_cohort, members

        if is_cohort(source):
            return Cohort(members(source))
    place = os.fspath(source)  # type: ignore[arg-type]
    if place.lower().endswith(".parquet"):
        from .cohorts.index import read as read_index

        return Cohort(FrameMembers(read_index(place)))
    return Cohort(FrameMembers(_read([place], index, tags)))


def _read(sources: list[Any], index: str | os.PathLike[str] | None, tags: Sequence[Tag] | None) -> pd.DataFrame:
    if index is None:
        return scan(sources, tags=tags)
    from .cohorts.index import update

    return update(sources, index, tags or ())


def _may_be_store(source: Any) -> bool:
    """Whether it is worth a look: Zarr is imported only then."""
    if hasattr(source, "list_prefix"):
        return True
    path = os.fspath(source)
    named = "://" in path or path.lower().endswith((".zip", ".zarr"))
    return named or any(Path(path, name).exists() for name in ("zarr.json", "tables/series/zarr.json"))
