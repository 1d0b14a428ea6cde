"""Reads bytes of files that must not have changed since the scan, and turns every failure into an error of one frame."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import FATAL, PixelError, one_line
from ..model import File
from ..sources import files

WAY_OUT = "Leave the file out of the table, and pass missing='fill'."


def changed(file: File) -> PixelError:
    """The error for a file that changed since it was scanned."""
    return PixelError(f"{file.path}: changed since its header was read; scan again")


def same(file: File, size: int, modified: int) -> bool:
    """Whether a file still has the size (bytes) and modification time (ns) of the scan; 0 means unknown and matches."""
    return all(now == then or not now or not then for now, then in ((size, file.size), (modified, file.modified)))


def check_open(file: File, handle: Any) -> None:
    """Raise PixelError if an open file is not as it was when it was scanned."""
    if files.is_remote(file.path):
        now = getattr(handle, "size", None) or 0, 0
    else:
        stat = os.fstat(handle.fileno())
        now = stat.st_size, stat.st_mtime_ns
    if not same(file, *now):
        raise changed(file)


def read(file: File, offset: int, out: memoryview) -> None:
    """Read one frame, or a run of adjacent frames, as stored in the file.

    Parameters
    ----------
    file
        The file, as it was scanned.
    offset
        The first byte to read.
    out
        To be filled; its length is the number of bytes to read.

    Raises
    ------
    PixelError
        The file changed since it was scanned, holds fewer bytes than its header says, or can't be read.
    """
    try:
        now = files.read_into(file.path, offset, out)
    except EOFError as error:
        raise _short(file, offset, len(out)) from error
    except FATAL:
        raise
    except BaseException as error:
        raise failed(f"{file.path}: can't be read", error) from error
    if not same(file, *now):
        raise changed(file)


def _short(file: File, offset: int, length: int) -> PixelError:
    """The error for a file that ends too early: it changed, or it is truncated."""
    if not same(file, files.size_of(file.path), 0):
        return changed(file)
    return PixelError(f"{file.path}: pixel data are truncated: {length} bytes from byte {offset} on are not all there. {WAY_OUT}")


def part(file: File, offset: int, length: int) -> npt.NDArray[np.uint8]:
    """Read ``length`` bytes of a file, as a uint8 array; raises as `read`."""
    out = np.empty(length, np.uint8)
    read(file, offset, memoryview(out))  # type: ignore[arg-type]
    return out


@contextmanager
def guarded(what: str) -> Iterator[None]:
    """Turn any failure inside, a decoder's panic included, into a `PixelError` that begins with ``what``."""
    try:
        yield
    except FATAL:
        raise
    except PixelError:
        raise
    except BaseException as error:
        raise failed(what, error) from error


def failed(what: str, error: BaseException) -> PixelError:
    """The error that says what failed, the cause, and the way out."""
    return PixelError(f"{what}: {one_line(error)[-200:] or type(error).__name__}. {WAY_OUT}")
