"""Layouts of early files: palettes without file meta information, values of 12 packed bits."""

import io

import numpy as np
import pydicom
import pytest
from pydicom.datadict import tag_for_keyword

import dcmxarray as dx
from dcmxarray.testing import write_frame

PALETTE = "pydicom+pydicom/src/pydicom/data/test_files/examples_palette.dcm"
SYNTAX = {(False, True): "1.2.840.10008.1.2.1", (True, True): "1.2.840.10008.1.2", (False, False): "1.2.840.10008.1.2.2"}


def bare(path, data, implicit=True, little=True):
    """Write a data set without preamble and file meta information."""
    out = io.BytesIO()
    if "file_meta" in data.__dict__:
        del data.file_meta
    pydicom.dcmwrite(out, data, implicit_vr=implicit, little_endian=little, force_encoding=True)
    path.write_bytes(out.getvalue())
    return path


def recoded(data, little, segmented):
    """The palettes in a byte order, and as one discrete segment each."""
    for colour in ("Red", "Green", "Blue"):
        name = f"{colour}PaletteColorLookupTableData"
        entries = np.frombuffer(data[name].value, "<u2")
        if segmented:
            delattr(data, name)
            name, entries = f"Segmented{name}", np.concatenate([[0, entries.size], entries])
        data.add_new(tag_for_keyword(name), "OW", entries.astype("<u2" if little else ">u2").tobytes())
    return data


@pytest.mark.parametrize("segmented", [False, True])
@pytest.mark.parametrize(("implicit", "little"), SYNTAX)
@pytest.mark.parametrize("meta", [False, True])
def test_palettes_in_every_encoding(real, tmp_path, meta, implicit, little, segmented):
    data = recoded(pydicom.dcmread(real / PALETTE), little, segmented)
    data["PixelData"].VR = "OB"
    path = tmp_path / "a.dcm"
    if meta:
        data.file_meta.TransferSyntaxUID = SYNTAX[implicit, little]
        pydicom.dcmwrite(path, data, implicit_vr=implicit, little_endian=little, force_encoding=True)
    else:
        bare(path, data, implicit, little)
    np.testing.assert_array_equal(dx.open_series(path), dx.open_series(real / PALETTE))


def packed(values):
    """Two values in three bytes, the first in the lowest bits."""
    bits = (values.reshape(-1, 1) >> np.arange(12)) & 1
    raw = np.packbits(bits.astype(np.uint8), bitorder="little").tobytes()
    return raw + b"\0" * (len(raw) % 2)


def twelve(path, values, frames=1, signed=0, data=None, **more):
    """An ACR-NEMA file: no preamble, no UIDs, implicit VR."""
    header = pydicom.Dataset()
    header.RecognitionCode, header.Modality = "ACR-NEMA 2.0", "MR"
    header.NumberOfFrames = frames if frames > 1 else None
    header.Rows, header.Columns = values.shape[-2:]
    header.BitsAllocated, header.BitsStored, header.HighBit, header.PixelRepresentation = 12, 12, 11, signed
    for name, value in more.items():
        setattr(header, name, value)
    header.PixelData = packed(values) if data is None else data
    header["PixelData"].VR = "OW"
    return bare(path, header)


@pytest.mark.parametrize("shape", [(4, 6), (3, 5), (1, 1)])
def test_packed_values(tmp_path, shape):
    values = np.random.default_rng(0).integers(0, 4096, shape)
    path = twelve(tmp_path / "a", values)
    da = dx.open_series(path)
    assert (da.dtype, dx.open_series(path, rescale=False).dtype) == (np.int16, np.uint16)
    np.testing.assert_array_equal(da, values)


def test_packed_frames_need_not_begin_at_a_byte(tmp_path):
    values = np.random.default_rng(0).integers(0, 4096, (4, 3, 5))
    da = dx.open_series(twelve(tmp_path / "a", values, 4))
    np.testing.assert_array_equal(da, values)
    np.testing.assert_array_equal(da.isel({da.dims[0]: 3}), values[3])


def test_packed_values_may_be_signed_and_unused_bits_are_cleared(tmp_path):
    values = np.array([[-2048, -1, 0, 2047]])
    np.testing.assert_array_equal(dx.open_series(twelve(tmp_path / "a", values & 4095, signed=1)), values)
    ten = dx.open_series(twelve(tmp_path / "b", values & 4095, BitsStored=10, HighBit=9))
    np.testing.assert_array_equal(ten, values & 1023)


def test_bytes_of_the_byte_order():
    """As GDCM has it: the low byte first, then the high four bits in the low half of the second byte."""
    assert packed(np.array([0x321, 0x654]))[:3] == bytes([0x21, 0x43, 0x65])


def test_twelve_bits_that_were_not_packed_are_an_error(tmp_path):
    values = np.arange(24, dtype="<u2").reshape(4, 6)
    path = twelve(tmp_path / "a", values, data=values.tobytes())
    with pytest.raises(dx.PixelError, match="of 16 bits each"):
        dx.open_series(path).load()
    np.testing.assert_array_equal(dx.open_series(dx.scan(path).assign(BitsAllocated=16)), values)


def test_packed_values_that_are_cut_are_an_error(tmp_path):
    with pytest.raises(dx.PixelError, match="truncated"):
        dx.open_series(twelve(tmp_path / "a", np.zeros((4, 6), int), data=b"\0" * 34)).load()


def test_other_widths_are_an_error(tmp_path):
    write_frame(tmp_path / "a", {"BitsAllocated": 10, "BitsStored": 10, "HighBit": 9})
    with pytest.raises(dx.PixelError, match="BitsAllocated is 10, not 1, 8, 12, 16, 32 or 64"):
        dx.open_series(tmp_path)
