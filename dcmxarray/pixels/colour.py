"""Conversion of colours to RGB (PS3.3 C.7.6.3.1.2).  Opens no file."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ..model import PixelSpec

_RGB = ("RGB", "YBR_RCT", "YBR_ICT")  # decoders of JPEG 2000 undo the last two themselves
_YBR = ("YBR_FULL", "YBR_FULL_422")


def is_ybr(spec: PixelSpec) -> bool:
    """Whether an image's colours are full-range YCbCr.

    Raises
    ------
    ValueError
        They are neither YCbCr nor RGB.
    """
    if spec.samples == 1 or spec.photometric in _RGB:
        return False
    if spec.photometric in _YBR:
        return True
    raise ValueError(f"colours of PhotometricInterpretation {spec.photometric or 'missing'} can't be read, only RGB and YBR_FULL")


def to_rgb(image: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Convert a full-range YCbCr image, (rows, columns, 3) of 8 bits, to RGB.

    Raises
    ------
    ValueError
        Values have more than 8 bits.
    """
    from pydicom.pixels import convert_color_space

    if image.dtype != np.uint8:
        raise ValueError(f"YCbCr of {image.dtype.itemsize * 8} bits can't be read, only of 8")
    return np.asarray(convert_color_space(image, "YBR_FULL", "RGB"))
