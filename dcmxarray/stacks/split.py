"""Which frames belong in one array: series are split into stacks of one kind, plane, matrix and pixel type.

Works on the frame table and opens no file: the caller passes the function that compares the pixels of suspected copies.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from ..errors import FATAL, SeriesError, problem_of
from ..model import Floats, Geometry, Ints, normal
from . import geometry
from .copies import Pixels, without_copies

ORIENTATION = ["row_x", "row_y", "row_z", "column_x", "column_y", "column_z"]
POSITION = ["position_x", "position_y", "position_z"]
SAME_COSINE = 1e-4
_NO_UID = "no-SeriesInstanceUID"
SAME_STATION = 0.5  # mm within the plane
_LONGEST = 40  # characters of a word in a key

# Columns that must agree exactly within a stack.
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
_SPARSE = ("1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7")
_PLANES = ("sagittal", "coronal", "axial")


@dataclass(frozen=True)
class Stack:
    """Frames of one series that can share an array.

    ``key`` is stable: it never depends on file names or their order.  ``table`` holds the frames of many stacks, of which the
    rows from ``start`` to ``stop`` belong to this one; a pickled stack carries only its own.  ``problem`` is why the stack can't
    be opened, "" if no reason is known.
    """

    key: str
    table: pd.DataFrame
    start: int
    stop: int
    problem: str = ""

    @property
    def frames(self) -> pd.DataFrame:
        """The rows of the frame table, by SOPInstanceUID and frame."""
        return self.table.iloc[self.start : self.stop]

    @property
    def is_sparse(self) -> bool:
        """Whether the file may omit empty frames, as segmentations do (PS3.3 C.8.20.2, A.51)."""
        return self.table["SOPClassUID"].iloc[self.start] in _SPARSE

    def __reduce__(self) -> tuple[Any, ...]:
        return Stack, (self.key, self.frames, 0, self.stop - self.start, self.problem)


def images(frames: pd.DataFrame) -> pd.DataFrame:
    """The rows that hold an image: pixels, and a matrix to put them in."""
    has = frames["pixels"].notna() & frames["Rows"].fillna(0).gt(0) & frames["Columns"].fillna(0).gt(0)
    return frames[has]


def leading(frames: pd.DataFrame, names: Sequence[str]) -> Floats:
    """The values of the first row in some columns, as float64."""
    return np.array([frames[name].iat[0] for name in names], float)


def plane(frames: pd.DataFrame) -> Geometry | None:
    """The plane of a stack, from its first frame; ``None`` if a position is missing, or the orientation is missing or invalid."""
    axes = leading(frames, ORIENTATION)
    row, column = axes[:3], axes[3:]
    placed = all(np.isfinite(frames[name].to_numpy(float)).all() for name in POSITION)
    if not placed or not geometry.is_plane(row, column):
        return None
    return Geometry(row, column, normal(row, column))


def comparable(column: pd.Series) -> npt.NDArray[Any]:
    """A column as numpy, in which a missing value equals nothing, not even itself."""
    return column.to_numpy(float, na_value=np.nan) if isinstance(column.dtype, pd.Int64Dtype) else column.to_numpy()


def split(frames: pd.DataFrame, pixels: Pixels) -> list[Stack]:
    """The stacks of every series of a frame table; rows without an image are skipped.

    A copy of a file (same SOPInstanceUID, same header, same ``pixels``) counts once.  A series that can't be split becomes one
    stack with a ``problem``.

    Returns
    -------
    list of Stack
        Sorted by key, whatever the order of ``frames``.  No key occurs twice; every image that is not a copy is in one stack.
    """
    rows = without_copies(images(frames), pixels)
    if rows.empty:
        return []
    uids = _series_uids(rows)
    order = _order(uids, rows, ["SOPInstanceUID", "frame", "path"])
    rows, uids = rows.iloc[order], uids[order]
    starts = np.flatnonzero(np.concatenate([[True], uids[1:] != uids[:-1]]))
    ends = np.append(starts[1:], len(rows))
    parts: list[tuple[str, Ints, str]] = []
    with np.errstate(all="ignore"):  # nonsensical numbers overflow, and are compared all the same
        for start, end, mixed in zip(starts.tolist(), ends.tolist(), _may_be_mixed(rows, starts), strict=True):
            found = _parts(str(uids[start]), rows.iloc[start:end], mixed)
            parts += [(key, start + places, problem) for key, places, problem in found]
    keys = _without_repeats([key for key, _, _ in parts])
    named = sorted(
        ((key, places, problem) for key, (_, places, problem) in zip(keys, parts, strict=True)), key=lambda one: one[0]
    )
    table = rows.iloc[np.concatenate([places for _, places, _ in named])]
    bounds = np.cumsum([0, *(len(places) for _, places, _ in named)]).tolist()
    return [Stack(key, table, a, b, text) for (key, _, text), a, b in zip(named, bounds[:-1], bounds[1:], strict=True)]


def _without_repeats(keys: list[str]) -> list[str]:
    """Keys in the same order, with ``~1``, ``~2``, ... after those that occur more than once; the results are unique.

    Repeats are rare: a made-up SeriesInstanceUID can look like the key of a stack in another series.
    """
    if len(set(keys)) == len(keys):
        return keys
    again = {key for key, n in Counter(keys).items() if n > 1}
    taken = set(keys)
    numbers = {key: count(1) for key in again}
    out = []
    for key in keys:
        name = key
        while name in taken and key in again:
            name = f"{key}~{next(numbers[key])}"
        taken.add(name)
        out.append(name)
    return out


def _series_uids(frames: pd.DataFrame) -> npt.NDArray[Any]:
    """The series of every frame.  Frames without SeriesInstanceUID form one series for each patient and study."""
    uids = frames["SeriesInstanceUID"].to_numpy(object, copy=True)
    lost = frames["SeriesInstanceUID"].isna().to_numpy()
    if not lost.any():
        return uids
    whose = frames.loc[lost, ["PatientID", "StudyInstanceUID"]].astype(object).fillna("")
    several = len(whose.drop_duplicates()) > 1
    names = [hashlib.sha256(repr(pair).encode()).hexdigest()[:8] for pair in whose.itertuples(index=False, name=None)]
    uids[lost] = [f"{_NO_UID}-{text}" if several else _NO_UID for text in names]
    return uids


def _parts(uid: str, frames: pd.DataFrame, mixed: bool) -> list[tuple[str, Ints, str]]:
    """Key, places of the frames and problem of every stack of a series; an error in one series affects no other."""
    whole = np.arange(len(frames))
    if not mixed:
        return [(uid, whole, "")]
    try:
        return [(key, places, "") for key, places in _stacks(uid, frames)]
    except FATAL:
        raise
    except BaseException as error:  # noqa: BLE001
        return [(uid, whole, f"the series can't be split: {problem_of(error)}")]


def _order(uids: npt.NDArray[Any], frames: pd.DataFrame, columns: list[str]) -> Ints:
    """The order that sorts rows by series, then by some columns; missing values come last."""
    parts = {"series": pa.array(uids, pa.string())} | {c: pa.array(frames[c], from_pandas=True) for c in columns}
    return np.asarray(pc.sort_indices(pa.table(parts), sort_keys=[(c, "ascending") for c in parts]))


def _may_be_mixed(frames: pd.DataFrame, starts: Ints) -> list[bool]:
    """For every series (rows from its start to the next one), whether it may hold several stacks; ``False`` is certain."""
    group = np.repeat(np.arange(starts.size), np.diff(np.append(starts, len(frames))))
    first = starts[group]

    def spread(values: Floats) -> npt.NDArray[Any]:
        """The distance of values from the first of their series; infinite where only one of the two is missing."""
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


def _colour(frames: pd.DataFrame) -> Ints:
    """0 grey, 1 palette, 2 colour, 3 MONOCHROME1."""
    text = frames["PhotometricInterpretation"].fillna("").str.upper()
    return np.select([text.eq("PALETTE COLOR"), text.eq("MONOCHROME1"), frames["SamplesPerPixel"].fillna(1).gt(1)], [1, 3, 2], 0)


def _features(frames: pd.DataFrame) -> dict[str, Ints]:
    """Codes of every property that must agree within a stack, by its name."""
    codes = {name: geometry.as_codes(frames[name].astype(object).to_numpy()) for name in _EXACT}
    codes["colour"] = _colour(frames)
    codes["spacing"] = geometry.vector_clusters(frames[["spacing_row", "spacing_col"]].to_numpy(float), SAME_COSINE)
    codes["plane"] = geometry.vector_clusters(frames[ORIENTATION].to_numpy(float), SAME_COSINE)
    codes["placed"] = np.asarray(frames[POSITION].notna().all(axis=1), np.int64)
    codes["kind"] = _kinds_at_one_place(frames)
    codes["station"] = _stations(frames, codes["plane"])
    return codes


def _kinds_at_one_place(frames: pd.DataFrame) -> Ints:
    """Codes of ``kind`` if two kinds share a position and the value of every axis, else zeros: such kinds follow an axis."""
    kinds = geometry.as_codes(frames["kind"].astype(object).to_numpy())
    if kinds.max(initial=0) == 0:
        return kinds
    numbers = frames[[*POSITION, "b", "EchoTime", "InversionTime", "FlipAngle"]].to_numpy(float)
    parts = geometry.as_codes(frames["component"].astype(object).to_numpy())
    places = geometry.vector_clusters(np.column_stack([numbers, parts]), geometry.SAME_PLACE)
    shared = pd.Series(kinds).groupby(places).nunique().max() > 1
    return kinds if shared else np.zeros_like(kinds)


def _stations(frames: pd.DataFrame, plane: Ints) -> Ints:
    """Codes of the first pixel's position within the plane, where it differs between frames at one slice position."""
    out = np.zeros(len(frames), np.int64)
    cosines = frames[ORIENTATION].to_numpy(float)
    positions = frames[POSITION].to_numpy(float)
    for code in np.unique(plane):
        rows = np.flatnonzero(plane == code)
        row, column = cosines[rows[0], :3], cosines[rows[0], 3:]
        if np.isnan(positions[rows]).any() or np.isnan(row).any() or np.isnan(column).any():
            continue
        corner = positions[rows] @ np.stack([column, row], axis=1)
        level = geometry.clusters(positions[rows] @ normal(row, column), geometry.SAME_PLACE)
        table = pd.DataFrame(corner).groupby(level)
        if ((table.max() - table.min()) > SAME_STATION).to_numpy().any():
            out[rows] = geometry.vector_clusters(corner, SAME_STATION)
    return out


