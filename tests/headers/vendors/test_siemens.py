"""Siemens: private elements, the CSA header, mosaics.  The layouts are written out here, byte by byte and tile by tile."""

import json
import struct

import nibabel
import numpy as np
import pydicom
import pytest

import dcmxarray as dx
from dcmxarray.headers.vendors import siemens
from dcmxarray.testing import write_frame

from ...conftest import SMALL, large_collection
from ...making import frame, opened
from ...references import opened_with, referenced

G = [0.48, -0.6, 0.64]
DIFFUSION = {"Manufacturer": "SIEMENS", "ImageType": ["ORIGINAL", "PRIMARY", "DIFFUSION", "NONE"]}
MOSAIC = {"Manufacturer": "SIEMENS", "ImageType": ["ORIGINAL", "PRIMARY", "M", "ND", "MOSAIC"]}
IMAGE_HEADER = (0x0029, "SIEMENS CSA HEADER", 0x10, "OB")
SERIES_HEADER = (0x0029, "SIEMENS CSA HEADER", 0x20, "OB")


def csa(sv10=True, **tags):
    """A CSA header (nipy.org/nibabel/dicom/siemens_csa.html), with an empty item behind the values of every tag."""
    out = (b"SV10\4\3\2\1" if sv10 else b"") + struct.pack("<2i", len(tags), 77)
    first = len(next(iter(tags.values()))) + 1
    for name, values in tags.items():
        out += struct.pack("<64si4s3i", name.encode(), len(values), b"FD", 4, len(values) + 1, 77)
        for text in [*(f"{v}\0".encode() for v in values), b""]:
            length = len(text)
            out += struct.pack("<4i", length if sv10 else length + first, length, 77, length) + text + b"\0" * (-length % 4)
    return out


def with_b(b, g):
    return {(0x0019, "SIEMENS MR HEADER", 0x0C, "IS"): b, (0x0019, "SIEMENS MR HEADER", 0x0E, "FD"): g}


def test_b_and_direction_of_group_0019(tmp_path):
    da = opened(tmp_path, [frame(Manufacturer="SIEMENS"), frame(Manufacturer="SIEMENS") | with_b(700, G)])
    assert da.dicom.bvals.tolist() == [0, 700]
    assert da.dicom.bvecs[1].tolist() == G


D2N, RSI = "icometrix+dicom2nifti/tests/data/siemens/", "erling6232+imagedata/"
SHELLS = (
    RSI + "data/dicom/ep2d_RSI_b0_500_1500_6dir.zip.unpacked/EP2D_RSI_B0_500_1500_6DIR_0003",
    RSI + "data/nifti/ep2d_RSI_b0_500_1500_6dir_20241202111754_3.nii.gz",
    RSI + "_dcm2niix_generated/3_ep2d_RSI_b0_500_1500_6dir",
)


@referenced(D2N + "dti_classic/001", large_ones=[SHELLS])
def test_real_images_are_the_reference_and_directions_have_its_signs(case):
    da, want = opened_with(case)
    want.assert_voxels(da)
    np.testing.assert_allclose(da.dicom.bvals, want.bvals)
    np.testing.assert_allclose(da.dicom.bvecs, want.bvecs, atol=2e-3)


@pytest.mark.parametrize("sv10", [True, False])
def test_b_and_direction_of_the_csa_header(tmp_path, sv10):
    header = csa(sv10, EchoLinePosition=[], B_value=[700], DiffusionGradientDirection=G)
    da = opened(
        tmp_path, [frame(**DIFFUSION) | {IMAGE_HEADER: csa(sv10, B_value=[0])}, frame(**DIFFUSION) | {IMAGE_HEADER: header}]
    )
    assert da.dicom.bvals.tolist() == [0, 700]
    assert da.dicom.bvecs[1].tolist() == G


