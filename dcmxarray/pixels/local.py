"""Reads runs of bytes from many files, each to its place; local files by compiled code without the interpreter's lock.

A Python loop over small reads takes as long for itself as for the system calls.  `reading` takes over where compiled code can't
read (remote files, other systems than POSIX) or fails (changed or truncated files), and raises the error.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import types

from ..jit import compiled
from ..model import FrameSources, Ints
from ..sources import files, system
from ..sources.system import BYTES, status
from . import reading

_int, _long, _address = types.intc, types.int64, types.uintp
_open = types.ExternalFunction("open", _int(_address, _int))
_close = types.ExternalFunction("close", _int(_int))
_pread = types.ExternalFunction("pread", _long(_int, _address, _address, _long))

_MANY = 16  # runs; for fewer, compiled code does not repay the cost of its call


@compiled
def _read(names, starts, flags, known, layout, offset, begins, ends, target):  # type: ignore[no-untyped-def]
    """Read runs up to the first that fails or whose file differs from ``known`` (size, mtime); returns how many were read."""
    words, address = np.zeros(BYTES // 8, np.int64), target.ctypes.data
    for k in range(offset.size):
        handle = _open(np.uintp(names.ctypes.data + starts[k]), np.int32(flags))
        if handle < 0:
            return k
        done = begins[k]
        while done < ends[k]:
            place, left = np.uintp(address + done), np.uintp(ends[k] - done)
            n = _pread(handle, place, left, offset[k] + done - begins[k])
            if n <= 0:
                break
            done += n
        size, modified = status(handle, layout, words)
        _close(handle)
        same = (known[k, 0] == 0 or size == known[k, 0]) and (known[k, 1] == 0 or modified == 0 or modified == known[k, 1])
        if done < ends[k] or size < 0 or not same:
            return k
    return offset.size


def read(sources: FrameSources, path: Ints, offset: Ints, begins: Ints, ends: Ints, target: npt.NDArray[Any]) -> None:
    """Fill parts of ``target`` with runs of bytes, each from one file.

    Parameters
    ----------
    sources
        The files, as they were scanned.
    path
        (runs,) index of each run's file.
    offset
        (runs,) byte of the file at which the run begins.
    begins, ends
        (runs,) bytes of ``target`` between which the run goes.
    target
        A contiguous array.

    Raises
    ------
    PixelError
        A file changed since it was scanned, holds fewer bytes than its header says, or can't be read.
    """
    out, done = target.reshape(-1).view(np.uint8), 0
    read_on = _compiled(sources, path, offset, begins, ends, out) if len(path) >= _MANY else None
    while done < len(path):
        if read_on:
            done += read_on(done)
        if done < len(path):
            place = memoryview(out[begins[done] : ends[done]])  # type: ignore[arg-type]
            reading.read(sources.file_at(int(path[done])), int(offset[done]), place)
            done += 1


def _compiled(
    sources: FrameSources, path: Ints, offset: Ints, begins: Ints, ends: Ints, out: npt.NDArray[np.uint8]
) -> Callable[[int], int] | None:
    """A compiled function that reads on from a given run and returns how many it read; ``None`` where it can't be used."""
    paths = [sources.paths[k] for k in path.tolist()]
    layout = system.layout()
    if os.name != "posix" or layout is None or any(map(files.is_remote, paths)):
        return None
    names, starts, flags = files.names(paths)
    known = np.stack([sources.sizes[path], sources.modified[path]], axis=1)

    def read_from(done: int) -> int:
        return int(_read(names, starts[done:], flags, known[done:], layout, offset[done:], begins[done:], ends[done:], out))

    return read_from
