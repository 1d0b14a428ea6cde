"""The header pass over whole trees: walks paths, reads headers in batches, gives the frame table."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from . import files, parallel
from .attributes import BY_COLUMN, Tag
from .errors import HeaderError

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
    sources = [path] if isinstance(path, (str, os.PathLike)) else list(path)
    batches = read_files(list(files.walk(sources)), tuple(tags or ()), scheduler)
    return frame_table(batches)


def _batches(paths: Sequence[str], workers: int) -> list[Sequence[str]]:
    """Equal parts for all workers, none so small that its columns cost more than its files."""
    turns = -(-len(paths) // (MOST * workers))
    size = max(LEAST, -(-len(paths) // (turns * workers or 1)))
    return [paths[k : k + size] for k in range(0, len(paths), size)]


def read_files(paths: Sequence[str], tags: tuple[Tag, ...], scheduler: Any = None) -> list[dict[str, Any]]:
    """The header pass over files, in batches of columns; what is no DICOM is left out."""
    from .headers import read_batch
    from .headers.wanted import wanted

    wanted(tags)  # a wrong name is an error before the first file is read
    batches = _batches(paths, parallel.workers(scheduler))
    done = dict(parallel.results(partial(read_batch, tags=tags), batches, len(batches), scheduler, "headers"))
    return [done[k] for k in range(len(batches))]


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
    if attribute is not None and attribute.kind == "int":
        missing = np.isnan(values)
        return pd.arrays.IntegerArray(np.where(missing, 0, values).astype(np.int64), missing)
    return values
