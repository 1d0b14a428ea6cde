"""Columns computed from other columns: b-value, gradient, component, label, derived map, acquisition time.  Opens no file.

The standard's reader comes first, then the vendors'.  A reader runs only on the rows that have the column it needs, and texts
are interpreted once per distinct value.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from .vendors import B_VALUE_READERS, FLOATING_POINT, GRADIENT_READERS, SCAN_TIME_READERS, WORD_COLUMNS, WORD_READERS
from .vendors.base import Columns

Reader = Callable[[Columns], npt.NDArray[Any]]
GRADIENT = ("gradient_x", "gradient_y", "gradient_z")


class Rows(Mapping[str, npt.NDArray[Any]]):
    """Some rows of a table of columns; each column becomes a numpy array when it is accessed."""

    def __init__(self, columns: Mapping[str, Any], rows: npt.NDArray[np.int64]) -> None:
        self._columns = columns
        self._rows = rows

    def __getitem__(self, name: str) -> npt.NDArray[Any]:
        column = self._columns[name]
        if isinstance(column, pa.Array):  # one Python object per distinct text, not per row
            encoded = column.take(pa.array(self._rows)).dictionary_encode()
            texts = np.array([*encoded.dictionary.to_pylist(), None], object)
            return texts[np.asarray(encoded.indices.fill_null(len(texts) - 1))]
        return np.asarray(column[self._rows])

    def __iter__(self) -> Any:
        return iter(self._columns)

    def __len__(self) -> int:
        return len(self._columns)


def compute(columns: dict[str, Any]) -> dict[str, Any]:
    """The computed columns of a batch.

    Parameters
    ----------
    columns
        Columns by frame, with the vendors' private ones, whose names begin with "_".

    Returns
    -------
    ``b`` (s/mm2), ``gradient_x/y/z`` (patient LPS; 0 where b is 0), ``fp_slope``, ``fp_intercept``, ``component``,
    ``derived``, ``kind``, ``variant``, ``label``, ``window_low``, ``window_high``, ``scan_time`` (s) and
    ``acquired``, by name.
    """
    b = first(B_VALUE_READERS, columns)
    gradient = first(GRADIENT_READERS, columns, 3)
    gradient[b == 0] = 0.0
    gradient[(b > 0) & (gradient == 0).all(axis=1)] = np.nan  # no direction: an average or trace
    computed: dict[str, Any] = {"b": b, **{name: gradient[:, k].copy() for k, name in enumerate(GRADIENT)}}
    computed["fp_slope"], computed["fp_intercept"] = FLOATING_POINT(columns)
    computed |= window(columns) | {"scan_time": first(SCAN_TIME_READERS, columns)}
    computed = {name: np.where(np.isfinite(values), values, np.nan) for name, values in computed.items()}
    return computed | _words(columns) | {"acquired": acquired(columns)}


def _present(column: Any) -> npt.NDArray[np.bool_]:
    """Which values of a column are not missing."""
    if isinstance(column, pa.Array):
        return np.asarray(column.is_valid())
    return column.astype(bool) if column.dtype == object else ~np.isnan(column)


def first(readers: Sequence[tuple[Reader, str]], columns: Mapping[str, Any], width: int = 0) -> npt.NDArray[np.float64]:
    """For each row, the value of the first reader that has one; NaN if none has.

    Parameters
    ----------
    readers
        Pairs (reader, name of the column that it needs), in the order in which they are tried.
    columns
        Columns by frame.
    width
        Components of a vector; 0 for a scalar.

    Returns
    -------
    (rows,), or (rows, width).
    """
    count = len(columns["SOPClassUID"])
    out = np.full((count, width) if width else count, np.nan)
    for reader, needs in readers:
        todo = np.isnan(sum(out.T) if width else out)
        rows = np.flatnonzero(todo & _present(columns[needs]))
        if rows.size:
            out[rows] = reader(Rows(columns, rows))
    return out


def _words(columns: Mapping[str, Any]) -> dict[str, pa.Array]:
    """The columns of words, such as ``component``, computed once per distinct combination of the columns that they depend on."""
    codes = np.zeros(len(columns["ImageType"]), np.int64)
    for name in WORD_COLUMNS:
        if isinstance(columns[name], pa.Array):
            encoded = columns[name].dictionary_encode()
            count, each = len(encoded.dictionary), np.asarray(encoded.indices.fill_null(-1))
        else:
            distinct, each = np.unique(columns[name], return_inverse=True)
            count = len(distinct)
        codes = codes * (count + 1) + each + 1
    _, where, inverse = np.unique(codes, return_index=True, return_inverse=True)
    rows = Rows(columns, where)
    return {name: _spread(_first_word(readers, rows), inverse) for name, readers in WORD_READERS.items()}


def _first_word(readers: Sequence[Reader], rows: Rows) -> list[str | None]:
    """For each row, the first word that a reader finds."""
    return [next((word for word in found if word), None) for found in zip(*(read(rows) for read in readers), strict=True)]


def _spread(values: Sequence[str | None], inverse: npt.NDArray[np.int64]) -> pa.Array:
    """A column of texts from its distinct values, and for each row the index of its value."""
    return pa.array(values, pa.string()).take(pa.array(inverse))


def window(columns: Mapping[str, Any]) -> dict[str, npt.NDArray[np.float64]]:
    """The display range, by the first WindowCenter and WindowWidth (PS3.3 C.11.2.1.2): ``window_low`` and ``window_high``."""
    center, width = (_first_numbers(columns[name]) for name in ("_window_center", "_window_width"))
    return {"window_low": center - width / 2, "window_high": center + width / 2}


def _first_numbers(texts: pa.Array) -> npt.NDArray[np.float64]:
    """The first number of each backslash list, NaN where there is none."""
    encoded = texts.dictionary_encode()
    firsts = pc.replace_substring_regex(encoded.dictionary, r"\\.*", "")
    numbers = pd.to_numeric(firsts.to_pandas(), errors="coerce").to_numpy(float)
    return np.append(numbers, np.nan)[np.asarray(encoded.indices.fill_null(len(numbers)))]


def acquired(columns: Mapping[str, Any]) -> npt.NDArray[np.datetime64]:
    """AcquisitionDateTime, else AcquisitionTime on the date of acquisition, content, series or study; NaT if one is missing."""
    date = columns["AcquisitionDate"].copy()
    for name in ("ContentDate", "SeriesDate", "StudyDate"):
        date = np.where(np.isnat(date), columns[name], date)
    joined = date.astype("datetime64[us]") + columns["AcquisitionTime"]
    exact = columns["AcquisitionDateTime"]
    return np.where(np.isnat(exact), joined, exact)
