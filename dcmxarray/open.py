"""The public functions that open series and cohorts: they call the rooms in the order in which data pass through them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import xarray as xr

from .arrays import build, options
from .arrays.chunks import Chunks
from .arrays.more import named, needed, with_columns
from .attributes import Tag, Tags
from .cohorts.cohort import Cohort
from .cohorts.from_files import FrameMembers
from .errors import HeaderError
from .headers.scan import scan
from .pixels import copies
from .sources import files
from .stacks import arrange
from .stacks.split import choose

Source = files.Source | Iterable[files.Source] | pd.DataFrame


def open_series(
    source: Source,
    *,
    series: str | None = None,
    dims: Sequence[Tag] | None = None,
    chunks: Chunks = "auto",
    rescale: bool | str = True,
    missing: arrange.Missing = "raise",
    duplicates: arrange.Duplicates = "raise",
    tags: Tags | None = None,
) -> xr.DataArray:
    """Open one series as a lazy, labelled array; pixels are read when they are needed.

    Parameters
    ----------
    source
        A folder, a file, a list of them (paths as for `scan`), or a frame table from `scan`, filtered or not.  The images of a
        list or a table form one series, whatever their SeriesInstanceUIDs and SeriesNumbers: what differs between the series
        becomes a dimension, such as ``ti`` if each has an inversion time of its own.
    series
        Which series to open if the source holds several: a key that the error lists, a SeriesInstanceUID, SeriesNumber or
        SeriesDescription.
    dims
        Coordinates, DICOM keywords or private elements that become dimensions where they vary, in their order;
        ``None`` finds them from the attributes that vary at one position.
    chunks
        As in xarray: ``"auto"`` and ``{}`` make a dask chunk of each volume, a mapping overrules that dim by dim, ``None`` makes
        a lazy array without dask.
    rescale
        ``True`` gives real-world values (slope and intercept of each frame applied, palettes looked up), integers in a signed
        type in which differences do not wrap; ``False`` stored values in the stored type; ``"philips_fp"`` Philips' floating
        point values, by (2005,xx0E); ``"rwvm"`` values by the only RealWorldValueMapping, where there is a RescaleSlope too.
    missing
        ``"raise"``, or ``"fill"``: cells without a frame are NaN in float arrays and 0 in integer arrays, and the coordinate
        ``valid`` is false for them.
    duplicates
        ``"raise"``, or ``"first"``, which keeps the frame with the first SOPInstanceUID in each cell.
    tags
        More elements to read, as for `scan`: keywords, ``(group, element)``, ``(group, "creator", element)``, paths into
        sequences, or ``"all"``.  A constant element becomes an attribute, a list if it has several values; one that varies a
        coordinate.

    Returns
    -------
    xarray.DataArray
        Its dims are those of ``slice, time, b, te, fa, ti, component`` that vary, then ``row, col[, rgb]``.  ``slice``, ``row``
        and ``col`` are in mm along the normal, the column and the row direction (LPS); ``time`` is in s since the first
        acquisition, ``b`` in s/mm2, ``te`` and ``ti`` in ms, ``fa`` in degrees.

    Raises
    ------
    SeriesError
        The source holds no image, or several arrays; the message lists them.
    GridError
        Frames do not fill a grid; the message names the cells, the files and the argument that resolves it.
    HeaderError
        There is no DICOM under the path, or a keyword is unknown.
    ValueError, TypeError
        An option has a wrong value or type.

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
    stack = choose(frames, series, copies.pixels, joined=not isinstance(source, (str, os.PathLike)))
    return build.open_stack(stack, dims=dims, chunks=chunks, rescale=rescale, missing=missing, duplicates=duplicates, tags=tags)


def read(source: Source, tags: list[Tag]) -> pd.DataFrame:
    """The frame table of a source, with some more elements."""
    return checked(source) if isinstance(source, pd.DataFrame) else scan(source, tags=tags)


