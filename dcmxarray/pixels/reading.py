"""Bytes of a file that must be as it was when its header was read, and the boundary at which a failure costs one frame."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import numpy.typing as npt

from ..errors import FATAL, PixelError, one_line
from ..model import File
from ..sources import files

WAY_OUT = "Leave the file out of the table, and pass missing='fill'."


def changed(file: File) -> PixelError:
    """The error of a file that is not what was scanned."""
    return PixelError(f"{file.path}: changed since its header was read; scan again")


def same(file: File, size: int, modified: int) -> bool:
    """Whether a file's size and time are those of the scan, as far as both are known (0 is not)."""
    return all(now == then or not now or not then for now, then in ((size, file.size), (modified, file.modified)))


def read(file: File, offset: int, out: memoryview) -> None:
    """Read one frame, or a run of neighbouring ones, as they stand in the file.

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
    if not same(file, files.size_of(file.path), 0):
        return changed(file)
    return PixelError(f"{file.path}: pixel data are truncated: {length} bytes from byte {offset} on are not all there. {WAY_OUT}")


def part(file: File, offset: int, length: int) -> npt.NDArray[np.uint8]:
    """Some bytes of a file."""
    out = np.empty(length, np.uint8)
    read(file, offset, memoryview(out))  # type: ignore[arg-type]
    return out


@contextmanager
def guarded(what: str) -> Iterator[None]:
    """Whatever fails inside, a decoder's panic too, is a `PixelError` that says of what."""
    try:
        yield
    except FATAL:
        raise
    except PixelError:
        raise
    except BaseException as error:
        raise failed(what, error) from error


def failed(what: str, error: BaseException) -> PixelError:
    """The error of what could not be done, with its cause."""
    return PixelError(f"{what}: {one_line(error)[-200:] or type(error).__name__}. {WAY_OUT}")
