"""United Imaging: b-values and directions.  Opens no file.  Source: UIH uMR DICOM conformance statement, group 0065."""

from __future__ import annotations

from .private import Columns, Floats, Private, vector

PRIVATE = (
    Private(("_uih_b",), 0x0065, "Image Private Header", 0x09, "FD", "uih"),
    Private(
        ("_uih_gradient_x", "_uih_gradient_y", "_uih_gradient_z"), 0x0065, "Image Private Header", 0x37, "FD", "uih"
    ),
)


def b_value(columns: Columns) -> Floats:
    """(0065,1009), s/mm2: measured, so volumes of one shell differ by a few."""
    return columns["_uih_b"]


def gradient(columns: Columns) -> Floats:
    """(0065,1037), patient LPS."""
    return vector(columns, "_uih_gradient_x", "_uih_gradient_y", "_uih_gradient_z")
