"""The walk and the converters, on files made for the occasion; no input bytes crash or hang them."""

import contextlib

import numpy as np
import pandas as pd
import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

import dcmxarray as dx
from dcmxarray.headers.compiled import moments, values
from dcmxarray.testing import write_frame

from . import crafted

SYNTAXES = [ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian]


def scan_one(folder, **elements):
    write_frame(folder / "a.dcm", elements)
    return dx.scan(folder / "a.dcm").iloc[0]


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_every_encoding_gives_the_same_row(tmp_path, syntax):
    row = scan_one(
        tmp_path, syntax=syntax, EchoTime=12.5, DiffusionBValue=1000.0, SeriesDescription="t1", InstanceNumber=7,
        AcquisitionTime="101530.25", DiffusionGradientOrientation=[0.0, 0.6, 0.8],
    )  # fmt: skip
    assert (row.EchoTime, row.b, row.SeriesDescription, row.InstanceNumber) == (12.5, 1000.0, "t1", 7)
    assert row.AcquisitionTime == pd.Timedelta("10:15:30.25")
    assert (row.gradient_x, row.gradient_y, row.gradient_z) == (0.0, 0.6, 0.8)
    assert pd.isna(row.problem)


@pytest.mark.parametrize("length", [10, 20_000, 3_000_000])
@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
def test_long_private_elements_are_hopped_over(tmp_path, length, syntax):
    row = scan_one(tmp_path, syntax=syntax, InstanceNumber=3, EchoTime=5)
    with_private = {(0x0011, "MAKER", 0x01, "OB"): b"x" * length, "InstanceNumber": 3, "EchoTime": 5, "syntax": syntax}
    write_frame(tmp_path / "b.dcm", with_private)
    with dx.testing.count_reads() as opened:
        private = dx.scan(tmp_path / "b.dcm").iloc[0]
    assert (private.InstanceNumber, private.EchoTime) == (row.InstanceNumber, row.EchoTime)
    assert len(opened) <= 2


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_the_encoding_is_known_beyond_a_long_meta_group(tmp_path, syntax):
    write_frame(tmp_path / "a.dcm", {"EchoTime": 5, "InstanceNumber": 3, "syntax": syntax})
    data = pydicom.dcmread(tmp_path / "a.dcm")
    data.file_meta.PrivateInformationCreatorUID = "1.2.3"
    data.file_meta.PrivateInformation = b"x" * 40_000
    data.save_as(tmp_path / "a.dcm")
    row = dx.scan(tmp_path).iloc[0]
    assert (row.EchoTime, row.InstanceNumber) == (5, 3)


def test_elements_that_vendors_files_read_too_can_be_asked_for(tmp_path):
    elements = {"ImageComments": "b=1000(0,0,1)", "DiffusionBValue": 500.0, (0x0019, "SIEMENS MR HEADER", 0x0C, "IS"): "800"}
    write_frame(tmp_path / "a.dcm", elements)
    private = (0x0019, "SIEMENS MR HEADER", 0x0C)
    row = dx.scan(tmp_path, tags=["ImageComments", "DiffusionBValue", private]).iloc[0]
    assert (row["ImageComments"], row["DiffusionBValue"], row["b"]) == ("b=1000(0,0,1)", 500.0, 500.0)
    assert row["(0019,SIEMENS MR HEADER,0C)"] == 800


def test_values_of_many_windows_are_all_kept(tmp_path):
    texts = {"PatientComments": "a" * 8000, "ImageComments": "b" * 8001, "AdditionalPatientHistory": "c" * 8002}
    for k in range(3):
        write_frame(tmp_path / f"{k}.dcm", {**texts, "EchoTime": k, (0x0011, "MAKER", 0x01, "OB"): b"x" * 30_000})
    table = dx.scan(tmp_path, tags=list(texts)).sort_values("path")
    for keyword, text in texts.items():
        assert table[keyword].tolist() == [text] * 3
    assert table["EchoTime"].tolist() == [0, 1, 2]


