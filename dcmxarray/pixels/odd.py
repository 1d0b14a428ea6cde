"""The few layouts that pydicom decodes from the whole data set: deflated files, single bits, palettes, native YBR."""

from __future__ import annotations

import warnings
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import files
from ..errors import PixelError


@lru_cache(maxsize=4)
def _dataset(path: str) -> Any:
    import pydicom

    with warnings.catch_warnings(), files.open_file(path) as handle:
        warnings.simplefilter("ignore")
        return pydicom.dcmread(handle, force=True)


def decode(path: str, frame: int, palette: bool) -> npt.NDArray[Any]:
    """One frame: stored values, colour as RGB; ``palette`` looks indices up in the palette (PS3.3 C.7.6.3.1.5).

    Raises
    ------
    PixelError
        pydicom can't decode it.
    """
    from pydicom.pixels import apply_color_lut, pixel_array

    data = _dataset(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            array = pixel_array(data, index=frame)
            return np.asarray(apply_color_lut(array, data)) if palette else np.asarray(array)
    except Exception as error:
        raise PixelError(f"{path} frame {frame}: {str(error).splitlines()[-1][:200]}") from error


def palette_bits(path: str) -> int:
    """Bits of the palette's entries (third value of RedPaletteColorLookupTableDescriptor)."""
    descriptor = _dataset(path).get("RedPaletteColorLookupTableDescriptor")
    return int(descriptor[2]) if descriptor is not None else 16