def _stacks(uid: str, frames: pd.DataFrame) -> list[tuple[str, Ints]]:
    """Keys of the stacks of one series, and the places of their frames."""
    features = _features(frames)
    varying = {name: codes for name, codes in features.items() if codes.max() > codes.min()}
    if not varying:
        return [(uid, np.arange(len(frames)))]
    codes = pd.DataFrame(varying).groupby(list(varying), sort=True).ngroup().to_numpy()
    order = np.argsort(codes, kind="stable")
    places = np.split(order, np.flatnonzero(np.diff(codes[order])) + 1)
    parts = [frames.iloc[at] for at in places]
    names = [_name(part, varying) for part in parts]
    for digest in (_digest, _long_digest):
        often = Counter(names)
        names = [n if often[n] == 1 else f"{n}-{digest(part)}" for n, part in zip(names, parts, strict=True)]
    return [(f"{uid}-{n}", at) for n, at in zip(names, places, strict=True)]


def _name(part: pd.DataFrame, varying: dict[str, Ints]) -> str:
    """The properties that tell a stack from the others of its series, in words."""
    first = part.iloc[0]
    words = {
        "SeriesNumber": f"series{first['SeriesNumber']}",
        "SOPClassUID": f"sop{_word(str(first['SOPClassUID']).rsplit('.', 1)[-1])}",
        "derived": _word(first["derived"]) if pd.notna(first["derived"]) else "image",
        "Rows": f"{first['Rows']}x{first['Columns']}",
        "Columns": f"{first['Rows']}x{first['Columns']}",
        "plane": _plane(first),
        "placed": "placed" if pd.notna(first["position_x"]) else "unplaced",
        "colour": _word(first["PhotometricInterpretation"]).lower(),
        "spacing": f"{first['spacing_row']:.4g}x{first['spacing_col']:.4g}mm",
        "BitsAllocated": f"{first['BitsAllocated']}bit",
        "PixelRepresentation": "signed" if first["PixelRepresentation"] == 1 else "unsigned",
        "SamplesPerPixel": f"{first['SamplesPerPixel']}samples",
        "pixels": str(first["pixels"]),
        "station": _corner(first),
        "kind": _word(first["kind"]).lower() if pd.notna(first["kind"]) else "plain",
    }
    used = [name for name in varying if name != "kind" or "derived" not in varying]
    return "-".join(dict.fromkeys(words[name] for name in used))


