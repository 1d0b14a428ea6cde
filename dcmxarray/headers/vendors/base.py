"""How a vendor's file names its private elements, and the few helpers that readers share."""

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
    """A private element (PS3.5 section 7.8): group, creator and last byte; ``vendor`` is a part of Manufacturer.

    Where the creator was stripped from a file, the element counts only if Manufacturer names the vendor.
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
    """A vendor's element in a sequence that is repeated for every frame: its sequence, and the columns that it fills."""

    sequence: int
    tag: int
    columns: tuple[str, ...]
    vr: str
    dtype: str = "float"


def vector(columns: Columns, *names: str) -> Floats:
    """Columns side by side: (rows, len(names))."""
    return np.stack([columns[name] for name in names], axis=1)


def cosines(columns: Columns) -> tuple[Floats, Floats, Floats]:
    """Unit vectors along a row, along a column and along the normal of each image, patient LPS: each (rows, 3)."""
    row = vector(columns, "row_x", "row_y", "row_z")
    column = vector(columns, "column_x", "column_y", "column_z")
    return row, column, np.cross(row, column)


def from_encoding(columns: Columns, frequency: Floats, phase: Floats, through: Floats) -> Floats:
    """Directions along frequency encoding, phase encoding and slice, turned to patient LPS: (rows, 3).

    With InPlanePhaseEncodingDirection COL, phase runs along a column and frequency along a row; with ROW they change places.
    Coronal images reverse the direction along a column, and with ROW that along the normal.  The signs are dcm2niix's; real files
    here (docs/vendors) show axial and oblique images with COL.
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
    """A volume on one sheet: its tiles are slices, row by row.

    ``rows`` and ``columns`` are those of the sheet in tiles; ``positions`` are the corners of the tiles (count, 3), patient LPS,
    mm, ``None`` where each tile has a header of its own; ``times`` are s within the volume, ``None`` where nothing says.
    """

    count: int
    rows: int
    columns: int
    positions: Floats | None = None
    times: Floats | None = None


MOST_TILES = 4096  # more than any sheet has


def tile_count(said: float) -> int:
    """A number of tiles as a header says it.

    Raises
    ------
    HeaderError
        It is no number of tiles.
    """
    if not (1 <= said <= MOST_TILES and said == int(said)):
        raise HeaderError(f"a mosaic of {said:g} tiles, which no sheet can hold")
    return int(said)


def square(count: int) -> int:
    """The side of the smallest square that holds so many tiles."""
    return math.isqrt(count - 1) + 1
