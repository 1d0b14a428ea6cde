"""Planes, clusters of positions, regular steps, affines.  Numpy; patient coordinates LPS, mm.  Opens no file."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_ROUNDED = 0.05  # how far rounded direction cosines may be from unit vectors at a right angle
_LENGTHS = 1e-9, 1e9  # mm; a spacing beyond these was not measured, and computing with it would overflow
SAME_PLACE = 0.01  # mm; positions closer than this are equal, unless the slices themselves are thinner
REGULAR = 0.01  # mm, or this part of the spacing: smaller differences between steps are ignored


def is_plane(row: Floats, column: Floats) -> bool:
    """Whether direction cosines span a plane: unit vectors at a right angle, within the rounding of headers."""
    numbers = np.array([row @ row - 1, column @ column - 1, row @ column])
    return bool((np.abs(numbers) < _ROUNDED).all())


def clusters(values: npt.ArrayLike, tolerance: float) -> Ints:
    """Codes 0, 1, ... of values in ascending order; neighbours within ``tolerance`` share a code, NaNs share the last one."""
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
    """Codes of rows of numbers, by groups in which every component is within ``tolerance`` of the group's first row.

    Groups begin with the smallest row, in lexicographic order, so that the order of ``rows`` does not matter.  NaN equals NaN.

    Parameters
    ----------
    rows
        (n, components).
    tolerance
        In the unit of the components.

    Returns
    -------
    array
        (n,) codes 0, 1, ... in the order of the groups' first rows.
    """
    filled = np.nan_to_num(rows, nan=1e6)
    distinct, inverse = np.unique(filled, axis=0, return_inverse=True)
    codes = np.full(len(distinct), -1, np.int64)
    by_one, starts, ends = _neighbourhoods(distinct, tolerance)
    count = 0
    for i in range(len(distinct)):
        if codes[i] < 0:
            near = by_one[starts[i] : ends[i]]
            near = near[(codes[near] < 0) & (np.abs(distinct[near] - distinct[i]) <= tolerance).all(axis=1)]
            codes[near] = count
            count += 1
    return np.asarray(codes[inverse.reshape(-1)])


def _neighbourhoods(rows: Floats, tolerance: float) -> tuple[Ints, Ints, Ints]:
    """For each row, a range of the rows sorted by one component that holds all rows within the tolerance, and a few more.

    The component is the one with the most distinct values, so that the ranges are short.
    """
    if not rows.size:
        return np.arange(len(rows)), np.zeros(len(rows), np.int64), np.full(len(rows), len(rows))
    with np.errstate(over="ignore"):
        column = max(rows.T, key=lambda values: len(np.unique(np.floor(values / tolerance) if tolerance else values)))
        reach = 2 * tolerance + 1e-9 * np.abs(column)  # wider than rounding errors
        low, high = column - reach, column + reach
    order = np.argsort(column, kind="stable")
    return order, np.searchsorted(column[order], low, side="left"), np.searchsorted(column[order], high, side="right")


def slice_tolerance(thickness: float | None) -> float:
    """The largest distance along the normal between two frames of one slice, mm; far below any slice spacing."""
    return min(SAME_PLACE, 0.05 * thickness) if thickness and thickness > 0 else SAME_PLACE


def is_regular(steps: Floats) -> bool:
    """Whether all steps are equal, within `REGULAR` mm or that part of the step, because headers round positions."""
    if steps.size < 2:
        return True
    middle = float(np.median(steps))
    return bool((np.abs(steps - middle) <= max(REGULAR, REGULAR * abs(middle))).all())


def affine(origin: Floats, steps: tuple[Floats, Floats, Floats]) -> Floats:
    """The 4 x 4 matrix from (slice, row, col) index to LPS mm.

    Parameters
    ----------
    origin
        (3,) position of index (0, 0, 0), mm.
    steps
        Three vectors (3,), mm for one step along slice, row and col.
    """
    out = np.eye(4)
    for k, step in enumerate(steps):
        out[:3, k] = step
    out[:3, 3] = origin
    return out


def as_codes(values: Any, tolerance: float = 0.0) -> Ints:
    """Codes of any column: numbers and times by `clusters`, other values by their sorted text; missing values come last."""
    array = np.asarray(values)
    if array.dtype.kind in "iuf":
        return clusters(array.astype(float), tolerance)
    if array.dtype.kind in "mM":
        missing = np.isnat(array)
        return clusters(np.where(missing, np.nan, array.astype("int64").astype(float)), 0.0)
    text = np.array(["\uffff" if pd.isna(v) else str(v) for v in array.tolist()], dtype=np.str_)
    return np.asarray(np.unique(text, return_inverse=True)[1].reshape(-1), np.int64)


def are_lengths(values: Floats) -> bool:
    """Whether spacings or thicknesses, mm, can be such: positive numbers of a size that can be measured."""
    return bool(((values > _LENGTHS[0]) & (values < _LENGTHS[1])).all())
