"""Standardized uptake values of PET, by body weight.  Opens no file.

The factor is computed once, when a whole stack is opened, and stays with the array as a scalar coordinate: the scan start is the
series', whatever part of it is left.

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
ALIKE = ("Units", "DecayCorrection", "PatientWeight", "SeriesDate", "SeriesTime")  # what one factor can't stand for if it varies


def coordinate(header: pydicom.Dataset, frames: pd.DataFrame) -> tuple[tuple[()], float, dict[str, str]]:
    """The coordinate of a stack: what its values are multiplied by.

    Raises
    ------
    HeaderError
        As for `factor`; or the frames are of unlike series.
    """
    unlike = [name for name in ALIKE if frames[name].nunique(dropna=False) > 1]
    if unlike:
        raise HeaderError(f"SUV needs one {unlike[0]}, and the files differ in it")
    first = frames["acquired"].min()
    value = factor(header, None if pd.isna(first) else first.to_datetime64())
    return (), value, {"units": f"{UNITS} per unit of the image", "long_name": "factor to SUV by body weight"}


def factor(header: pydicom.Dataset, first: np.datetime64 | None = None) -> float:
    """What Bq/ml are multiplied by to be g/ml.

    Parameters
    ----------
    header
        Of any frame of the series.
    first
        The earliest acquisition of the series; ``None`` where the headers do not say.

    Raises
    ------
    HeaderError
        An element that the calculation needs is missing, or the units or the decay correction are others.
    """
    units = _said(header, "Units")
    if units == "GML":
        return 1.0
    if units != "BQML":
        raise HeaderError(f"SUV needs Units BQML or GML, the headers say {units}; convert the values first")
    weight = _number(header, "PatientWeight")
    sequence = _said(header, "RadiopharmaceuticalInformationSequence")
    dose = _number(sequence[0], "RadionuclideTotalDose")
    return weight * 1000 / (dose * _decay(header, sequence[0], first))


def _decay(header: pydicom.Dataset, drug: pydicom.Dataset, first: np.datetime64 | None) -> float:
    """The part of the dose that is left at the time to which the image is decay corrected."""
    correction = _said(header, "DecayCorrection")
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
    """SeriesDate and SeriesTime, unless they lie after the first acquisition: a reformatted series carries its own."""
    series = _moment(str(_said(header, "SeriesDate")), str(_said(header, "SeriesTime")))
    return min(series, first) if first is not None else series


def _injected(header: pydicom.Dataset, drug: pydicom.Dataset) -> np.datetime64:
    if drug.get("RadiopharmaceuticalStartDateTime"):
        text = str(drug.RadiopharmaceuticalStartDateTime)
        return _moment(text[:8], text[8:].split("+")[0].split("-")[0] or "000000")
    return _moment(str(_said(header, "SeriesDate")), str(_said(drug, "RadiopharmaceuticalStartTime")))


def _moment(date: str, clock: str) -> np.datetime64:
    whole, _, part = clock.partition(".")
    try:
        return np.datetime64(pd.Timestamp(f"{date} {whole.ljust(6, '0')}.{part or 0}"), "us")
    except ValueError:
        raise HeaderError("SUV needs dates and times, and the headers hold others") from None


def _number(data: pydicom.Dataset, keyword: str) -> float:
    value = _said(data, keyword)
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = np.nan
    if not 0 < number < np.inf:
        raise HeaderError(f"SUV needs {keyword} above 0, the headers say {value}")
    return number


def _said(data: pydicom.Dataset, keyword: str) -> Any:
    value = data.get(keyword)
    if value is None or value == "" or (not isinstance(value, (str, float, int)) and not value):
        raise HeaderError(f"SUV needs {keyword}, which the headers do not hold")
    return value
