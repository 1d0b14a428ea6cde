"""The tables in which vendors' files declare their elements, and functions that several readers share.  Opens no file."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ...errors import HeaderError

Floats = npt.NDArray[np.float64]
Columns = Mapping[str, npt.NDArray[Any]]


@dataclass(frozen=True, slots=True)
class Private:
    """A private element (PS3.5 section 7.8) by group, creator and last byte, and the columns that it fills.

    If the creator was removed from a file, the element counts only if Manufacturer contains ``vendor``.
    """

    columns: tuple[str, ...]
    group: int
    creator: str
    element: int
    vr: str
    vendor: str
    dtype: str = "float"
    large: bool = False


@dataclass(frozen=True, slots=True)
class Leaf:
    """A vendor's element in a sequence with an item per frame: tags of the sequence and the element, and the columns it fills."""

    sequence: int
    tag: int
    columns: tuple[str, ...]
    vr: str
    dtype: str = "float"


def vector(columns: Columns, *names: str) -> Floats:
    """Columns as the components of vectors: (rows, len(names))."""
    return np.stack([columns[name] for name in names], axis=1)


def words(values: npt.NDArray[Any], meaning: Mapping[str, str]) -> np.ndarray[tuple[int], np.dtype[np.object_]]:
    """What the values of a column mean, "" for those without a meaning; case does not matter."""
    return np.array([meaning.get(str(value).strip().upper(), "") for value in values], object)


def cosines(columns: Columns) -> tuple[Floats, Floats, Floats]:
    """Unit vectors along the rows, along the columns and along the normal of each image, patient LPS: each (rows, 3)."""
    row = vector(columns, "row_x", "row_y", "row_z")
    column = vector(columns, "column_x", "column_y", "column_z")
    return row, column, np.cross(row, column)


def from_encoding(columns: Columns, frequency: Floats, phase: Floats, through: Floats) -> Floats:
    """Rotate directions given along frequency encoding, phase encoding and slice to patient LPS: (rows, 3).

    With InPlanePhaseEncodingDirection COL, phase is along a column and frequency along a row; with ROW it is the opposite.
    Coronal images have the direction along a column reversed, and with ROW also that along the normal.  The signs are those of
    dcm2niix; real files (docs/vendors) confirm them for axial and oblique images with COL.
    """
    row, column, normal = cosines(columns)
    by_row = columns["InPlanePhaseEncodingDirection"] == "ROW"
    coronal = np.abs(normal).argmax(axis=1) == 1
    along_row = np.where(by_row, phase, frequency)
    along_column = np.where(by_row, -frequency, phase) * np.where(coronal, -1, 1)
    along_normal = through * np.where(coronal & by_row, 1, -1)
    return along_row[:, None] * row + along_column[:, None] * column + along_normal[:, None] * normal


@dataclass(frozen=True)
class Tiles:
    """A mosaic: one image whose tiles are the slices of a volume, row by row.

    ``rows`` and ``columns`` are the numbers of tiles down and across.  ``positions`` are the positions of the slices, (count, 3),
    mm, patient LPS; ``None`` if each tile has a header of its own.  ``times`` are the slices' times in s within the volume;
    ``None`` if unknown.
    """

    count: int
    rows: int
    columns: int
    positions: Floats | None = None
    times: Floats | None = None


MOST_TILES = 4096  # more than any mosaic has


def tile_count(said: float) -> int:
    """The number of tiles that a header says, checked.

    Raises
    ------
    HeaderError
        It is not an integer from 1 to MOST_TILES.
    """
    if not (1 <= said <= MOST_TILES and said == int(said)):
        raise HeaderError(f"a mosaic of {said:g} tiles, which no sheet can hold")
    return int(said)


def square(count: int) -> int:
    """The number of tiles along a side of the smallest square that holds ``count`` tiles."""
    return math.isqrt(count - 1) + 1
