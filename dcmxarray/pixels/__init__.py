"""Pixels: where frames lie, and the lazily indexed array that reads them.

``native`` reads plain bytes, ``encapsulated`` decodes, ``odd`` asks pydicom; ``rescale`` makes real-world values; ``lazy``
answers indexers.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from ..errors import PixelError
from ..model import FrameSources, PixelSpec
from ..series import comparable
from .lazy import FrameArray

__all__ = ["FrameArray", "sources"]

_SPEC = [
    *("Rows", "Columns", "SamplesPerPixel", "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation"),
    *("PlanarConfiguration", "PhotometricInterpretation", "pixels", "TransferSyntaxUID", "NumberOfFrames"),
]


def _specs(frames: pd.DataFrame) -> tuple[Any, tuple[PixelSpec, ...]]:
    """Distinct pixel layouts, and which each frame has."""
    parts = np.stack([_codes(frames[name]) for name in _SPEC])
    firsts, codes = np.unique(parts, axis=1, return_index=True, return_inverse=True)[1:]
    return codes.reshape(-1).astype(np.int64), tuple(_spec({n: frames[n].iat[i] for n in _SPEC}) for i in firsts)


def _codes(column: pd.Series) -> Any:
    """A code for every distinct value; zeros, quickly, where there is but one."""
    values = comparable(column)
    return np.zeros(len(column), np.int64) if (values == values[0]).all() else pd.factorize(column)[0]


def _spec(row: dict[str, Any]) -> PixelSpec:
    def whole(name: str, default: int) -> int:
        return default if pd.isna(row[name]) else int(row[name])

    kind = str(row["pixels"])
    allocated = whole("BitsAllocated", {"float": 32, "double": 64}.get(kind, 16))
    stored = min(whole("BitsStored", allocated), allocated) or allocated
    return PixelSpec(
        rows=int(row["Rows"]),
        columns=int(row["Columns"]),
        samples=whole("SamplesPerPixel", 1),
        bits_allocated=allocated,
        bits_stored=stored,
        high_bit=max(stored - 1, min(whole("HighBit", stored - 1), allocated - 1)),
        signed=whole("PixelRepresentation", 0) == 1,
        planar=whole("PlanarConfiguration", 0),
        photometric="" if pd.isna(row["PhotometricInterpretation"]) else str(row["PhotometricInterpretation"]).upper(),
        kind=kind,
        syntax="" if pd.isna(row["TransferSyntaxUID"]) else str(row["TransferSyntaxUID"]),
        frames=max(1, whole("NumberOfFrames", 1)),
    )


SCALES = {
    "philips_fp": ("fp_slope", "fp_intercept"),
    "rwvm": ("RealWorldValueSlope", "RealWorldValueIntercept"),
}


def _scale(frames: pd.DataFrame, rescale: bool | str) -> tuple[Any, Any]:
    """Slope and intercept of every frame.

    Raises
    ------
    PixelError
        The scale that is asked for is none, or is not in every header.
    """
    if isinstance(rescale, bool):
        slope, intercept = (frames[c].to_numpy(float) for c in ("RescaleSlope", "RescaleIntercept"))
        return np.where(np.isnan(slope) | (slope == 0), 1.0, slope), np.nan_to_num(intercept, nan=0.0)
    if rescale not in SCALES:
        raise PixelError(f"rescale={rescale!r} is none of True, False, {', '.join(map(repr, SCALES))}")
    slope, intercept = (frames[c].to_numpy(float) for c in SCALES[rescale])
    if np.isnan(slope).any():
        lacking = frames["path"].iloc[int(np.isnan(slope).argmax())]
        raise PixelError(f"{lacking}: no {SCALES[rescale][0]} for rescale={rescale!r}; rescale=True takes RescaleSlope")
    return slope, np.nan_to_num(intercept, nan=0.0)


def sources(frames: pd.DataFrame, rescale: bool | str = True) -> FrameSources:
    """Where the frames of a stack's table lie, and how they are scaled; opens no file."""
    codes, names = pd.factorize(frames["path"])
    spec, specs = _specs(frames)
    offset = frames["pixel_offset"].to_numpy(np.int64)
    length = frames["pixel_length"].to_numpy(np.int64)
    slope, intercept = _scale(frames, rescale)
    window = np.nan_to_num(np.stack([frames[name].to_numpy(float) for name in ("window_row", "window_col")], axis=1))
    return FrameSources(
        paths=tuple(str(n) for n in names),
        path=codes.astype(np.int64),
        offset=offset,
        length=np.where(length < 0, frames["file_size"].to_numpy(np.int64) - offset, length),
        frame=frames["frame"].to_numpy(np.int64),
        window=window.astype(np.int64),
        spec=spec,
        specs=specs,
        slope=slope,
        intercept=intercept,
    )
