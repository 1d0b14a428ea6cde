"""GE: b-values, shells, directions, complex parts."""

import numpy as np
import pytest

import dcmxarray as dx
from dcmxarray.testing import write_frame

from ...making import frame, opened
from ...references import opened_with, referenced


def test_components_by_ge(tmp_path):
    frames = [
        frame(5 * s, ImageType=["ORIGINAL", "PRIMARY", "OTHER"]) | {(0x0043, "GEMS_PARM_01", 0x2F, "SS"): c}
        for s in range(2)
        for c in (0, 1)
    ]
    assert opened(tmp_path, frames)["component"].values.tolist() == ["magnitude", "phase"]


def test_ge_flags_above_1e9_are_no_b_value(tmp_path):
    frames = [
        frame(InstanceNumber=n, Manufacturer="GE MEDICAL SYSTEMS") | {(0x0043, "GEMS_PARM_01", 0x39, "IS"): [b, 8, 0, 0]}
        for n, b in enumerate((0, 1000000800))
    ]
    assert opened(tmp_path, frames)["b"].values.tolist() == [0, 800]


def test_ge_shells_are_told_by_the_length_of_the_direction(tmp_path):
    frames = [
        frame(InstanceNumber=n, Manufacturer="GE MEDICAL SYSTEMS", InPlanePhaseEncodingDirection="COL", value=n)
        | {
            (0x0043, "GEMS_PARM_01", 0x39, "IS"): [b, 8, 0, 0],
            **{(0x0019, "GEMS_ACQU_01", 0xBB + k, "DS"): v for k, v in enumerate(g)},
        }
        for n, (b, g) in enumerate([(0, (0, 0, 0)), (2000, (1, 0, 0)), (2000, (0, 0.5**0.5, 0))])
    ]
    da = opened(tmp_path, frames)
    np.testing.assert_allclose(da["b"], [0, 2000, 1000])
    np.testing.assert_allclose(da.dicom.bvecs, [[0, 0, 0], [1, 0, 0], [0, 1, 0]])


DTI = "icometrix+dicom2nifti/tests/data/ge/dti/"
WHOLE = [(DTI + n, f"{DTI}{n}_ground_truth.nii.gz", f"{DTI}{n}_ground_truth") for n in ("001", "001_implicit")]


@referenced(DTI + "001", DTI + "001_implicit", large_ones=WHOLE)
def test_real_images_are_the_reference_and_directions_have_its_signs(case):
    da, want = opened_with(case)
    want.assert_voxels(da)
    np.testing.assert_allclose(da.dicom.bvals, want.bvals)
    np.testing.assert_allclose(da.dicom.bvecs, want.bvecs, atol=2e-3)


@pytest.mark.parametrize(("code", "part"), [(0, "magnitude"), (1, "phase"), (2, "real"), (3, "imaginary"), (4, None), (-1, None)])
def test_every_complex_part(tmp_path, code, part):
    write_frame(tmp_path / "a", frame(ImageType=["ORIGINAL", "PRIMARY", "OTHER"]) | {(0x0043, "GEMS_PARM_01", 0x2F, "SS"): code})
    found = dx.scan(tmp_path)["component"].item()
    assert found == part if part else not isinstance(found, str)


# below 0.03 a direction is none; from 0.97 on it is a unit vector that was rounded
@pytest.mark.parametrize(("length", "b", "unit"), [(0.02, 2000, False), (0.04, 3.2, True), (0.5, 500, True), (0.98, 2000, True)])
def test_the_length_of_a_direction_scales_b(tmp_path, length, b, unit):
    g = {(0x0019, "GEMS_ACQU_01", 0xBB + k, "DS"): str(length * v) for k, v in enumerate((0.6, 0.8, 0))}
    plane = {"Manufacturer": "GE MEDICAL SYSTEMS", "InPlanePhaseEncodingDirection": "COL"}
    write_frame(tmp_path / "a", frame(**plane) | {(0x0043, "GEMS_PARM_01", 0x39, "IS"): [2000, 8, 0, 0], **g})
    row = dx.scan(tmp_path).iloc[0]
    assert row.b == pytest.approx(b)
    np.testing.assert_allclose([row.gradient_x, row.gradient_y, row.gradient_z], [0.6, 0.8, 0] if unit else [np.nan] * 3)
