"""Pixels are the file's, or an error that names the file: cut, lying, hostile; and never more memory than the header needs."""

import sys
import zlib

import numpy as np
import pydicom
import pytest
from pydicom.encaps import encapsulate
from pydicom.uid import UID

import dcmxarray as dx
from dcmxarray.pixels import codecs
from dcmxarray.testing import write_frame

TEST_FILES = "pydicom+pydicom/src/pydicom/data/test_files"
COMPRESSED = [
    "JPEG-lossy.dcm",
    "JPEG2000.dcm",
    "JPEGLSNearLossless_16.dcm",
    "MR_small_RLE.dcm",
    "MR_small_jp2klossless.dcm",
    "MR_small_jpeg_ls_lossless.dcm",
    "SC_jpeg_no_color_transform.dcm",
    "SC_rgb_jls_lossy_line.dcm",
    "SC_rgb_jls_lossy_sample.dcm",
    "SC_rgb_jpeg.dcm",
    "SC_rgb_jpeg_dcmtk.dcm",
    "SC_rgb_jpeg_gdcm.dcm",
    "SC_rgb_rle_16bit_2frame.dcm",
    "examples_ybr_color.dcm",
    "image_dfl.dcm",
    "rtdose_rle.dcm",
]
CUTS = (0.02, 0.3, 0.6, 0.9, 0.99, 0.999, 1.0)


def compressed(path, pixels, syntax, data, **header):
    """A file whose one frame is those compressed bytes."""
    write_frame(path, {"pixels": pixels, **header})
    file = pydicom.dcmread(path)
    file.file_meta.TransferSyntaxUID = UID(syntax)
    file.PixelData = encapsulate([bytes(data)])
    file["PixelData"].is_undefined_length = True
    file["PixelData"].VR = "OB"
    pydicom.dcmwrite(path, file, implicit_vr=False, little_endian=True, force_encoding=True)


def each(path):
    """Every frame of a file by itself, an error's text where it can't be read."""
    frames = dx.scan(path)
    found = []
    for _, row in frames.groupby("frame"):
        try:
            found.append(dx.open_series(row, chunks=None).to_numpy())
        except dx.PixelError as error:
            found.append(str(error))
    return found


@pytest.mark.parametrize("name", COMPRESSED)
def test_a_cut_file_gives_its_pixels_or_an_error(real, tmp_path, name):
    whole, frames = real / TEST_FILES / name, dx.scan(real / TEST_FILES / name)
    want, raw = each(whole), whole.read_bytes()
    begin = max(400, int(frames["pixel_offset"].iat[0]))
    for part in CUTS:
        path = tmp_path / f"{part}.dcm"
        path.write_bytes(raw[: begin + int((len(raw) - begin) * part) - 2])
        table = frames.assign(path=str(path), file_size=path.stat().st_size, modified=0)
        for k in {0, len(want) - 1}:
            try:
                got = dx.open_series(table[table["frame"] == k], chunks=None).to_numpy()
            except dx.PixelError as error:
                assert path.name in str(error)  # noqa: PT017
            else:
                np.testing.assert_array_equal(got, want[k])


def test_pixel_data_shorter_than_the_matrix_are_not_filled_from_behind(tmp_path):
    write_frame(tmp_path / "a", {"pixels": np.ones((4, 4), "u2"), "DataSetTrailingPadding": b"\7" * 64})
    frames = dx.scan(tmp_path)
    with pytest.raises(dx.PixelError, match="truncated: frame 0 needs 48 bytes, 32 are there"):
        dx.open_series(frames.assign(Rows=6), chunks=None).load()


def test_a_matrix_that_the_file_cannot_hold_takes_no_memory(tmp_path, monkeypatch):
    write_frame(tmp_path / "a", {"pixels": np.ones((16, 16), "u2")})
    frames = dx.scan(tmp_path).assign(Rows=65535, Columns=65535)
    da = dx.open_series(frames, chunks=None)
    monkeypatch.setattr(np, "empty", lambda *args, **options: pytest.fail("memory was taken"))
    for cut in (da, da.isel(row=slice(0, 10)), da.isel(row=3, col=[4, 9])):
        with pytest.raises(dx.PixelError, match="8589672450 bytes, 512 are there"):
            cut.load()


