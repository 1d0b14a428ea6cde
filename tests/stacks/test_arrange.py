"""How frames find their cells: laws on synthetic stacks, and the axes of every real series."""

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

import dcmxarray as dx
from dcmxarray import copies, grid, series
from dcmxarray.testing import write_series

from ..making import frame, opened

# --- slices ----------------------------------------------------------------------------------------------------------------


def test_slices_are_ordered_by_position_never_by_number(tmp_path):
    frames = [frame(z, InstanceNumber=n, SliceLocation=-z, value=int(z)) for n, z in enumerate([30, 0, 20, 10])]
    da = opened(tmp_path, frames)
    assert da["slice"].values.tolist() == [0, 10, 20, 30]
    assert da[:, 0, 0].values.tolist() == [0, 10, 20, 30]


def test_rounded_positions_are_one_slice(tmp_path):
    frames = [frame(z + 1e-4 * t, AcquisitionTime=f"1000{t:02d}", value=t) for z in (0, 5) for t in range(3)]
    assert dict(opened(tmp_path, frames).sizes) == {"slice": 2, "time": 3, "row": 3, "col": 4}


def test_without_geometry_a_tomographic_stack_is_ordered_and_has_no_affine(tmp_path):
    frames = [frame(ImageOrientationPatient=None, InstanceNumber=3 - n, value=n) for n in range(3)]
    frames = [f | {"ImagePositionPatient": None} for f in frames]
    da = opened(tmp_path, frames)
    assert da.sizes["slice"] == 3
    assert da["slice"].attrs["units"] == "1"
    assert da.attrs["slice_source"] == "InstanceNumber"
    with pytest.raises(dx.GridError, match="no patient geometry"):
        _ = da.dicom.affine


# --- doubles ---------------------------------------------------------------------------------------------------------------


def test_doubles_are_named_and_the_named_way_works(tmp_path):
    frames = [frame(5 * s, EchoNumbers=e, InstanceNumber=1) for s in range(2) for e in (1, 2)]
    with pytest.raises(dx.GridError, match=r"2 cells hold several .*EchoNumbers.*dims=\['slice', 'EchoNumbers'\]"):
        opened(tmp_path, frames)
    assert dx.open_series(tmp_path, dims=["slice", "EchoNumbers"]).sizes["EchoNumbers"] == 2
    assert dx.open_series(tmp_path, duplicates="first").sizes == {"slice": 2, "row": 3, "col": 4}


# --- laws ------------------------------------------------------------------------------------------------------------------


@given(st.integers(0, 1000), st.integers(1, 4), st.integers(1, 4))
def test_any_file_order_gives_the_same_array(tmp_path_factory, seed, slices, times):
    frames = dx.testing.dce(slices=slices, times=times, size=4)
    one, other = tmp_path_factory.mktemp("a"), tmp_path_factory.mktemp("b")
    write_series(one, frames)
    paths = write_series(other, frames, shuffle=seed)
    for n, path in enumerate(paths[::2]):
        (other / f"sub{n}").mkdir()
        path.rename(other / f"sub{n}" / path.name)
    xr.testing.assert_identical(dx.open_series(one).load(), dx.open_series(other).load())


@given(st.integers(0, 2**31), st.integers(1, 3), st.integers(1, 3), st.integers(1, 3))
def test_every_frame_lands_in_one_cell_or_is_named(tmp_path_factory, seed, slices, times, echoes):
    folder = tmp_path_factory.mktemp("cells")
    rng = np.random.default_rng(seed)
    frames = [
        frame(5 * s, EchoTime=float(e + 1), AcquisitionTime=f"1000{10 * t + e:02d}", value=n)
        for n, (s, t, e) in enumerate(np.ndindex(slices, times, echoes))
    ]
    kept = [f for f in frames if rng.random() > 0.15] or frames[:1]
    write_series(folder, kept, shuffle=seed % 100)
    table = dx.scan(folder)
    stack = series.split(table, copies.pixels)[0]
    try:
        cells = grid.arrange(stack.frames, missing="fill").cells
    except dx.GridError:  # it names the cells: nothing is lost silently
        return
    assert sorted(cells[cells >= 0]) == list(range(len(kept)))


# --- real series -----------------------------------------------------------------------------------------------------------