def test_group_0019_wins_over_the_csa_header(tmp_path):
    header = csa(B_value=[500], DiffusionGradientDirection=[0, 0, 1])
    write_frame(tmp_path / "a", frame(**DIFFUSION) | with_b(700, G) | {IMAGE_HEADER: header})
    row = dx.scan(tmp_path).iloc[0]
    assert [row.b, row.gradient_x, row.gradient_y, row.gradient_z] == [700, *G]


def test_a_csa_header_gives_its_values_and_a_damaged_one_what_is_whole():
    tags = {"A": [], "B": ["x", "yz"], "C": [1.5, -2, 3]}
    want = {"A": [], "B": ["x", "yz"], "C": ["1.5", "-2", "3"]}
    for sv10 in (True, False):
        whole = csa(sv10, **tags)
        assert siemens.parse_csa(whole) == want
        for size in range(len(whole)):
            part = siemens.parse_csa(whole[:size])
            assert all(value in want[name] for name, values in part.items() for value in values)
    assert siemens.parse_csa(b"no CSA header at all") == {}
    assert siemens.parse_csa(struct.pack("<2i", 1001, 77) + bytes(84 * 1001)) == {}
    assert siemens.parse_csa(struct.pack("<2i", 3, 78) + bytes(300)) == {}


# --- mosaics -------------------------------------------------------------------------------------------------------------------

CORNER = [10.0, 20.0, 30.0]


