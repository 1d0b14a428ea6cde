"""Every value of the vocabulary, in every real file, equals what pydicom reads."""

import math
import warnings

import numpy as np
import pandas as pd
import pydicom
import pytest
from pydicom.multival import MultiValue

from dcmxarray.attributes import VOCABULARY


def as_list(value):
    return list(value) if isinstance(value, (list, MultiValue)) else [value]


def same_number(got, want):
    try:
        return float(want) == got
    except (TypeError, ValueError):
        return pd.isna(got)


def agrees(attribute, got, want):
    if want is None or want == "":
        return all(pd.isna(g) for g in got)
    if attribute.dtype in ("int", "float"):
        values = as_list(want)
        if len(values) != len(got):
            return all(pd.isna(g) for g in got)
        return all(same_number(g, w) for g, w in zip(got, values, strict=True))
    text = "\\".join(str(v).strip() for v in as_list(want))
    if attribute.dtype == "str":
        return text.strip() == ("" if pd.isna(got[0]) else "\\".join(v.strip() for v in got[0].split("\\")))
    if attribute.dtype == "date":
        digits = text.replace(".", "")
        return pd.isna(got[0]) != digits.isdigit() and (pd.isna(got[0]) or f"{got[0]:%Y%m%d}" == digits)
    if attribute.dtype == "time":
        clock, text = got[0].total_seconds(), text.replace(":", "")
        return math.isclose(clock, int(text[:2]) * 3600 + int(text[2:4] or 0) * 60 + float(text[4:] or 0), abs_tol=1e-6)
    return f"{got[0]:%Y%m%d%H%M%S}".startswith(text.split(".")[0][:14])


@pytest.mark.slow
def test_every_value_of_every_real_file(frames, is_large):
    wrong = []
    classic = frames[frames["frame"].eq(0) & ~frames.duplicated("path", keep=False)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for row in classic.to_dict("records"):
            header = pydicom.dcmread(row["path"], stop_before_pixels=True, force=True)
            if "SharedFunctionalGroupsSequence" in header:  # their values stand in the groups
                continue
            for attribute in VOCABULARY:
                source = header.file_meta if attribute.keyword == "TransferSyntaxUID" else header
                got = [row[c] for c in attribute.columns]
                if not agrees(attribute, got, source.get(attribute.keyword)):
                    wrong.append((row["path"], attribute.keyword, got, source.get(attribute.keyword)))
    assert len(classic) > (1200 if is_large else 100)
    assert wrong == []


def test_enhanced_frames_equal_pydicom(series):
    import dcmxarray as dx

    path = series("neurolabusc+dcm_qa_enh/In/Philips/IM_0027_fMAP.dcm")
    table = dx.scan(path)
    header = pydicom.dcmread(path, stop_before_pixels=True)
    assert len(table) == header.NumberOfFrames == 64
    for row, group in zip(table.to_dict("records"), header.PerFrameFunctionalGroupsSequence, strict=True):
        place = group.PlanePositionSequence[0].ImagePositionPatient
        assert [row[f"position_{axis}"] for axis in "xyz"] == [float(v) for v in place]
        assert row["EchoTime"] == group.MREchoSequence[0].EffectiveEchoTime
        assert row["RescaleSlope"] == float(group.PixelValueTransformationSequence[0].RescaleSlope)
        assert row["InStackPositionNumber"] == group.FrameContentSequence[0].InStackPositionNumber
        assert row["ImageType"].split("\\") == list(group.MRImageFrameTypeSequence[0].FrameType)


@pytest.mark.parametrize("name", ["dicomdirtests/DICOMDIR", "test-SR.dcm", "rtplan.dcm"])
def test_what_is_no_image_has_a_row(series, name):
    import dcmxarray as dx

    table = dx.scan(series(f"pydicom+pydicom/src/pydicom/data/test_files/{name}"))
    assert len(table) == 1
    assert table["pixels"].isna().all()


def test_a_truncated_file_keeps_what_could_be_read(series):
    import dcmxarray as dx

    table = dx.scan(series("pydicom+pydicom/src/pydicom/data/test_files/rtplan_truncated.dcm"))
    assert table["Modality"].item() == "RTPLAN"
    assert "ends in the middle" in table["problem"].item()


def test_files_that_are_no_dicom_are_passed_over(frames, is_large):
    suffixes = {p.rsplit(".", 1)[-1] for p in frames["path"]}
    assert not suffixes & {"nii", "gz", "json", "csv", "bval", "md"}
    assert np.unique(frames["path"]).size >= (1428 if is_large else 150)


def test_functional_groups_of_a_big_endian_file(series):
    import dcmxarray as dx

    folder = "pydicom+pydicom-data/data_store/data"
    big, little = (dx.open_series(series(f"{folder}/{name}")).load() for name in ("liver_expb.dcm", "liver_deflate.dcm"))
    np.testing.assert_array_equal(big.values, little.values)
    np.testing.assert_allclose(big.dicom.affine, little.dicom.affine)
