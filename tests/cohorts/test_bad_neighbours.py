"""One bad file costs itself: every kind of it beside a good series, through all that a cohort does."""

import shutil
import struct

import numpy as np
import pydicom
import pytest
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, JPEGBaseline8Bit

import dcmxarray as dx
from dcmxarray.cli import main
from dcmxarray.testing import write_enhanced, write_frame, write_series
from dcmxarray.testing.writer import uid

GOOD = uid("good")
PIXELS = np.ones((4, 4), np.uint16)


def good(n=0, **more):
    return {
        "SeriesInstanceUID": GOOD,
        "SeriesDescription": "good",
        "ImagePositionPatient": [0, 0, 5.0 * n],
        "pixels": np.full((4, 4), n + 1, np.uint16),
    } | more


def bad(folder, name="bad.dcm", **elements):
    """One file, or two, of a series of their own."""
    for n in range(2):
        write_frame(folder / f"{n}{name}", good(n, SeriesInstanceUID=uid("bad")) | elements)
    return [folder / f"{n}{name}" for n in range(2)]


def changed(folder, change, **elements):
    """A file whose bytes were changed after it was written."""
    for path in bad(folder, **elements):
        path.write_bytes(change(path.read_bytes()))


def element(data, tag, value):
    """Explicit VR: another value of the same length for the first element of that tag."""
    at = data.index(struct.pack("<HH", *tag), 132) + 8
    return data[:at] + value + data[at + len(value) :]


def without_pixels(folder, kind):
    data = pydicom.Dataset()
    data.SOPClassUID, data.SOPInstanceUID, data.Modality = f"1.2.840.10008.5.1.4.1.1.{kind}", uid(kind), "SR"
    data.SeriesInstanceUID, data.PatientID = uid("none"), "EXAMPLE"
    data.save_as(folder / "none.dcm", implicit_vr=False, little_endian=True)


def dicomdir(folder):
    from pydicom.fileset import FileSet

    (folder / "set").mkdir()
    media = FileSet()
    write_frame(folder / "a.dcm", good(9, StudyTime="100000", StudyID="1", SeriesInstanceUID=uid("media"), InstanceNumber=1))
    media.add(folder / "a.dcm")
    media.write(folder / "set")


def encapsulated(folder):
    (path,) = bad(folder)[1:]
    data = pydicom.dcmread(path)
    data.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    data.PixelData = pydicom.encaps.encapsulate([b"\xff\xd8no jpeg at all"])
    data["PixelData"].is_undefined_length = True
    data.save_as(path)


def deflated(folder):
    path = bad(folder)[0]
    data = pydicom.dcmread(path)
    data.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    data.save_as(path)
    path.write_bytes(path.read_bytes()[:-200] + b"\xed\xfd garbage" * 30)


def creators(folder):
    more = {(0x0019, f"CHAOS {k % 3}", k % 16, "UN"): bytes(k) for k in range(40)}
    for n in range(2):
        write_frame(folder / f"p{n}.dcm", good(n, SeriesInstanceUID=uid("creators"), StudyID="1") | more)


def other_pixels(folder):
    frame = good(0, SeriesInstanceUID=uid("twice"), SOPInstanceUID=uid("one"))
    write_frame(folder / "a.dcm", frame)
    write_frame(folder / "b.dcm", frame | {"pixels": np.full((4, 4), 77, np.uint16)})


def scattered(folder):
    """One slice with 400 echo times, 399 slices with one: next to none of the cells has a frame."""
    plane = {"ImageOrientationPatient": [1, 0, 0, 0, 1, 0], "PixelSpacing": [2, 2], "SliceThickness": 1}
    places = [(0, te) for te in range(400)] + [(z, 7) for z in range(1, 400)]
    frames = [{"ImagePositionPatient": [0, 0, float(z)], "EffectiveEchoTime": te + 1.0, "pixels": PIXELS} for z, te in places]
    write_enhanced(folder / "a.dcm", frames, plane)


def same_names(folder):
    for n, patient in enumerate(["a/b", "a_b", "..", "a%2Fb", "c\nd", None]):
        write_frame(folder / f"{n}.dcm", good(n, PatientID=patient, SeriesInstanceUID=uid("names", n)))


