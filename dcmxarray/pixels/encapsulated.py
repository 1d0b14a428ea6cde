"""Encapsulated (compressed) frames: which fragments of a file hold which frame, found once per file (PS3.5 annex A.4)."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ..errors import PixelError
from ..model import File, Ints
from .reading import WAY_OUT, part

Bytes = npt.NDArray[np.uint8]

_ITEM = 0xE000FFFE
_SHORT = 1 << 20
_MOST = 1 << 20  # a file with more fragments than this, and four per frame, is rejected as damaged


class Element(NamedTuple):
    """Encapsulated pixel data of a file.

    Attributes
    ----------
    file
        The file that holds them.
    offset, length
        Bytes; an undefined length reaches to the end of the file.
    frames
        NumberOfFrames.
    """

    file: File
    offset: int
    length: int
    frames: int

    @property
    def end(self) -> int:
        """The first byte behind the pixel data, at most the end of the file."""
        return min(self.offset + self.length, self.file.size or self.offset + self.length)


class Fragments(NamedTuple):
    """The fragments of a file, and which frame each belongs to.

    Attributes
    ----------
    starts, sizes
        (fragments,) bytes; where each value begins in the file, and the length that its item gives.
    firsts
        (frames + 1,) the first fragment of each frame, then the number of fragments.
    """

    starts: Ints
    sizes: Ints
    firsts: Ints


def frame_bytes(element: Element, frame: int) -> bytes:
    """Read the compressed bytes of one frame.

    Parameters
    ----------
    element
        The pixel data of the file.
    frame
        Number within the file, from 0.

    Raises
    ------
    PixelError
        Fragments are damaged or truncated, or nothing tells which of them belong to which frame.
    """
    if element.frames == 1 and element.end - element.offset <= _SHORT:
        data = part(element.file, element.offset, max(0, element.end - element.offset))
        starts, sizes = _items(element, data)
        spans = [(a - element.offset, n) for a, n in _parts(element, frame, starts[1:], sizes[1:])]
        return b"".join(data[a : a + n].tobytes() for a, n in spans)
    found = fragments(element)
    if not 0 <= frame < len(found.firsts) - 1:
        raise PixelError(f"{element.file.path} frame {frame}: not among the {element.frames} frames of the header. {WAY_OUT}")
    mine = slice(found.firsts[frame], found.firsts[frame + 1])
    return b"".join(part(element.file, a, n).tobytes() for a, n in _parts(element, frame, found.starts[mine], found.sizes[mine]))


def _parts(element: Element, frame: int, starts: Ints, sizes: Ints) -> list[tuple[int, int]]:
    """(offset in the file, length) of a frame's fragments; PixelError if there are none, or some bytes are missing."""
    if not sizes.sum():
        raise PixelError(f"{element.file.path} frame {frame}: encapsulated pixel data hold no fragment. {WAY_OUT}")
    cut = starts + sizes > element.end
    if cut.any():
        raise PixelError(
            f"{element.file.path} frame {frame}: compressed pixel data are cut: of a fragment's {int(sizes[cut][0])} bytes "
            f"{element.end - int(starts[cut][0])} are there. {WAY_OUT}"
        )
    return list(zip(starts.tolist(), sizes.tolist(), strict=True))


@lru_cache(maxsize=16)
def fragments(element: Element) -> Fragments:
    """Find the fragments of all frames: by the offset table, else one fragment per frame, else by end markers.

    Raises
    ------
    PixelError
        There are no fragments, or nothing tells which of them belong to which frame.
    """
    starts, sizes = _items(element, None)
    if len(starts) < 2:
        raise PixelError(f"{element.file.path}: encapsulated pixel data hold no fragment. {WAY_OUT}")
    parts, frames = Fragments(starts[1:], sizes[1:], np.zeros(0, np.int64)), element.frames
    firsts = np.zeros(1, np.int64) if frames == 1 else _offset_table(element, int(starts[0]), int(sizes[0]), parts)
    if len(firsts) != frames and len(parts.starts) == frames:
        firsts = np.arange(frames)
    if len(firsts) != frames:
        firsts = _by_markers(element, parts)
    if len(firsts) != frames:
        raise PixelError(
            f"{element.file.path}: {len(parts.starts)} fragments can't be told apart into {frames} frames: "
            f"the offset table is missing, or fragments are. {WAY_OUT}"
        )
    return parts._replace(firsts=np.append(firsts, len(parts.starts)))


def _items(element: Element, data: Bytes | None) -> tuple[Ints, Ints]:
    """Where the values of all items begin, and their lengths: from ``data``, all bytes of the element, else from the file."""
    starts, sizes = [], []
    at, end, base = element.offset, element.end, element.offset
    window = part(element.file, at, max(0, min(_SHORT, end - at))) if data is None else data
    while at + 8 <= end:
        if at - base + 8 > len(window):
            window, base = part(element.file, at, min(4096, end - at)), at
        tag, size = _u32(window, at - base), _u32(window, at - base + 4)
        if tag != _ITEM:
            break
        starts.append(at + 8)
        sizes.append(size)
        at += 8 + size
        if len(starts) > _MOST + 4 * element.frames:
            raise PixelError(f"{element.file.path}: more than {len(starts) - 1} fragments for {element.frames} frames. {WAY_OUT}")
    return np.array(starts, np.int64), np.array(sizes, np.int64)


def _u32(data: Any, at: int) -> int:
    """A little endian number of 32 bits."""
    return int.from_bytes(data[at : at + 4].tobytes(), "little")


def _offset_table(element: Element, at: int, size: int, parts: Fragments) -> Ints:
    """The first fragment of each frame by the basic offset table; empty if that is missing or inconsistent."""
    if size != 4 * element.frames or at + size > element.end:
        return np.zeros(0, np.int64)
    offsets = part(element.file, at, size).view("<u4").astype(np.int64) + parts.starts[0]
    firsts = np.minimum(np.searchsorted(parts.starts, offsets), len(parts.starts) - 1)
    right = (parts.starts[firsts] == offsets).all() and (np.diff(firsts) > 0).all() and firsts[0] == 0
    return firsts if right else np.zeros(0, np.int64)


def _by_markers(element: Element, parts: Fragments) -> Ints:
    """The first fragment of each frame: each one behind an end-of-image marker (JPEG, JPEG-LS and JPEG 2000: FF D9)."""
    ends = [_has_end(element, a, n) for a, n in zip(parts.starts.tolist(), parts.sizes.tolist(), strict=True)]
    return np.append(0, np.flatnonzero(ends[:-1]) + 1)


def _has_end(element: Element, at: int, size: int) -> bool:
    """Whether a fragment ends with the marker; a truncated fragment does not."""
    if at + size > element.end:
        return False
    last = min(size, 16)
    return part(element.file, at + size - last, last).tobytes().rstrip(b"\0\xff").endswith(b"\xff\xd9")
