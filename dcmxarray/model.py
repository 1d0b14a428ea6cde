"""The nouns that cross between the rooms: geometry, pixel layout, frame sources, the arranged grid.  Opens no file."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

MISSING = -1  # a cell without a frame


@dataclass(frozen=True)
class Geometry:
    """Where the planes of a stack lie (PS3.3 C.7.6.2.1.1): patient coordinates, LPS, mm.

    Attributes
    ----------
    along_row, along_column, normal
        Unit vectors: the way the column index grows, the way the row index grows, and their cross product.
    """

    along_row: Floats
    along_column: Floats
    normal: Floats


def normal(row: Floats, column: Floats) -> Floats:
    """The unit slice normal, row cosines x column cosines (PS3.3 C.7.6.2.1.1); works on stacked vectors."""
    cross = np.cross(row, column)
    length = np.linalg.norm(cross, axis=-1, keepdims=True)
    return np.asarray(cross / np.where(length > 0, length, 1.0))


@dataclass(frozen=True)
class PixelSpec:
    """How the stored pixels of a frame are laid out (PS3.3 C.7.6.3)."""

    rows: int
    columns: int
    samples: int
    bits_allocated: int
    bits_stored: int
    high_bit: int
    signed: bool
    planar: int
    photometric: str
    element: str
    syntax: str
    frames: int = 1


class File(NamedTuple):
    """A file as it was when its header was read: its size in bytes and when it was last changed (ns), 0 where unknown."""

    path: str
    size: int = 0
    modified: int = 0


@dataclass(frozen=True)
class FrameSources:
    """Where each frame of a stack lies, column by column.

    Attributes
    ----------
    paths
        The distinct files.
    sizes, modified
        (files,) bytes, and ns of the last change, when the headers were read; 0 where unknown.
    path
        (frames,) which of them holds the frame.
    offset, length
        (frames,) of the file's pixel data in bytes; offset -1 where pydicom must find it.  An undefined length reaches to the
        end of the file.
    frame
        (frames,) number within the file, from 0.
    crop
        (frames, 2) first row and column of the frame within the stored image.
    spec
        (frames,) index into ``specs``.
    slope, intercept
        (frames,) of the rescale.
    """

    paths: tuple[str, ...]
    sizes: Ints
    modified: Ints
    path: Ints
    offset: Ints
    length: Ints
    frame: Ints
    crop: Ints
    spec: Ints
    specs: tuple[PixelSpec, ...]
    slope: Floats
    intercept: Floats

    def file(self, frame: int) -> File:
        """The file that holds a frame."""
        return self.file_at(int(self.path[frame]))

    def file_at(self, k: int) -> File:
        """One of the distinct files."""
        return File(self.paths[k], int(self.sizes[k]), int(self.modified[k]))

    def layouts(self, frames: Ints) -> list[int]:
        """Which of ``specs`` some frames have."""
        return [0] if len(self.specs) == 1 else np.unique(self.spec[frames]).tolist()


@dataclass(frozen=True)
class FrameGrid:
    """Frames arranged: one cell a combination of coordinates.

    Attributes
    ----------
    dims
        Names of the frame dimensions, in order.
    cells
        One axis a dim: the frame's place in the stack's table, `MISSING` where there is none.
    coords
        Name -> (dims, values); dims are a subset of ``dims``.
    time_source
        The element that gave ``time`` its order and seconds, "" without a ``time``.
    slice_source
        The element that gave ``slice`` its order, where it is not the position.
    """

    dims: tuple[str, ...]
    cells: Ints
    coords: dict[str, tuple[tuple[str, ...], npt.NDArray[Any]]] = field(default_factory=dict)
    time_source: str = ""
    time_units: str = "s"
    slice_source: str = ""
