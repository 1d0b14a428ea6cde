"""The index: a frame table kept in Parquet, updated by reading the headers of new and changed files only.

It has one row per frame, as `scan` returns it, with ``path`` relative to the index's own folder, and one row (``frame`` -1) per
file that is not DICOM, so that this file is not read again.  pandas, polars and duckdb can read the index.  It is replaced in one
step: readers find either the old or the new index, complete, even if the writer is killed.  A file that is not an index is never
replaced.
"""

from __future__ import annotations

import os
import re
import uuid
import warnings
import zlib
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote, unquote_to_bytes

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ..attributes import Tags
from ..errors import HeaderError, StoreError
from ..headers.asked import ALL, joined, numbered, settled
from ..headers.scan import frame_table, read_files
from ..sources import files, folders

FORMAT = b"dcmxarray index 3"
NO_DICOM = -1

# Parquet's first bytes, then our format, which marks the file as ours even if its end is lost, then the CRC-32 of the rest.
_BEGIN = b"PAR1" + FORMAT
_HEAD = re.compile(rb"\APAR1dcmxarray index \d+ ([0-9a-f]{8})\n")
_NAMED = re.compile(rb"\APAR1dcmxarray index \d")

_RELATIVE = "file:"  # begins a relative path that is not valid text; its bytes are percent-encoded
_URL = "file://"


def update(sources: Sequence[files.Source], index: files.Source, tags: Tags, scheduler: Any = None) -> pd.DataFrame:
    """Read the frame table of the files under ``sources``, and update the index if its folder is writable.

    Parameters
    ----------
    sources
        Local folders or files.
    index
        The Parquet file.  It is made if it is missing, and made again if it is damaged or if ``tags`` or the format changed.
    tags, scheduler
        As for `scan`.

    Returns
    -------
    pandas.DataFrame
        As `scan` returns it, with ``modified``, the files' modification time in ns.

    Raises
    ------
    HeaderError
        There is no DICOM file under the sources.
    StoreError
        The file at ``index`` is not an index and was left as it is, or its folder does not exist.
    """
    place = _place(index)
    known = _table(place, tags)
    now, unread = _stat(sources, place)
    same: set[str] = set()
    if len(known):
        files_known = known[~known.duplicated("path")][list(now.columns)].reset_index(drop=True)
        if files_known.equals(now) and not unread:
            return _frames(known)
        files_known = files_known if tags != ALL else files_known.iloc[:0]  # other files, other elements
        same = set(files_known.merge(now, how="inner")["path"])
        known = known[known["path"].isin(same)]
    table = _with(known, now[~now["path"].isin(same)], tags, scheduler).sort_values(["path", "frame"], ignore_index=True)
    _store(table, place, tags)
    return _frames(_with_unread(table, unread, tags))


