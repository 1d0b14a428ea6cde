"""``fstat`` for compiled code: size, modification time and file type of an open file, in one call.

`layout` finds the offsets of these fields in ``struct stat`` by means of a file of known size and times, so that no C header
is needed.  If it can't, it returns ``None``, and Python examines the files instead.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import platform
import sys
import tempfile
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import types

from ..jit import helper

Layout = npt.NDArray[np.int64]

BYTES = 512  # more than any struct stat has
_SIZE, _SECONDS, _NS, _MODE = range(4)
_LARGEST_TIME = 9_000_000_000  # s; later times overflow 64 bits of ns and count as unknown
_KIND, _PLAIN = 0xF000, 0x8000  # S_IFMT, S_IFREG
_NUMBERS = {"x86_64": 5, "aarch64": 80}  # of the system call fstat: older C libraries don't export the function
_BY_NUMBER = sys.platform == "linux"
_NUMBER = _NUMBERS.get(platform.machine(), -1)
_FILE_SIZE, _TIMES_NS = 12_345_671, (1_111_111_111_222_222_222, 1_333_333_333_444_444_444)

if _BY_NUMBER:
    _syscall = types.ExternalFunction("syscall", types.int64(types.int64, types.int64, types.uintp))

    @helper
    def _fstat(handle, address):  # type: ignore[no-untyped-def]
        """``fstat`` by its system call; 0 if it succeeds."""
        return _syscall(np.int64(_NUMBER), np.int64(handle), address)

else:
    _libc_fstat = types.ExternalFunction("fstat", types.intc(types.intc, types.uintp))

    @helper
    def _fstat(handle, address):  # type: ignore[no-untyped-def]
        """``fstat`` of the C library; 0 if it succeeds."""
        return _libc_fstat(np.int32(handle), address)


@helper
def status(handle, layout, buf):  # type: ignore[no-untyped-def]
    """The size (bytes) and modification time (ns, 0 if unknown) of an open file; the size is -1 if it is no regular file.

    ``layout`` is the array that `layout` returns; ``buf`` is an int64 array of BYTES bytes to work in.
    """
    if _fstat(handle, np.uintp(buf.ctypes.data)) != 0:
        return np.int64(-1), np.int64(0)
    mode = (buf[layout[_MODE] // 8] >> (8 * (layout[_MODE] % 8))) & _KIND
    if mode != _PLAIN:
        return np.int64(-1), np.int64(0)
    seconds = buf[layout[_SECONDS]]
    known = abs(seconds) < _LARGEST_TIME
    return buf[layout[_SIZE]], seconds * 1_000_000_000 + buf[layout[_NS]] if known else np.int64(0)


@lru_cache(maxsize=1)
def layout() -> Layout | None:
    """The offsets of size, seconds and nanoseconds (in words of 8 bytes) and of the mode (in bytes) in ``struct stat``.

    ``None`` if they can't be determined.
    """
    with contextlib.suppress(OSError, AttributeError, TypeError, ValueError):
        for _ in range(3):  # another field may hold one of the numbers by chance
            found = _looked_up()
            if found is not None:
                return found
    return None


def _looked_up() -> Layout | None:
    """One attempt: write a file of known size and times, and look for these numbers in what ``fstat`` fills in."""
    buf = np.zeros(BYTES // 8, np.int64)
    with _nameless_file() as file:
        os.ftruncate(file.fileno(), _FILE_SIZE)
        os.utime(file.fileno(), ns=_TIMES_NS)
        known = os.fstat(file.fileno())
        if _by_ctypes(file.fileno(), buf) != 0:
            return None
    seconds, ns = divmod(known.st_mtime_ns, 1_000_000_000)
    places = [np.flatnonzero(buf == value) for value in (known.st_size, seconds, ns)]
    places.append(2 * np.flatnonzero(buf.view(np.uint16) == known.st_mode))
    return np.array([p[0] for p in places], np.int64) if all(p.size == 1 for p in places) else None


def _nameless_file() -> Any:
    """A temporary file without a name; in memory if the system supports it."""
    return open(os.memfd_create("dcmxarray"), "wb") if hasattr(os, "memfd_create") else tempfile.TemporaryFile()


def _by_ctypes(handle: int, buf: Any) -> int:
    """``fstat`` into ``buf``, called by ctypes as compiled code calls it; 0 if it succeeds."""
    libc, address = ctypes.CDLL(None), ctypes.c_void_p(buf.ctypes.data)
    if not _BY_NUMBER:
        return int(libc.fstat(handle, address))
    if _NUMBER < 0 or sys.byteorder != "little":
        return -1
    return int(libc.syscall(ctypes.c_long(_NUMBER), ctypes.c_long(handle), address))
