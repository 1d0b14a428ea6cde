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
from . import features, geometry
from .copies import Pixels, without_copies
from .work import joint

ORIENTATION, POSITION = features.ORIENTATION, features.POSITION
_NO_UID = "no-SeriesInstanceUID"
_LONGEST = 40  # characters of a word in a key

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


def split(frames: pd.DataFrame, pixels: Pixels, joined: bool = False) -> list[Stack]:
    """The stacks of every series of a frame table; rows without an image are skipped.

    A copy of a file (same SOPInstanceUID, same header, same ``pixels``) counts once.  A series that can't be split becomes one
    stack with a ``problem``.

    Parameters
    ----------
    frames
        The frame table.
    pixels
        Compares the pixels of suspected copies.
    joined
        Whether all images count as one series, whatever their SeriesInstanceUID and SeriesNumber.  If there are several UIDs,
        keys begin with the smallest and the number of the others, such as ``1.2.3+4``.

    Returns
    -------
    list of Stack
        Sorted by key, whatever the order of ``frames``.  No key occurs twice; every image that is not a copy is in one stack.
    """
    rows = without_copies(images(frames), pixels)
    if rows.empty:
        return []
    uids = _series_uids(rows)
    if joined:
        several = np.unique(uids.astype(str))
        uids[:] = several[0] if several.size == 1 else f"{several[0]}+{several.size - 1}"
    order = _order(uids, rows, ["SOPInstanceUID", "frame", "path"])
    rows, uids = rows.iloc[order], uids[order]
    starts = np.flatnonzero(np.concatenate([[True], uids[1:] != uids[:-1]]))
    ends = np.append(starts[1:], len(rows))
    parts: list[tuple[str, Ints, str]] = []
    with np.errstate(all="ignore"):  # nonsensical numbers overflow, and are compared all the same
        for start, end, mixed in zip(starts.tolist(), ends.tolist(), features.may_be_mixed(rows, starts, joined), strict=True):
            found = _parts(str(uids[start]), rows.iloc[start:end], mixed, joined)
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


def _parts(uid: str, frames: pd.DataFrame, mixed: bool, joined: bool) -> list[tuple[str, Ints, str]]:
    """Key, places of the frames and problem of every stack of a series; an error in one series affects no other."""
    whole = np.arange(len(frames))
    if not mixed:
        return [(uid, whole, "")]
    try:
        return [(key, places, "") for key, places in _stacks(uid, frames, joined)]
    except FATAL:
        raise
    except BaseException as error:  # noqa: BLE001
        return [(uid, whole, f"the series can't be split: {problem_of(error)}")]


def _order(uids: npt.NDArray[Any], frames: pd.DataFrame, columns: list[str]) -> Ints:
    """The order that sorts rows by series, then by some columns; missing values come last."""
    parts = {"series": pa.array(uids, pa.string())} | {c: pa.array(frames[c], from_pandas=True) for c in columns}
    return np.asarray(pc.sort_indices(pa.table(parts), sort_keys=[(c, "ascending") for c in parts]))


def _stacks(uid: str, frames: pd.DataFrame, joined: bool) -> list[tuple[str, Ints]]:
    """Keys of the stacks of one series, and the places of their frames."""
    varying = {name: codes for name, codes in features.features(frames, joined).items() if codes.max() > codes.min()}
    if not varying:
        return [(uid, np.arange(len(frames)))]
    codes = pd.DataFrame(varying).groupby(list(varying), sort=True).ngroup().to_numpy()
    order = np.argsort(codes, kind="stable")
    places = np.split(order, np.flatnonzero(np.diff(codes[order])) + 1)
    parts = [frames.iloc[at] for at in places]
    telling = _telling(varying)
    names = [_name(part, telling) for part in parts]
    for digest in (_digest, _long_digest):
        often = Counter(names)
        names = [n if often[n] == 1 else f"{n}-{digest(part)}" for n, part in zip(names, parts, strict=True)]
    return [(f"{uid}-{n}", at) for n, at in zip(names, places, strict=True)]


