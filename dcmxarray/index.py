"""The index: a frame table kept in Parquet, brought up to date by reading the headers of new and changed files only.

One row a frame, as `scan` gives it, with ``path`` relative to the index's own folder, and one row (``frame`` -1) for every file
that is no DICOM, so that it is not read again.  pandas, polars and duckdb read it.  It is replaced in one step: a reader, or a
process killed at any moment, finds the old one or the new one whole.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from . import files
from .errors import HeaderError
from .scan import frame_table, read_files

FORMAT = b"dcmxarray index 1"
NO_DICOM = -1


def update(sources: Sequence[files.Source], index: files.Source, tags: Sequence[Any]) -> pd.DataFrame:
    """The frame table of the files under ``sources``, and the index brought up to date if its folder may be written to.

    Parameters
    ----------
    sources
        Local folders or files.
    index
        The Parquet file; it is made where there is none, and made anew where ``tags`` or the format changed.
    tags
        As for `scan`.

    Returns
    -------
    pandas.DataFrame
        As `scan` gives it, with ``modified``, the files' modification time in ns.

    Raises
    ------
    HeaderError
        There is no DICOM under the sources.
    """
    place = Path(os.path.abspath(os.fspath(index)))
    now = _stat(sources)
    known = _table(place, tags)
    if len(known):
        files_known = known[~known.duplicated("path")][list(now.columns)].reset_index(drop=True)
        if files_known.equals(now):
            return _frames(known)
        same = set(files_known.merge(now, how="inner")["path"])
        known = known[known["path"].isin(same)]
        fresh = now[~now["path"].isin(same)]
    else:
        fresh = now
    table = _with(known, fresh, tags).sort_values(["path", "frame"], ignore_index=True)
    _store(table, place, tags)
    return _frames(table)


def _frames(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of DICOM files."""
    frames = table[table["frame"] != NO_DICOM].reset_index(drop=True)
    if frames.empty:
        raise HeaderError("no DICOM file found under the path; a file counts as DICOM by its content, not by its name")
    return frames


def read(index: files.Source) -> pd.DataFrame:
    """The frame table that an index keeps, as it stands: no file of the cohort is looked at.

    Raises
    ------
    HeaderError
        It is no index.
    """
    table = _table(Path(os.path.abspath(os.fspath(index))), None)
    if table.empty:
        raise HeaderError(f"{os.fspath(index)}: no index of dcmxarray; make one by open_cohort(folder, index=...)")
    return _frames(table)


def _stat(sources: Sequence[files.Source]) -> pd.DataFrame:
    """Path, size and modification time (ns) of every file: one walk, one stat a file."""
    paths = sorted(files.walk(os.path.abspath(os.fspath(source)) for source in sources))
    status = [os.stat(path) for path in paths]
    sizes = np.fromiter((one.st_size for one in status), np.int64, len(paths))
    times = np.fromiter((one.st_mtime_ns for one in status), np.int64, len(paths))
    return pd.DataFrame({"path": pd.array(paths, dtype="str"), "file_size": sizes, "modified": times})


def _with(kept: pd.DataFrame, fresh: pd.DataFrame, tags: Sequence[Any]) -> pd.DataFrame:
    """The rows that stay, and those of the fresh files."""
    if fresh.empty:
        return kept
    batches = [b for b in read_files(fresh["path"].tolist(), tuple(tags)) if len(b["frame"])]
    found = frame_table(batches) if batches else pd.DataFrame({"path": pd.Series([], dtype="str")})
    others = fresh[~fresh["path"].isin(set(found["path"]))].assign(frame=NO_DICOM)
    found = found.merge(fresh[["path", "modified"]], on="path", how="left")
    parts = [part for part in (kept, found, others) if len(part)]
    return pd.concat(parts, ignore_index=True) if len(parts) > 1 else parts[0].reset_index(drop=True)


def _meta(tags: Sequence[Any]) -> dict[bytes, bytes]:
    return {b"dcmxarray": FORMAT, b"tags": repr(sorted(map(str, tags))).encode()}


def _table(place: Path, tags: Sequence[Any] | None) -> pd.DataFrame:
    """The index with absolute paths; empty where there is none, it is damaged, or of other ``tags`` (``None`` takes any)."""
    try:
        table = pq.read_table(place)
    except (FileNotFoundError, pa.ArrowInvalid, OSError):
        return pd.DataFrame()
    stored = table.schema.metadata or {}
    if stored.get(b"dcmxarray") != FORMAT or (tags is not None and stored.get(b"tags") != _meta(tags)[b"tags"]):
        return pd.DataFrame()
    folder, slash = (pa.scalar(text, table["path"].type) for text in (str(place.parent), os.sep))
    paths = pc.binary_join_element_wise(folder, table["path"], slash)
    outside = pc.any(pc.starts_with(table["path"], "..")).as_py()
    if outside or os.sep != "/":
        paths = pa.array([os.path.normpath(p) for p in paths.to_pylist()], pa.string())
    return table.set_column(table.schema.get_field_index("path"), "path", paths).to_pandas()


def _store(frames: pd.DataFrame, place: Path, tags: Sequence[Any]) -> None:
    """Write beside the index and put it in its place; where that may not be written to, leave the old one."""
    relative = [os.path.relpath(p, place.parent) for p in frames["path"]]
    table = pa.Table.from_pandas(frames.assign(path=pd.array(relative, dtype="str")), preserve_index=False)
    table = table.replace_schema_metadata({**(table.schema.metadata or {}), **_meta(tags)})
    try:
        handle, name = tempfile.mkstemp(dir=place.parent, prefix=f".{place.name}.")
    except OSError:
        return
    try:
        with os.fdopen(handle, "wb") as out:
            pq.write_table(table, out, compression="zstd")
            out.flush()
            os.fsync(out.fileno())
        os.replace(name, place)
    except BaseException:
        os.unlink(name)
        raise
