"""Philips: b-values, directions, complex parts, floating point."""

import numpy as np
import pydicom
import pytest

import dcmxarray as dx
from dcmxarray.testing import write_frame

from ...conftest import SMALL
from ...making import frame, opened
from ...references import opened_with, referenced

G = [0.48, -0.6, 0.64]
IMAGING, MR = "Philips Imaging DD 001", "Philips MR Imaging DD 001"
FLOATS = {"Manufacturer": "Philips", "RescaleSlope": 2, "RescaleIntercept": 6, "value": 3}


def test_b_and_direction(tmp_path):
    plain = frame(Manufacturer="Philips") | {(0x2001, IMAGING, 0x03, "FL"): 0.0}
    weighted = frame(Manufacturer="Philips") | {(0x2001, IMAGING, 0x03, "FL"): 800.0}
    weighted |= {(0x2005, MR, 0xB0 + k, "FL"): g for k, g in enumerate(G)}
    da = opened(tmp_path, [plain, weighted])
    assert da.dicom.bvals.tolist() == [0, 800]
    np.testing.assert_allclose(da.dicom.bvecs[1], G, rtol=1e-6)


D2N = "icometrix+dicom2nifti/tests/data/"
DTI, BALLS = D2N + "philips/dti/", "yarikoptic+nitest-balls1/"
CLASSIC = [(DTI + n, f"{DTI}{n}_ground_truth.nii.gz", f"{DTI}{n}_ground_truth") for n in ("001", "001_implicit", "002")]
ENHANCED = (BALLS + "DICOM/DTI.dcm", BALLS + "_dcm2niix_generated/1201_DTI.nii.gz", BALLS + "_dcm2niix_generated/1201_DTI")


@referenced(DTI + "001", D2N + "philips_enhanced/dti/001", large_ones=CLASSIC)
def test_a_real_series_has_the_b_values_of_the_reference(case):
    da, want = opened_with(case)
    np.testing.assert_allclose(da.dicom.bvals, want.bvals)


@referenced(DTI + "001", D2N + "philips_enhanced/dti/001")
def test_a_small_real_series_is_the_reference(case):
    da, want = opened_with(case)
    want.assert_voxels(da)
    np.testing.assert_allclose(da.dicom.bvecs, want.bvecs, atol=2e-3)


@referenced(D2N + "philips_enhanced/dti/001", large_ones=[ENHANCED])
def test_directions_of_a_real_enhanced_file_have_the_signs_of_dcm2niix(case):
    da, want = opened_with(case)
    unit = np.linalg.norm(want.bvecs, axis=1) > 0.5
    np.testing.assert_allclose(da.dicom.bvecs[1:7], want.bvecs[unit], atol=2e-3)  # three directions or six, behind b = 0


@pytest.mark.parametrize(("word", "part"), [("M", "magnitude"), ("P", "phase"), ("R", "real"), ("I", "imaginary"), ("X", None)])
def test_complex_parts(tmp_path, word, part):
    write_frame(tmp_path / "a", frame(ImageType=["ORIGINAL", "PRIMARY", "OTHER"]) | {(0x2005, MR, 0x11, "CS"): word})
    found = dx.scan(tmp_path)["component"].item()
    assert found == part if part else not isinstance(found, str)


def test_floating_point(tmp_path):
    scale = {(0x2005, MR, 0x0E, "FL"): 0.25}
    write_frame(tmp_path / "a", frame(**FLOATS) | scale)
    assert (dx.open_series(tmp_path).values == 12).all()
    assert (dx.open_series(tmp_path, rescale="philips_fp").values == 12 / (2 * 0.25)).all()


@pytest.mark.parametrize(
    ("elements", "want"),
    [({"RescaleSlope": None}, 3 / 0.25 + 6 / 0.25), ({"RescaleIntercept": None}, 3 / 0.25), ({"RescaleSlope": 4}, 3 / 0.25 + 6)],
)
def test_floating_point_without_a_slope_or_an_intercept(tmp_path, elements, want):
    write_frame(tmp_path / "a", frame(**FLOATS | elements) | {(0x2005, MR, 0x0E, "FL"): 0.25})
    assert (dx.open_series(tmp_path, rescale="philips_fp").values == want).all()


def test_a_scale_of_0_is_none(tmp_path):
    write_frame(tmp_path / "a", frame(**FLOATS) | {(0x2005, MR, 0x0E, "FL"): 0.0})
    with pytest.raises(dx.PixelError, match="rescale=True"):
        dx.open_series(tmp_path, rescale="philips_fp")


def test_private_elements_of_a_real_file_have_the_signs_of_dcm2niix(tmp_path):
    name = D2N + "philips_enhanced/dti/001"  # as classic files have them, which leave the standard's elements out
    header = pydicom.dcmread(next((SMALL / name).iterdir()), stop_before_pixels=True)
    frames = []
    for groups in header.PerFrameFunctionalGroupsSequence[:4]:
        said = groups[0x2005, 0x140F][0]
        private = {(0x2005, MR, 0xB0 + k, "FL"): said[0x2005, 0x10B0 + k].value for k in range(3)}
        frames.append(frame(Manufacturer="Philips") | private | {(0x2001, IMAGING, 0x03, "FL"): said[0x2001, 0x1003].value})
    da, want = opened(tmp_path, frames), opened_with((SMALL / name, name))[1]
    np.testing.assert_allclose(da.dicom.bvals, want.bvals)
    np.testing.assert_allclose(da.dicom.bvecs, want.bvecs, atol=2e-3)


def test_an_enhanced_file_without_the_standard_sequence_has_b_and_direction_by_the_private_one(tmp_path):
    [path] = (SMALL / D2N / "philips_enhanced/dti/001").iterdir()
    data = pydicom.dcmread(path)
    for groups in data.PerFrameFunctionalGroupsSequence:
        del groups.MRDiffusionSequence
    data.save_as(tmp_path / "a")
    found, want = dx.open_series(tmp_path).dicom, dx.open_series(path).dicom
    assert found.bvals.tolist() == want.bvals.tolist()
    np.testing.assert_allclose(np.nan_to_num(found.bvecs), np.nan_to_num(want.bvecs), atol=1e-6)
