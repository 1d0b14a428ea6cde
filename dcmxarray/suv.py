"""Standardized uptake values of PET, by body weight.  Opens no file.

Source: the vendor-neutral calculation of the QIBA FDG-PET/CT profile, for images in Bq/ml that are decay corrected
(PS3.3 C.8.9.1, C.8.9.2); Boellaard et al. 2015, doi:10.1007/s00259-014-2961-x.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from .errors import HeaderError

if TYPE_CHECKING:
    import pydicom


def factor(header: pydicom.Dataset, first: np.datetime64 | None) -> float:
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
    weight = float(_said(header, "PatientWeight"))
    sequence = _said(header, "RadiopharmaceuticalInformationSequence")
    dose = float(_said(sequence[0], "RadionuclideTotalDose"))
    if weight <= 0 or dose <= 0:
        raise HeaderError("SUV needs PatientWeight and RadionuclideTotalDose above 0")
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
    return float(2.0 ** (-seconds / float(_said(drug, "RadionuclideHalfLife"))))


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
    return np.datetime64(pd.Timestamp(f"{date} {whole.ljust(6, '0')}.{part or 0}"), "us")


def _said(data: pydicom.Dataset, keyword: str) -> Any:
    value = data.get(keyword)
    if value is None or value == "" or (not isinstance(value, (str, float, int)) and not value):
        raise HeaderError(f"SUV needs {keyword}, which the headers do not hold")
    return value
