"""Which frames belong in one array: series are split into stacks of one kind, plane, matrix and pixel type.

It works on the frame table and opens no file.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from . import geometry
from .errors import SeriesError
from .model import Floats, Ints

ORIENTATION = ["row_x", "row_y", "row_z", "column_x", "column_y", "column_z"]
POSITION = ["position_x", "position_y", "position_z"]
SAME_COSINE = 1e-4
_NO_UID = "no-SeriesInstanceUID"
SAME_STATION = 0.5  # mm within the plane

# What must agree within a stack, and how a key says what does not.
_EXACT = (
    "SeriesNumber",
    "SOPClassUID",
    "Rows",
    "Columns",
    "SamplesPerPixel",
    "BitsAllocated",
    "PixelRepresentation",
    "pixels",
    "derived",
)
_NOT_IDENTITY = {"path", "pixel_offset", "pixel_length", "file_size", "modified", "problem", "TransferSyntaxUID"}

_SPARSE = ("1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7")
_PLANES = ("sagittal", "coronal", "axial")


@dataclass(frozen=True)
class Stack:
    """Frames of one series that can share an array.

    ``key`` is stable: it never depends on file names or order.  ``table`` holds the frames of many stacks, those from
    ``start`` to ``stop`` are this one's; it pickles with its own alone.
    """

    key: str
    table: pd.DataFrame
    start: int
    stop: int

    @property
    def frames(self) -> pd.DataFrame:
        """The rows of the frame table, by SOPInstanceUID and frame."""
        return self.table.iloc[self.start : self.stop]

    @property
    def is_sparse(self) -> bool:
        """Whether frames may be left out where they are empty, as in segmentations (PS3.3 C.8.20.2, A.51)."""
        return self.table["SOPClassUID"].iloc[self.start] in _SPARSE

    def __reduce__(self) -> tuple[Any, ...]:
        return Stack, (self.key, self.frames, 0, self.stop - self.start)


def images(frames: pd.DataFrame) -> pd.DataFrame:
    """The rows that hold an image: pixels, and a matrix to put them in."""
    has = frames["pixels"].notna() & frames["Rows"].fillna(0).gt(0) & frames["Columns"].fillna(0).gt(0)
    return frames[has]


def leading(frames: pd.DataFrame, names: Sequence[str]) -> Floats:
    """Numbers of the first row."""
    return np.array([frames[name].iat[0] for name in names], float)


def comparable(column: pd.Series) -> npt.NDArray[Any]:
    """A column as numpy, in which nothing missing equals itself."""
    return column.to_numpy(float, na_value=np.nan) if isinstance(column.dtype, pd.Int64Dtype) else column.to_numpy()


def split(frames: pd.DataFrame) -> list[Stack]:
    """The stacks of every series of a frame table, sorted by key; rows that are no image are passed over.

    A byte-for-byte copy of a file (same SOPInstanceUID, same header) counts once.
    """
    rows = without_copies(images(frames))
    if rows.empty:
        return []
    rows = rows.iloc[_order(rows, ["SeriesInstanceUID", "SOPInstanceUID", "frame", "path"])]
    uids = rows["SeriesInstanceUID"].fillna(_NO_UID).to_numpy(object)
    starts = np.flatnonzero(np.concatenate([[True], uids[1:] != uids[:-1]]))
    ends = np.append(starts[1:], len(rows))
    parts: list[tuple[str, Ints]] = []
    for start, end, mixed in zip(starts.tolist(), ends.tolist(), _may_be_mixed(rows, starts), strict=True):
        found = _stacks(str(uids[start]), rows.iloc[start:end]) if mixed else [(str(uids[start]), np.arange(end - start))]
        parts += [(key, start + places) for key, places in found]
    table = rows.iloc[np.concatenate([places for _, places in parts])]
    bounds = np.cumsum([0, *(len(places) for _, places in parts)]).tolist()
    return [Stack(key, table, a, b) for (key, _), a, b in zip(parts, bounds[:-1], bounds[1:], strict=True)]


def _order(frames: pd.DataFrame, columns: list[str]) -> Ints:
    """The rows' order by some columns; missing values last."""
    keys = [(c, "ascending") for c in columns]
    table = pa.table({c: pa.array(frames[c], from_pandas=True) for c in columns})
    return np.asarray(pc.sort_indices(table, sort_keys=keys))


