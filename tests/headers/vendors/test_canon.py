"""Canon: b-values and directions in ImageComments.  (How directions are turned: test_private.)"""

import numpy as np
import pytest

import dcmxarray as dx
from dcmxarray.testing import write_frame

from ...making import frame
from ...references import opened_with, referenced


@pytest.mark.parametrize(
    ("maker", "comment", "b", "g"),
    [
        # phase, frequency, slice; in an axial image with COL: frequency along x, phase along y, slice along -z
        ("CANON_MEC", "b=1500(0.48,0.6,0.64)", 1500, [0.6, 0.48, -0.64]),
        ("TOSHIBA_MEC", " b = 800.5 ( -0.48, +0.6 , 0.64 ) more", 800.5, [0.6, -0.48, -0.64]),
        ("Canon", "b=1000", 1000, [np.nan] * 3),
        ("CANON_MEC", "no b=1000(1,0,0)", np.nan, [np.nan] * 3),
        ("somebody", "b=1500(0.48,0.6,0.64)", np.nan, [np.nan] * 3),
        (None, "b=1500(0.48,0.6,0.64)", np.nan, [np.nan] * 3),
    ],
)
def test_comments(tmp_path, maker, comment, b, g):
    write_frame(tmp_path / "a", frame(Manufacturer=maker, ImageComments=comment, InPlanePhaseEncodingDirection="COL"))
    row = dx.scan(tmp_path).iloc[0]
    np.testing.assert_allclose([row.b, row.gradient_x, row.gradient_y, row.gradient_z], [b, *g])


CANON = "neurolabusc+dcm_qa_canon/"
NIFTI, TEXTS = CANON + "_dcm2niix_generated/33000_DTI_PA-ortho-HT-VT.nii.gz", CANON + "Ref/DTI_PA-ortho-HT-VT_33000"


@referenced(CANON + "In", large_ones=[(CANON + "In", NIFTI, TEXTS)])
def test_a_real_series_is_the_reference(case):
    da, want = opened_with(case)
    want.assert_voxels(da)
    np.testing.assert_allclose(da.dicom.bvals, want.bvals)
    # the comment's numbers are rounded; dcm2niix writes all directions of this series the other way round: the same axes
    np.testing.assert_allclose((da.dicom.bvecs * want.bvecs).sum(axis=1)[1:], -1, atol=2e-3)
