"""United Imaging: b-values and directions.  Opens no file.  Source: UIH uMR DICOM conformance statement, group 0065."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from .base import Columns, Floats, Leaf, Private, Tiles, cosines, square, tile_count, vector

PRIVATE = (
    Private(("_uih_b",), 0x0065, "Image Private Header", 0x09, "FD", "uih"),
    Private(("_uih_gradient_x", "_uih_gradient_y", "_uih_gradient_z"), 0x0065, "Image Private Header", 0x37, "FD", "uih"),
    Private(("_uih_tiles",), 0x0065, "Image Private Header", 0x50, "DS", "uih"),
)

# The sequence that holds the header of each tile.
FRAMED = (0x00651051,)
LEAVES = (
    Leaf(FRAMED[0], 0x00200032, ("position_x", "position_y", "position_z"), "DS"),
    Leaf(FRAMED[0], 0x0008002A, ("AcquisitionDateTime",), "DT", "datetime"),
)


def b_value(columns: Columns) -> Floats:
    """(0065,1009), s/mm2.  It is a measured value, so volumes of one shell differ slightly."""
    return columns["_uih_b"]


def gradient(columns: Columns) -> Floats:
    """(0065,xx37): along the rows, the columns and the normal of the image, rotated to patient LPS: (rows, 3)."""
    g = vector(columns, "_uih_gradient_x", "_uih_gradient_y", "_uih_gradient_z")
    row, column, normal = cosines(columns)
    return g[:, :1] * row + g[:, 1:2] * column + g[:, 2:] * normal


def hints(columns: Columns) -> npt.NDArray[np.bool_]:
    """Rows that may be mosaics: (0065,xx50) says that they have several tiles."""
    return np.asarray(columns["_uih_tiles"] > 1)


def tiles(row: Mapping[str, Any]) -> Tiles | None:
    """The tiles of a mosaic (ImageType VFRAME); each has its position and time in an item of (0065,xx51).

    (0065,xx50) is the number of tiles.  They are laid out as wide as the smallest square that holds them, in as few rows as
    needed.

    Returns
    -------
    ``None`` if the image is not a mosaic.

    Raises
    ------
    HeaderError
        The number of tiles is invalid.
    """
    if not row["_uih_tiles"] > 1 or "VFRAME" not in str(row["ImageType"]):
        return None
    count = tile_count(row["_uih_tiles"])
    columns = square(count)
    return Tiles(count, -(-count // columns), columns)
