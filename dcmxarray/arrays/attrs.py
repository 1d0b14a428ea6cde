"""Attributes of an array: elements with one value in all frames of the stack, and the units of the values.  Opens no file."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from ..attributes import VOCABULARY, Attribute
from ..headers.asked import is_number, number
from ..model import FrameGrid
from ..pixels import scales
from ..stacks.split import ORIENTATION, comparable, leading, plane

_DOSE_UNITS = {"GY": "Gy", "RELATIVE": "1"}


def attrs_of(frames: pd.DataFrame, arranged: FrameGrid, tags: tuple[str, ...], rescale: bool | str) -> dict[str, Any]:
    """The attributes of an array.

    Parameters
    ----------
    frames
        The rows of the stack.
    arranged
        Its grid.
    tags
        Columns that the user asked for, besides the vocabulary.
    rescale
        As for `open_series`.

    Returns
    -------
    dict
        Keyword -> JSON value, of every element with one value in all frames; ``long_name``; ``units``, ``time_source``,
        ``slice_source`` and ``value_source`` if known.
    """
    found: dict[str, Any] = {}
    asked = [Attribute(t, t) for t in tags if t in frames]
    for attribute in (*VOCABULARY, *asked):
        value = constant(frames, attribute)
        if value is not None:
            found[attribute.keyword] = _numbers(value) if attribute in asked and is_number(attribute.keyword) else value
    if plane(frames) is not None:  # all frames of a stack agree in it to 1e-4 (stacks.split)
        found["ImageOrientationPatient"] = leading(frames, ORIENTATION).tolist()
    if arranged.time_source:
        found["time_source"] = arranged.time_source
    if arranged.slice_source:
        found["slice_source"] = arranged.slice_source
    return (
        found
        | _values(frames, found, rescale)
        | {"long_name": str(found.get("SeriesDescription", found.get("Modality", "image")))}
    )


def _values(frames: pd.DataFrame, found: Mapping[str, Any], rescale: bool | str) -> dict[str, str]:
    """``units`` of the values, and ``value_source`` where a real-world value mapping gives them, or is there and does not."""
    mapped = rescale == "rwvm" or (rescale is True and scales.by_mapping(frames))
    units, unused = "", ""  # stored values have none
    if mapped:
        units = scales.units(frames)
    elif rescale is True:
        units, unused = _units(found), scales.unused(frames)
    source = "RealWorldValueMappingSequence" if mapped else f"stored values: {unused}" if unused else ""
    return {name: text for name, text in (("units", units), ("value_source", source)) if text}


def constant(frames: pd.DataFrame, attribute: Attribute) -> Any:
    """The JSON value that all frames share; ``None`` if frames differ or one lacks it."""
    values: list[Any] = [_shared(frames[name]) if name in frames else None for name in attribute.columns]
    if any(v is None or (isinstance(v, float) and not math.isfinite(v)) for v in values):
        return None
    return [float(v) for v in values] if attribute.parts else json_value(values[0])


def _numbers(value: Any) -> Any:
    """Several numbers, which the table holds as one text, as a list of numbers; anything else as it is."""
    numbers = [number(text) for text in value] if isinstance(value, list) else []
    return numbers if numbers and all(map(math.isfinite, numbers)) else value


def _shared(column: pd.Series) -> Any:
    """The value that all rows share; ``None`` if rows differ or one is missing."""
    values = comparable(column)
    return column.iloc[0] if (values == values[0]).all() else None  # a missing value does not equal itself


def json_value(value: Any) -> Any:
    """A cell of the table as JSON: dates and times as DICOM writes them, a list for values separated by backslashes."""
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
    """Units of the real-world values, "" if unknown.

    From Units (PET, PS3.3 C.8.9.1), DoseUnits (C.8.8.3) or RescaleType (C.11.1.1.2); original CT images without RescaleType
    are in Hounsfield units (C.8.2.1.1.2).
    """
    if attrs.get("Units"):
        return str(attrs["Units"])
    if attrs.get("DoseUnits"):
        return _DOSE_UNITS.get(str(attrs["DoseUnits"]), str(attrs["DoseUnits"]))
    rescale_type = str(attrs.get("RescaleType", ""))
    if rescale_type and rescale_type != "US":
        return rescale_type
    original = isinstance(attrs.get("ImageType"), list) and attrs["ImageType"][0] == "ORIGINAL"
    return "HU" if attrs.get("Modality") == "CT" and original and not rescale_type else ""
