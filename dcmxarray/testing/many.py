"""Writes large cohorts fast: pydicom encodes one header for each series, and its files differ in a few bytes of fixed width."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from pydicom.dataelem import DataElement
from pydicom.uid import ExplicitVRLittleEndian

from .writer import DEFAULTS

_ROOT = "1.2.826.0.1.3680043.8.498."
_SOP, _NUMBER = f"{_ROOT}3{0:024d}", "+0000000000"
_PLACE = ("+11111.1111", "+22222.2222", "+33333.3333")
_CLOCK = "111111.111111"


def write_cohort(
    folder: str | os.PathLike[str],
    templates: Sequence[str | os.PathLike[str]],
    *,
    series: int,
    slices: int,
    times: int = 1,
    size: int = 8,
) -> int:
    """Write a cohort of ``series * slices * times`` files with the headers of real ones and small matrices.

    Parameters
    ----------
    folder
        Is created; each series has a folder of its own, and 100 of these share a parent.
    templates
        Files of single-frame images, whose headers the series take in turn.  PatientName and PatientID are replaced.
    series, slices, times
        The number of series, and of slices and times in each.
    size
        Rows and columns of every image of 16 bits.

    Returns
    -------
    int
        The number of files.

    Examples
    --------
    >>> import dcmxarray as dx, tempfile
    >>> one = dx.scan(dx.testing.example("dce"))["path"][0]
    >>> folder = tempfile.mkdtemp()
    >>> dx.testing.write_cohort(folder, [one], series=3, slices=2, times=2)
    12
    >>> dx.open_cohort(folder)
    <dcmxarray.Cohort: 3 arrays of 1 patient, 12 frames in 12 files>
    """
    headers = [_small(pydicom.dcmread(path, stop_before_pixels=True, force=True), size) for path in templates]
    for s in range(series):
        place = Path(folder) / f"{s // 100:05d}" / f"{s:07d}"
        place.mkdir(parents=True, exist_ok=True)
        text, normal = _encoded(headers[s % len(headers)], s), _normal(headers[s % len(headers)])
        for t in range(times):
            for k in range(slices):
                number = t * slices + k
                Path(place, f"{number:05d}.dcm").write_bytes(_filled(text, s, number, 3.0 * k * normal, 5.0 * t))
    return series * slices * times


def _small(header: pydicom.Dataset, size: int) -> pydicom.Dataset:
    """The header with a small matrix, without elements that contradict it."""
    for keyword in ("PixelData", "NumberOfFrames", "SliceLocation", "TemporalPositionIdentifier", "AcquisitionDateTime"):
        if keyword in header:
            del header[keyword]
    pixels = np.arange(size * size, dtype=np.uint16).reshape(size, size)
    values: dict[str, Any] = {
        "Rows": size,
        "Columns": size,
        "BitsAllocated": 16,
        "BitsStored": 16,
        "HighBit": 15,
        "PixelRepresentation": 0,
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "ImageOrientationPatient": header.get("ImageOrientationPatient") or DEFAULTS["ImageOrientationPatient"],
        "PixelData": pixels.tobytes(),
    }
    _set(header, values)
    header["PixelData"].VR = "OW"
    header.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return header


def _set(header: pydicom.Dataset, values: dict[str, Any]) -> None:
    for keyword, value in values.items():
        setattr(header, keyword, value)


def _encoded(header: pydicom.Dataset, number: int) -> bytes:
    """The file of one frame, with placeholders for the values that differ between files."""
    values: dict[str, Any] = {
        "PatientName": "EXAMPLE",
        "PatientID": f"P{number // 10:06d}",
        "StudyInstanceUID": f"{_ROOT}1{number // 10:024d}",
        "SeriesInstanceUID": f"{_ROOT}2{number:024d}",
        "SeriesNumber": number % 10 + 1,
        "SOPInstanceUID": _SOP,
    }
    _set(header, values)
    _set(header.file_meta, {"MediaStorageSOPInstanceUID": _SOP})
    for keyword, vr, text in (
        ("InstanceNumber", "IS", _NUMBER),
        ("ImagePositionPatient", "DS", list(_PLACE)),
        ("AcquisitionTime", "TM", _CLOCK),
    ):
        header[keyword] = DataElement(keyword, vr, text)
    out = io.BytesIO()
    header.save_as(out, enforce_file_format=True, implicit_vr=False, little_endian=True)
    return out.getvalue()


def _normal(header: pydicom.Dataset) -> Any:
    """The slice normal of a header's planes, (3,)."""
    cosines = np.array(header.ImageOrientationPatient, float)
    return np.cross(cosines[:3], cosines[3:])


def _filled(text: bytes, series: int, number: int, place: Any, seconds: float) -> bytes:
    """The file with the values of one frame in place of the placeholders."""
    clock = f"{10 + int(seconds) // 3600:02d}{int(seconds) // 60 % 60:02d}{seconds % 60:09.6f}"
    pairs = [(_SOP, f"{_ROOT}3{series * 100000 + number:024d}"), (_NUMBER, f"{number + 1:+011d}"), (_CLOCK, clock)]
    pairs += [(one, f"{value:+011.4f}") for one, value in zip(_PLACE, place, strict=True)]
    for before, after in pairs:
        text = text.replace(before.encode(), after.encode())
    return text
