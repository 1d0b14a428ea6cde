"""Canon and Toshiba: diffusion in ImageComments.  Opens no file.

Newer releases write the b-value to DiffusionBValue.  Older ones write it to ImageComments, and all releases write the
direction there: ``b=1500(0.445,0.895,0.000)``, along phase encoding, frequency encoding and slice.  Source: real files
(docs/vendors), for which dcm2niix reads the same.
"""

from __future__ import annotations

import re
from functools import lru_cache

import numpy as np

from .base import Columns, Floats, Private, from_encoding

PRIVATE = (Private(("_comments",), 0x0020, "", 0x4000, "LT", "", dtype="str"),)

_TEXT = re.compile(r"b\s*=\s*([\d.]+)\s*(?:\(\s*([-+\d.]+)\s*,\s*([-+\d.]+)\s*,\s*([-+\d.]+)\s*\))?", re.ASCII)
_NOTHING = (np.nan,) * 4


def _parse(columns: Columns) -> Floats:
    """b-value and direction by ImageComments, (rows, 4); NaN where the comment has none or the file is another vendor's."""
    return np.array([_read(*pair) for pair in zip(columns["Manufacturer"], columns["_comments"], strict=True)], float).reshape(
        -1, 4
    )


@lru_cache(maxsize=4096)
def _read(maker: object, comment: object) -> tuple[float, ...]:
    """b-value and direction of one comment."""
    vendor = str(maker or "").lower()
    match = _TEXT.match(str(comment).strip()) if "canon" in vendor or "toshiba" in vendor else None
    try:
        return tuple(float(g) if g else np.nan for g in match.groups()) if match else _NOTHING
    except ValueError:  # only dots and signs
        return _NOTHING


def b_value(columns: Columns) -> Floats:
    """The number after ``b=`` in ImageComments, s/mm2."""
    return _parse(columns)[:, 0]


def gradient(columns: Columns) -> Floats:
    """The three numbers in parentheses, rotated to patient LPS."""
    phase, frequency, through = _parse(columns)[:, 1:].T
    return from_encoding(columns, frequency, phase, through)