def test_nested_undefined_lengths_are_walked_through(tmp_path):
    inner = Dataset()
    inner.EchoTime = 99
    inner.is_undefined_length_sequence_item = True
    outer = Dataset()
    outer.ReferencedImageSequence = Sequence([inner, inner])
    outer["ReferencedImageSequence"].is_undefined_length = True
    outer.is_undefined_length_sequence_item = True
    sequence = Sequence([outer] * 400)
    row = scan_one(tmp_path, SourceImageSequence=sequence, ReferencedStudySequence=Sequence([outer]), EchoTime=5)
    assert row.EchoTime == 5


def test_no_preamble_and_no_meta(tmp_path):
    write_frame(tmp_path / "a.dcm", {"EchoTime": 5})
    data = (tmp_path / "a.dcm").read_bytes()
    (tmp_path / "bare").write_bytes(data[132:])
    header = pydicom.dcmread(tmp_path / "a.dcm")
    header.remove_private_tags()
    meta_length = 12 + header.file_meta.FileMetaInformationGroupLength
    (tmp_path / "barer").write_bytes(data[132 + meta_length :])
    table = dx.scan(tmp_path)
    assert len(table) == 3
    assert table["EchoTime"].tolist() == [5, 5, 5]


@pytest.mark.filterwarnings("ignore:Failed to encode value:UserWarning")  # ASCII in a set that has none
@pytest.mark.parametrize(
    ("charset", "text"),
    [
        ("ISO_IR 100", "Kopf Schädel"),
        ("ISO_IR 144", "Голова"),
        ("ISO_IR 192", "頭部 T1"),
        ("ISO 2022 IR 87", "頭部"),
        (["", "ISO 2022 IR 87"], "abc 頭部"),
        ("GB18030", "头部"),
    ],
)
def test_character_sets(tmp_path, charset, text):
    assert scan_one(tmp_path, SpecificCharacterSet=charset, SeriesDescription=text).SeriesDescription == text


def test_what_does_not_convert_is_null_and_named(tmp_path):
    write_frame(tmp_path / "a.dcm", {"EchoTime": 1234.5, "StudyDate": "20260102"})
    data = (tmp_path / "a.dcm").read_bytes()
    (tmp_path / "a.dcm").write_bytes(data.replace(b"1234.5", b"12.3.5").replace(b"20260102", b"2026ab02"))
    row = dx.scan(tmp_path).iloc[0]
    assert np.isnan(row.EchoTime)
    assert "EchoTime" in row.problem
    assert "StudyDate" in row.problem


def test_private_elements_whose_creator_was_stripped(tmp_path):
    write_frame(
        tmp_path / "a.dcm", {"Manufacturer": "GE MEDICAL SYSTEMS", (0x0043, "GEMS_PARM_01", 0x39, "IS"): [1000000700, 8, 0, 0]}
    )
    header = pydicom.dcmread(tmp_path / "a.dcm")
    del header[0x0043, 0x0010]
    header.save_as(tmp_path / "b.dcm")
    header.Manufacturer = "somebody else"
    header.save_as(tmp_path / "c.dcm")
    assert dx.scan(tmp_path)["b"].tolist()[:2] == [700.0, 700.0]
    assert np.isnan(dx.scan(tmp_path / "c.dcm")["b"].item())


def test_tags_add_columns(tmp_path):
    write_frame(tmp_path / "a.dcm", {"ContrastBolusVolume": 12, (0x0019, "MAKER", 0x05, "LO"): "hello", "WindowCenter": [40, 50]})
    table = dx.scan(tmp_path, tags=["ContrastBolusVolume", (0x0019, "MAKER", 0x05), "WindowCenter"])
    assert table["ContrastBolusVolume"].item() == 12
    assert table["(0019,MAKER,05)"].item() == "hello"
    assert table["WindowCenter"].item() == "40\\50"
    with pytest.raises(dx.HeaderError, match="NoSuchWord"):
        dx.scan(tmp_path, tags=["NoSuchWord"])


def test_empty_folders_and_missing_ones(tmp_path):
    (tmp_path / "note.txt").write_text("no DICOM")
    with pytest.raises(dx.HeaderError, match="no DICOM"):
        dx.scan(tmp_path)
    with pytest.raises(FileNotFoundError):
        dx.scan(tmp_path / "nowhere")


