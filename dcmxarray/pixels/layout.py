"""Checks made before memory is allocated: DICOM allows the pixel layout, and the file can hold the frames.  Opens no file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from ..errors import PixelError
from ..model import FrameSources, Ints, PixelSpec
from .native import SYNTAXES
from .reading import WAY_OUT

_SIDE = range(1, 65536)
_ALLOWED = {
    "Rows": (_SIDE, "1 to 65535"),
    "Columns": (_SIDE, "1 to 65535"),
    "SamplesPerPixel": ((1, 3), "1 or 3"),
    "BitsAllocated": ((1, 8, 12, 16, 32, 64), "1, 8, 12, 16, 32 or 64"),
    "PixelRepresentation": ((0, 1), "0 or 1"),
    "PlanarConfiguration": ((0, 1), "0 or 1"),
}
_MUST = ("Rows", "Columns")


def checked(row: dict[str, Any], path: str) -> dict[str, Any]:
    """Check the elements of a pixel layout, and return them unchanged.

    Parameters
    ----------
    row
        Keyword -> value, missing values as NaN or None.
    path
        The file, for error messages.

    Raises
    ------
    PixelError
        A value is not allowed (PS3.3 C.7.6.3), or values contradict each other.
    """
    for name, (allowed, words) in _ALLOWED.items():
        missing = pd.isna(row[name])
        if name in _MUST if missing else int(row[name]) not in allowed:
            raise _wrong(path, f"{name} is {'missing' if missing else int(row[name])}, not {words}")
    if row["pixels"] == "int":
        _check_bits(row, path)
    return row


def _check_bits(row: Mapping[str, Any], path: str) -> None:
    """Raise PixelError if BitsAllocated, BitsStored and HighBit contradict each other."""
    allocated = 16 if pd.isna(row["BitsAllocated"]) else int(row["BitsAllocated"])
    stored = allocated if pd.isna(row["BitsStored"]) else int(row["BitsStored"])
    high = stored - 1 if pd.isna(row["HighBit"]) else int(row["HighBit"])
    if not 1 <= stored <= allocated:
        raise _wrong(path, f"BitsStored is {stored}, not 1 to BitsAllocated ({allocated})")
    if not stored - 1 <= high < allocated:
        raise _wrong(path, f"HighBit is {high}, not {stored - 1} to {allocated - 1}, as BitsStored and BitsAllocated have it")


def _wrong(path: str, what: str) -> PixelError:
    return PixelError(f"{path}: {what}. Correct it in the table of frames, or leave the file out of the table.")


def bits(spec: PixelSpec) -> int:
    """The number of bits of one native frame; in YBR_FULL_422 two pixels share their Cb and Cr (PS3.3 C.7.6.3.1.2)."""
    samples = 2 if spec.photometric == "YBR_FULL_422" else spec.samples
    return spec.rows * spec.columns * samples * spec.bits_allocated


def check_room(sources: FrameSources, frames: Ints) -> None:
    """Check that pixel data and files are long enough for native frames.

    Parameters
    ----------
    sources
        Where the frames lie.
    frames
        (n,) indices of the frames to check.

    Raises
    ------
    PixelError
        A frame lies beyond the end of the pixel data or of the file; the error names the first.
    """
    places = sources.path[frames]
    ends = np.where(sources.sizes[places] > 0, sources.sizes[places], np.iinfo(np.int64).max)
    room = np.minimum(sources.length[frames], ends - sources.offset[frames])
    for number in sources.layouts(frames):
        spec = sources.specs[number]
        if spec.syntax not in SYNTAXES:
            continue
        held = np.minimum(room, 1 << 60) * 8 // bits(spec)
        short = (sources.spec[frames] == number) & (sources.offset[frames] >= 0) & (sources.frame[frames] >= held)
        if short.any():
            raise _too_short(sources, int(frames[short.argmax()]), int(room[short.argmax()]), spec)


def _too_short(sources: FrameSources, frame: int, room: int, spec: PixelSpec) -> PixelError:
    number = int(sources.frame[frame])
    need = -(-(number + 1) * bits(spec) // 8)
    return PixelError(
        f"{sources.file(frame).path}: pixel data are truncated: frame {number} needs {need} bytes, {max(room, 0)} are there, for "
        f"{spec.rows} x {spec.columns} pixels of {spec.bits_allocated} bits, {spec.samples} samples each. {WAY_OUT}"
    )
