"""Native (uncompressed) frames: from the bytes in the file to stored values (PS3.5 section 8.1).  Opens no file."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ..model import PixelSpec
from .rescale import stored_dtype

Array = npt.NDArray[Any]

PACKED = 12  # BitsAllocated of ACR-NEMA and early DICOM: two values in three bytes (PS3.5 annex D, retired)
BIG_ENDIAN = "1.2.840.10008.1.2.2"
DEFLATED = "1.2.840.10008.1.2.1.99"
SYNTAXES = ("", "1.2.840.10008.1.2", "1.2.840.10008.1.2.1", BIG_ENDIAN, "1.2.840.113619.5.2")


def reads(spec: PixelSpec) -> bool:
    """Whether frames of this layout are plain bytes in the file: whole bytes per value, grey or RGB."""
    whole = spec.bits_allocated in (8, 16, 32, 64)
    plain = spec.samples == 1 or (spec.samples == 3 and spec.photometric == "RGB")
    grey = spec.photometric != "PALETTE COLOR"
    return spec.syntax in SYNTAXES and whole and plain and grey and not is_swapped(spec)


def has_rows(spec: PixelSpec) -> bool:
    """Whether the rows of a frame lie one after the other in the pixel data, so that some can be read without the others."""
    together = spec.samples == 1 or (spec.planar == 0 and spec.photometric != "YBR_FULL_422")
    return together and spec.syntax in (*SYNTAXES, DEFLATED) and not is_swapped(spec)


def is_swapped(spec: PixelSpec) -> bool:
    """Whether single bytes, bits or packed values may be stored in swapped pairs of bytes (big endian)."""
    return spec.syntax == BIG_ENDIAN and spec.bits_allocated in (1, 8, PACKED)


def clears(spec: PixelSpec, offset: int) -> bool:
    """Whether this module reads the frames, so that no value has more than the stored bits."""
    return spec.syntax in SYNTAXES and offset >= 0 and not is_swapped(spec)


def shape(spec: PixelSpec) -> tuple[int, ...]:
    """The shape of one frame as stored: (rows, columns), or (rows, columns, samples) if there are several samples."""
    return (spec.rows, spec.columns) if spec.samples == 1 else (spec.rows, spec.columns, spec.samples)


def options(spec: PixelSpec) -> dict[str, Any]:
    """The layout of one frame as options of pydicom's decoders."""
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
    """Convert the bytes of one frame to stored values, in place where possible.

    Parameters
    ----------
    raw
        (bytes,) uint8, as stored in a file.
    spec
        The frame's layout; single bits and packed values are supported too.
    first
        For these: the number of bits in the first byte that belong to the frame before.

    Returns
    -------
    numpy.ndarray
        (rows, columns[, samples]).
    """
    if spec.bits_allocated == 1:
        count = spec.rows * spec.columns * spec.samples
        return np.unpackbits(raw, bitorder="little")[first : first + count].reshape(shape(spec))
    if spec.bits_allocated == PACKED:
        raw = _unpacked(raw, spec, first).view(np.uint8)
    if spec.photometric == "YBR_FULL_422" and spec.syntax in (*SYNTAXES, DEFLATED):
        return _expanded(raw).reshape(shape(spec))
    out = raw.view(stored_dtype(spec)).reshape(1, *shape(spec))
    settle(spec, out)
    return out[0]


def _unpacked(raw: Array, spec: PixelSpec, first: int) -> Array:
    """Values of 12 bits, the first in the lowest bits, as 16 bits each."""
    count = spec.rows * spec.columns * spec.samples
    half = np.stack([raw & 15, raw >> 4], axis=-1).reshape(-1)[first // 4 :][: 3 * count].astype(np.uint16)
    return half[0::3] | half[1::3] << 4 | half[2::3] << 8


def _expanded(raw: Array) -> Array:
    """Expand YBR_FULL_422, which stores two pixels as Y, Y, Cb, Cr, to (pairs, 2, 3)."""
    four = raw.reshape(-1, 4)
    return np.stack([four[:, :2], four[:, [2, 2]], four[:, [3, 3]]], axis=-1)


def is_settled(spec: PixelSpec) -> bool:
    """Whether the bytes in the file are the values, so that `settle` has nothing to do."""
    full = spec.element != "int" or (spec.bits_stored == spec.bits_allocated and spec.high_bit == spec.bits_allocated - 1)
    return full and spec.syntax != BIG_ENDIAN and (spec.samples == 1 or spec.planar == 0)


def settle(spec: PixelSpec, out: Array) -> None:
    """Convert frames as read to stored values in place: byte order, colour planes and unused bits.

    Parameters
    ----------
    spec
        The frames' layout.
    out
        (frames, rows, columns[, samples]).
    """
    if spec.syntax == BIG_ENDIAN:
        out.byteswap(inplace=True)
    if spec.samples > 1 and spec.planar == 1:
        planes = out.reshape(-1, spec.samples, spec.rows, spec.columns).copy()
        out[...] = np.moveaxis(planes, 1, -1)
    if spec.element == "int":
        clear_unused(spec, out)


def clear_unused(spec: PixelSpec, out: Array) -> None:
    """Keep only the stored bits, in place: bits above HighBit have no meaning (PS3.5 8.1.1); a sign is extended."""
    bits = out.dtype.itemsize * 8
    above = bits - 1 - spec.high_bit
    below = spec.high_bit + 1 - spec.bits_stored
    if above > 0:
        np.left_shift(out, above, out=out)
    if above + below > 0:
        np.right_shift(out, above + below, out=out)
