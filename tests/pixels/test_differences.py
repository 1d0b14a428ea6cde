"""Integers are signed: a difference of two frames is right, whatever bits the files store."""

import numpy as np
import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st

import dcmxarray as dx
from dcmxarray.pixels import rescale
from dcmxarray.testing import write_frame, write_series

from ..making import frame

LAYOUTS = st.tuples(st.sampled_from([8, 16, 32]), st.integers(1, 32), st.booleans()).filter(lambda one: one[1] <= one[0])


def stored_as(allocated, stored, signed, pixels):
    """Elements of a frame whose values are the lowest ``stored`` bits of each pixel."""
    bits = {"BitsStored": stored, "HighBit": stored - 1, "PixelRepresentation": int(signed)}
    return {**bits, "pixels": pixels.astype(f"u{allocated // 8}")}


def value(raw, stored, signed):
    low = raw & ((1 << stored) - 1)
    return low - (1 << stored) if signed and low >> (stored - 1) else low


@given(LAYOUTS, st.sampled_from([0, -1024, 1]), st.lists(st.integers(0, 2**32 - 1), min_size=2, max_size=2))
def test_a_difference_never_wraps(tmp_path_factory, layout, intercept, raw):
    folder, (allocated, stored, signed) = tmp_path_factory.mktemp("d"), layout
    for n, number in enumerate(raw):
        more = stored_as(*layout, np.full((2, 2), number & (2**allocated - 1)))
        write_frame(folder / f"{n}", {**more, "EchoTime": n + 1.0, "RescaleSlope": 1, "RescaleIntercept": intercept})
    da = dx.open_series(folder, chunks=None)
    want = [value(number, stored, signed) + intercept for number in raw]
    assert da.dtype.kind == "i"
    assert da.values[:, 0, 0].tolist() == want
    span = want[1] - want[0]
    if not signed or abs(span) <= np.iinfo(da.dtype).max:
        assert int((da.isel(te=1) - da.isel(te=0))[0, 0]) == span
    assert signed or da.dtype.itemsize * 8 > stored
    assert dx.open_series(folder, chunks=None, rescale=False).dtype == np.dtype(f"{'i' if signed else 'u'}{allocated // 8}")


def test_layouts_of_one_stack_share_a_type(tmp_path):
    twelve, sixteen = (stored_as(16, bits, False, np.full((3, 4), 2**bits - 1)) for bits in (12, 16))
    write_series(tmp_path, [frame(0.0, **twelve), frame(5.0, **sixteen)])
    da = dx.open_series(tmp_path)
    assert da.dtype == np.int32
    assert da.values[:, 0, 0].tolist() == [4095, 65535]


def test_the_rise_of_a_darkening_series(tmp_path):
    """The example of docs/cohorts.md: the mean of a difference."""
    write_series(tmp_path, [frame(value=v, EchoTime=1.0, AcquisitionTime=f"1000{t:02d}") for t, v in enumerate((100, 60))])
    da = dx.open_series(tmp_path)
    assert float((da.isel(time=-1) - da.isel(time=0)).mean()) == -40


def test_real_differences(real):
    path = real / "erling6232+imagedata/data/dicom/time_all"
    da, stored = dx.open_series(path), dx.open_series(path, rescale=False)
    assert (stored.dtype, da.dtype) == (np.uint16, np.int32)  # all 16 bits are stored
    np.testing.assert_array_equal(
        da.isel(time=-1) - da.isel(time=0), np.diff(stored.astype(int).isel(time=[0, -1]), axis=1)[:, 0]
    )


def test_colour_and_floats_keep_their_type(tmp_path):
    write_frame(tmp_path / "rgb" / "a", {"pixels": np.full((3, 4, 3), 200, np.uint8)})
    write_frame(tmp_path / "float" / "a", {"pixels": np.full((3, 4), 0.5, np.float32)})
    assert dx.open_series(tmp_path / "rgb").dtype == np.uint8
    assert dx.open_series(tmp_path / "float").dtype == np.float32


def test_segments_are_zeros_and_ones(real):
    da = dx.open_series(real / "QIICR+dcmqi/data/segmentations/partial_overlaps.dcm")
    assert da.dtype == np.int8
    assert set(np.unique(da)) == {0, 1}
    assert int((da - 1).min()) == -1


def test_twelve_bits_are_read_in_place(tmp_path, monkeypatch):
    """The bytes of the file become the values: nothing is allocated beside the result."""
    write_series(tmp_path, [frame(5.0 * z, **stored_as(16, 12, False, np.full((3, 4), 7 + z))) for z in range(3)])
    da = dx.open_series(tmp_path, chunks=None)
    monkeypatch.setattr(rescale, "apply", None)
    assert da.values[:, 0, 0].tolist() == [7, 8, 9]


@pytest.mark.parametrize(("most", "wrong"), [(5000, False), (40000, True)])
def test_compressed_values_beyond_bits_stored_never_wrap(tmp_path, most, wrong):
    import imagecodecs
    from pydicom.encaps import encapsulate

    write_frame(tmp_path / "a", stored_as(16, 12, False, np.zeros((8, 8))))
    header = pydicom.dcmread(tmp_path / "a")
    header.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.4.90"
    image = np.full((8, 8), most, np.uint16)
    header.PixelData = encapsulate([bytes(imagecodecs.jpeg2k_encode(image, codecformat="j2k", level=0, reversible=True))])
    header["PixelData"].is_undefined_length = True
    header["PixelData"].VR = "OB"
    header.save_as(tmp_path / "a", enforce_file_format=True)
    assert (dx.open_series(tmp_path, rescale=False).values == most).all()
    if wrong:
        with pytest.raises(dx.PixelError, match=r"values of up to 40000, where BitsStored says 12 bits; rescale=False"):
            dx.open_series(tmp_path).load()
    else:
        assert (dx.open_series(tmp_path).values == most).all()