def _telling(varying: dict[str, Ints]) -> list[str]:
    """The names of varying properties; of those that follow from others, only the ones that tell more than the earlier ones."""
    telling = [name for name in varying if name not in features.SIGNS]
    for name in (n for n in features.SIGNS if n in varying):
        known = joint([varying[n] for n in telling]) if telling else np.zeros_like(varying[name])
        if joint([known, varying[name]]).max() > known.max():
            telling.append(name)
    return telling


def _name(part: pd.DataFrame, telling: list[str]) -> str:
    """The properties that tell a stack from the others of its series, in words."""
    first = part.iloc[0]
    words = {
        "SeriesNumber": f"series{first['SeriesNumber']}",
        "PatientID": f"of{hashlib.sha256(str(part['SeriesInstanceUID'].min()).encode()).hexdigest()[:4]}",
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
        "variant": f"variant{_word(first['variant'])}" if pd.notna(first["variant"]) else "plain",
        "origin": "derived" if str(first["ImageType"]).startswith("DERIVED") else "original",
        "units": _word(next((u for u in first[["RescaleType", "Units"]] if pd.notna(u)), "unitless")).lower(),
        "reference": "m0" if first["label"] == "m0" else "image",
        "frame": f"frame{hashlib.sha256(str(part['FrameOfReferenceUID'].min()).encode()).hexdigest()[:4]}",
        "contrast": f"te{first['EchoTime']:.4g}-ti{first['InversionTime']:.4g}-fa{first['FlipAngle']:.4g}".replace("-tinan", ""),
        "numbering": f"object{hashlib.sha256(str(part['SOPInstanceUID'].min()).encode()).hexdigest()[:4]}",
        "root": f"uid{hashlib.sha256(str(features.roots(part.iloc[:1])[0]).encode()).hexdigest()[:4]}",
        "range": "signed" if features.below_zero(part.iloc[:1])[0] else "unsigned",
        "window": f"to{first['window_high']:.3g}",
    }
    return "-".join(dict.fromkeys(words[name] for name in telling))


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
    spacing = ("spacing_row", "spacing_col")
    names = (*features.exact(joined=False), "kind", "PhotometricInterpretation", *ORIENTATION, *spacing, *POSITION)
    first = part[[*names]].iloc[0]
    text = "\n".join("" if pd.isna(v) else str(v) for v in first)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def choose(frames: pd.DataFrame, series: str | int | None, pixels: Pixels, joined: bool = False) -> Stack:
    """The only stack of a table, or the one that ``series`` names.

    Parameters
    ----------
    frames, pixels
        As for `split`.
    series
        A key, SeriesInstanceUID, SeriesNumber or SeriesDescription, or ``None`` if the table holds one stack.
    joined
        Whether all images are one series; ``series`` may then name a stack of it, or of one of the series that it was made of.

    Raises
    ------
    SeriesError
        No stack matches, or several do; the message lists the keys.
    """
    stacks = split(frames, pixels, joined)
    if not stacks:
        raise SeriesError(f"no image among {len(frames)} frames: {_kinds(frames)}")
    named = stacks if series is None else [s for s in stacks if _matches(s, str(series), joined)]
    if not named and joined:
        return choose(frames, series, pixels)
    if len(named) == 1:
        return named[0]
    if not named:
        raise SeriesError(f"no series {series!r}; there are:\n{listing(stacks)}")
    what = "the source holds" if series is None else f"{series!r} names"
    raise SeriesError(f"{what} {len(named)} arrays; pass series= one of these keys:\n{listing(named)}")


def _matches(stack: Stack, name: str, joined: bool) -> bool:
    """Whether a name is the stack's key or, if the user joined no series, its UID, SeriesNumber or SeriesDescription."""
    first = stack.frames.iloc[0]
    names = () if joined else (first["SeriesInstanceUID"], first["SeriesNumber"], first["SeriesDescription"])
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
