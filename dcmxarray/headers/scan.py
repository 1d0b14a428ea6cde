"""The header pass over folders: walks paths, reads headers in batches and joins them to the frame table."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from .. import parallel
from ..attributes import BY_COLUMN, Tag, Tags
from ..errors import FATAL, HeaderError
from ..sources import files, folders

LEAST, MOST = 512, 8192  # files per batch


def scan(
    path: files.Source | Iterable[files.Source],
    *,
    tags: Tags | None = None,
    scheduler: Any = None,
) -> pd.DataFrame:
    """Read the headers of every DICOM file under a path into a table.

    Parameters
    ----------
    path
        A folder (with all folders below it), a file, or several of either; ``~`` is the home folder, ``*``, ``**``, ``?`` and
        ``[...]`` match names.  URLs are opened by fsspec.
    tags
        Elements to read besides the default ones, each one column: a DICOM keyword; ``(group, element)``;
        ``(group, "creator", element)`` for a private element, in the column ``(gggg,creator,ee)``; or a path of keywords into
        sequences, ``"RadiopharmaceuticalInformationSequence.RadionuclideTotalDose"``.  ``"all"`` reads every element of the top
        level but sequences, binary ones and those longer than 8 KiB; the files are read twice, the first time by pydicom.

        Numbers come as float64.  Where a file has several values, the column is text, values separated by backslashes.
    scheduler
        ``"threads"``, ``"processes"``, ``"synchronous"``, ``"distributed"`` or a client of `distributed`; ``None`` takes the one
        that dask is configured for (such as a client in force), else threads.

    Returns
    -------
    pandas.DataFrame
        One row per frame.  Columns named by a DICOM keyword hold the values read (dates as datetime64, times as
        timedelta64).  Lower-case columns are computed or locate the frame: ``path``, ``frame``, ``b`` (s/mm2),
        ``gradient_x/y/z`` (patient LPS), ``position_x/y/z`` (mm, LPS), ``component``, ``acquired``.  Files without an image
        have rows too.  ``problem`` says what could not be read; it is missing if everything could.
        :doc:`/columns` lists every column with its type, units and meaning.

    Raises
    ------
    FileNotFoundError
        A path does not exist.
    HeaderError
        No DICOM file is found, or ``tags`` holds a name that is not a DICOM keyword.
    TypeError
        ``tags`` is a single name.
    ValueError
        There is no such scheduler.

    Examples
    --------
    >>> import dcmxarray as dx
    >>> frames = dx.scan(dx.testing.example("dce"))
    >>> frames.groupby("SeriesDescription").size().to_dict()
    {'dce': 24}
    """
    parallel.check(scheduler)
    if isinstance(tags, str) and tags != "all":
        raise TypeError(f"tags={tags!r} is no list; pass tags=[{tags!r}], or tags='all'")
    sources = [path] if isinstance(path, (str, bytes, os.PathLike)) else list(path)
    unread: list[tuple[str, str]] = []
    paths = list(folders.walk(sources, unread))
    return frame_table(read_files(paths, tags or (), scheduler, unread))


def _batches(paths: Sequence[str], workers: int) -> list[Sequence[str]]:
    """Divide paths into equal batches for all workers; a batch that is too small costs more for its columns than its files."""
    turns = -(-len(paths) // (MOST * workers))
    size = max(LEAST, -(-len(paths) // (turns * workers or 1)))
    return [paths[k : k + size] for k in range(0, len(paths), size)]


def read_files(
    paths: Sequence[str], tags: Tags, scheduler: Any = None, unread: Sequence[tuple[str, str]] = ()
) -> list[dict[str, Any]]:
    """Read the headers of files.

    Parameters
    ----------
    paths
        Files, as `folders.walk` yields them.
    tags
        Elements to read besides the default ones.
    scheduler
        See `scan`.
    unread
        Pairs (path, problem) of what could not be read, as `folders.walk` collects them; each becomes a row at the end.

    Returns
    -------
    Batches of columns with a row per frame.  Files that are not DICOM have no rows.

    Raises
    ------
    HeaderError
        ``tags`` holds a name that is not a DICOM keyword.
    """
    from .asked import ALL
    from .batch import unread_batch
    from .elements import wanted
    from .every import every_tag

    tags = tuple(every_tag(paths, scheduler)) if tags == ALL else tags
    wanted(tags)  # a wrong name is an error before the first file is read
    parallel.check(scheduler)
    batches = _batches(paths, parallel.workers(scheduler))
    done = dict(parallel.results(partial(read_guarded, tags=tuple(tags)), batches, len(batches), scheduler, "headers"))
    found = [part for k in range(len(batches)) for part in done[k]]
    return found + ([unread_batch([path for path, _ in unread], [why for _, why in unread], tags)] if unread else [])


def read_guarded(paths: Sequence[str], tags: tuple[Tag, ...]) -> list[dict[str, Any]]:
    """Read the headers of a batch; a file on which the header pass raises becomes a row with a problem.

    The file is found by bisection, so the result may be several batches.  An exception that occurs even without any file is
    raised.
    """
    from .batch import read_batch, unread_batch

    try:
        return [read_batch(paths, tags)]
    except FATAL:
        raise
    except BaseException as error:  # noqa: BLE001 - whatever its type, it affects one file
        if len(paths) > 1:
            half = len(paths) // 2
            return read_guarded(paths[:half], tags) + read_guarded(paths[half:], tags)
        read_batch([], tags)
        return [unread_batch(paths, [f"the header can't be read ({type(error).__name__})"], tags)]


def frame_table(batches: Sequence[dict[str, Any]]) -> pd.DataFrame:
    """Join batches of columns to one table; opens no file.

    Raises
    ------
    HeaderError
        The batches have no rows: there was no DICOM file.
    """
    batches = [b for b in batches if len(b["frame"])]
    if not batches:
        raise HeaderError("no DICOM file found under the path; a file counts as DICOM by its content, not by its name")
    return pd.DataFrame({name: _joined(name, [b.pop(name) for b in batches]) for name in list(batches[0])})


def _joined(name: str, parts: list[Any]) -> Any:
    """One column of the table from its parts, in the dtype that pandas and Parquet share."""
    from .asked import alike

    parts = alike(parts)
    if isinstance(parts[0], pa.Array):
        return pd.array(pa.chunked_array(parts, pa.string()), dtype="str")
    values = np.concatenate(parts)
    if values.dtype == "datetime64[D]":
        return values.astype("datetime64[ms]")  # the coarsest unit that both pandas and Parquet have
    attribute = BY_COLUMN.get(name)
    if attribute is not None and attribute.dtype == "int" and values.dtype.kind == "f":
        missing = ~np.isfinite(values)
        return pd.arrays.IntegerArray(np.where(missing, 0, values).astype(np.int64), missing)
    return values