def _frames(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of DICOM files; HeaderError if there are none."""
    frames = table[table["frame"] != NO_DICOM].reset_index(drop=True)
    if frames.empty:
        raise HeaderError("no DICOM file found under the path; a file counts as DICOM by its content, not by its name")
    return frames


def read(index: files.Source) -> pd.DataFrame:
    """Read the frame table that an index keeps, without checking whether the files have changed.

    Raises
    ------
    HeaderError
        The file is not an index, or is damaged.
    """
    try:
        table = _table(_place(index), None)
    except StoreError:
        table = pd.DataFrame()
    if table.empty:
        raise HeaderError(f"{os.fspath(index)}: no index of dcmxarray; make one by open_cohort(folder, index=...)")
    return _frames(table)


def _stat(sources: Sequence[files.Source], index: str) -> tuple[pd.DataFrame, list[tuple[str, str]]]:
    """Path, size and modification time (ns) of every file but the index, by one stat each; and what the walk could not read."""
    unread: list[tuple[str, str]] = []
    rows = []
    for path in (path for path in sorted(folders.walk(sources, unread)) if files.local(path) != index):
        try:
            rows.append((path, *files.status(path)))
        except FileNotFoundError:
            continue  # gone since the walk
        except OSError:
            rows.append((path, -1, 0))  # reading it will say what is wrong
    paths, sizes, times = zip(*rows, strict=True) if rows else ((), (), ())
    columns = {
        "path": pd.array(paths, dtype="str"),
        "file_size": np.array(sizes, np.int64),
        "modified": np.array(times, np.int64),
    }
    return pd.DataFrame(columns), unread


def _with(kept: pd.DataFrame, fresh: pd.DataFrame, tags: Tags, scheduler: Any) -> pd.DataFrame:
    """The kept rows and those of fresh files, whose size and modification time are from before their headers were read."""
    if fresh.empty:
        return numbered(kept)
    batches = [b for b in read_files(fresh["path"].tolist(), tags, scheduler) if len(b["frame"])]
    found = frame_table(batches) if batches else pd.DataFrame({"path": pd.Series([], dtype="str")})
    found = found.drop(columns=["file_size", "modified"], errors="ignore").merge(fresh, on="path", how="left")
    others = _like(fresh[~fresh["path"].isin(set(found["path"]))].assign(frame=NO_DICOM), found if batches else kept)
    parts = [part for part in (kept, found, others) if len(part)]
    return joined(parts)


def _like(others: pd.DataFrame, frames: pd.DataFrame) -> pd.DataFrame:
    """Rows of files that are not DICOM, with zeros for integers and booleans, so that these columns keep their dtype."""
    plain = [str(n) for n in frames if n not in others and frames[n].dtype in (np.int64, np.bool_)]
    return others.assign(**{n: np.zeros(len(others), frames[n].to_numpy().dtype) for n in plain})


def _with_unread(table: pd.DataFrame, unread: list[tuple[str, str]], tags: Tags) -> pd.DataFrame:
    """The table with rows for folders that could not be read; the index does not keep them, as they may change unnoticed."""
    if not unread:
        return table
    return pd.concat([table, frame_table(read_files([], settled(tags), None, unread))], ignore_index=True)


def _meta(tags: Tags) -> dict[bytes, bytes]:
    """The index's entries in Parquet's metadata."""
    return {b"dcmxarray": FORMAT, b"tags": repr(ALL if tags == ALL else sorted(map(str, settled(tags)))).encode()}


def _place(index: files.Source) -> str:
    """The absolute path of an index; a link is resolved, so that its target is replaced, unless it is broken."""
    place = os.path.abspath(files.local(files.expanded(index)))
    return os.path.realpath(place) if os.path.islink(place) and os.path.exists(place) else place


def _table(place: str, tags: Tags | None) -> pd.DataFrame:
    """Read the index, with absolute paths; empty if it is missing, damaged, or of other ``tags`` (``None`` takes any).

    Raises
    ------
    StoreError
        The file is not an index.
    """
    data = _data(place)
    if data is None:
        return pd.DataFrame()
    head = _HEAD.match(data)
    if head is None or int(head[1], 16) != zlib.crc32(memoryview(data)[head.end() :]):
        if _is_ours(data):
            warnings.warn(f"{place}: the index is damaged or of another version; it is made anew", stacklevel=2)
            return pd.DataFrame()
        raise _no_index(place, data)
    if not data.startswith(_BEGIN):
        return pd.DataFrame()
    table = pq.read_table(pa.BufferReader(data))
    stored = table.schema.metadata or {}
    if tags is not None and stored.get(b"tags") != _meta(tags)[b"tags"]:
        return pd.DataFrame()
    return _absolute(table, os.path.dirname(place)).to_pandas()


def _no_index(place: str, begin: bytes) -> StoreError:
    """The error for a file that is not known to be an index; a few bytes may be what is left of one."""
    said = f"{place} is there and no index of dcmxarray; nothing was written, give another place for index="
    cut = f". It holds {len(begin)} bytes, and may be the beginning of an index that was cut: if it is, delete it"
    return StoreError(said + (cut if _BEGIN.startswith(begin) and os.path.getsize(place) == len(begin) else ""))


def _data(place: str) -> bytes | None:
    """The bytes of a file, ``None`` if there is none; only the first four of a file that is not Parquet."""
    if not os.path.lexists(place):
        return None
    if not os.path.isfile(place):
        raise StoreError(f"{place} is there and no index of dcmxarray; nothing was written, give another place for index=")
    with open(place, "rb") as file:
        begin = file.read(4)
        return begin + file.read() if begin == b"PAR1" else begin


def _is_ours(data: bytes) -> bool:
    """Whether a damaged file, or one of another version, was an index, by its first bytes or by Parquet's metadata."""
    if _NAMED.match(data):
        return True
    try:
        metadata = pq.read_schema(pa.BufferReader(data)).metadata or {}
    except (pa.ArrowException, OSError):
        return False
    return metadata.get(b"dcmxarray", b"").startswith(b"dcmxarray index")


def _absolute(table: pa.Table, folder: str) -> pa.Table:
    """Make paths absolute that are relative to a folder; paths that are not valid text become ``file://`` URLs."""
    column = table["path"]
    plain = not pc.any(pc.or_(pc.starts_with(column, ".."), pc.starts_with(column, _RELATIVE))).as_py()
    if plain and os.sep == "/" and _is_text(folder):
        prefix, slash = (pa.scalar(text, column.type) for text in (folder.rstrip("/"), "/"))
        paths = pc.binary_join_element_wise(prefix, column, slash)
    else:
        paths = pa.array([_joined(folder, path) for path in column.to_pylist()], column.type)
    return table.set_column(table.schema.get_field_index("path"), "path", paths)


def _joined(folder: str, path: str) -> str:
    """The absolute path, or ``file://`` URL, of a path in the index."""
    relative = os.fsdecode(unquote_to_bytes(path[len(_RELATIVE) :])) if path.startswith(_RELATIVE) else path
    whole = os.path.normpath(os.path.join(folder, relative))
    return whole if _is_text(whole) else _URL + quote(os.fsencode(whole))


def _relative(folder: str, path: str) -> str:
    """The inverse of `_joined`; the result is always valid text."""
    relative = os.path.relpath(files.local(path), folder)
    plain = _is_text(relative) and not relative.startswith(_RELATIVE)
    return relative if plain else _RELATIVE + quote(os.fsencode(relative))


def _is_text(path: str) -> bool:
    """Whether a path is valid text, without the surrogates that stand for bytes that are not UTF-8."""
    return path.isascii() or not re.search("[\ud800-\udfff]", path)


def _store(frames: pd.DataFrame, place: str, tags: Tags) -> None:
    """Write the index under a temporary name, then replace the old one; keep the old one if the folder is not writable."""
    folder = os.path.dirname(place)
    if not os.path.isdir(folder):
        raise StoreError(f"there is no folder {folder!r} for the index; make it, or give another place for index=")
    relative = [_relative(folder, path) for path in frames["path"]]
    table = pa.Table.from_pandas(frames.assign(path=pd.array(relative, dtype="str")), preserve_index=False)
    data = _as_bytes(table.replace_schema_metadata({**(table.schema.metadata or {}), **_meta(tags)}))
    name = os.path.join(folder, f".{uuid.uuid4().hex}.index")
    try:
        handle = _made(name)
    except OSError:
        return
    try:
        with os.fdopen(handle, "wb") as out:
            out.writelines(data)
            out.flush()
            os.fsync(out.fileno())
        os.replace(name, place)
    except OSError as error:
        os.unlink(name)
        raise StoreError(f"{place}: the index can't be written ({error.strerror}); make room, or leave out index=") from error
    except BaseException:
        os.unlink(name)
        raise


def _made(name: str) -> int:
    """Create a new file, with the user's default permissions; returns its descriptor."""
    return os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)


def _as_bytes(table: pa.Table) -> tuple[bytes, memoryview]:
    """A table as Parquet: the beginning, with format and checksum, and the rest.

    The beginning lies before the first column.  Readers of Parquet go by offsets and skip it.
    """
    sink = pa.BufferOutputStream()
    with pq.ParquetWriter(sink, table.schema, compression="zstd") as writer:
        sink.write(FORMAT + b" 00000000\n")
        writer.write_table(table)
    data = memoryview(sink.getvalue())
    end = len(_BEGIN) + 10
    if bytes(data[: end - 9]) != _BEGIN + b" ":
        raise StoreError("this version of pyarrow writes Parquet in another way: the index can't be kept")
    return _BEGIN + f" {zlib.crc32(data[end:]):08x}\n".encode(), data[end:]
