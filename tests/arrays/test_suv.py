"""Standardized uptake values, by numbers worked out by hand."""

import numpy as np
import pytest
from pydicom.dataset import Dataset

import dcmxarray as dx
from dcmxarray.testing import write_frame, write_series

from ..making import image

DOSE, HALF_LIFE, WEIGHT = 370e6, 6586.2, 70.0  # Bq, s, kg


def pet(injected="110000", **more):
    """An image of 5000 Bq/ml; 370 MBq of F-18 were injected at 11:00 into 70 kg."""
    drug = Dataset()
    drug.RadionuclideTotalDose, drug.RadionuclideHalfLife = DOSE, HALF_LIFE
    setattr(drug, "RadiopharmaceuticalStartTime" if len(injected) < 8 else "RadiopharmaceuticalStartDateTime", injected)
    return {
        "Modality": "PT", "Units": "BQML", "DecayCorrection": "START", "PatientWeight": 70.0, "SeriesDate": "20260101",
        "SeriesTime": "120000", "AcquisitionTime": "120000", "RadiopharmaceuticalInformationSequence": [drug],
        "RescaleSlope": 10.0, "RescaleIntercept": 0, "pixels": image(500),
    } | more  # fmt: skip


def test_suv(tmp_path):
    write_frame(tmp_path / "a", pet())
    suv = dx.open_series(tmp_path).dicom.suv()
    want = 5000 * 70 * 1000 / (370e6 * 2 ** (-3600 / 6586.2))
    np.testing.assert_allclose(suv.values, want, rtol=1e-6)
    assert suv.attrs["units"] == "g/ml"
    write_frame(tmp_path / "a", pet(DecayCorrection="ADMIN"))
    np.testing.assert_allclose(dx.open_series(tmp_path).dicom.suv().values, 5000 * 70 * 1000 / 370e6, rtol=1e-6)


def suv_after(seconds):
    """Of 5000 Bq/ml, where the image is decay corrected to so long after the injection."""
    return 5000 * 70 * 1000 / (370e6 * 0.5 ** (seconds / 6586.2))


@pytest.mark.parametrize(
    ("series", "acquired", "seconds"),
    [
        ("120000", "121000", 3600),  # a later bed position: all are corrected to the start of the series
        ("123000", "120000", 3600),  # a reformatted series: its own time lies after the acquisition
        ("120000.5", "120000.75", 3600.5),
        ("110000", "110000", 0),  # injected as the scan begins
    ],
)
def test_decay_counts_from_the_injection_to_the_start_of_the_scan(tmp_path, series, acquired, seconds):
    write_frame(tmp_path / "a", pet(SeriesTime=series, AcquisitionTime=acquired))
    np.testing.assert_allclose(dx.open_series(tmp_path).dicom.suv().values, suv_after(seconds), rtol=1e-6)


@pytest.mark.parametrize("series", ["115000", "123000"])
def test_the_scan_starts_with_the_earliest_of_all_its_frames(tmp_path, series):
    frames = [
        pet(ImagePositionPatient=[0, 0, 5 * s], SeriesTime=series, AcquisitionTime=f"12{5 * (2 - s):02d}00", InstanceNumber=s + 1)
        for s in range(3)
    ]
    write_series(tmp_path, frames, shuffle=1)
    want = suv_after(50 * 60 if series == "115000" else 3600)
    np.testing.assert_allclose(dx.open_series(tmp_path).dicom.suv().values, want, rtol=1e-6)


@pytest.mark.parametrize("moment", ["20251231230000", "20251231230000.000000"])
def test_the_injection_may_lie_on_the_day_before(tmp_path, moment):
    write_frame(tmp_path / "a", pet(moment, SeriesTime="001000", AcquisitionTime="001000"))
    np.testing.assert_allclose(dx.open_series(tmp_path).dicom.suv().values, suv_after(70 * 60), rtol=1e-6)


def test_values_that_are_suv_already_stay(tmp_path):
    write_frame(tmp_path / "a", pet(Units="GML", PatientWeight=None))
    assert (dx.open_series(tmp_path).dicom.suv().values == 5000).all()


@pytest.mark.parametrize(
    ("missing", "match"),
    [
        ({"PatientWeight": None}, "PatientWeight"),
        ({"PatientWeight": 0.0}, "above 0"),
        ({"Units": None}, "Units"),
        ({"Units": "CNTS"}, "CNTS"),
        ({"DecayCorrection": None}, "DecayCorrection"),
        ({"RadiopharmaceuticalInformationSequence": None}, "RadiopharmaceuticalInformationSequence"),
        ({"RadiopharmaceuticalInformationSequence": [Dataset()]}, "RadionuclideTotalDose"),
        ({"SeriesDate": "20260104"}, "can't be"),
        ({"DecayCorrection": "NONE"}, "NONE"),
        ({"SeriesTime": "100000", "AcquisitionTime": "100000"}, "can't be"),
    ],
)
def test_suv_names_what_it_lacks(tmp_path, missing, match):
    write_frame(tmp_path / "a", pet(**missing))
    with pytest.raises(dx.HeaderError, match=match):
        dx.open_series(tmp_path).dicom.suv()
