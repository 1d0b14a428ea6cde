"""Standardized uptake values of PET, by body weight.  Opens no file.

The factor is computed once, when a whole stack is opened, and stays with the array as a scalar coordinate: it depends on the
start of the whole series, even if a selection keeps only a part.

Source: the vendor-neutral calculation of the QIBA FDG-PET/CT profile, for images in Bq/ml that are decay corrected
(PS3.3 C.8.9.1, C.8.9.2); Boellaard et al. 2015, doi:10.1007/s00259-014-2961-x.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ..errors import HeaderError

if TYPE_CHECKING:
    import pydicom

FACTOR = "suv_factor"  # the coordinate
UNITS = "g/ml"
# Elements that must have one value in the whole series: one factor does not fit several.
ALIKE = ("Units", "DecayCorrection", "PatientWeight", "SeriesDate", "SeriesTime")


def coordinate(header: pydicom.Dataset, frames: pd.DataFrame) -> tuple[tuple[()], float, dict[str, str]]:
    """The coordinate ``suv_factor`` of a stack, as xarray takes it: dims, the factor in g/ml per unit of the image, attributes.

    Raises
    ------
    HeaderError
        As for `factor`; or frames differ in one of `ALIKE`.
    """
    unlike = [name for name in ALIKE if frames[name].nunique(dropna=False) > 1]
    if unlike:
        raise HeaderError(f"SUV needs one {unlike[0]}, and the files differ in it")
    first = frames["acquired"].min()
    value = factor(header, None if pd.isna(first) else first.to_datetime64())
    return (), value, {"units": f"{UNITS} per unit of the image", "long_name": "factor to SUV by body weight"}


def factor(header: pydicom.Dataset, first: np.datetime64 | None = None) -> float:
    """The factor from the unit of the image to SUV: g/ml per Bq/ml, 1 for an image in g/ml.

    Parameters
    ----------
    header
        Of any frame of the series.
    first
        The earliest acquisition of the series; ``None`` if unknown.

    Raises
    ------
    HeaderError
        An element is missing, or the units or the decay correction are not supported.
    """
    units = _value(header, "Units")
    if units == "GML":
        return 1.0
    if units != "BQML":
        raise HeaderError(f"SUV needs Units BQML or GML, the headers say {units}; convert the values first")
    weight = _number(header, "PatientWeight")
    sequence = _value(header, "RadiopharmaceuticalInformationSequence")
    dose = _number(sequence[0], "RadionuclideTotalDose")
    return weight * 1000 / (dose * _decay(header, sequence[0], first))


def _decay(header: pydicom.Dataset, drug: pydicom.Dataset, first: np.datetime64 | None) -> float:
    """The fraction of the dose that is left at the time to which the image is decay corrected."""
    correction = _value(header, "DecayCorrection")
    if correction == "ADMIN":
        return 1.0
    if correction != "START":
        raise HeaderError(f"SUV needs DecayCorrection START or ADMIN, the headers say {correction}")
    seconds = (_scan_start(header, first) - _injected(header, drug)) / np.timedelta64(1, "s")
    if not 0 <= seconds < 2 * 86400:
        raise HeaderError(
            f"SUV: the scan begins {seconds:.0f} s after the injection, which can't be; the times may have been changed"
        )
    return float(2.0 ** (-seconds / _number(drug, "RadionuclideHalfLife")))


def _scan_start(header: pydicom.Dataset, first: np.datetime64 | None) -> np.datetime64:
    """SeriesDate and SeriesTime, or the first acquisition if that is earlier: a reformatted series has later times of its own."""
    series = _moment(str(_value(header, "SeriesDate")), str(_value(header, "SeriesTime")))
    return min(series, first) if first is not None else series


def _injected(header: pydicom.Dataset, drug: pydicom.Dataset) -> np.datetime64:
    """The time of injection; a start time without a date is on the SeriesDate."""
    if drug.get("RadiopharmaceuticalStartDateTime"):
        text = str(drug.RadiopharmaceuticalStartDateTime)
        return _moment(text[:8], text[8:].split("+")[0].split("-")[0] or "000000")
    return _moment(str(_value(header, "SeriesDate")), str(_value(drug, "RadiopharmaceuticalStartTime")))


def _moment(date: str, clock: str) -> np.datetime64:
    """A date (YYYYMMDD) and a time (HHMMSS.ffffff, possibly shorter) as one."""
    whole, _, part = clock.partition(".")
    try:
        return np.datetime64(pd.Timestamp(f"{date} {whole.ljust(6, '0')}.{part or 0}"), "us")
    except ValueError:
        raise HeaderError("SUV needs dates and times, and the headers hold others") from None


def _number(data: pydicom.Dataset, keyword: str) -> float:
    """An element as a number above 0; `HeaderError` if it is missing or none."""
    value = _value(data, keyword)
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = np.nan
    if not 0 < number < np.inf:
        raise HeaderError(f"SUV needs {keyword} above 0, the headers say {value}")
    return number


def _value(data: pydicom.Dataset, keyword: str) -> Any:
    """The value of an element; `HeaderError` if it is missing or empty."""
    value = data.get(keyword)
    if value is None or value == "" or (not isinstance(value, (str, float, int)) and not value):
        raise HeaderError(f"SUV needs {keyword}, which the headers do not hold")
    return value
