"""Which frames belong in one array: series are split into stacks of one kind, plane, matrix and pixel type.

It works on the frame table and opens no file: whether suspected copies hold the same pixels, a function that it is given says.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from ..errors import FATAL, SeriesError, problem_of
from ..model import Floats, Geometry, Ints, normal
from . import geometry

Pixels = Callable[[pd.DataFrame], npt.NDArray[Any]]  # for each frame a code: frames with one have the same pixels

ORIENTATION = ["row_x", "row_y", "row_z", "column_x", "column_y", "column_z"]
POSITION = ["position_x", "position_y", "position_z"]
SAME_COSINE = 1e-4
_NO_UID = "no-SeriesInstanceUID"
SAME_STATION = 0.5  # mm within the plane
_LONGEST = 40  # characters of a word in a key

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
    ``start`` to ``stop`` are this one's; it pickles with its own alone.  ``problem`` says why it can't be opened, where that is
    known already.
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
        """Whether frames may be left out where they are empty, as in segmentations (PS3.3 C.8.20.2, A.51)."""
        return self.table["SOPClassUID"].iloc[self.start] in _SPARSE

    def __reduce__(self) -> tuple[Any, ...]:
        return Stack, (self.key, self.frames, 0, self.stop - self.start, self.problem)


def images(frames: pd.DataFrame) -> pd.DataFrame:
    """The rows that hold an image: pixels, and a matrix to put them in."""
    has = frames["pixels"].notna() & frames["Rows"].fillna(0).gt(0) & frames["Columns"].fillna(0).gt(0)
    return frames[has]


def leading(frames: pd.DataFrame, names: Sequence[str]) -> Floats:
    """Numbers of the first row."""
    return np.array([frames[name].iat[0] for name in names], float)


def plane(frames: pd.DataFrame) -> Geometry | None:
    """The plane that the frames of a stack share; ``None`` where a position or the orientation is missing, or is none."""
    axes = leading(frames, ORIENTATION)
    row, column = axes[:3], axes[3:]
    placed = all(np.isfinite(frames[name].to_numpy(float)).all() for name in POSITION)
    if not placed or not geometry.is_plane(row, column):
        return None
    return Geometry(row, column, normal(row, column))


def comparable(column: pd.Series) -> npt.NDArray[Any]:
    """A column as numpy, in which nothing missing equals itself."""
    return column.to_numpy(float, na_value=np.nan) if isinstance(column.dtype, pd.Int64Dtype) else column.to_numpy()


def split(frames: pd.DataFrame, pixels: Pixels) -> list[Stack]:
    """The stacks of every series of a frame table, sorted by key; rows that are no image are passed over.

    A copy of a file (same SOPInstanceUID, same header, same ``pixels``) counts once.  A series that can't be split is one stack,
    with its problem.
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
    with np.errstate(all="ignore"):  # absurd numbers are told apart like others
        for start, end, mixed in zip(starts.tolist(), ends.tolist(), _may_be_mixed(rows, starts), strict=True):
            found = _parts(str(uids[start]), rows.iloc[start:end], mixed)
            parts += [(key, start + places, problem) for key, places, problem in found]
    table = rows.iloc[np.concatenate([places for _, places, _ in parts])]
    bounds = np.cumsum([0, *(len(places) for _, places, _ in parts)]).tolist()
    keys = _once([key for key, _, _ in parts])
    said = [problem for _, _, problem in parts]
    return [Stack(key, table, a, b, text) for key, a, b, text in zip(keys, bounds[:-1], bounds[1:], said, strict=True)]


def _once(keys: list[str]) -> list[str]:
    """Keys of which none occurs twice: made-up UIDs may look like another's key."""
    seen: dict[str, int] = {}
    for key in keys if len(set(keys)) < len(keys) else ():
        seen[key] = seen.get(key, 0) + 1
    again = {key for key, count in seen.items() if count > 1}
    number = dict.fromkeys(again, 0)
    out = []
    for key in keys:
        number[key] = number.get(key, 0) + 1
        out.append(f"{key}~{number[key]}" if key in again else key)
    return out


