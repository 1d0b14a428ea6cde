"""United Imaging: directions along the image's own axes, and sheets of tiles that are no higher than they must be."""

import numpy as np
import pytest
from pydicom.dataset import Dataset

import dcmxarray as dx
from dcmxarray.testing import write_frame

from ...making import frame, opened
from ...references import opened_with, referenced

HEADER = "Image Private Header"


def weighted(b, g):
    return {(0x0065, HEADER, 0x09, "FD"): b, (0x0065, HEADER, 0x37, "FD"): g}


def test_directions_run_along_row_column_and_normal(tmp_path):
    plane = {"Manufacturer": "UIH", "ImageOrientationPatient": [0, 1, 0, 0, 0, -1]}  # the normal is (-1, 0, 0)
    da = opened(tmp_path, [frame(**plane) | weighted(0.0, [0.0] * 3), frame(**plane) | weighted(927.5, [0.48, 0.6, 0.64])])
    assert da.dicom.bvals.tolist() == [0, 927.5]
    np.testing.assert_allclose(da.dicom.bvecs[1], [-0.64, 0.48, -0.6])


@pytest.mark.parametrize(("count", "down", "across"), [(5, 2, 3), (4, 2, 2), (7, 3, 3), (2, 1, 2)])
def test_a_sheet_has_no_empty_rows_of_tiles(tmp_path, count, down, across):
    pixels = np.zeros((2 * down, 4 * across), np.uint16)
    tiles = []
    for k in range(count):
        row, column = 2 * (k // across), 4 * (k % across)
        pixels[row : row + 2, column : column + 4] = k + 1
        tile = Dataset()
        tile.ImagePositionPatient = [1, 2, 30 - 5 * k]  # from the head down
        tiles.append(tile)
    sheet = {
        "Manufacturer": "UIH",
        "ImageType": ["ORIGINAL", "PRIMARY", "M", "VFRAME"],
        "pixels": pixels,
        "ImagePositionPatient": None,
    }
    write_frame(tmp_path / "a", sheet | {(0x0065, HEADER, 0x50, "DS"): count, (0x0065, HEADER, 0x51, "SQ"): tiles})
    da = dx.open_series(tmp_path)
    assert da.shape == (count, 2, 4)
    assert da.values.reshape(count, -1).tolist() == [[k + 1] * 8 for k in reversed(range(count))]
    assert da["position_z"].values.tolist() == [30 - 5 * k for k in reversed(range(count))]


def test_only_a_sheet_is_cut(tmp_path):
    one = {"ImageType": ["ORIGINAL", "PRIMARY", "M", "VFRAME"], (0x0065, HEADER, 0x50, "DS"): 1}
    plain = {"ImageType": ["ORIGINAL", "PRIMARY", "M", "ND"], (0x0065, HEADER, 0x50, "DS"): 4}
    for number, more in enumerate((one, plain)):
        write_frame(tmp_path / str(number) / "a", frame(Manufacturer="UIH") | more)
        assert dx.open_series(tmp_path / str(number)).shape == (3, 4)


SHEETS, REFERENCE = "neurolabusc+dcm_qa_uih/In", "neurolabusc+dcm_qa_uih/Ref/dti_tra_dir16_PA_rot_12_132222"


@referenced(SHEETS, large_ones=[(SHEETS, REFERENCE + ".nii", REFERENCE)])
def test_a_real_series_is_the_reference(case):
    da, want = opened_with(case)
    want.assert_voxels(da)
    np.testing.assert_allclose(da.dicom.bvals, want.bvals, atol=1e-3)
    np.testing.assert_allclose(da.dicom.bvecs[1:], want.bvecs[1:], atol=1e-3)