D2N = "icometrix+dicom2nifti/tests/data/"
IMG = "erling6232+imagedata/data/dicom/"
REAL = [
    (IMG + "time_all", {"slice": 3, "time": 3}, "AcquisitionDateTime"),
    (IMG + "5D.zip.unpacked/ep2d_RSI_b0_500_1500_6dir", {"slice": 3, "b": 25}, ""),
    (IMG + "5D.zip.unpacked/t1_fl2d_DE_4TEs", {"slice": 3, "time": 3, "te": 4}, "AcquisitionDateTime"),
    ("neurolabusc+dcm_qa_nih/In/20180918GE/mr_0004", {"slice": 15, "time": 10}, "InstanceNumber"),
    (D2N + "ge/fmri/001", {"slice": 4, "time": 2}, "InstanceNumber"),
    (D2N + "philips/fmri/001", {"slice": 2, "time": 4}, "InstanceNumber"),
    (D2N + "ge/dti/001", {"slice": 4, "b": 2}, ""),
    (D2N + "ge/dti/001_implicit", {"slice": 4, "b": 2}, ""),
    (D2N + "philips/dti/001", {"slice": 2, "b": 4}, ""),
    (D2N + "philips/dti/002", {"slice": 3, "b": 4}, ""),
    (D2N + "siemens/dti_classic/001", {"slice": 4, "b": 2}, ""),
    (D2N + "siemens/dti/001", {"slice": 40, "b": 2}, ""),
    ("neurolabusc+dcm_qa_canon/In", {"slice": 40, "b": 13}, ""),
    ("neurolabusc+dcm_qa_uih/In", {"slice": 20, "b": 17}, ""),
    ("neurolabusc+dcm_qa_mosaic/In", {"slice": 36, "time": 6}, "AcquisitionDateTime"),
    ("neurolabusc+dcm_qa_me/In", {"slice": 30, "time": 3, "te": 2}, "AcquisitionDateTime"),
    ("neurolabusc+dcm_qa_enh/In/Siemens", {"slice": 6, "time": 4}, "TemporalPositionIdentifier, seconds by AcquisitionDateTime"),
    ("neurolabusc+dcm_qa_agfa/Agfa", {"slice": 25, "time": 4}, "TemporalPositionIdentifier, seconds by AcquisitionDateTime"),
    (D2N + "philips_enhanced/dti/001", {"slice": 8, "b": 4}, ""),
    (D2N + "philips_enhanced/fmri/001", {"slice": 8, "time": 4}, "TemporalPositionIdentifier"),
    ("yarikoptic+nitest-balls1/DICOM/DTI.dcm", {"slice": 10, "b": 8}, ""),
    ("RSIP-Vision+medio/tests/data/dcm", {"slice": 150}, ""),
    ("pydicom+pydicom-data/data_store/data/liver_expb.dcm", {"slice": 3}, ""),
    ("QIICR+dcmqi/data/segmentations/23x38x3/multiframe", {"slice": 3}, ""),
    ("pydicom+pydicom-data/data_store/data/eCT_Supplemental.dcm", {"slice": 2}, ""),
    ("QIICR+dcmqi/data/segmentations/partial_overlaps.dcm", {"slice": 3, "segment": 5}, ""),
    ("ImagingDataCommons+highdicom/data/test_files/sm_image.dcm", {"tile_row": 5, "tile_col": 5}, ""),
    ("pydicom+pydicom/src/pydicom/data/test_files/examples_ybr_color.dcm", {"time": 30}, "FrameTime"),
    ("pydicom+pydicom/src/pydicom/data/test_files/rtdose.dcm", {"slice": 15}, ""),
]


@pytest.mark.parametrize(("folder", "dims", "source"), REAL, ids=[r[0][-40:] for r in REAL])
def test_axes_of_real_series(data, folder, dims, source):
    da = dx.open_series(data / folder)
    assert {d: n for d, n in da.sizes.items() if d not in ("row", "col", "rgb")} == dims
    assert da.attrs.get("time_source", "") == source


def test_a_ragged_series_names_its_holes(data):
    folder = data / "moloney+dcmstack/test/data/dcmstack/2D_16Echo_qT2"
    with pytest.raises(dx.GridError, match=r"2 of 9 cells \(slice 3 x te 3\).*te=40 ms"):
        dx.open_series(folder)
    assert int(dx.open_series(folder, missing="fill")["valid"].sum()) == 7
