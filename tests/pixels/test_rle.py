"""RLE Lossless: what pydicom encodes is decoded to the same values; damaged data are no values (PS3.5 annex G)."""

import numpy as np
import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import generate_frames
from pydicom.uid import ExplicitVRLittleEndian, RLELossless

import dcmxarray as dx
from dcmxarray.model import PixelSpec
from dcmxarray.pixels import codecs, rle
from dcmxarray.testing import write_frame

DTYPES = [np.dtype(d) for d in ("u1", "i1", "<u2", "<i2")]


def encoded(array):
    data = Dataset()
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data.set_pixel_data(array, "MONOCHROME2", array.dtype.itemsize * 8)
    data.compress(RLELossless, encoding_plugin="pydicom", generate_instance_uid=False)
    return next(generate_frames(data.PixelData, number_of_frames=1))


images = st.sampled_from(DTYPES).flatmap(
    lambda dtype: arrays.arrays(dtype, arrays.array_shapes(min_dims=2, max_dims=2, max_side=40), fill=st.just(0))
)


def spec_of(image):
    bits = image.dtype.itemsize * 8
    signed = image.dtype.kind == "i"
    return PixelSpec(*image.shape[:2], (*image.shape, 1)[2], bits, bits, bits - 1, signed, 0, "RGB", "int", rle.SYNTAX)


@given(images)
def test_what_is_encoded_comes_back(image):
    np.testing.assert_array_equal(codecs.decode(encoded(image), spec_of(image), "here"), image)


@given(images, st.data())
def test_damaged_data_are_an_error_or_of_the_right_size(image, data):
    raw = bytearray(encoded(image))
    for place in data.draw(st.lists(st.integers(0, len(raw) - 1), min_size=1, max_size=8)):
        raw[place] = data.draw(st.integers(0, 255))
    try:
        got = codecs.decode(bytes(raw[: data.draw(st.integers(0, len(raw)))]), spec_of(image), "here")
    except dx.PixelError as error:
        assert str(error).startswith("here: RLE Lossless")  # noqa: PT017
    else:
        assert got.shape == image.shape


@pytest.mark.parametrize("name", ["liver", "liver_nonbyte_aligned"])
def test_single_bits(real, name):
    files = (real / f"pydicom+pydicom-data/data_store/data/{name}_{kind}.dcm" for kind in ("rle", "deflate"))
    packed, plain = (dx.open_series(file, chunks=None) for file in files)
    assert 0 < plain.mean() < 1
    np.testing.assert_array_equal(packed, plain)


@pytest.mark.parametrize("signed", [0, 1])
def test_bits_beyond_the_stored_ones_mean_nothing(tmp_path, signed):
    values = np.array([[0xF001, 0x0FFF], [0x0800, 0x37FF]], np.uint16)
    header = {"pixels": values, "BitsStored": 12, "HighBit": 11, "PixelRepresentation": signed}
    write_frame(tmp_path / "plain.dcm", header)
    data = pydicom.dcmread(tmp_path / "plain.dcm")
    data.compress(RLELossless, encoding_plugin="pydicom")
    data.save_as(tmp_path / "rle.dcm")
    plain, packed = (dx.open_series(tmp_path / name).to_numpy() for name in ("plain.dcm", "rle.dcm"))
    np.testing.assert_array_equal(packed, plain)
    np.testing.assert_array_equal(plain.ravel(), [1, -1, -2048, 2047] if signed else [1, 4095, 2048, 2047])
