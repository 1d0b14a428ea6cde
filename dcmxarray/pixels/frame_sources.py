"""From the frame table: where the frames of a stack lie, how their pixels are laid out and scaled.  Opens no file."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from ..model import FrameSources, PixelSpec
from ..stacks.split import comparable, leading
from .layout import checked
from .scales import scale

_SPEC = [
    *("Rows", "Columns", "SamplesPerPixel", "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation"),
    *("PlanarConfiguration", "PhotometricInterpretation", "pixels", "TransferSyntaxUID", "NumberOfFrames", "SOPClassUID"),
]
LABEL_MAP = "1.2.840.10008.5.1.4.1.1.66.7"  # its values are segment numbers; the palette is for display only (PS3.3 C.8.20.2)


def _specs(frames: pd.DataFrame) -> tuple[Any, tuple[PixelSpec, ...]]:
    """(frames,) the number of each frame's layout, and the distinct layouts."""
    parts = np.stack([_codes(frames[name]) for name in _SPEC])
    firsts, codes = np.unique(parts, axis=1, return_index=True, return_inverse=True)[1:]
    specs = tuple(_spec(checked({n: frames[n].iat[i] for n in _SPEC}, str(frames["path"].iat[i]))) for i in firsts)
    return codes.reshape(-1).astype(np.int64), specs


def _codes(column: pd.Series) -> Any:
    """(frames,) a code for every distinct value; zeros, as a shortcut, where all values are the same."""
    values = comparable(column)
    return np.zeros(len(column), np.int64) if (values == values[0]).all() else pd.factorize(column)[0]


def _spec(row: dict[str, Any]) -> PixelSpec:
    """The pixel layout from a header; missing elements take the usual value (one grey sample, all bits stored)."""

    def whole(name: str, default: int) -> int:
        return default if pd.isna(row[name]) else int(row[name])

    element, photometric = str(row["pixels"]), row["PhotometricInterpretation"]
    allocated = whole("BitsAllocated", {"float": 32, "double": 64}.get(element, 16))
    stored = whole("BitsStored", allocated)
    samples = whole("SamplesPerPixel", 1)
    grey = "MONOCHROME2" if samples == 1 else ""
    is_label_map = samples == 1 and row["SOPClassUID"] == LABEL_MAP
    return PixelSpec(
        rows=int(row["Rows"]),
        columns=int(row["Columns"]),
        samples=samples,
        bits_allocated=allocated,
        bits_stored=stored,
        high_bit=whole("HighBit", stored - 1),
        signed=whole("PixelRepresentation", 0) == 1,
        planar=whole("PlanarConfiguration", 0),
        photometric=grey if pd.isna(photometric) or is_label_map else str(photometric).upper(),
        element=element,
        syntax="" if pd.isna(row["TransferSyntaxUID"]) else str(row["TransferSyntaxUID"]),
        frames=max(1, whole("NumberOfFrames", 1)),
    )


def frame_shape(frames: pd.DataFrame, spec: PixelSpec, scaled: bool) -> tuple[int, ...]:
    """The shape of a frame: (rows, columns), or (rows, columns, 3) for colour.

    Parameters
    ----------
    frames
        Rows of the frame table.
    spec
        The pixel layout of the stored images.  A frame that is a part of one (a mosaic's tile) has the size of its crop.
    scaled
        Whether palettes are looked up, which makes them colour.
    """
    colour = spec.samples == 3 or (scaled and spec.photometric == "PALETTE COLOR")
    height, width = leading(frames, ["crop_rows", "crop_columns"])
    if np.isnan(height):
        height, width = spec.rows, spec.columns
    return (int(height), int(width), 3) if colour else (int(height), int(width))


def frame_sources(frames: pd.DataFrame, rescale: bool | str = True) -> FrameSources:
    """Find where the frames of a stack lie, and how they are laid out and scaled; opens no file.

    Parameters
    ----------
    frames
        Rows of the frame table.
    rescale
        As for `open_series`: whether to rescale, or by which mapping of `scales.SCALES`.

    Raises
    ------
    PixelError
        A header has a pixel layout or a scale that is not supported.
    """
    codes, names = pd.factorize(frames["path"])
    first = np.unique(codes, return_index=True)[1]
    file_size = frames["file_size"].to_numpy(np.int64, na_value=0)
    modified = frames["modified"].to_numpy(np.int64, na_value=0) if "modified" in frames else np.zeros_like(file_size)
    spec, specs = _specs(frames)
    offset = frames["pixel_offset"].to_numpy(np.int64)
    length = frames["pixel_length"].to_numpy(np.int64)
    slope, intercept = scale(frames, rescale)
    crop = np.nan_to_num(np.stack([frames[name].to_numpy(float) for name in ("crop_row", "crop_col")], axis=1))
    return FrameSources(
        paths=tuple(str(n) for n in names),
        uids=tuple(frames["SOPInstanceUID"].iloc[first].fillna("")),
        sizes=file_size[first],
        modified=modified[first],
        path=codes.astype(np.int64),
        offset=offset,
        length=np.where(length < 0, file_size - offset, length),
        frame=frames["frame"].to_numpy(np.int64),
        crop=crop.astype(np.int64),
        spec=spec,
        specs=specs,
        slope=slope,
        intercept=intercept,
    )
