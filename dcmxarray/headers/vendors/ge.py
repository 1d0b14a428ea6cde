"""GE: b-values, directions, complex parts and types of images.  Opens no file.

Sources: GE DICOM conformance statements (Signa/Discovery MR: groups 0019, 0043); the NA-MIC notes on DTI in DICOM.  The
values agree with dcm2niix on real files (docs/vendors).
"""

from __future__ import annotations

import numpy as np

from .base import Columns, Floats, Private, from_encoding, vector

PRIVATE = (
    Private(("_ge_b",), 0x0043, "GEMS_PARM_01", 0x39, "IS", "ge", dtype="str"),
    Private(("_ge_gradient_x",), 0x0019, "GEMS_ACQU_01", 0xBB, "DS", "ge"),
    Private(("_ge_gradient_y",), 0x0019, "GEMS_ACQU_01", 0xBC, "DS", "ge"),
    Private(("_ge_gradient_z",), 0x0019, "GEMS_ACQU_01", 0xBD, "DS", "ge"),
    Private(("_ge_part",), 0x0043, "GEMS_PARM_01", 0x2F, "SS", "ge"),
    Private(("_ge_variant",), 0x0043, "GEMS_PARM_01", 0x30, "SS", "ge"),
)

_PARTS = np.array(["magnitude", "phase", "real", "imaginary", ""], object)


def b_value(columns: Columns) -> Floats:
    """The first of the four values of (0043,xx39), s/mm2, modulo 1e9 because some releases add 1e9 as a flag.

    Scans without diffusion have the element too, mostly with 0.  In scans with several shells it is the largest b-value, and
    the length of the direction scales it: b = nominal b * length squared.
    """
    nominal = np.array([_first(text) for text in columns["_ge_b"]], float)
    length = np.linalg.norm(_raw(columns), axis=1)
    return np.where((length > 0.03) & (length < 0.97), nominal * length**2, nominal)


def _raw(columns: Columns) -> Floats:
    """The direction as stored, (rows, 3)."""
    return vector(columns, "_ge_gradient_x", "_ge_gradient_y", "_ge_gradient_z")


def _first(text: object) -> float:
    """The first number of a backslash list modulo 1e9; NaN if it is not a number."""
    try:
        return float(str(text).split("\\")[0]) % 1e9
    except ValueError:
        return np.nan


def gradient(columns: Columns) -> Floats:
    """(0019,xxBB), (0019,xxBC), (0019,xxBD): along frequency, phase and slice encoding, rotated to patient LPS: (rows, 3)."""
    g = _raw(columns)
    length = np.linalg.norm(g, axis=1)
    return from_encoding(columns, *(g / np.where(length > 0.03, length, np.nan)[:, None]).T)


def component(columns: Columns) -> np.ndarray[tuple[int], np.dtype[np.object_]]:
    """(0043,102F): 0 magnitude, 1 phase, 2 real, 3 imaginary."""
    code = np.nan_to_num(columns["_ge_part"], nan=4.0)
    return _PARTS[np.where((code >= 0) & (code <= 3), code, 4).astype(int)]


def variant(columns: Columns) -> np.ndarray[tuple[int], np.dtype[np.object_]]:
    """(0043,xx30), the collapse flag: a number for each type of image that a scan computes; "" for 0, the usual one.

    Flow and diffusion scans have a number for each direction.
    """
    return np.array([f"{code:g}" if abs(code) > 0 else "" for code in columns["_ge_variant"]], object)
