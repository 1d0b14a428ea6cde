"""The axes of real series, from every vendor."""

import pytest

import dcmxarray as dx

D2N = "icometrix+dicom2nifti/tests/data/"
IMG = "erling6232+imagedata/data/dicom/"
FILES = "pydicom+pydicom/src/pydicom/data/test_files/"
STORE = "pydicom+pydicom-data/data_store/data/"
XA = "TemporalPositionIdentifier, seconds by AcquisitionDateTime"
SCAN = "TemporalPositionIdentifier, seconds by scan_time"

# Beside the tests or in pydicom's wheel: they run everywhere.
SMALL = [
    (IMG + "5D.zip.unpacked/t1_fl2d_DE_4TEs", {"slice": 2, "time": 2, "te": 2}, "AcquisitionDateTime"),
    (D2N + "ge/fmri/001", {"slice": 4, "time": 2}, "InstanceNumber"),
    (D2N + "ge/dti/001", {"slice": 4, "b": 2}, ""),
    (D2N + "ge/dti/001_implicit", {"slice": 2, "b": 2}, ""),
    (D2N + "philips/fmri/001", {"slice": 2, "time": 4}, "InstanceNumber"),
    (D2N + "philips/dti/001", {"slice": 2, "b": 4}, ""),
    (D2N + "philips_enhanced/dti/001", {"slice": 8, "b": 4}, ""),
    (D2N + "philips_enhanced/fmri/001", {"slice": 8, "time": 4}, SCAN),
    (D2N + "siemens/dti_classic/001", {"slice": 2, "b": 2}, ""),
    (D2N + "siemens/dti/001", {"slice": 40}, ""),
    (D2N + "failing/gantrytilting/001", {"slice": 4}, ""),
    (D2N + "hitachi/anatomical/001", {"slice": 4}, ""),
    ("neurolabusc+dcm_qa_nih/In/20180918Si/mr_0003", {"slice": 5, "time": 2}, "AcquisitionDateTime"),
    ("neurolabusc+dcm_qa_enh/In/Siemens", {"slice": 6, "time": 2}, XA),
    ("neurolabusc+dcm_qa_canon/In", {"slice": 4, "b": 3}, ""),
    ("neurolabusc+dcm_qa_uih/In", {"slice": 20, "b": 3}, ""),
    ("suyashkumar+dicom/testdata/1.dcm", {}, ""),
    (STORE + "liver_expb.dcm", {"slice": 3}, ""),
    ("QIICR+dcmqi/data/segmentations/23x38x3/multiframe", {"slice": 3}, ""),
    ("QIICR+dcmqi/data/segmentations/partial_overlaps.dcm", {"slice": 3, "segment": 5}, ""),
    ("ImagingDataCommons+highdicom/data/test_files/sm_image.dcm", {"tile_row": 5, "tile_col": 5}, ""),
    (FILES + "examples_ybr_color.dcm", {"time": 30}, "FrameTime"),
    (FILES + "rtdose.dcm", {"slice": 15}, ""),
    (FILES + "dicomdirtests/77654033/CT2", {"slice": 4}, ""),
]
# Whole, in the large collection only.
LARGE = [
    (IMG + "time_all", {"slice": 3, "time": 3}, "AcquisitionDateTime"),
    (IMG + "5D.zip.unpacked/ep2d_RSI_b0_500_1500_6dir", {"slice": 3, "b": 25}, ""),
    (IMG + "5D.zip.unpacked/t1_fl2d_DE_4TEs", {"slice": 3, "time": 3, "te": 4}, "AcquisitionDateTime"),
    ("neurolabusc+dcm_qa_nih/In/20180918GE/mr_0004", {"slice": 15, "time": 10}, "InstanceNumber"),
    (D2N + "philips/dti/002", {"slice": 3, "b": 4}, ""),
    (D2N + "siemens/dti_classic/001", {"slice": 4, "b": 2}, ""),
    (D2N + "siemens/dti/001", {"slice": 40, "b": 2}, ""),
    ("neurolabusc+dcm_qa_canon/In", {"slice": 40, "b": 13}, ""),
    ("neurolabusc+dcm_qa_uih/In", {"slice": 20, "b": 17}, ""),
    ("neurolabusc+dcm_qa_mosaic/In", {"slice": 36, "time": 6}, "AcquisitionDateTime"),
    ("neurolabusc+dcm_qa_me/In", {"slice": 30, "time": 3, "te": 2}, "AcquisitionDateTime"),
    ("neurolabusc+dcm_qa_enh/In/Siemens", {"slice": 6, "time": 4}, XA),
    ("neurolabusc+dcm_qa_agfa/Agfa", {"slice": 25, "time": 4}, XA),
    ("yarikoptic+nitest-balls1/DICOM/DTI.dcm", {"slice": 10, "b": 8}, ""),
    ("RSIP-Vision+medio/tests/data/dcm", {"slice": 150}, ""),
    (STORE + "eCT_Supplemental.dcm", {"slice": 2}, ""),
]


def axes(path):
    da = dx.open_series(path)
    return {d: n for d, n in da.sizes.items() if d not in ("row", "col", "rgb")}, da.attrs.get("time_source", "")


@pytest.mark.parametrize(("name", "dims", "source"), SMALL, ids=[name[-40:] for name, *_ in SMALL])
def test_axes_of_real_series(series, name, dims, source):
    assert axes(series(name)) == (dims, source)


def test_axes_of_large_series(data):
    wanted = {name: (dims, source) for name, dims, source in LARGE}
    assert {name: axes(data / name) for name in wanted} == wanted


def test_a_field_map_is_a_stack_of_its_own(series):
    folder = series("neurolabusc+dcm_qa_enh/In/Philips")
    with pytest.raises(dx.SeriesError, match="field_map"):
        dx.open_series(folder)
    cohort = dx.open_cohort(folder)
    assert [k.rsplit("-", 1)[-1] for k in cohort] == ["field_map", "image"]


def test_a_ragged_series_names_its_holes(series):
    folder = series("moloney+dcmstack/test/data/dcmstack/2D_16Echo_qT2")
    with pytest.raises(dx.GridError, match=r"1 of 4 cells \(slice 2 x te 2\).*te=40 ms"):
        dx.open_series(folder)
    assert int(dx.open_series(folder, missing="fill")["valid"].sum()) == 3


def test_a_localizer_is_several_stacks(series):
    with pytest.raises(dx.SeriesError, match="sagittal"):
        dx.open_series(series(FILES + "dicomdirtests/98892001/CT2N"))


def test_the_scan_time_of_the_vendor_gives_seconds(series):
    da = dx.open_series(series(D2N + "philips_enhanced/fmri/001"))
    assert da["time"].values.tolist() == [n * da.attrs["RepetitionTime"] / 1000 for n in range(4)]
    assert da["time"].attrs["units"] == "s"