def test_one_frame_beyond_the_end_costs_itself(tmp_path):
    write_frame(tmp_path / "a", {"pixels": np.arange(32, dtype="u2").reshape(8, 4)})
    row = dx.scan(tmp_path).head(1).assign(Rows=4, NumberOfFrames=3)
    for frame, right in ((0, True), (1, True), (2, False)):
        da = dx.open_series(row.assign(frame=frame), chunks=None)
        if right:
            np.testing.assert_array_equal(da.to_numpy().ravel(), np.arange(16) + 16 * frame)
        else:
            with pytest.raises(dx.PixelError, match="frame 2 needs 96 bytes, 64"):
                da.load()


@pytest.mark.parametrize(
    ("element", "value", "words"),
    [
        ("BitsAllocated", 65535, "BitsAllocated is 65535"),
        ("BitsAllocated", 0, "BitsAllocated is 0"),
        ("BitsAllocated", 10, "BitsAllocated is 10"),
        ("BitsStored", 0, "BitsStored is 0"),
        ("BitsStored", 17, "BitsStored is 17"),
        ("HighBit", 3, "HighBit is 3"),
        ("HighBit", 16, "HighBit is 16"),
        ("PixelRepresentation", 2, "PixelRepresentation is 2"),
    ],
)
def test_a_layout_that_dicom_has_not(tmp_path, element, value, words):
    write_frame(tmp_path / "a.dcm", {"pixels": np.ones((4, 4), "u2")})
    frames = dx.scan(tmp_path).assign(**{element: value})
    with pytest.raises(dx.PixelError, match=rf"a\.dcm: {words}"):
        dx.open_series(frames)


# --- values -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("slope", "intercept"), [(1e35, 0), (1e-40, 0), (np.inf, 0), (1, 1e30), (1, np.inf), (2, 1e30), (0.5, -np.inf), (1e300, 0)]
)
def test_a_rescale_that_no_float_holds_names_the_slope(tmp_path, slope, intercept):
    write_frame(tmp_path / "a.dcm", {"pixels": np.ones((4, 4), "u2")})
    frames = dx.scan(tmp_path).assign(RescaleSlope=slope, RescaleIntercept=intercept)
    with pytest.raises(dx.PixelError, match=r"a\.dcm frame 0: rescaling by slope"):
        dx.open_series(frames)
    assert dx.open_series(frames, rescale=False).to_numpy().max() == 1


@pytest.mark.parametrize(
    ("dtype", "stored", "intercept"),
    [
        ("i2", 16, 32768),
        ("u4", 32, -1),
        ("u4", 12, -1024),
        ("u8", 60, -5),
        ("i2", 12, 2048),
        ("u8", 64, -1),
        ("u2", 12, 1e9 + 0.5),
    ],
)
def test_sums_are_exact(tmp_path, dtype, stored, intercept):
    most = (1 << stored - (dtype[0] == "i")) - 1
    values = np.array([[0, 1, most - 1, most]], dtype)
    write_frame(tmp_path / "a", {"pixels": values, "BitsStored": stored, "HighBit": stored - 1})
    frames = dx.scan(tmp_path).assign(RescaleIntercept=float(intercept))
    got = dx.open_series(frames).values
    want = [int(v) + intercept for v in values.ravel().tolist()]
    if got.dtype.kind == "f":
        assert got.dtype == np.float64
        np.testing.assert_allclose(got.ravel(), np.array(want, float), rtol=1e-15)
    else:
        assert got.ravel().tolist() == want