def _word(value: object) -> str:
    """A header's text as part of a key: short, without characters that have a meaning in paths."""
    return re.sub(r"[^\w.+-]", "_", str(value))[:_LONGEST]


def _plane(frame: pd.Series) -> str:
    """The anatomical plane whose axis is closest to the normal."""
    cosines = frame[ORIENTATION].to_numpy(float)
    if np.isnan(cosines).any():
        return "unplaced"
    return _PLANES[int(np.argmax(np.abs(normal(cosines[:3], cosines[3:]))))]


def _corner(frame: pd.Series) -> str:
    """The position of the first pixel, rounded to mm."""
    return "at" + "_".join(f"{v:.0f}" if abs(v) < 1e6 else f"{v:.3g}" for v in frame[POSITION].to_numpy(float))


def _digest(part: pd.DataFrame) -> str:
    """Four hexadecimal digits of the geometry, rounded: it tells most stacks of one name apart."""
    numbers = part[[*ORIENTATION, "spacing_row", "spacing_col"]].iloc[0].to_numpy(float)
    text = ",".join(f"{v:.3f}" for v in numbers) + _corner(part.sort_values(POSITION).iloc[0])
    return hashlib.sha256(text.encode()).hexdigest()[:4]


def _long_digest(part: pd.DataFrame) -> str:
    """Twelve digits of every property of a stack, unrounded, where `_digest` gives one text for two stacks."""
    first = part[[*_EXACT, "kind", "PhotometricInterpretation", *ORIENTATION, "spacing_row", "spacing_col", *POSITION]].iloc[0]
    text = "\n".join("" if pd.isna(v) else str(v) for v in first)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def choose(frames: pd.DataFrame, series: str | int | None, pixels: Pixels) -> Stack:
    """The only stack of a table, or the one that ``series`` names.

    ``series`` is a key, SeriesInstanceUID, SeriesNumber or SeriesDescription, or ``None`` if the table holds one stack.

    Raises
    ------
    SeriesError
        No stack matches, or several do; the message lists the keys.
    """
    stacks = split(frames, pixels)
    if not stacks:
        raise SeriesError(f"no image among {len(frames)} frames: {_kinds(frames)}")
    named = stacks if series is None else [s for s in stacks if _matches(s, str(series))]
    if len(named) == 1:
        return named[0]
    if not named:
        raise SeriesError(f"no series {series!r}; there are:\n{listing(stacks)}")
    what = "the source holds" if series is None else f"{series!r} names"
    raise SeriesError(f"{what} {len(named)} arrays; pass series= one of these keys:\n{listing(named)}")


