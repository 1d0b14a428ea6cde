"""Native (uncompressed) frames: bytes at an offset, read straight into their place (PS3.5 section 8.1)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .. import files
from ..errors import PixelError
from ..model import PixelSpec

Array = npt.NDArray[np.generic]

BIG_ENDIAN = "1.2.840.10008.1.2.2"
SYNTAXES = ("", "1.2.840.10008.1.2", "1.2.840.10008.1.2.1", BIG_ENDIAN, "1.2.840.113619.5.2")


def reads(spec: PixelSpec) -> bool:
    """Whether frames of this layout are plain bytes in the file: whole bytes a value, grey or RGB."""
    whole = spec.bits_allocated in (8, 16, 32, 64)
    plain = spec.samples == 1 or (spec.samples == 3 and spec.photometric == "RGB")
    grey = spec.photometric != "PALETTE COLOR"
    swapped = spec.syntax == BIG_ENDIAN and spec.bits_allocated == 8
    return spec.syntax in SYNTAXES and whole and plain and grey and not swapped


def shape(spec: PixelSpec) -> tuple[int, ...]:
    """Of one frame as it is read: (rows, columns), or with the samples where there are several."""
    return (spec.rows, spec.columns) if spec.samples == 1 else (spec.rows, spec.columns, spec.samples)


def read(path: str, spec: PixelSpec, offset: int, out: memoryview) -> None:
    """Read one frame, or a run of neighbouring ones, as they stand in the file.

    Raises
    ------
    PixelError
        The file holds fewer bytes than its header says.
    """
    try:
        files.read_into(path, offset, out)
    except EOFError as error:
        raise PixelError(
            f"{path}: pixel data are truncated: {len(out)} bytes from byte {offset} on are not all there. "
            f"Leave the file out of the table, and pass missing='fill'."
        ) from error


def is_settled(spec: PixelSpec) -> bool:
    """Whether bytes in the file are values as they are."""
    full = spec.kind != "int" or (spec.bits_stored == spec.bits_allocated and spec.high_bit == spec.bits_allocated - 1)
    return full and spec.syntax != BIG_ENDIAN and (spec.samples == 1 or spec.planar == 0)


def settle(spec: PixelSpec, out: Array) -> None:
    """Byte order, planes and unused bits of frames as they were read, (frames, ...), in place."""
    if spec.syntax == BIG_ENDIAN:
        out.byteswap(inplace=True)
    if spec.samples > 1 and spec.planar == 1:
        planes = out.reshape(-1, spec.samples, spec.rows, spec.columns).copy()
        out[...] = np.moveaxis(planes, 1, -1)
    if spec.kind == "int":
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
