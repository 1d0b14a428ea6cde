"""Decoded pixels of every real image, in every transfer syntax there, equal pydicom's."""

import builtins
import sys
import warnings

import numpy as np
import pydicom
import pytest
from pydicom.pixels import apply_color_lut, pixel_array
from pydicom.uid import ExplicitVRBigEndian

import dcmxarray as dx
from dcmxarray.testing import write_frame

LOSSY = {"1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51", "1.2.840.10008.1.2.4.81", "1.2.840.10008.1.2.4.91"}


def ours(path, frame, **options):
    table = dx.scan(path)
    table = table[table["frame"] == frame].assign(crop_row=np.nan, crop_col=np.nan, crop_rows=np.nan, crop_columns=np.nan)
    return dx.open_series(table.head(1), chunks=None, duplicates="first", **options).to_numpy().reshape(-1)


def theirs(path, frame):
    data = pydicom.dcmread(path, force=True)
    return pixel_array(data, index=frame), data


@pytest.mark.slow
def test_every_real_image(frames, is_large):
    images = frames[frames["pixels"].notna()].drop_duplicates(["path"])
    last_frame = frames.groupby("path")["frame"].max()
    compared, syntaxes, unread = 0, set(), []
    some = images.groupby(
        ["TransferSyntaxUID", "BitsAllocated", "SamplesPerPixel", "PixelRepresentation"], dropna=False, sort=False
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for row in some.head(25).itertuples():
            last = last_frame[row.path]
            try:
                want, _ = theirs(row.path, last)
            except Exception:  # noqa: BLE001 - pydicom raises many kinds
                unread.append(row.path)
                continue
            got = ours(row.path, last, rescale=False).astype(float)
            tolerance = 2 if row.TransferSyntaxUID in LOSSY else 0
            assert np.abs(got - want.reshape(-1).astype(float)).max() <= tolerance, row.path
            compared += 1
            syntaxes.add(row.TransferSyntaxUID)
    assert compared > (200 if is_large else 80)
    assert len(syntaxes) >= 11  # all of the 13 there that pydicom can decode without GPL codecs
    assert len(unread) < 12, unread


def test_palettes_are_looked_up(series):
    path = series("pydicom+pydicom/src/pydicom/data/test_files/examples_palette.dcm")
    index, header = theirs(path, 0)
    np.testing.assert_array_equal(dx.open_series(path).to_numpy(), apply_color_lut(index, header))
    np.testing.assert_array_equal(dx.open_series(path, rescale=False).to_numpy(), index)


def test_rescale_of_every_file(series):
    path = series("icometrix+dicom2nifti/tests/data/generic/anatomical/002_non_isotropic")
    da = dx.open_series(path)
    assert da.dtype == np.float32
    for k in range(da.sizes["slice"]):
        file = pydicom.dcmread(da.dicom.header(slice=k).filename)
        want = file.pixel_array * float(file.RescaleSlope) + float(file.RescaleIntercept)
        np.testing.assert_allclose(da.isel(slice=k), want, rtol=1e-6)
    assert dx.open_series(path, rescale=False).dtype == np.int16


def test_pet_units_and_slopes(series):
    path = series("suyashkumar+dicom/testdata/1.dcm")
    da, file = dx.open_series(path), pydicom.dcmread(path)
    assert da.attrs["units"] == file.Units
    np.testing.assert_allclose(da, file.pixel_array * float(file.RescaleSlope) + float(file.RescaleIntercept), rtol=1e-6)


@pytest.mark.parametrize(
    ("dtype", "slope", "intercept", "stored", "want"),
    [
        ("u2", 1, 0, 16, "i4"),
        ("u2", 1, 0, 15, "i2"),
        ("u2", 1, -1024, 12, "i2"),
        ("u2", 1, -1024, 16, "i4"),
        ("i2", 1, -1024, 16, "i4"),
        ("u1", 1, 0, 8, "i2"),
        ("u4", 1, 0, 32, "i8"),
        ("u8", 1, 0, 64, "u8"),
        ("i2", 1, 0, 16, "i2"),
        ("u2", 2, 0, 12, "f4"),
        ("u2", 1, 0.5, 12, "f4"),
        ("u4", 0.5, 0, 32, "f8"),
        ("f4", None, None, None, "f4"),
        ("f8", None, None, None, "f8"),
    ],
)
def test_the_smallest_lossless_dtype(tmp_path, dtype, slope, intercept, stored, want):
    pixels = np.arange(12).reshape(3, 4).astype(dtype)
    bits = {} if stored is None else {"BitsStored": stored, "HighBit": stored - 1}
    write_frame(tmp_path / "a", {"pixels": pixels, "RescaleSlope": slope, "RescaleIntercept": intercept, **bits})
    da = dx.open_series(tmp_path)
    assert da.dtype == np.dtype(want)
    np.testing.assert_array_equal(da.values, pixels * np.float64(slope or 1) + (intercept or 0))


@pytest.mark.parametrize(("signed", "want"), [(False, [0x0FFF, 0x0800, 1]), (True, [-1, -2048, 1])])
@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2.1", ExplicitVRBigEndian])
def test_bits_above_the_stored_ones_mean_nothing(tmp_path, signed, want, syntax):
    pixels = np.array([[0xFFFF, 0xA800, 0xF001]], np.uint16)
    write_frame(
        tmp_path / "a", {"pixels": pixels, "BitsStored": 12, "HighBit": 11, "PixelRepresentation": int(signed), "syntax": syntax}
    )
    assert dx.open_series(tmp_path).values.tolist() == [want]


def test_planar_colour(series):
    folder = "pydicom+pydicom-data/data_store/data"
    planar, pixel = (dx.open_series(series(f"{folder}/{n}")) for n in ("color-pl.dcm", "color-px.dcm"))
    assert planar.dims == ("row", "col", "rgb")
    np.testing.assert_array_equal(planar.values, pixel.values)


def test_truncated_pixels_are_an_error_that_names_the_file(tmp_path):
    write_frame(tmp_path / "short.dcm", {"pixels": np.zeros((8, 8), np.uint16)})
    raw = (tmp_path / "short.dcm").read_bytes()
    (tmp_path / "short.dcm").write_bytes(raw[:-10])
    with pytest.raises(dx.PixelError, match=r"short.dcm: pixel data are truncated"):
        dx.open_series(tmp_path).load()


def test_a_missing_codec_names_the_extra(series, monkeypatch):
    path = series("pydicom+pydicom/src/pydicom/data/test_files/JPEGLSNearLossless_16.dcm")
    from pydicom.pixels.decoders import JPEGLSNearLosslessDecoder

    real = builtins.__import__
    monkeypatch.setattr(
        builtins,
        "__import__",
        lambda name, *a, **k: (_ for _ in ()).throw(ImportError()) if name == "imagecodecs" else real(name, *a, **k),
    )
    monkeypatch.delitem(sys.modules, "imagecodecs", raising=False)
    monkeypatch.setattr(JPEGLSNearLosslessDecoder, "_available", {})
    with pytest.raises(dx.PixelError, match=r"pip install 'dcmxarray\[fast\]'"):
        dx.open_series(path).load()


@pytest.mark.parametrize("frame", [0, 14, 29])
def test_one_compressed_frame_of_many(series, frame):
    path = series("pydicom+pydicom/src/pydicom/data/test_files/examples_ybr_color.dcm")
    want, _ = theirs(path, frame)
    np.testing.assert_array_equal(dx.open_series(path).isel(time=frame).values, want)


def test_fragments_without_an_offset_table(series):
    one, other = (
        dx.open_series(series(f"ImagingDataCommons+highdicom/data/test_files/{n}"))
        for n in ("sm_image_jpegls.dcm", "sm_image_jpegls_nobot.dcm")
    )
    np.testing.assert_array_equal(one.values, other.values)


@pytest.mark.parametrize(
    "syntax", ["1.2.840.10008.1.2.4.201", "1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.70"]
)
@pytest.mark.parametrize("dtype", ["u1", "u2", "i2"])
def test_lossless_codecs_give_back_what_went_in(tmp_path, syntax, dtype):
    import imagecodecs
    from pydicom.encaps import encapsulate

    pixels = (np.random.default_rng(0).integers(0, 200, (32, 40)) - (100 if dtype == "i2" else 0)).astype(dtype)
    stored = pixels.view("u2") if dtype == "i2" and syntax[-2:] in ("70", "80") else pixels
    encode = {
        "201": imagecodecs.htj2k_encode,
        "90": imagecodecs.jpeg2k_encode,
        "80": imagecodecs.jpegls_encode,
        "70": imagecodecs.ljpeg_encode,
    }
    options = {"codecformat": "j2k", "level": 0, "reversible": True} if syntax.endswith("90") else {}
    data = encode[syntax.rsplit(".", 1)[-1]](stored, **options)
    write_frame(tmp_path / "a", {"pixels": pixels})
    header = pydicom.dcmread(tmp_path / "a")
    header.file_meta.TransferSyntaxUID = syntax
    header.PixelData = encapsulate([bytes(data)])
    header["PixelData"].is_undefined_length = True
    header["PixelData"].VR = "OB"
    header.save_as(tmp_path / "a", enforce_file_format=True)
    np.testing.assert_array_equal(dx.open_series(tmp_path).values, pixels)
