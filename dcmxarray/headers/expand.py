"""Turns one row per file into one row per frame, for multi-frame files and for mosaics, each tile of which is a frame."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from ..attributes import SEGMENT
from ..errors import FATAL, HeaderError
from ..model import normal
from . import by_pydicom, functional
from .bounds import check_frames, check_one_frame
from .compiled.walk import PIXEL_AT, PIXEL_ELEMENT
from .heads import Heads
from .vendors import LARGE_COLUMNS, MOSAICS
from .vendors.base import Tiles

_SEGMENTATION = "1.2.840.10008.5.1.4.1.1.66.4"  # of binary or fractional segments, a frame for each; a label map has none
_CROP = ("crop_row", "crop_col", "crop_rows", "crop_columns")


@dataclass
class Frames:
    """The frames of one file: their number, and the columns that differ from the file's row."""

    count: int
    columns: dict[str, Any] = field(default_factory=dict)


def expand(heads: Heads, found: dict[str, Any]) -> dict[str, Any]:
    """Repeat the columns of files for each of their frames, and replace what differs from frame to frame.

    Parameters
    ----------
    heads
        The heads of the files; problems are noted there.
    found
        Columns with a row per file.

    Returns
    -------
    Columns with a row per frame.  Added are ``frame``, ``file`` (the row in ``found``), ``frame_offset`` (s), ``dimensions``,
    ``tile_row``, ``tile_col`` (whole slide images) and the crop of the stored image that the frame is.
    """
    count = len(heads.paths)
    several = {i: f for i in _candidates(heads, found).tolist() if (f := _guarded(heads, found, i)) is not None}
    counts = np.ones(count, np.int64)
    counts[list(several)] = [f.count for f in several.values()]
    index = np.repeat(np.arange(count), counts)
    table = (
        found if not several else {n: c.take(pa.array(index)) if isinstance(c, pa.Array) else c[index] for n, c in found.items()}
    )
    starts = np.cumsum(counts) - counts
    table["file"] = index
    table["frame"] = np.arange(index.size) - starts[index]
    for name in ("frame_offset", "tile_row", "tile_col", "real_world_mappings", *_CROP):
        table[name] = np.full(index.size, np.nan)
    for name in ("real_world_units", "dimensions", *SEGMENT):
        table[name] = pa.nulls(index.size, pa.string())
    for i, frames in several.items():
        _override(table, slice(starts[i], starts[i] + frames.count), frames.columns)
    return _texts(table)


class Row(Mapping[str, Any]):
    """One row of a table of columns; values are converted when they are accessed."""

    def __init__(self, columns: Mapping[str, Any], row: int) -> None:
        self._columns = columns
        self._row = row

    def __getitem__(self, name: str) -> Any:
        value = self._columns[name][self._row]
        return value.as_py() if isinstance(value, pa.Scalar) else value

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns)

    def __len__(self) -> int:
        return len(self._columns)


def _candidates(heads: Heads, found: dict[str, Any]) -> Any:
    """The indices of files that may hold several frames."""
    tiles = np.zeros(len(found["frames_said"]), bool)
    for mosaic in MOSAICS:
        tiles |= mosaic.hints(found)
    if any(heads.problems):  # NumberOfFrames is invalid
        tiles |= np.array(["NumberOfFrames " in problem for problem in heads.problems], bool)
    mapped = np.array([there is not None for there in found["_mappings"]], bool)
    return np.flatnonzero(~np.isnan(found["frames_said"]) | tiles | mapped)


def _guarded(heads: Heads, found: dict[str, Any], i: int) -> Frames | None:
    """The frames of one file; if that fails, the file counts as one without an image, and its problem says why."""
    try:
        return _frames(heads, found, i)
    except FATAL:
        raise
    except BaseException as error:  # noqa: BLE001 - of whatever kind, it costs this file alone
        why = str(error) if isinstance(error, HeaderError) else f"its frames can't be told apart ({type(error).__name__})"
        heads.note(i, why)
        heads.states[i, PIXEL_ELEMENT] = 0
        return None