def _series_uids(frames: pd.DataFrame) -> npt.NDArray[Any]:
    """What series every frame is of; frames without SeriesInstanceUID are together where patient and study are the same."""
    uids = frames["SeriesInstanceUID"].to_numpy(object, copy=True)
    lost = frames["SeriesInstanceUID"].isna().to_numpy()
    if not lost.any():
        return uids
    whose = frames.loc[lost, ["PatientID", "StudyInstanceUID"]].astype(object).fillna("")
    several = len(whose.drop_duplicates()) > 1
    said = [hashlib.sha256(repr(pair).encode()).hexdigest()[:8] for pair in whose.itertuples(index=False, name=None)]
    uids[lost] = [f"{_NO_UID}-{text}" if several else _NO_UID for text in said]
    return uids


def _parts(uid: str, frames: pd.DataFrame, mixed: bool) -> list[tuple[str, Ints, str]]:
    """Keys of the stacks of one series, sorted, the places of their frames, and what is wrong; a series costs itself alone."""
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
    """The rows' order by series and some columns; missing values last."""
    parts = {"series": pa.array(uids, pa.string())} | {c: pa.array(frames[c], from_pandas=True) for c in columns}
    return np.asarray(pc.sort_indices(pa.table(parts), sort_keys=[(c, "ascending") for c in parts]))


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


def without_copies(frames: pd.DataFrame, pixels: Pixels) -> pd.DataFrame:
    """Frames without copies: same SOPInstanceUID and frame, all else that the table knows of them, and the same pixels."""
    twice = (frames.duplicated(["SOPInstanceUID", "frame"], keep=False) & frames["SOPInstanceUID"].notna()).to_numpy()
    if not twice.any():
        return frames
    places = np.flatnonzero(twice)
    suspects = frames.iloc[places].assign(place=places).sort_values("path", kind="stable")
    identity = [c for c in frames.columns if c not in _NOT_IDENTITY]
    suspects = suspects[suspects.duplicated(identity, keep=False)]
    if suspects.empty:
        return frames
    copies = suspects.assign(_pixels=pixels(suspects)).duplicated([*identity, "_pixels"]).to_numpy()
    kept = np.ones(len(frames), bool)
    kept[suspects["place"].to_numpy()[copies]] = False
    return frames[kept]


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
        level = geometry.clusters(positions[rows] @ normal(row, column), geometry.SAME_PLACE)
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
    said = [name for name in varying if name != "kind" or "derived" not in varying]
    return "-".join(dict.fromkeys(words[name] for name in said))


def _word(value: object) -> str:
    """A text of the header as part of a key: short, without what means something to paths."""
    return re.sub(r"[^\w.+-]", "_", str(value))[:_LONGEST]


def _plane(frame: pd.Series) -> str:
    cosines = frame[ORIENTATION].to_numpy(float)
    if np.isnan(cosines).any():
        return "unplaced"
    return _PLANES[int(np.argmax(np.abs(normal(cosines[:3], cosines[3:]))))]


def _corner(frame: pd.Series) -> str:
    return "at" + "_".join(f"{v:.0f}" if abs(v) < 1e6 else f"{v:.3g}" for v in frame[POSITION].to_numpy(float))


def _digest(part: pd.DataFrame) -> str:
    """Four letters from the geometry that stacks of one name still differ in."""
    numbers = part[[*ORIENTATION, "spacing_row", "spacing_col"]].iloc[0].to_numpy(float)
    text = ",".join(f"{v:.3f}" for v in numbers) + _corner(part.sort_values(POSITION).iloc[0])
    return hashlib.sha256(text.encode()).hexdigest()[:4]


def choose(frames: pd.DataFrame, series: str | int | None, pixels: Pixels) -> Stack:
    """The one stack of a table, or the one that ``series`` names: a key, a SeriesInstanceUID, number or description.

    Raises
    ------
    SeriesError
        There is none, or more than one; the message lists the keys.
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