def _may_be_mixed(frames: pd.DataFrame, starts: Ints) -> list[bool]:
    """Of every series (rows from its start to the next), whether it may hold several stacks; a "no" is certain."""
    group = np.repeat(np.arange(starts.size), np.diff(np.append(starts, len(frames))))
    first = starts[group]

    def spread(values: Floats) -> npt.NDArray[Any]:
        """How far values of a series lie from its first; missing against there counts as far."""
        away = np.abs(values - values[first])
        return np.where(np.isnan(values) & np.isnan(values[first]), 0.0, np.nan_to_num(away, nan=np.inf))

    mixed = np.zeros(len(frames), bool)
    for name in (*_EXACT, "kind"):
        codes = pd.factorize(frames[name])[0]
        mixed |= codes != codes[first]
    colour = _colour(frames)
    mixed |= colour != colour[first]
    for name in ("spacing_row", "spacing_col", *ORIENTATION):
        mixed |= spread(frames[name].to_numpy(float)) > SAME_COSINE / 2
    positions, cosines = frames[POSITION].to_numpy(float), frames[ORIENTATION].to_numpy(float)[first]
    for axis in (cosines[:, :3], cosines[:, 3:]):
        mixed |= spread((positions * axis).sum(axis=1)) > SAME_STATION / 2
    mixed |= np.isnan(positions).any(axis=1) != np.isnan(positions[first]).any(axis=1)
    return np.logical_or.reduceat(mixed, starts).tolist()


def without_copies(frames: pd.DataFrame) -> pd.DataFrame:
    """Frames without copies: same SOPInstanceUID and frame, and all else that the table knows of them."""
    twice = frames.duplicated(["SOPInstanceUID", "frame"], keep=False) & frames["SOPInstanceUID"].notna()
    if not twice.any():
        return frames
    suspects = frames[twice].sort_values("path")
    identity = [c for c in frames.columns if c not in _NOT_IDENTITY]
    return frames.drop(index=suspects.index[suspects.duplicated(identity)])


def _colour(frames: pd.DataFrame) -> Ints:
    """0 grey, 1 palette, 2 colour; MONOCHROME1 stays with itself."""
    text = frames["PhotometricInterpretation"].fillna("").str.upper()
    return np.select([text.eq("PALETTE COLOR"), text.eq("MONOCHROME1"), frames["SamplesPerPixel"].fillna(1).gt(1)], [1, 3, 2], 0)


def _features(frames: pd.DataFrame) -> dict[str, Ints]:
    """Codes of everything that must agree, by what it is called."""
    codes = {name: geometry.as_codes(frames[name].astype(object).to_numpy()) for name in _EXACT}
    codes["colour"] = _colour(frames)
    codes["spacing"] = geometry.vector_clusters(frames[["spacing_row", "spacing_col"]].to_numpy(float), SAME_COSINE)
    codes["plane"] = geometry.vector_clusters(frames[ORIENTATION].to_numpy(float), SAME_COSINE)
    codes["placed"] = np.asarray(frames[POSITION].notna().all(axis=1), np.int64)
    codes["kind"] = _kinds_at_one_place(frames)
    codes["station"] = _stations(frames, codes["plane"])
    return codes


def _kinds_at_one_place(frames: pd.DataFrame) -> Ints:
    """Codes of ``kind``, where two share a position and all that makes axes; what goes with another axis is no kind."""
    kinds = geometry.as_codes(frames["kind"].astype(object).to_numpy())
    if kinds.max(initial=0) == 0:
        return kinds
    numbers = frames[[*POSITION, "b", "EchoTime", "InversionTime", "FlipAngle"]].to_numpy(float)
    parts = geometry.as_codes(frames["component"].astype(object).to_numpy())
    places = geometry.vector_clusters(np.column_stack([numbers, parts]), geometry.SAME_PLACE)
    shared = pd.Series(kinds).groupby(places).nunique().max() > 1
    return kinds if shared else np.zeros_like(kinds)


def _stations(frames: pd.DataFrame, plane: Ints) -> Ints:
    """Codes of the corner within the plane, where frames at one slice position begin at different corners."""
    out = np.zeros(len(frames), np.int64)
    cosines = frames[ORIENTATION].to_numpy(float)
    positions = frames[POSITION].to_numpy(float)
    for code in np.unique(plane):
        rows = np.flatnonzero(plane == code)
        row, column = cosines[rows[0], :3], cosines[rows[0], 3:]
        if np.isnan(positions[rows]).any() or np.isnan(row).any() or np.isnan(column).any():
            continue
        corner = positions[rows] @ np.stack([column, row], axis=1)
        level = geometry.clusters(positions[rows] @ geometry.normal(row, column), geometry.SAME_PLACE)
        table = pd.DataFrame(corner).groupby(level)
        if ((table.max() - table.min()) > SAME_STATION).to_numpy().any():
            out[rows] = geometry.vector_clusters(corner, SAME_STATION)
    return out


