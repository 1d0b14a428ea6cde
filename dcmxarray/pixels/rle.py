"""RLE Lossless, compiled (PS3.5 annex G): byte planes, each packed by runs; without the interpreter's lock."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ..jit import compiled, helper
from ..model import PixelSpec

SYNTAX = "1.2.840.10008.1.2.5"
_HEADER = 64  # bytes: how many segments, and where each begins
_MOST = 64  # bytes that one packed byte can stand for


@helper
def _unpack(data, at, end, out):  # type: ignore[no-untyped-def]
    """One segment into one byte plane; whether it filled it."""
    to, size = np.uint64(0), np.uint64(out.size)
    at, end = np.uint64(at), np.uint64(end)
    one = np.uint64(1)
    while to < size and at < end:
        code = np.uint64(data[at])
        at += one
        if code < 128:
            count = code + one
            if at + count > end or to + count > size:
                return False
            for k in range(count):
                out[to + k] = data[at + k]
            to, at = to + count, at + count
        elif code > 128:
            count = np.uint64(257) - code
            if at >= end or to + count > size:
                return False
            for k in range(count):
                out[to + k] = data[at]
            to, at = to + count, at + one
    return to == size


@compiled
def _frame(data, starts, out):  # type: ignore[no-untyped-def]
    """All segments of a frame, sample by sample, the most significant byte's first; whether they filled the values."""
    width = (starts.size - 1) // out.shape[1]
    plane = np.empty(out.shape[0], np.uint8)
    filled = 0
    for k in range(starts.size - 1):
        filled += _unpack(data, starts[k], starts[k + 1], plane)
        sample = k // width
        for i in range(plane.size):
            out[i, sample] = plane[i] if k % width == 0 else (out[i, sample] << 8) | plane[i]
    return filled == starts.size - 1


def decode(data: bytes, spec: PixelSpec, size: int) -> npt.NDArray[Any]:
    """The bytes of a frame as they would stand in a little endian file, colour by pixel.

    Raises
    ------
    ValueError
        The data are not as the header says.
    """
    raw = np.frombuffer(data, np.uint8)
    width = max(1, spec.bits_allocated // 8)
    if raw.size < _HEADER:
        raise ValueError("the RLE header is cut off")
    count, *offsets = raw[:_HEADER].view("<u4").astype(np.int64).tolist()
    if count != width * spec.samples:
        raise ValueError(f"{count} RLE segments, where {width * spec.samples} are needed")
    starts = np.array([*offsets[:count], raw.size], np.int64)
    plane = size // count
    if starts[0] < _HEADER or (np.diff(starts) * _MOST < plane).any():
        raise ValueError("RLE segments are out of order or cut off")
    out = np.empty((plane, spec.samples), f"u{width}")
    if not _frame(raw, starts, out):
        raise ValueError("RLE segments hold less or more than the image")
    return out.reshape(-1).view(np.uint8)
