"""RLE Lossless, compiled (PS3.5 annex G): byte planes, each packed by runs; without the interpreter's lock."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ..jit import compiled

SYNTAX = "1.2.840.10008.1.2.5"
_HEADER = 64  # bytes: how many segments, and where each begins


@compiled
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
    """All segments of a grey frame, the most significant byte's first; whether they filled the values."""
    plane = np.empty(out.size, np.uint8)
    filled = 0
    for k in range(starts.size - 1):
        filled += _unpack(data, starts[k], starts[k + 1], plane)
        for i in range(out.size):
            out[i] = plane[i] if k == 0 else (out[i] << 8) | plane[i]
    return filled == starts.size - 1


def decode(data: bytes, values: int, dtype: np.dtype[Any]) -> npt.NDArray[Any] | None:
    """The stored values of a grey frame, one behind the other; ``None`` where the data are not as the header says."""
    raw = np.frombuffer(data, np.uint8)
    if raw.size < _HEADER:
        return None
    count, *offsets = raw[:_HEADER].view("<u4").astype(np.int64).tolist()
    starts = np.array([*offsets[:count], raw.size], np.int64)
    if count != dtype.itemsize or starts[0] < _HEADER or (np.diff(starts) < 0).any():
        return None
    out = np.empty(values, f"u{count}")
    return out.view(dtype) if _frame(raw, starts, out) else None