def checked(frames: pd.DataFrame) -> pd.DataFrame:
    """The same table.

    Raises
    ------
    HeaderError
        It is not a frame table.
    """
    lacking = [name for name in ("path", "frame", "pixels", "SOPInstanceUID") if name not in frames]
    if lacking:
        raise HeaderError(f"the table has no column {lacking[0]!r}: it is no frame table as dx.scan gives it")
    return frames


def open_cohort(
    source: Source,
    *,
    index: str | os.PathLike[str] | None = None,
    tags: Tags | None = None,
    scheduler: Any = None,
) -> Cohort:
    """Open all series of folders, files, a frame table, an index or a Zarr store as a `Cohort`.

    Parameters
    ----------
    source
        A folder, a file, or a list of them; a frame table; an index (a Parquet file); or a store that `Cohort.to_zarr` wrote.
    index
        A Parquet file that keeps the headers, so that only new and changed files are read; files that were removed are dropped.
        It is created if it does not exist.  It holds relative paths, so that it can be moved with its folder.  An index without
        write permission is used and not updated.  ``None`` keeps no index.
    tags, scheduler
        As for `scan`: more elements to read, and what reads the headers.

    Returns
    -------
    Cohort
        Its arrays by key; no pixels are read.

    Raises
    ------
    HeaderError
        There is no DICOM under the path, or a keyword is unknown.
    StoreError
        The file at ``index`` is not an index.
    TypeError
        ``index`` with a table, an index or a store, or ``tags`` with a store: their headers were read before.
    ValueError
        ``index`` with a source that is not local, or there is no such scheduler.

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
    options.check(tags=tags, scheduler=scheduler)
    if isinstance(source, pd.DataFrame):
        _settled("a frame table", index=index)
        return Cohort(FrameMembers(_with_tags(checked(source), tags)))
    if isinstance(source, (str, os.PathLike)):
        source = files.expanded(source)
    elif not hasattr(source, "list_prefix"):
        return Cohort(FrameMembers(_read(list(source), index, tags, scheduler)))
    if _may_be_store(source):
        from .cohorts.from_store import is_cohort, members

        if is_cohort(source):
            _settled("a Zarr store", index=index, tags=tags)
            return Cohort(members(source))
    place = os.fspath(source)  # type: ignore[call-overload]
    if place.lower().endswith(".parquet"):
        from .cohorts.index import read as read_index

        _settled("an index", index=index)
        return Cohort(FrameMembers(_with_tags(read_index(place), tags)))
    return Cohort(FrameMembers(_read([place], index, tags, scheduler)))


def _with_tags(frames: pd.DataFrame, tags: Tags | None) -> pd.DataFrame:
    """A frame table with more elements."""
    return with_columns(frames, named(frames, tags))


def _settled(what: str, **given: Any) -> None:
    """Refuse options that a source can't have: its headers were read before."""
    for name, value in given.items():
        if value is not None:
            raise TypeError(f"{name}= is for folders and files of DICOM, not for {what}: its headers were read before")


def _read(sources: list[Any], index: str | os.PathLike[str] | None, tags: Tags | None, scheduler: Any) -> pd.DataFrame:
    """The frame table of paths, with or without an index."""
    if index is None:
        return scan(sources, tags=tags, scheduler=scheduler)
    from .cohorts.index import update

    remote = [source for source in sources if files.is_remote(os.fspath(source))]
    if remote:
        raise ValueError(f"index= is for local folders and files; {remote[0]} is none")
    return update(sources, index, tags or (), scheduler)


def _may_be_store(source: Any) -> bool:
    """Whether a source may be a Zarr store, by its name or files; if not, Zarr need not be imported."""
    if hasattr(source, "list_prefix"):
        return True
    path = os.fspath(source)
    named = "://" in path or path.lower().endswith((".zip", ".zarr"))
    return named or any(Path(path, name).exists() for name in ("zarr.json", "tables/series/zarr.json"))
