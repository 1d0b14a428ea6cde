"""From stored values to real-world values, and the smallest dtype that loses nothing (PS3.3 C.11.1).  Opens no file."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..model import FrameSources, PixelSpec

Array = npt.NDArray[np.generic]

_INTEGERS = [np.dtype(d) for d in ("u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8")]
_MOST_BITS_OF_FLOAT32 = 24


def stored_dtype(spec: PixelSpec) -> np.dtype[np.generic]:
    """The dtype of stored values in this machine's byte order."""
    if spec.kind != "int":
        return np.dtype("f4" if spec.kind == "float" else "f8")
    width = max(1, -(-spec.bits_allocated // 8))
    width = 1 << (width - 1).bit_length()
    return np.dtype(f"{'i' if spec.signed else 'u'}{width}")


def _range(spec: PixelSpec) -> tuple[int, int]:
    bits = spec.bits_stored
    return (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if spec.signed else (0, (1 << bits) - 1)


def is_identity(sources: FrameSources) -> bool:
    """Whether no frame needs rescaling."""
    return bool((sources.slope == 1).all() and (sources.intercept == 0).all())


def value_dtype(sources: FrameSources, rescale: bool) -> np.dtype[np.generic]:
    """The dtype of an array of these frames: integers stay integers where slope is 1 and every intercept whole."""
    stored = np.result_type(*(stored_dtype(s) for s in sources.specs))
    if not rescale or is_identity(sources):
        return stored
    if stored.kind == "f":
        return np.dtype("f8")
    if (sources.slope == 1).all() and (sources.intercept == np.round(sources.intercept)).all():
        lows, highs = zip(*(_range(s) for s in sources.specs), strict=True)
        low, high = min(lows) + int(sources.intercept.min()), max(highs) + int(sources.intercept.max())
        return next(d for d in _INTEGERS if np.iinfo(d).min <= low and high <= np.iinfo(d).max)
    return np.dtype("f4" if max(s.bits_stored for s in sources.specs) <= _MOST_BITS_OF_FLOAT32 else "f8")


def apply(stored: Array, slope: float, intercept: float, out: Array) -> None:
    """``out[...] = stored * slope + intercept``, integers exactly."""
    if slope == 1 and intercept == 0:
        out[...] = stored
    elif out.dtype.kind in "iu":
        np.add(
            stored,
            out.dtype.type(int(intercept)) if out.dtype.kind == "i" else int(intercept),
            out=out,
            casting="unsafe",
        )
    else:
        np.multiply(stored, slope, out=out, dtype=np.float64, casting="unsafe")
        if intercept:
            np.add(out, intercept, out=out, dtype=np.float64, casting="unsafe")