# --- codecs -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("syntax", ["90", "201", "80", "50", "70"])
def test_an_image_of_another_size_is_not_decoded(tmp_path, monkeypatch, syntax):
    imagecodecs = pytest.importorskip("imagecodecs")
    encode = {
        "90": imagecodecs.jpeg2k_encode,
        "201": imagecodecs.htj2k_encode,
        "80": imagecodecs.jpegls_encode,
        "50": imagecodecs.jpeg_encode,
        "70": imagecodecs.ljpeg_encode,
    }[syntax]
    compressed(tmp_path / "a", np.zeros((8, 8), "u1"), f"1.2.840.10008.1.2.4.{syntax}", encode(np.zeros((300, 200), np.uint8)))
    for name in ("_by_imagecodecs", "_by_pydicom"):
        monkeypatch.setattr(codecs, name, lambda *args: pytest.fail("was decoded"))
    with pytest.raises(
        dx.PixelError, match=r"a frame 0: the compressed image is 300 x 200 with 1 samples, the header says 8 x 8"
    ):
        dx.open_series(tmp_path).load()


def test_deflated_data_are_inflated_no_further_than_needed(tmp_path):
    bomb = zlib.compressobj(9, zlib.DEFLATED, -15)
    data = bomb.compress(bytes(200 << 20)) + bomb.flush()
    compressed(tmp_path / "a", np.ones((8, 8), "u2"), codecs.DEFLATED_FRAMES, data)
    assert not dx.open_series(tmp_path).to_numpy().any()
    write_frame(tmp_path / "b", {"pixels": np.ones((8, 8), "u2")})
    file = pydicom.dcmread(tmp_path / "b")
    file.DataSetTrailingPadding = bytes(100 << 20)
    file.file_meta.TransferSyntaxUID = UID("1.2.840.10008.1.2.1.99")
    file.save_as(tmp_path / "b", implicit_vr=False, little_endian=True)
    assert dx.open_series(tmp_path / "b").to_numpy().all()


def test_colour_decoded_by_any_codec_is_the_same(real, monkeypatch):
    """By pydicom with the safe plugins alone; where none reads it, the error says what to install."""
    paths = [real / TEST_FILES / name for name in COMPRESSED]
    fast = [each(path) for path in paths]
    monkeypatch.setitem(sys.modules, "imagecodecs", None)
    lacking = []
    for path, want in zip(paths, fast, strict=True):
        got = each(path)
        if isinstance(got[0], str):
            assert "no installed codec reads" in got[0]
            assert "pip install 'dcmxarray[fast]'" in got[0]
            lacking.append(path.name)
            continue
        for a, b in zip(got, want, strict=True):
            assert np.abs(a.astype(float) - b).max() <= 2, path.name
    assert all(("jls" in name.lower() or "jpeg" in name.lower()) for name in lacking), lacking


def test_a_damaged_image_is_not_a_missing_codec(real, tmp_path):
    raw = bytearray((real / TEST_FILES / "SC_rgb_jls_lossy_line.dcm").read_bytes())
    at = raw.index(b"\xff\xda") + 14
    raw[at : at + 60] = b"\xff\xd8" * 30
    (tmp_path / "a.dcm").write_bytes(raw)
    with pytest.raises(dx.PixelError, match=r"a\.dcm frame 0: JPEG-LS .*can't be decoded: (?!.*pip install)"):
        dx.open_series(tmp_path / "a.dcm").load()


def test_whatever_a_decoder_raises_costs_one_frame(real, monkeypatch):
    class Panic(BaseException):
        pass

    def panic(*args):
        raise Panic("the decoder gave up")

    monkeypatch.setattr(codecs, "_by_imagecodecs", panic)
    with pytest.raises(dx.PixelError, match=r"MR_small_jp2klossless.dcm frame 0: JPEG 2000.*the decoder gave up"):
        dx.open_series(real / TEST_FILES / "MR_small_jp2klossless.dcm").load()


def test_gdcm_is_never_asked(real, monkeypatch):
    pytest.importorskip("gdcm")
    from pydicom.pixels.decoders import gdcm

    monkeypatch.setattr(gdcm, "_decode_frame", lambda *args: pytest.fail("gdcm was asked"))
    for syntaxes, names in codecs._SAFE:
        assert "gdcm" not in names
        assert syntaxes
    monkeypatch.setitem(sys.modules, "imagecodecs", None)
    for name in COMPRESSED:
        each(real / TEST_FILES / name)
