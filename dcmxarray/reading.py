"""Compiled reading of the heads of many local files: open, read and close by the C library, without the interpreter's lock.

A Python loop spends as long on itself as on the system, and two threads that run one wait for each other.  POSIX only;
`files.read_heads` uses a plain loop elsewhere, and for what could not be read here.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import types

from .jit import compiled

_int, _long, _address = types.intc, types.int64, types.uintp
_open = types.ExternalFunction("open", _int(_address, _int))
_close = types.ExternalFunction("close", _int(_int))
_pread = types.ExternalFunction("pread", _long(_int, _address, _address, _long))
_seek = types.ExternalFunction("lseek", _long(_int, _long, _int))

_END = 2
CANNOT = -1


def packed(paths: Sequence[str]) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """File names as the C library takes them, one behind the other, and where each begins."""
    encoded = [os.fsencode(p) for p in paths]
    starts = np.zeros(len(encoded) + 1, np.int64)
    np.cumsum([len(e) + 1 for e in encoded], out=starts[1:])
    return np.frombuffer(b"\0".join(encoded) + b"\0", np.uint8), starts


@compiled
def heads(names: Any, starts: Any, flags: Any, out: Any, window: Any, offsets: Any, filled: Any, sizes: Any) -> None:
    """``window`` bytes of each file from its offset on into its row of ``out``; sizes are CANNOT where it can't be read."""
    for i in range(starts.size - 1):
        handle = _open(np.uintp(names.ctypes.data + starts[i]), np.int32(flags))
        if handle < 0:
            sizes[i] = CANNOT
            continue
        n = _pread(handle, np.uintp(out.ctypes.data + i * window), np.uintp(window), np.int64(offsets[i]))
        filled[i] = max(n, 0)
        sizes[i] = CANNOT if n < 0 else (offsets[i] + n if n < window else _seek(handle, np.int64(0), np.int32(_END)))
        _close(handle)