def _stacks(uid: str, frames: pd.DataFrame) -> list[tuple[str, Ints]]:
    """Keys of the stacks of one series, sorted, and the places of their frames."""
    features = _features(frames)
    varying = {name: codes for name, codes in features.items() if codes.max() > codes.min()}
    if not varying:
        return [(uid, np.arange(len(frames)))]
    codes = pd.DataFrame(varying).groupby(list(varying), sort=True).ngroup().to_numpy()
    places = [np.flatnonzero(codes == code) for code in np.unique(codes)]
    parts = [frames.iloc[at] for at in places]
    names = [_name(part, varying) for part in parts]
    unique = [n if names.count(n) == 1 else f"{n}-{_digest(part)}" for n, part in zip(names, parts, strict=True)]
    return sorted(((f"{uid}-{n}", at) for n, at in zip(unique, places, strict=True)), key=lambda pair: pair[0])


def _name(part: pd.DataFrame, varying: dict[str, Ints]) -> str:
    """What tells a stack from its sisters, in words."""
    first = part.iloc[0]
    words = {
        "SeriesNumber": f"series{first['SeriesNumber']}",
        "SOPClassUID": f"sop{str(first['SOPClassUID']).rsplit('.', 1)[-1]}",
        "derived": str(first["derived"]) if pd.notna(first["derived"]) else "image",
        "Rows": f"{first['Rows']}x{first['Columns']}",
        "Columns": f"{first['Rows']}x{first['Columns']}",
        "plane": _plane(first),
        "placed": "placed" if pd.notna(first["position_x"]) else "unplaced",
        "colour": str(first["PhotometricInterpretation"]).replace(" ", "_").lower(),
        "spacing": f"{first['spacing_row']:.4g}x{first['spacing_col']:.4g}mm",
        "BitsAllocated": f"{first['BitsAllocated']}bit",
        "PixelRepresentation": "signed" if first["PixelRepresentation"] == 1 else "unsigned",
        "SamplesPerPixel": f"{first['SamplesPerPixel']}samples",
        "pixels": str(first["pixels"]),
        "station": _corner(first),
        "kind": str(first["kind"]).replace(" ", "_").lower() if pd.notna(first["kind"]) else "plain",
    }
    said = [name for name in varying if name != "kind" or "derived" not in varying]
    return "-".join(dict.fromkeys(words[name] for name in said))


def _plane(frame: pd.Series) -> str:
    cosines = frame[ORIENTATION].to_numpy(float)
    if np.isnan(cosines).any():
        return "unplaced"
    return _PLANES[int(np.argmax(np.abs(geometry.normal(cosines[:3], cosines[3:]))))]


def _corner(frame: pd.Series) -> str:
    return "at" + "_".join(f"{v:.0f}" for v in frame[POSITION].to_numpy(float))


def _digest(part: pd.DataFrame) -> str:
    """Four letters from the geometry that stacks of one name still differ in."""
    numbers = part[[*ORIENTATION, "spacing_row", "spacing_col"]].iloc[0].to_numpy(float)
    text = ",".join(f"{v:.3f}" for v in numbers) + _corner(part.sort_values(POSITION).iloc[0])
    return hashlib.sha256(text.encode()).hexdigest()[:4]


def choose(frames: pd.DataFrame, series: str | None) -> Stack:
    """The one stack of a table, or the one that ``series`` names: a key, a SeriesInstanceUID, number or description.

    Raises
    ------
    SeriesError
        There is none, or more than one; the message lists the keys.
    """
    stacks = split(frames)
    if not stacks:
        raise SeriesError(f"no image among {len(frames)} frames: {_kinds(frames)}")
    named = stacks if series is None else [s for s in stacks if _matches(s, str(series))]
    if len(named) == 1:
        return named[0]
    if not named:
        raise SeriesError(f"no series {series!r}; there are:\n{listing(stacks)}")
    what = "the source holds" if series is None else f"{series!r} names"
    raise SeriesError(f"{what} {len(named)} arrays; pass series= one of these keys, or a filtered table:\n{listing(named)}")


def _matches(stack: Stack, name: str) -> bool:
    first = stack.frames.iloc[0]
    said = (first["SeriesInstanceUID"], first["SeriesNumber"], first["SeriesDescription"])
    return stack.key == name or name in {str(v) for v in said if pd.notna(v)}


def listing(stacks: list[Stack], most: int = 20) -> str:
    """A line a stack: key, description, frames."""
    lines = [f"  {s.key}  {_text(s.frames['SeriesDescription'].iloc[0])!r}  {len(s.frames)} frames" for s in stacks[:most]]
    return "\n".join(lines + ([f"  ... and {len(stacks) - most} more"] if len(stacks) > most else []))


def _text(value: object) -> str:
    return str(value) if isinstance(value, str) else ""


def _kinds(frames: pd.DataFrame) -> str:
    return ", ".join(f"{count} {name}" for name, count in frames["Modality"].fillna("unknown").value_counts().items())
