"""Attributes of an array: what every file of the stack says alike, and the units of the values.  Opens no file."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from ..attributes import VOCABULARY, Attribute
from ..model import FrameGrid
from ..stacks.split import ORIENTATION, comparable, leading, plane

_DOSE_UNITS = {"GY": "Gy", "RELATIVE": "1"}


def attrs_of(frames: pd.DataFrame, arranged: FrameGrid, tags: tuple[str, ...], rescale: bool | str) -> dict[str, Any]:
    """What every file of the stack says alike: keyword -> JSON value; with units, long_name and time_source."""
    found: dict[str, Any] = {}
    asked = [Attribute(t, t) for t in tags if t in frames]
    for attribute in (*VOCABULARY, *asked):
        value = constant(frames, attribute)
        if value is not None:
            found[attribute.keyword] = value
    if plane(frames) is not None:  # the stack agrees in it to 1e-4 (series.split)
        found["ImageOrientationPatient"] = leading(frames, ORIENTATION).tolist()
    if arranged.time_source:
        found["time_source"] = arranged.time_source
    if arranged.slice_source:
        found["slice_source"] = arranged.slice_source
    units = _units(found) if rescale is True else ""  # of real-world values alone
    return (
        found
        | ({"units": units} if units else {})
        | {"long_name": str(found.get("SeriesDescription", found.get("Modality", "image")))}
    )


def constant(frames: pd.DataFrame, attribute: Attribute) -> Any:
    """The JSON value that all frames share, ``None`` where they differ or one lacks it."""
    values: list[Any] = [_shared(frames[name]) if name in frames else None for name in attribute.columns]
    if any(v is None or (isinstance(v, float) and not math.isfinite(v)) for v in values):
        return None
    return [float(v) for v in values] if attribute.parts else json_value(values[0])


def _shared(column: pd.Series) -> Any:
    """The value of all rows, ``None`` where they differ or one is missing."""
    values = comparable(column)
    return column.iloc[0] if (values == values[0]).all() else None  # nothing missing equals itself


def json_value(value: Any) -> Any:
    """A cell of the table as JSON: dates and times in DICOM's form, lists for backslash lists."""
    if isinstance(value, pd.Timedelta):
        return f"{(pd.Timestamp(0) + value):%H%M%S.%f}".rstrip("0").rstrip(".")
    if isinstance(value, pd.Timestamp):
        return f"{value:%Y%m%d}" if value.unit == "ms" else f"{value:%Y%m%d%H%M%S.%f}".rstrip("0").rstrip(".")
    if isinstance(value, str):
        return value.split("\\") if "\\" in value else value
    if isinstance(value, (int, np.integer)):
        return int(value)
    return float(value)


def _units(attrs: Mapping[str, Any]) -> str:
    """Units of the values.

    By Units (PET, C.8.9.1), DoseUnits (C.8.8.3), RescaleType (C.11.1.1.2), Hounsfield units of original CT (C.8.2.1.1.2).
    """
    if attrs.get("Units"):
        return str(attrs["Units"])
    if attrs.get("DoseUnits"):
        return _DOSE_UNITS.get(str(attrs["DoseUnits"]), str(attrs["DoseUnits"]))
    said = str(attrs.get("RescaleType", ""))
    if said and said != "US":
        return said
    original = isinstance(attrs.get("ImageType"), list) and attrs["ImageType"][0] == "ORIGINAL"
    return "HU" if attrs.get("Modality") == "CT" and original and not said else ""