def test_direct_identifiers_are_not_in_the_table(tmp_path):
    write_frame(tmp_path / "a.dcm", {"PatientName": "Doe^Jane", "PatientBirthDate": "19700101", "AccessionNumber": "ACC1"})
    table = dx.scan(tmp_path)
    assert "Doe" not in table.to_csv()
    assert dx.scan(tmp_path, tags=["PatientName"])["PatientName"].item() == "Doe^Jane"


def test_scan_of_two_folders_is_one_scan_then_the_other(tmp_path):
    dx.testing.write_series(tmp_path / "a", dx.testing.dce(slices=2, times=2, size=4))
    dx.testing.write_series(tmp_path / "b", dx.testing.dwi(slices=2, size=4))
    both = dx.scan([tmp_path / "a", tmp_path / "b"])
    apart = pd.concat([dx.scan(tmp_path / "a"), dx.scan(tmp_path / "b")], ignore_index=True)
    pd.testing.assert_frame_equal(both, apart)


@pytest.mark.parametrize("scheduler", ["threads", "synchronous"])
def test_schedulers_give_the_same_table(tmp_path, scheduler):
    dx.testing.write_series(tmp_path, dx.testing.dce(slices=2, times=2, size=4))
    pd.testing.assert_frame_equal(dx.scan(tmp_path, scheduler=scheduler), dx.scan(tmp_path))


@given(st.binary(max_size=400), st.booleans())
def test_no_bytes_crash_the_scan(tmp_path_factory, noise, with_preamble):
    path = tmp_path_factory.mktemp("noise") / "x"
    path.write_bytes((b"\0" * 128 + b"DICM" if with_preamble else b"") + noise)
    try:
        table = dx.scan(path)
    except dx.HeaderError:
        return
    assert len(table) == 1


@given(data=st.data())
def test_no_damage_crashes_the_scan(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("damage")
    write_frame(folder / "x", {"EchoTime": 5, "pixels": np.zeros((2, 2), np.uint16), "NumberOfFrames": 1})
    raw = bytearray((folder / "x").read_bytes())
    for place in data.draw(st.lists(st.integers(132, len(raw) - 1), min_size=1, max_size=6)):
        raw[place] = data.draw(st.integers(0, 255))
    (folder / "x").write_bytes(raw[: data.draw(st.integers(140, len(raw)))])
    table = dx.scan(folder)
    assert len(table) >= 1
    with contextlib.suppress(dx.DcmxarrayError):
        dx.open_series(table).load()


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_are_rounded_as_python_rounds_them(number):
    for text in (repr(number), f"{number:.16g}", f"{number:+.10e}", f" {number:.6g} "):
        data = np.frombuffer(text.encode(), np.uint8)
        out, marks = np.empty((1, 1)), np.empty((1, 1), np.uint8)
        at, size = np.zeros(1, np.int64), np.array([data.size], np.uint32)
        none, which, ends = np.zeros((1, 1), np.uint32), np.zeros(1, np.int64), np.array([0, 1])
        usual, whole = np.array([values.vr_code("DS")]), np.zeros(1, np.bool_)
        values.numbers(data, at[None], size[None], none, which, usual, whole, ends, out, marks)
        values.settle_many(data, at, size, out, marks)
        assert out[0, 0] == float(text) or (np.isinf(float(text)) and np.isnan(out[0, 0]))  # too large is no number


@given(st.datetimes())
def test_dates_and_times(moment):
    text = f"{moment:%Y}".zfill(4) + f"{moment:%m%d%H%M%S.%f}"
    assert np.datetime64(crafted.moment(text, 2), "us") == np.datetime64(moment, "us")
    assert crafted.moment(text[:8], 0) == np.datetime64(moment, "D").astype(int)


@pytest.mark.parametrize(
    ("text", "seconds"), [("10", 36000), ("1015", 36900), ("10:15:30", 36930), ("101530.5", 36930.5), ("2560", None), ("x", None)]
)
def test_times_of_all_forms(text, seconds):
    assert crafted.moment(text + "          ", 1) == (moments.NAT if seconds is None else seconds * 1e6)
