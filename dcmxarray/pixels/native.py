"""Native (uncompressed) frames: from bytes as they stand in the file to stored values (PS3.5 section 8.1).  Opens no file."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ..model import PixelSpec
from .rescale import stored_dtype

Array = npt.NDArray[Any]

BIG_ENDIAN = "1.2.840.10008.1.2.2"
SYNTAXES = ("", "1.2.840.10008.1.2", "1.2.840.10008.1.2.1", BIG_ENDIAN, "1.2.840.113619.5.2")


def reads(spec: PixelSpec) -> bool:
    """Whether frames of this layout are plain bytes in the file: whole bytes a value, grey or RGB."""
    whole = spec.bits_allocated in (8, 16, 32, 64)
    plain = spec.samples == 1 or (spec.samples == 3 and spec.photometric == "RGB")
    grey = spec.photometric != "PALETTE COLOR"
    return spec.syntax in SYNTAXES and whole and plain and grey and not is_swapped(spec)


def is_swapped(spec: PixelSpec) -> bool:
    """Whether single bytes or bits may stand in swapped pairs (big endian)."""
    return spec.syntax == BIG_ENDIAN and spec.bits_allocated <= 8


def shape(spec: PixelSpec) -> tuple[int, ...]:
    """Of one frame as it is read: (rows, columns), or with the samples where there are several."""
    return (spec.rows, spec.columns) if spec.samples == 1 else (spec.rows, spec.columns, spec.samples)


def options(spec: PixelSpec) -> dict[str, Any]:
    """The layout of one frame, as pydicom's decoders take it."""
    from pydicom.uid import UID

    return {
        "rows": spec.rows,
        "columns": spec.columns,
        "samples_per_pixel": spec.samples,
        "bits_allocated": spec.bits_allocated,
        "bits_stored": spec.bits_stored,
        "pixel_representation": int(spec.signed),
        "photometric_interpretation": spec.photometric,
        "planar_configuration": spec.planar,
        "number_of_frames": 1,
        "pixel_keyword": "PixelData",
        "transfer_syntax_uid": UID(spec.syntax),
    }


def image(raw: Array, spec: PixelSpec, first: int = 0) -> Array:
    """Stored values of one frame from its bytes, of single bits too, in place where that is possible.

    Parameters
    ----------
    raw
        The frame's bytes, as they stand in a file.
    spec
        Its layout.
    first
        Of single bits, how many stand before the frame's in its first byte.
    """
    if spec.bits_allocated == 1:
        count = spec.rows * spec.columns * spec.samples
        return np.unpackbits(raw, bitorder="little")[first : first + count].reshape(shape(spec))
    if spec.photometric == "YBR_FULL_422" and spec.syntax in SYNTAXES:
        return _expanded(raw).reshape(shape(spec))
    out = raw.view(stored_dtype(spec)).reshape(1, *shape(spec))
    settle(spec, out)
    return out[0]


def _expanded(raw: Array) -> Array:
    """(pixels, 3) of YBR_FULL_422: two of Y, then the Cb and Cr of both."""
    four = raw.reshape(-1, 4)
    return np.stack([four[:, :2], four[:, [2, 2]], four[:, [3, 3]]], axis=-1)


def is_settled(spec: PixelSpec) -> bool:
    """Whether bytes in the file are values as they are."""
    full = spec.element != "int" or (spec.bits_stored == spec.bits_allocated and spec.high_bit == spec.bits_allocated - 1)
    return full and spec.syntax != BIG_ENDIAN and (spec.samples == 1 or spec.planar == 0)


def settle(spec: PixelSpec, out: Array) -> None:
    """Byte order, planes and unused bits of frames as they were read, (frames, ...), in place."""
    if spec.syntax == BIG_ENDIAN:
        out.byteswap(inplace=True)
    if spec.samples > 1 and spec.planar == 1:
        planes = out.reshape(-1, spec.samples, spec.rows, spec.columns).copy()
        out[...] = np.moveaxis(planes, 1, -1)
    if spec.element == "int":
        clear_unused(spec, out)


def clear_unused(spec: PixelSpec, out: Array) -> None:
    """Keep the stored bits alone: bits above HighBit mean nothing (PS3.5 8.1.1), and a sign is carried up."""
    bits = out.dtype.itemsize * 8
    above = bits - 1 - spec.high_bit
    below = spec.high_bit + 1 - spec.bits_stored
    if above > 0:
        np.left_shift(out, above, out=out)
    if above + below > 0:
        np.right_shift(out, above + below, out=out)
