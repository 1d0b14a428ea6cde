"""Pixels of deflated files (PS3.5 A.5): inflates what is asked for, and keeps no more than the pixels of a small file.

Deflated data can be read from their beginning only.  So the state of the inflater is noted at regular places, and later reads
begin at the nearest one.
"""

from __future__ import annotations

import threading
import zlib
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from ..headers import by_pydicom
from ..model import File
from ..sources import files
from .reading import check_open

_SMALL = 64 << 20  # bytes of pixel data that are kept while their frames are read
_STEP = 1 << 18  # bytes inflated at a time
_LEAST_GAP, _MOST_NOTES = 1 << 20, 256  # a note takes about 40 kB


@dataclass
class _Pixels:
    """Where a deflated file's pixel element lies, and the notes made of it so far.

    Attributes
    ----------
    first
        Where the deflated data begin in the file.
    begin, length
        Where the element's value begins in the inflated data, and its length; bytes.
    notes
        (place in the inflated data, bytes of deflated data before it, inflater), ascending.
    lock
        Held while a note is added.
    """

    first: int
    begin: int
    length: int
    notes: list[tuple[int, int, Any]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def nearest(self, at: int) -> tuple[int, int, Any]:
        """Place, bytes of deflated data before it, and a copy of the inflater, of the last note before a place."""
        k = bisect_right(self.notes, at, key=lambda note: note[0])
        place, before, inflater = self.notes[k - 1] if k else (0, 0, zlib.decompressobj(-zlib.MAX_WBITS))
        return place, before, inflater.copy()

    def note(self, place: int, before: int, inflater: Any) -> None:
        """Note an inflater's state, unless a note is near."""
        gap = max(_LEAST_GAP, (self.begin + self.length) // _MOST_NOTES)
        with self.lock:
            if place >= gap + (self.notes[-1][0] if self.notes else 0):
                self.notes.append((place, before, inflater.copy()))


def part(file: File, offset: int, size: int) -> npt.NDArray[np.uint8]:
    """Inflate ``size`` bytes of the pixel element's value, from ``offset`` on.

    Raises
    ------
    PixelError
        The file changed since it was scanned.
    ValueError
        The data end before.
    """
    with files.open_file(file.path) as handle:
        check_open(file, handle)
        found = _pixels(file)
        if 0 <= found.length <= _SMALL:
            out = _small(file)[offset : offset + max(size, 0)].copy()
        else:
            out = _inflated(handle, found, offset, size)
    if out.size < size:
        raise ValueError(f"{size} bytes from byte {offset} of the pixel data on are needed, {out.size} are there")
    return out


@lru_cache(maxsize=1)
def _small(file: File) -> npt.NDArray[np.uint8]:
    """All pixel data of a file, cached, so that reading its frames one by one inflates them once."""
    found = _pixels(file)
    with files.open_file(file.path) as handle:
        check_open(file, handle)
        return _inflated(handle, found, 0, found.length)


def _inflated(handle: Any, found: _Pixels, offset: int, size: int) -> npt.NDArray[np.uint8]:
    """A part of the pixel data, shorter than ``size`` if they end before."""
    out, done = np.empty(max(size, 0), np.uint8), 0
    for piece in _pieces(handle, found, found.begin + offset, min(size, found.length - offset)):
        out[done : done + len(piece)] = np.frombuffer(piece, np.uint8)
        done += len(piece)
    return out[:done]


@lru_cache(maxsize=4)
def _pixels(file: File) -> _Pixels:
    """Find the pixel element of a deflated file."""
    with files.open_file(file.path) as handle:
        check_open(file, handle)
        return _Pixels(*by_pydicom.inflated_pixels(handle))


def _pieces(handle: Any, found: _Pixels, begin: int, size: int) -> Iterator[bytes]:
    """The inflated bytes from ``begin`` on, in pieces; less than ``size`` of them if the data end."""
    at, before, inflater = found.nearest(begin)
    handle.seek(found.first + before)
    end, data = begin + size, b""
    while at < end and not inflater.eof:
        fresh = b"" if data else handle.read(_STEP)
        before += len(fresh)
        piece = inflater.decompress(data or fresh, min(_STEP, end - at))
        data = inflater.unconsumed_tail
        if not piece and not data and not fresh:
            return
        at += len(piece)
        found.note(at, before - len(data), inflater)
        if at > begin:
            yield piece[-(at - begin) :]
