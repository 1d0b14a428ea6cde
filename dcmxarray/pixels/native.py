"""Native (uncompressed) frames: bytes at an offset, read straight into their place (PS3.5 section 8.1)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from .. import files
from ..errors import PixelError
from ..model import PixelSpec
from .rescale import stored_dtype

Array = npt.NDArray[np.generic]

BIG_ENDIAN = "1.2.840.10008.1.2.2"
DEFLATED = "1.2.840.10008.1.2.1.99"
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


def is_direct(spec: PixelSpec, dtype: np.dtype[np.generic]) -> bool:
    """Whether the bytes in the file are the array's own: they can be read into it without a copy."""
    same = stored_dtype(spec) == dtype and spec.syntax != BIG_ENDIAN
    full = spec.kind != "int" or (spec.bits_stored == spec.bits_allocated and spec.high_bit == spec.bits_allocated - 1)
    return same and full and (spec.samples == 1 or spec.planar == 0)


def read(path: str, spec: PixelSpec, offsets: Sequence[int], outs: Sequence[Array]) -> None:
    """Read stored values of several frames of one file, each into an array of `stored_dtype`.

    Raises
    ------
    PixelError
        The file holds fewer bytes than its header says.
    """
    try:
        files.read_into(path, [(o, out.reshape(-1).view(np.uint8)) for o, out in zip(offsets, outs, strict=True)])
    except EOFError as error:
        raise PixelError(
            f"{path}: pixel data are truncated: {spec.rows} x {spec.columns} values of {spec.bits_allocated} bits are not there. "
            f"Leave the file out of the table, and pass missing='fill'."
        ) from error
    for out in outs:
        _settle(spec, out)


def _settle(spec: PixelSpec, out: Array) -> None:
    """Byte order, planes and unused bits, in place."""
    if spec.syntax == BIG_ENDIAN:
        out.byteswap(inplace=True)
    if spec.samples > 1 and spec.planar == 1:
        planes = out.reshape(spec.samples, spec.rows, spec.columns).copy()
        out[...] = np.moveaxis(planes, 0, -1)
    if spec.kind == "int":
        clear_unused(spec, out)


def clear_unused(spec: PixelSpec, out: Array) -> None:
    """Keep the stored bits alone: bits above HighBit mean nothing (PS3.5 8.1.1), and a sign is carried up."""
    bits = out.dtype.itemsize * 8
    above = bits - 1 - spec.high_bit
    below = spec.high_bit + 1 - spec.bits_stored
    if above > 0:
        np.left_shift(out, above, out=out)  # type: ignore[call-overload]
    if above + below > 0:
        np.right_shift(out, above + below, out=out)  # type: ignore[call-overload]
