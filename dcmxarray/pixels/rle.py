"""RLE Lossless (PS3.5 annex G): byte planes, each packed by runs.  Compiled; releases the interpreter's lock."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ..jit import compiled, helper
from ..model import PixelSpec

SYNTAX = "1.2.840.10008.1.2.5"
_HEADER = 64  # bytes: how many segments, and where each begins
_MOST = 64  # bytes to which one packed byte can expand: two make at most 128


@helper
def _unpack(data, at, end, out):  # type: ignore[no-untyped-def]
    """Unpack one segment into one byte plane; returns whether it filled the plane exactly."""
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
    """Unpack all segments of a frame, ordered by sample, most significant byte first; returns whether all planes were filled."""
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
    """Decode one frame.

    Parameters
    ----------
    data
        The frame's compressed bytes.
    spec
        Its pixel layout.
    size
        Bytes of the decoded frame.

    Returns
    -------
    numpy.ndarray
        (size,) uint8: the frame as a little endian file has it, with the samples of a pixel side by side.

    Raises
    ------
    ValueError
        The data contradict the header, or are truncated.
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
