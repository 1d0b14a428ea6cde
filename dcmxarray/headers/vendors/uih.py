"""United Imaging: b-values and directions.  Opens no file.  Source: UIH uMR DICOM conformance statement, group 0065."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from .private import Columns, Floats, Private, Tiles, vector

PRIVATE = (
    Private(("_uih_b",), 0x0065, "Image Private Header", 0x09, "FD", "uih"),
    Private(
        ("_uih_gradient_x", "_uih_gradient_y", "_uih_gradient_z"), 0x0065, "Image Private Header", 0x37, "FD", "uih"
    ),
    Private(("_uih_tiles",), 0x0065, "Image Private Header", 0x50, "DS", "uih"),
)


def b_value(columns: Columns) -> Floats:
    """(0065,1009), s/mm2: measured, so volumes of one shell differ by a few."""
    return columns["_uih_b"]


def gradient(columns: Columns) -> Floats:
    """(0065,1037), patient LPS."""
    return vector(columns, "_uih_gradient_x", "_uih_gradient_y", "_uih_gradient_z")


def hints(columns: Columns) -> npt.NDArray[np.bool_]:
    """Rows that say how many tiles they hold."""
    return np.asarray(columns["_uih_tiles"] > 1)


def tiles(row: Mapping[str, Any]) -> Tiles | None:
    """(0065,1050) slices on the sheet; each has a header of its own in (0065,1051), with its position and time."""
    return Tiles(int(row["_uih_tiles"])) if row["_uih_tiles"] > 1 and "VFRAME" in str(row["ImageType"]) else None