def _matches(stack: Stack, name: str) -> bool:
    """Whether a name is the stack's key, SeriesInstanceUID, SeriesNumber or SeriesDescription."""
    first = stack.frames.iloc[0]
    names = (first["SeriesInstanceUID"], first["SeriesNumber"], first["SeriesDescription"])
    return stack.key == name or name in {str(v) for v in names if pd.notna(v)}


def listing(stacks: list[Stack], most: int = 20) -> str:
    """One line for each stack, up to ``most``: key, SeriesNumber, description, number of frames."""
    lines = [f"  {s.key}  {_numbered(s.frames)}  {len(s.frames)} frames" for s in stacks[:most]]
    return "\n".join(lines + ([f"  ... and {len(stacks) - most} more"] if len(stacks) > most else []))


def _numbered(frames: pd.DataFrame) -> str:
    """The SeriesNumber, if there is one, and the SeriesDescription of a stack."""
    number, text = frames["SeriesNumber"].iloc[0], _text(frames["SeriesDescription"].iloc[0])
    return repr(text) if pd.isna(number) else f"SeriesNumber {number}  {text!r}"


def _text(value: object) -> str:
    """A text of the table, "" for a missing one."""
    return str(value) if isinstance(value, str) else ""


def _kinds(frames: pd.DataFrame) -> str:
    """How many frames there are of each modality, in words."""
    return ", ".join(f"{count} {name}" for name, count in frames["Modality"].fillna("unknown").value_counts().items())
