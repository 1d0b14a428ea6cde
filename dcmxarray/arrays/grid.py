"""How ``slice``, ``row`` and ``col`` say where they lie: rounded positions, and attributes that describe them.  Opens no file.

The geometry travels with these coordinates and not with the array, whose attributes arithmetic, fits and masks drop.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from ..model import Floats, Geometry
from ..stacks import geometry

NAMES = ("slice", "row", "col")

# Attributes of each of the three coordinates.
DIRECTION = "direction"  # unit vector (LPS) in which the position grows
START = "grid_start"  # mm; before they were rounded, positions were start + i * step
STEP = "grid_step"  # mm; for a single slice the header's spacing, else thickness
FRAME = "FrameOfReferenceUID"

_LEAST, _MOST = 3, 12  # decimals of a position in mm; float64 holds no more


def digits(step: float) -> int:
    """Decimals of a position: those of a power of ten that is at most a thousandth of the spacing, within bounds."""
    if not 0 < step < np.inf:
        return _LEAST
    return int(np.clip(np.ceil(3 - np.log10(step)), _LEAST, _MOST))


def rounded(values: Floats, attrs: Mapping[str, Any]) -> Floats:
    """Positions without the noise of headers, so that arrays in one place have equal ones."""
    with np.errstate(all="ignore"):
        near = np.round(values, digits(_smallest(values, attrs))) + 0.0  # no -0
    return np.where(np.isfinite(near), near, values)


def exact(values: Floats, attrs: Mapping[str, Any]) -> Floats:
    """Positions as they were before they were rounded, where they lie on the grid that the attributes describe."""
    start, step = float(attrs.get(START, np.nan)), float(attrs.get(STEP, np.nan))
    if not 0 < abs(step) < np.inf:
        return values
    with np.errstate(all="ignore"):
        ideal = start + np.rint((values - start) / step) * step
        return ideal if (np.abs(ideal - values) <= 10.0 ** -digits(abs(step))).all() else values


def tolerance(values: Floats, attrs: Mapping[str, Any]) -> float:
    """The distance up to which two positions are one, mm: far below the spacing."""
    return geometry.slice_tolerance(_smallest(values, attrs))


def attributes(direction: Floats, frame: str | None) -> dict[str, Any]:
    """Where positions lie: (3,) in which they grow, and the FrameOfReferenceUID, ``None`` if unknown."""
    return {DIRECTION: [float(v) for v in direction], **({FRAME: frame} if frame else {})}


def spacing(values: Floats, nominal: float | None) -> dict[str, float]:
    """The grid of positions before they are rounded, mm; for a single one, or uneven ones, with the nominal spacing if known."""
    with np.errstate(all="ignore"):
        steps = np.diff(values)
        even = steps.size > 0 and geometry.is_regular(steps)
        step = float((values[-1] - values[0]) / steps.size) if even else nominal
    return {START: float(values[0]), STEP: step} if step and np.isfinite(step) else {}


def directions(place: Geometry) -> dict[str, Floats]:
    """In which direction each of `NAMES` grows."""
    return {"slice": place.normal, "row": place.along_column, "col": place.along_row}


def _smallest(values: npt.NDArray[Any], attrs: Mapping[str, Any]) -> float:
    """The smallest distance of two positions, or the step of their grid if that is less, mm; 0 if unknown."""
    with np.errstate(all="ignore"):
        steps = np.abs(np.diff(np.sort(values)))
    known = abs(float(attrs.get(STEP) or np.inf))
    found = min(float(steps[steps > 0].min(initial=np.inf)), known)
    return found if np.isfinite(found) else 0.0
