"""The types that rooms pass to each other: geometry, pixel layout, frame sources, the arranged grid.  Opens no file."""

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
        Unit vectors (3,): the direction of increasing column index, of increasing row index, and their cross product.
    """

    along_row: Floats
    along_column: Floats
    normal: Floats


def normal(row: Floats, column: Floats) -> Floats:
    """The unit normal of a plane (PS3.3 C.7.6.2.1.1).

    Parameters
    ----------
    row, column
        (..., 3) direction cosines of the rows and of the columns.

    Returns
    -------
    array
        (..., 3) their cross product, of length 1; zero for parallel vectors.
    """
    cross = np.cross(row, column)
    length = np.linalg.norm(cross, axis=-1, keepdims=True)
    return np.asarray(cross / np.where(length > 0, length, 1.0))


@dataclass(frozen=True)
class PixelSpec:
    """The layout of the stored pixels of a frame (PS3.3 C.7.6.3).

    Attributes
    ----------
    rows, columns, samples, bits_allocated, bits_stored, high_bit, planar, photometric
        The elements of the Image Pixel module; ``samples`` per pixel.
    signed
        Whether PixelRepresentation is 1.
    element
        Which element holds the pixels: ``int``, ``float`` or ``double``.
    syntax
        TransferSyntaxUID.
    frames
        Frames in the file.
    """

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
    """A file as it was when its header was read: size in bytes and time of the last change in ns, 0 if unknown."""

    path: str
    size: int = 0
    modified: int = 0


@dataclass(frozen=True)
class FrameSources:
    """The place of each frame of a stack in its file, as columns.

    Attributes
    ----------
    paths
        The distinct files.
    uids
        (files,) their SOPInstanceUIDs, "" where there is none.
    sizes, modified
        (files,) bytes, and time of the last change in ns, when the headers were read; 0 if unknown.
    path
        (frames,) index into ``paths``.
    offset, length
        (frames,) of the file's pixel data, bytes; offset -1 if pydicom has to find them.  Pixel data of undefined length extend
        to the end of the file.
    frame
        (frames,) number within the file, from 0.
    crop
        (frames, 2) first row and column of the frame within the stored image.
    spec
        (frames,) index into ``specs``.
    specs
        The distinct pixel layouts.
    slope, intercept
        (frames,) of the rescale to real-world values.
    """

    paths: tuple[str, ...]
    uids: tuple[str, ...]
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
        """The file with index ``k`` in ``paths``."""
        return File(self.paths[k], int(self.sizes[k]), int(self.modified[k]))

    def layouts(self, frames: Ints) -> list[int]:
        """The distinct indices into ``specs`` of some frames, ascending."""
        return [0] if len(self.specs) == 1 else np.unique(self.spec[frames]).tolist()


@dataclass(frozen=True)
class FrameGrid:
    """Frames arranged in a grid: one cell for each combination of coordinates.

    Attributes
    ----------
    dims
        Names of the frame dimensions, in order.
    cells
        One axis for each of ``dims``: the row of the frame in the stack's table, `MISSING` for a cell without a frame.
    coords
        Name -> (dims, values); dims are a subset of ``dims``.
    time_source
        The element that gave ``time`` its order and seconds, "" without the dim ``time``.
    time_units
        "s", or "1" for an index.
    slice_source
        The element that gave ``slice`` its order, "" if it is the position.
    """

    dims: tuple[str, ...]
    cells: Ints
    coords: dict[str, tuple[tuple[str, ...], npt.NDArray[Any]]] = field(default_factory=dict)
    time_source: str = ""
    time_units: str = "s"
    slice_source: str = ""