def _frames(heads: Heads, found: dict[str, Any], i: int) -> Frames | None:
    """The frames of file ``i``; ``None`` if its row already describes its only frame.

    Raises
    ------
    HeaderError
        The file can't hold the frames that its header declares, or their number is unknown.
    """
    row = Row(found, i)
    for mosaic in MOSAICS:
        tiles = mosaic.tiles(row)
        if tiles is not None:
            return _tiled(heads, i, row, tiles)
    said = row["frames_said"]
    if heads.states[i, PIXEL_ELEMENT] == 0:
        return None
    if not said >= 1:
        check_one_frame(heads, i, row)
        return Frames(1, _mapping(heads, i, row, 1)) if row["_mappings"] else None
    if said > 1:
        check_frames(heads, i, row, int(said))
    columns = functional.per_frame(heads, i, int(said), str(row["TransferSyntaxUID"]))
    if columns is None and said == 1:
        return None
    placed = _placed(row, int(said), columns or {})
    return Frames(int(said), placed | _segments(heads, i, placed))


def _mapping(heads: Heads, i: int, row: Mapping[str, Any], count: int) -> dict[str, Any]:
    """The columns of the real-world value mapping of a file without functional groups."""
    found = functional.per_frame(heads, i, count, str(row["TransferSyntaxUID"])) if row["_mappings"] else None
    return {name: column for name, column in (found or {}).items() if name in functional.MAPPING}


def _placed(row: Mapping[str, Any], count: int, columns: dict[str, Any]) -> dict[str, Any]:
    """Complete the columns of a multi-frame file by elements outside of functional groups.

    These give the positions of dose grids and tomograms (mm, patient LPS), tiles of slides, and ``frame_offset`` (s) of cines.
    """
    first = np.array([columns[n][0] if n in columns else row[n] for n in _PLACE], float)
    step = np.arange(count) * row["SpacingBetweenSlices"]
    offsets = _numbers(row["_grid_offsets"], count)
    if offsets is None and "TOMO" in str(row["ImageType"]) and "DetectorInformationSequence" not in columns:
        offsets = step
    if offsets is not None and not np.isnan(first).any() and not np.isnan(offsets).any():
        along = normal(first[3:6], first[6:9])
        columns |= {name: first[k] + offsets * along[k] for k, name in enumerate(_PLACE[:3])}
    columns |= _slide(row, count, columns)
    gaps = _numbers(row["_frame_times"], count)
    if gaps is not None:
        columns["frame_offset"] = np.cumsum(gaps) / 1000
    elif row["FrameTime"] > 0:
        columns["frame_offset"] = np.arange(count) * row["FrameTime"] / 1000
    return columns


_PLACE = (
    *("position_x", "position_y", "position_z"),
    *("row_x", "row_y", "row_z", "column_x", "column_y", "column_z"),
)


