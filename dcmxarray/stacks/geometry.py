"""Planes in space: normals, positions along them, clusters, affines.  Numpy; LPS, mm; opens no file."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_ROUNDED = 0.05  # how far rounded direction cosines may be from unit vectors at a right angle
SAME_PLACE = 0.01  # mm; positions closer than this are one, unless the slices themselves lie closer
REGULAR = 0.01  # mm, or this part of the spacing: steps that differ less are one spacing


def is_plane(row: Floats, column: Floats) -> bool:
    """Whether direction cosines span a plane: unit vectors at a right angle, as far as headers round them."""
    numbers = np.array([row @ row - 1, column @ column - 1, row @ column])
    return bool((np.abs(numbers) < _ROUNDED).all())


def clusters(values: npt.ArrayLike, tolerance: float) -> Ints:
    """Codes 0, 1, ... of values in ascending order; neighbours within ``tolerance`` share one, NaNs share the last."""
    given = np.asarray(values, float)
    order = np.argsort(given, kind="stable")
    ranked = given[order]
    new = np.concatenate([[False], ~(np.diff(ranked) <= tolerance)])
    nan = np.isnan(ranked)
    new[1:] &= ~(nan[1:] & nan[:-1])
    codes = np.empty(given.size, np.int64)
    codes[order] = np.cumsum(new)
    return codes


def vector_clusters(rows: Floats, tolerance: float) -> Ints:
    """Codes of rows of numbers: two share one where every component is within ``tolerance`` of the group's first.

    Whether rows come in this or that order changes nothing.  NaN equals NaN.
    """
    filled = np.nan_to_num(rows, nan=1e6)
    distinct, inverse = np.unique(filled, axis=0, return_inverse=True)
    codes = np.full(len(distinct), -1, np.int64)
    count = 0
    for i in range(len(distinct)):
        if codes[i] < 0:
            near = (codes < 0) & (np.abs(distinct - distinct[i]) <= tolerance).all(axis=1)
            codes[near] = count
            count += 1
    return np.asarray(codes[inverse.reshape(-1)])


def slice_tolerance(thickness: float | None) -> float:
    """How far apart along the normal two frames of one slice may lie, mm: far below any spacing."""
    return min(SAME_PLACE, 0.05 * thickness) if thickness and thickness > 0 else SAME_PLACE


def is_regular(steps: Floats) -> bool:
    """Whether all steps are one, within a hundredth of a mm or of the step (headers round positions)."""
    if steps.size < 2:
        return True
    middle = float(np.median(steps))
    return bool((np.abs(steps - middle) <= max(REGULAR, REGULAR * abs(middle))).all())


def affine(origin: Floats, steps: tuple[Floats, Floats, Floats]) -> Floats:
    """4 x 4: (slice, row, col) index -> LPS mm."""
    out = np.eye(4)
    for k, step in enumerate(steps):
        out[:3, k] = step
    out[:3, 3] = origin
    return out


def as_codes(values: Any, tolerance: float = 0.0) -> Ints:
    """Codes of any column: numbers by `clusters`, everything else by its sorted distinct values; missing is the last."""
    array = np.asarray(values)
    if array.dtype.kind in "iuf":
        return clusters(array.astype(float), tolerance)
    if array.dtype.kind in "mM":
        missing = np.isnat(array)
        return clusters(np.where(missing, np.nan, array.astype("int64").astype(float)), 0.0)
    text = np.array(["\uffff" if pd.isna(v) else str(v) for v in array.tolist()], dtype=np.str_)
    return np.asarray(np.unique(text, return_inverse=True)[1].reshape(-1), np.int64)