def mosaic(tiles=5, side=3, **elements):
    """A sheet of tiles of 2 x 4 pixels; the pixels of tile k are k + 1.  Rows lie 2 mm apart, columns 3 mm."""
    pixels = np.zeros((side * 2, side * 4), np.uint16)
    for k in range(tiles):
        row, column = 2 * (k // side), 4 * (k % side)
        pixels[row : row + 2, column : column + 4] = k + 1
    place = {"ImagePositionPatient": CORNER, "PixelSpacing": [2, 3], "SpacingBetweenSlices": 4.0, "SliceThickness": 3.0}
    return MOSAIC | place | {"pixels": pixels} | elements


@pytest.mark.parametrize(("normal", "order"), [([0, 0, 1], [1, 2, 3, 4, 5]), ([0, 0, -1], [5, 4, 3, 2, 1])])
def test_tiles_are_stacked_along_the_normal_of_the_csa_header(tmp_path, normal, order):
    header = csa(NumberOfImagesInMosaic=[5], SliceNormalVector=normal)
    write_frame(tmp_path / "a", mosaic() | {IMAGE_HEADER: header})
    da = dx.open_series(tmp_path)
    assert da.shape == (5, 2, 4)
    assert da[:, 0, 0].values.tolist() == order
    low = 30 if normal[2] > 0 else 14
    assert da["position_z"].values.tolist() == [low, low + 4, low + 8, low + 12, low + 16]
    # the sheet is 36 mm wide and 12 mm high, a tile 12 and 4: the corner of a tile in the sheet's middle is a third further in
    assert (da["position_x"].values == 22).all()
    assert (da["position_y"].values == 24).all()


def test_without_a_csa_header_tiles_are_counted_by_group_0019_and_stacked_along_the_planes_normal(tmp_path):
    count = {(0x0019, "SIEMENS MR HEADER", 0x0A, "US"): 4}
    write_frame(tmp_path / "a", mosaic(4, 2, SpacingBetweenSlices=None, ImageOrientationPatient=[1, 0, 0, 0, -1, 0]) | count)
    da = dx.open_series(tmp_path)
    assert da.shape == (4, 2, 4)
    assert da[:, 0, 0].values.tolist() == [1, 2, 3, 4]  # along the normal, which points to the feet here
    assert da["position_z"].values.tolist() == [30, 27, 24, 21]


@pytest.mark.parametrize("where", ["0019", "csa"])
def test_slice_times_are_seconds_since_the_first_slice(tmp_path, where):
    times = [1050.0, 50.0, 1300.0, 300.0, 1550.0]  # ms
    tags = {"NumberOfImagesInMosaic": [5], "SliceNormalVector": [0, 0, 1]}
    tags |= {"MosaicRefAcqTimes": times} if where == "csa" else {}
    more = {(0x0019, "SIEMENS MR HEADER", 0x29, "FD"): times} if where == "0019" else {}
    write_frame(tmp_path / "a", mosaic() | {IMAGE_HEADER: csa(**tags)} | more)
    da = dx.open_series(tmp_path)
    np.testing.assert_allclose(da["slice_time"], [1.0, 0.0, 1.25, 0.25, 1.5])
    assert da["slice_time"].attrs["units"] == "s"


def test_times_that_are_not_one_a_slice_are_left_out(tmp_path):
    header = csa(NumberOfImagesInMosaic=[5], SliceNormalVector=[0, 0, 1], MosaicRefAcqTimes=[0, 50, 100])
    write_frame(tmp_path / "a", mosaic() | {IMAGE_HEADER: header})
    assert "slice_time" not in dx.open_series(tmp_path).coords


@pytest.mark.parametrize(("z", "order"), [([30, 34, 38], [1, 2, 3]), ([38, 34, 30], [1, 2, 3][::-1])])
def test_where_the_image_header_was_stripped_the_protocol_says_where_slices_lie(tmp_path, z, order):
    # the sheet of 2 x 2 tiles is 24 x 8 mm; a tile's corner is a quarter further in (16, 22), its middle 6 and 2 mm further
    lines = ["### ASCCONV BEGIN ###", "sSliceArray.lSize = 3"]
    for k, height in enumerate(z):
        lines += [
            f"sSliceArray.asSlice[{k}].sPosition.d{axis} = {v}" for axis, v in (("Sag", 22.0), ("Cor", 24.0), ("Tra", height))
        ]
    write_frame(tmp_path / "a", mosaic(3, 2) | {SERIES_HEADER: "\n".join(lines).encode()})
    da = dx.open_series(tmp_path)
    assert da.shape == (3, 2, 4)
    assert da["position_z"].values.tolist() == [30, 34, 38]
    assert da[:, 0, 0].values.tolist() == [1, 2, 3]
    assert (float(da["position_x"][0]), float(da["position_y"][0])) == (16, 22)


def test_a_coordinate_that_is_0_is_left_out_of_the_protocol():
    text = (
        b"sSliceArray.lSize\t = \t2\nsSliceArray.asSlice[0].sPosition.dCor = -1.5e1\nsSliceArray.asSlice[1].sPosition.dTra = 4\n"
    )
    assert siemens.protocol_centres(text + b"sSliceArray.asSlice[7].sPosition.dTra = 9").tolist() == [[0, -15, 0], [0, 0, 4]]
    assert siemens.protocol_centres(None).shape == (0, 3)


@pytest.mark.parametrize("kind", ["not a mosaic", "not counted"])
def test_what_is_no_mosaic_is_an_image(tmp_path, kind):
    header = csa(NumberOfImagesInMosaic=[5], SliceNormalVector=[0, 0, 1])
    more = {} if kind == "not counted" else {IMAGE_HEADER: header}
    more |= {"ImageType": ["ORIGINAL", "PRIMARY", "M"]} if kind == "not a mosaic" else {}
    write_frame(tmp_path / "a", mosaic() | more)
    assert dx.open_series(tmp_path).shape == (6, 12)


def test_a_sheet_that_cannot_hold_its_tiles_is_no_image(tmp_path):
    header = csa(NumberOfImagesInMosaic=[500], SliceNormalVector=[0, 0, 1])
    write_frame(tmp_path / "a", mosaic() | {IMAGE_HEADER: header})
    table = dx.scan(tmp_path)
    assert table["pixels"].isna().all()
    assert "500" in table["problem"].iloc[0]


NIH = "neurolabusc+dcm_qa_nih/"
REAL = [
    ("neurolabusc+dcm_qa_mosaic/In", "neurolabusc+dcm_qa_mosaic/Ref/5_ep2d_Int_HF"),
    (NIH + "In/20180918Si/mr_0003", NIH + "Ref/EPI_PE=AP_3"),
    (NIH + "In/20180918Si/mr_0006", NIH + "Ref/EPI_PE=LR_6"),
]


@referenced(NIH + "In/20180918Si/mr_0003", large_ones=[(folder, f"{stem}.nii", stem) for folder, stem in REAL])
def test_real_mosaics_are_the_volumes_and_slice_times_of_dcm2niix(case):
    da, want = opened_with(case)
    want.assert_voxels(da)
    np.testing.assert_allclose(da["slice_time"].isel(time=0, missing_dims="ignore"), want.slice_times, atol=1e-6)


def mosaic_by_its_protocol(root):
    """A real one below ``root``, whose first tile lies where the sheet is said to lie, within the plane."""
    da = dx.open_series(root / (D2N + "dti/001"))
    first = dx.scan(root / (D2N + "dti/001")).iloc[0]
    assert (first.crop_row, first.crop_col) == (0, 0)
    assert first.position_z == pytest.approx(float(da["position_z"].max()))
    return da


def test_a_real_mosaic_by_its_protocol_has_the_slices_of_its_sources_reference():
    da = mosaic_by_its_protocol(SMALL)
    want = json.loads((SMALL / (D2N + "dti/001.source.json")).read_text())
    assert da.sum(("row", "col")).values.tolist() == [total for (total,) in want["sums"]]
    assert [int(da[k, j, i]) for i, j, k, *_ in want["points"]] == [point[-1] for point in want["points"]]
    if (large := large_collection()) is None:
        return
    da = mosaic_by_its_protocol(large)
    want = nibabel.load(large / (D2N + "dti/001_ground_truth.nii.gz")).get_fdata()  # its affine begins at the other end
    np.testing.assert_array_equal(da.transpose("b", "slice", "row", "col").values, want.transpose(3, 2, 1, 0))


@pytest.mark.parametrize("maker", ["SIEMENS", "somebody"])
@pytest.mark.parametrize("group", [0x0019, 0x0029])
def test_a_mosaic_whose_creators_were_stripped_is_known_by_its_manufacturer(tmp_path, group, maker):
    tags = {"NumberOfImagesInMosaic": [5], "SliceNormalVector": [0, 0, -1]} if group == 0x0029 else {}
    times = [50.0, 0.0, 100.0, 150.0, 200.0]
    in_0019 = {(0x0019, "SIEMENS MR HEADER", 0x0A, "US"): 5, (0x0019, "SIEMENS MR HEADER", 0x29, "FD"): times}
    elements = {IMAGE_HEADER: csa(**tags)} if tags else in_0019
    write_frame(tmp_path / "a", mosaic(Manufacturer=maker) | elements)
    header = pydicom.dcmread(tmp_path / "a")
    del header[group, 0x0010]
    header.save_as(tmp_path / "a")
    da = dx.open_series(tmp_path)
    if maker == "somebody":
        assert da.shape == (6, 12)
        return
    assert da[:, 0, 0].values.tolist() == ([5, 4, 3, 2, 1] if group == 0x0029 else [1, 2, 3, 4, 5])
    if group == 0x0019:
        np.testing.assert_allclose(da["slice_time"], [0.05, 0, 0.1, 0.15, 0.2])


def test_a_protocol_whose_creator_was_stripped_is_known_by_its_manufacturer(tmp_path):
    lines = ["sSliceArray.lSize = 3"]
    for k in range(3):  # the sheet's middle tile lies at the last slice
        lines += [
            f"sSliceArray.asSlice[{k}].sPosition.d{axis} = {v}" for axis, v in (("Sag", 22), ("Cor", 24), ("Tra", 22 + 4 * k))
        ]
    write_frame(tmp_path / "a", mosaic(3, 2) | {SERIES_HEADER: "\n".join(lines).encode()})
    header = pydicom.dcmread(tmp_path / "a")
    del header[0x0029, 0x0010]
    header.save_as(tmp_path / "a")
    da = dx.open_series(tmp_path)
    assert da["position_z"].values.tolist() == [22, 26, 30]
    assert da[:, 0, 0].values.tolist() == [3, 2, 1]