def _slide(row: Mapping[str, Any], count: int, columns: dict[str, Any]) -> dict[str, Any]:
    """Tile row and column of each frame of a whole slide image.

    They follow from the frames' positions, else from their order, which is row by row (TILED_FULL, PS3.3 C.7.6.17.3).
    """
    height, width = row["Rows"], row["Columns"]
    if not (height >= 1 and width >= 1):
        return {}
    if "RowPositionInTotalImagePixelMatrix" in columns:
        return {
            "tile_row": (columns["RowPositionInTotalImagePixelMatrix"] - 1) // height,
            "tile_col": (columns["ColumnPositionInTotalImagePixelMatrix"] - 1) // width,
        }
    full = row["DimensionOrganizationType"] == "TILED_FULL"
    if not full or not (row["TotalPixelMatrixRows"] > 0 and row["TotalPixelMatrixColumns"] > 0):
        return {}
    down, across = -(-row["TotalPixelMatrixRows"] // height), -(-row["TotalPixelMatrixColumns"] // width)
    number = np.arange(count)
    segments = row["SOPClassUID"] == _SEGMENTATION
    planes = {"ReferencedSegmentNumber": number // (down * across) + 1.0} if segments else {}
    return {"tile_row": number // across % down, "tile_col": number % across, **planes}


def _segments(heads: Heads, i: int, columns: Mapping[str, Any]) -> dict[str, Any]:
    """What file ``i`` says of the segment of each frame; nothing if it is no segmentation."""
    if "ReferencedSegmentNumber" not in columns:
        return {}
    try:
        known = by_pydicom.segments(heads.paths[i])
        rows = [known.get(int(n), ()) if n == n else () for n in columns["ReferencedSegmentNumber"].tolist()]
    except FATAL:
        raise
    except BaseException as error:  # noqa: BLE001 - pydicom raises many kinds on damaged bytes; the numbers are still there
        heads.note(i, f"SegmentSequence can't be read ({type(error).__name__})")
        return {}
    return {name: pa.array([r[k] or None if r else None for r in rows], pa.string()) for k, name in enumerate(SEGMENT)}


def _numbers(text: object, count: int) -> Any:
    """The numbers of a backslash list; ``None`` unless there are ``count`` of them and all are finite."""
    try:
        values = np.array(str(text).split("\\"), float) if text else np.zeros(0)
    except ValueError:
        return None
    return values if values.size == count and np.isfinite(values).all() else None


def _tiled(heads: Heads, i: int, row: Mapping[str, Any], tiles: Tiles) -> Frames:
    """The frames of a mosaic, in the order of its tiles: row by row.

    Raises
    ------
    HeaderError
        The image has fewer pixels than tiles along a side.
    """
    if not (row["Rows"] >= tiles.rows and row["Columns"] >= tiles.columns):
        raise HeaderError(f"a mosaic of {tiles.count} tiles, which the sheet can't hold")
    height, width = int(row["Rows"]) // tiles.rows, int(row["Columns"]) // tiles.columns
    number = np.arange(tiles.count)
    columns: dict[str, Any] = {
        "crop_row": number // tiles.columns * float(height),
        "crop_col": number % tiles.columns * float(width),
        "crop_rows": np.full(tiles.count, float(height)),
        "crop_columns": np.full(tiles.count, float(width)),
        "frame": np.zeros(tiles.count, np.int64),
    }
    if tiles.positions is not None:
        columns |= {name: tiles.positions[:, k] for k, name in enumerate(_PLACE[:3])}
    elif heads.states[i, PIXEL_AT] > 0:
        columns |= functional.per_frame(heads, i, tiles.count) or {}
    if tiles.times is not None:
        columns["slice_time"] = tiles.times
    columns |= _mapping(heads, i, row, tiles.count)
    return Frames(tiles.count, columns)


def _override(table: dict[str, Any], rows: slice, columns: dict[str, Any]) -> None:
    """Overwrite rows of the table by the frames' own values, where these are not missing."""
    for name, values in columns.items():
        if name not in table:
            continue
        if isinstance(values, pa.Array):
            if isinstance(table[name], pa.Array):
                table[name] = np.array(table[name].to_pylist(), object)
            texts = np.array(values.to_pylist(), object)
            table[name][rows] = np.where([t is None for t in texts], table[name][rows], texts)
        elif values.dtype.kind in "mM":
            table[name][rows] = np.where(np.isnat(values), table[name][rows], values)
        else:
            table[name][rows] = np.where(np.isnan(values), table[name][rows], values)


def _texts(table: dict[str, Any]) -> dict[str, Any]:
    """Convert columns of Python texts, which `_override` makes, back to Arrow."""
    return {
        name: pa.array(c, pa.string()) if isinstance(c, np.ndarray) and c.dtype == object and name not in LARGE_COLUMNS else c
        for name, c in table.items()
    }
