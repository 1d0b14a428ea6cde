"""Canon: b-values and directions in ImageComments.  (How directions are turned: test_private.)"""

import numpy as np
import pytest

import dcmxarray as dx
from dcmxarray.testing import write_frame

from ...making import frame
from ...references import directions


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


def test_a_real_series_has_the_directions_of_its_sources_reference(data):
    folder = data / "neurolabusc+dcm_qa_canon"
    da = dx.open_series(folder / "In")
    bvec = next((folder / "Ref").glob("*.bvec"))
    np.testing.assert_allclose(da.dicom.bvals, np.loadtxt(bvec.with_suffix(".bval")))
    want = directions(next((folder / "_dcm2niix_generated").glob("*.nii.gz")), bvec)
    # the comment's numbers are rounded; dcm2niix writes all directions of this series the other way round: the same axes
    np.testing.assert_allclose((da.dicom.bvecs * want).sum(axis=1)[1:], -1, atol=2e-3)