KINDS = {
    "empty": lambda f: (f / "empty.dcm").write_bytes(b""),
    "cut in its header": lambda f: changed(f, lambda d: d[:600]),
    "cut in its pixels": lambda f: changed(f, lambda d: d[:-9]),
    "text": lambda f: (f / "text.dcm").write_text("no DICOM at all\n" * 40),
    "zeros": lambda f: (f / "zeros.dcm").write_bytes(bytes(128) + b"DICM" + bytes(5000)),
    "no SamplesPerPixel": lambda f: bad(f, SamplesPerPixel=None, PhotometricInterpretation=None),
    "intercept 1e30": lambda f: bad(f, RescaleSlope="1", RescaleIntercept="1e30"),
    "intercept inf": lambda f: changed(
        f, lambda d: element(d, (0x28, 0x1052), b"inf "), RescaleSlope="1", RescaleIntercept="1234"
    ),
    "slope 1e300": lambda f: bad(f, RescaleSlope="1e300", RescaleIntercept="0"),
    "slope a word": lambda f: changed(f, lambda d: element(d, (0x28, 0x1053), b"four"), RescaleSlope="1234"),
    "BitsAllocated 65535": lambda f: changed(f, lambda d: element(d, (0x28, 0x100), b"\xff\xff")),
    "BitsAllocated 0": lambda f: changed(f, lambda d: element(d, (0x28, 0x100), b"\0\0")),
    "BitsStored 99": lambda f: changed(f, lambda d: element(d, (0x28, 0x101), b"\x63\0")),
    "Rows 0": lambda f: changed(f, lambda d: element(d, (0x28, 0x10), b"\0\0")),
    "Rows 65535": lambda f: changed(f, lambda d: element(d, (0x28, 0x10), b"\xff\xff")),
    "NumberOfFrames 800000": lambda f: bad(f, NumberOfFrames=800000),
    "no SeriesInstanceUID": lambda f: bad(f, SeriesInstanceUID=None),
    "SeriesInstanceUID a path": lambda f: changed(
        f, lambda d: d.replace(b"1.2.3.4.5.6.7.8.9.10", b"../../../../../../xx"), SeriesInstanceUID="1.2.3.4.5.6.7.8.9.10"
    ),
    "PatientIDs like paths": same_names,
    "no PixelSpacing": lambda f: bad(f, PixelSpacing=None),
    "PixelSpacing 0": lambda f: bad(f, PixelSpacing=[0, 0]),
    "no orientation": lambda f: bad(f, ImageOrientationPatient=None),
    "orientation of zeros": lambda f: bad(f, ImageOrientationPatient=[0] * 6),
    "position NaN": lambda f: changed(
        f, lambda d: element(d, (0x20, 0x32), b"nan\\nan\\inf"), ImagePositionPatient=[111, 222, 333]
    ),
    "position 1e300": lambda f: bad(f, ImagePositionPatient=["1e300", "-1e300", "1e300"]),
    "SR": lambda f: without_pixels(f, "88.11"),
    "RTSTRUCT": lambda f: without_pixels(f, "481.3"),
    "DICOMDIR": dicomdir,
    "garbage as JPEG": encapsulated,
    "big endian, cut": lambda f: changed(f, lambda d: d[:700], syntax=ExplicitVRBigEndian),
    "deflated garbage": deflated,
    "private creators": creators,
    "one UID, other pixels": other_pixels,
    "scattered": scattered,
}  # fmt: skip


@pytest.fixture
def folder(tmp_path):
    write_series(tmp_path / "in/good", [good(n) for n in range(3)])
    (tmp_path / "in/bad").mkdir()
    return tmp_path / "in"


def check(folder, capsys):
    """All that a cohort does goes on, and the good array is as it was."""
    index, store = folder.parent / "index.parquet", folder.parent / "out.zarr"
    cohort = dx.open_cohort(folder)
    assert cohort.series.loc[GOOD, "problem"] is np.nan or cohort.series.isna().loc[GOOD, "problem"]
    assert GOOD in cohort.query("SeriesDescription == 'good'")
    assert repr(cohort)
    assert cohort._repr_html_()
    assert cohort.tree()
    assert len(cohort.problems) <= len(cohort.frames)
    assert list(dx.open_cohort(folder, index=index)) == list(dx.open_cohort(folder, index=index)) == list(cohort)
    assert main(["info", str(folder)]) == 0
    out = capsys.readouterr().out
    assert f"{GOOD}\n    good: slice:3 row:4 col:4, int32, 5 x 2 x 2 mm" in out
    tree = cohort.to_datatree()
    leaves = [node for node in tree.leaves if "image" in node]
    assert len(leaves) + len(tree.attrs.get("problems", {})) == len(cohort)
    found = cohort.map(lambda da: float(da.max()), scheduler="threads")
    assert (found.loc[GOOD, "result"], len(found)) == (3.0, len(cohort))
    report = cohort.to_zarr(store)
    assert report.loc[GOOD, "status"] == "written"
    assert int(dx.open_cohort(store).open(GOOD).sum()) == int(cohort.open(GOOD).sum()) == 16 * 6


@pytest.mark.parametrize("kind", KINDS)
def test_a_bad_file_costs_itself(folder, capsys, kind):
    KINDS[kind](folder / "bad")
    check(folder, capsys)


def test_all_bad_files_at_once(folder, capsys):
    for n, (kind, make) in enumerate(KINDS.items()):
        if kind not in ("NumberOfFrames 800000", "Rows 65535"):
            (folder / f"bad/{n}").mkdir()
            make(folder / f"bad/{n}")
    check(folder, capsys)
    shutil.rmtree(folder)


def problem(folder, kind):
    KINDS[kind](folder)
    said = dx.open_cohort(folder).series["problem"]
    return said.iloc[0] if len(said) else None


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("intercept 1e30", "intercept 1e"),
        ("slope 1e300", "slope 1e|RescaleSlope could not be read"),
        ("slope a word", "RescaleSlope could not be read"),
        ("BitsAllocated 65535", "BitsAllocated.* 65535"),
        ("BitsAllocated 0", "BitsAllocated.* 0"),
        ("BitsStored 99", "BitsStored.* 99"),
        ("one UID, other pixels", "several frames.*pixels alone"),
        ("scattered", "do not fill a grid"),
    ],
)
def test_what_is_wrong_is_said(tmp_path, kind, says):
    import re

    assert re.search(says, problem(tmp_path, kind))


def test_what_the_standard_defaults_is_read(tmp_path):
    assert problem(tmp_path, "no SamplesPerPixel") is None or np.isnan(problem(tmp_path, "no SamplesPerPixel"))
    assert dx.open_series(tmp_path).load().max() == 2
