"""The header pass over whole trees: walks paths, reads headers in batches, gives the frame table."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from .. import parallel
from ..attributes import BY_COLUMN, Tag
from ..errors import FATAL, HeaderError
from ..sources import files

LEAST, MOST = 512, 8192  # files a batch


def scan(
    path: files.Source | Iterable[files.Source],
    *,
    tags: Sequence[Tag] | None = None,
    scheduler: Any = None,
) -> pd.DataFrame:
    """Read the headers of every DICOM file under a path into a table.

    Parameters
    ----------
    path
        A folder (with all folders below it), a file, or several of either; URLs are opened by fsspec.
    tags
        Elements to read besides the default ones: DICOM keywords, or ``(group, "private creator", element)``.
    scheduler
        Of dask: ``"threads"``, ``"processes"``, ``"synchronous"`` or a client of `distributed`; ``None`` takes the one that
        is configured, else threads.

    Returns
    -------
    pandas.DataFrame
        One row a frame.  Columns with a DICOM keyword hold what was read (dates as datetime64, times as timedelta64);
        lower-case ones are computed or say where the frame lies: ``path``, ``frame``, ``b`` (s/mm2), ``gradient_x/y/z``
        (patient LPS), ``position_x/y/z`` (mm, LPS), ``component``, ``acquired``.  Files that are no images have rows too.
        ``problem`` says what could not be read, and is missing where all could.

    Raises
    ------
    FileNotFoundError
        A path does not exist.
    HeaderError
        ``tags`` holds a name that is no keyword.

    Examples
    --------
    >>> import dcmxarray as dx
    >>> frames = dx.scan(dx.testing.example("dce"))
    >>> frames.groupby("SeriesDescription").size().to_dict()
    {'dce': 24}
    """
    sources = [path] if isinstance(path, (str, bytes, os.PathLike)) else list(path)
    unread: list[tuple[str, str]] = []
    paths = list(files.walk(sources, unread))
    return frame_table(read_files(paths, tuple(tags or ()), scheduler, unread))


def _batches(paths: Sequence[str], workers: int) -> list[Sequence[str]]:
    """Equal parts for all workers, none so small that its columns cost more than its files."""
    turns = -(-len(paths) // (MOST * workers))
    size = max(LEAST, -(-len(paths) // (turns * workers or 1)))
    return [paths[k : k + size] for k in range(0, len(paths), size)]


def read_files(
    paths: Sequence[str], tags: tuple[Tag, ...], scheduler: Any = None, unread: Sequence[tuple[str, str]] = ()
) -> list[dict[str, Any]]:
    """The header pass over files, in batches of columns; what is no DICOM is left out.

    ``unread`` are pairs (path, problem) of what could not be looked into, as `files.walk` gives them: rows at the end.
    """
    from .batch import unread_batch
    from .elements import wanted

    wanted(tags)  # a wrong name is an error before the first file is read
    batches = _batches(paths, parallel.workers(scheduler))
    done = dict(parallel.results(partial(read_guarded, tags=tags), batches, len(batches), scheduler, "headers"))
    found = [part for k in range(len(batches)) for part in done[k]]
    return found + ([unread_batch([path for path, _ in unread], [why for _, why in unread], tags)] if unread else [])


def read_guarded(paths: Sequence[str], tags: tuple[Tag, ...]) -> list[dict[str, Any]]:
    """Batches of columns for files; one on which the header pass itself fails becomes a row with a problem.

    The culprit is found by halves.  What fails without a file, fails.
    """
    from .batch import read_batch, unread_batch

    try:
        return [read_batch(paths, tags)]
    except FATAL:
        raise
    except BaseException as error:  # noqa: BLE001 - of whatever kind, it costs one file
        if len(paths) > 1:
            half = len(paths) // 2
            return read_guarded(paths[:half], tags) + read_guarded(paths[half:], tags)
        read_batch([], tags)
        return [unread_batch(paths, [f"the header can't be read ({type(error).__name__})"], tags)]


def frame_table(batches: Sequence[dict[str, Any]]) -> pd.DataFrame:
    """Batches of columns as one table; opens no file.

    Raises
    ------
    HeaderError
        There is no DICOM among the files.
    """
    batches = [b for b in batches if len(b["frame"])]
    if not batches:
        raise HeaderError("no DICOM file found under the path; a file counts as DICOM by its content, not by its name")
    return pd.DataFrame({name: _joined(name, [b.pop(name) for b in batches]) for name in list(batches[0])})


def _joined(name: str, parts: list[Any]) -> Any:
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
