"""From stored values to real-world values, in the smallest lossless dtype (PS3.3 C.11.1).  Opens no file."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import PixelError
from ..model import FrameSources, PixelSpec

Array = npt.NDArray[np.generic]

_INTEGERS = [np.dtype(d) for d in ("i1", "i2", "i4", "i8")]
_MOST_BITS_OF_FLOAT32 = 24


def stored_dtype(spec: PixelSpec) -> np.dtype[np.generic]:
    """The dtype of stored values, in native byte order."""
    if spec.element != "int":
        return np.dtype("f4" if spec.element == "float" else "f8")
    width = max(1, -(-spec.bits_allocated // 8))
    width = 1 << (width - 1).bit_length()
    return np.dtype(f"{'i' if spec.signed else 'u'}{width}")


def _range(spec: PixelSpec) -> tuple[int, int]:
    """The smallest and the largest stored value that a layout allows."""
    bits = spec.bits_stored
    return (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if spec.signed else (0, (1 << bits) - 1)


def is_identity(sources: FrameSources) -> bool:
    """Whether no frame needs rescaling."""
    return bool((sources.slope == 1).all() and (sources.intercept == 0).all())


def value_dtype(sources: FrameSources, rescale: bool) -> np.dtype[np.generic]:
    """The dtype of an array of these frames; integers stay integers where every slope is 1 and every intercept whole.

    Integers are signed, so that a difference of two values does not wrap; colours, which are no quantities, keep their type.

    Parameters
    ----------
    sources
        The frames.
    rescale
        Whether values are rescaled; if not, the dtype is that of stored values.

    Raises
    ------
    PixelError
        No dtype holds the values; the error names the file and the slope.
    """
    dtypes = [stored_dtype(s) for s in sources.specs]
    stored = np.result_type(*dtypes)
    if stored.kind == "f" and all(d.kind != "f" for d in dtypes):
        raise PixelError(f"{sources.file(0).path}: no integers hold the stored values of all frames; filter the table of frames")
    identity = is_identity(sources)
    if not rescale or (identity and (stored.kind == "f" or sources.specs[0].samples > 1)):
        return stored
    _check_finite(sources)
    if stored.kind == "f":
        return np.dtype("f8")
    return _whole(sources) or (stored if identity else _real(sources))


def _check_finite(sources: FrameSources) -> None:
    """Raise PixelError for a slope that is 0 or not finite, or an intercept that is not finite."""
    wrong = ~(np.isfinite(sources.slope) & np.isfinite(sources.intercept)) | (sources.slope == 0)
    if wrong.any():
        raise _unfit(sources, int(wrong.argmax()), "can't be applied")


def _unfit(sources: FrameSources, frame: int, why: str) -> PixelError:
    slope, intercept = sources.slope[frame], sources.intercept[frame]
    return PixelError(
        f"{sources.file(frame).path} frame {sources.frame[frame]}: rescaling by slope {slope:g}, intercept {intercept:g} {why}: "
        f"rescale=False gives the stored values, or leave the file out of the table"
    )


def _whole(sources: FrameSources) -> np.dtype[np.generic] | None:
    """The smallest signed integers that hold every stored value + intercept, and the difference of any two.

    ``None`` if none do or a result is not whole.  Where all layouts are signed, holding the values is enough: 16 bits, of which
    scanners use a part, stay 16.
    """
    if not ((sources.slope == 1).all() and (sources.intercept == np.round(sources.intercept)).all()):
        return None
    lows, highs = zip(*(_range(s) for s in sources.specs), strict=True)
    low, high = min(lows) + int(sources.intercept.min()), max(highs) + int(sources.intercept.max())
    most = high if all(s.signed for s in sources.specs) else max(high, high - low)
    return next((d for d in _INTEGERS if np.iinfo(d).min <= low and most <= np.iinfo(d).max), None)


def _real(sources: FrameSources) -> np.dtype[np.generic]:
    """float32 if it covers the range of values and keeps different stored values different, else float64."""
    most = np.array([max(map(abs, _range(s))) for s in sources.specs], np.float64)[sources.spec]
    with np.errstate(over="ignore"):
        largest = np.abs(sources.slope) * most + np.abs(sources.intercept)
    many = max(s.bits_stored for s in sources.specs) > _MOST_BITS_OF_FLOAT32
    for dtype in (np.dtype("f4"), np.dtype("f8")):
        info = np.finfo(dtype)
        beyond = (largest > info.max) | (np.abs(sources.slope) < info.tiny)
        if beyond.any():
            raise _unfit(sources, int(beyond.argmax()), f"leaves {dtype}")
        blurred = np.abs(sources.intercept) * info.eps > np.abs(sources.slope)
        if not (blurred.any() or (many and dtype.itemsize == 4)):
            return dtype
    raise _unfit(sources, int(blurred.argmax()), "makes different stored values the same")


def has_bytes_of(one: np.dtype[np.generic], other: np.dtype[np.generic]) -> bool:
    """Whether values of one dtype are the same bytes in the other: integers of one width, in a range that both hold."""
    return one == other or (one.kind in "iu" and other.kind in "iu" and one.itemsize == other.itemsize)


def fits(stored: Array, intercept: float, dtype: np.dtype[Any]) -> bool:
    """Whether a dtype holds stored value + intercept; compressed images may have more bits than their header says."""
    if dtype.kind == "f" or stored.size == 0:
        return True
    info = np.iinfo(dtype)
    return bool(int(stored.min()) + int(intercept) >= info.min and int(stored.max()) + int(intercept) <= info.max)


def apply(stored: Array, slope: float, intercept: float, out: Array) -> None:
    """Compute ``out[...] = stored * slope + intercept``; exact if ``out`` is of integers."""
    if slope == 1 and intercept == 0:
        out[...] = stored
    elif out.dtype.kind in "iu":
        if has_bytes_of(stored.dtype, out.dtype):
            stored = stored.view(out.dtype)
        # arithmetic is modulo 2**bits, and the dtype that `value_dtype` chose holds every sum
        modulus = 1 << 8 * out.dtype.itemsize
        addend = np.array(int(intercept) % modulus, np.uint64).astype(out.dtype)
        np.add(stored, addend, out=out, dtype=out.dtype, casting="unsafe")
    else:
        np.multiply(stored, slope, out=out, dtype=np.float64, casting="unsafe")
        if intercept:
            np.add(out, intercept, out=out, dtype=np.float64, casting="unsafe")
