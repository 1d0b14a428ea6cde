"""Fragments: which belong to which frame, by the offset table, by count, or by end markers (PS3.5 annex A.4)."""

import struct

import imagecodecs
import numpy as np
import pydicom
import pytest

import dcmxarray as dx
from dcmxarray.testing import write_frame, write_series

from ..making import frame

JPEG_LS, J2K, RLE = "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.5"


def pictures(count, shape=(6, 8)):
    """Images that have no value in common."""
    noise = np.random.default_rng(count).integers(0, 900, (count, *shape))
    return (noise + 1000 * np.arange(count)[:, None, None]).astype(np.uint16)


def item(value):
    return struct.pack("<2HI", 0xFFFE, 0xE000, len(value)) + value


def encapsulated(fragments, offsets):
    """The value of PixelData from each frame's fragments: an offset table (empty where there is none), then every fragment."""
    starts = np.cumsum([0, *(sum(8 + len(f) for f in frame) for frame in fragments)])[:-1]
    table = struct.pack(f"<{len(starts)}I", *starts) if offsets else b""
    return item(table) + b"".join(item(f) for frame in fragments for f in frame)


def write(path, images, fragments, offsets, syntax=JPEG_LS):
    """A multi-frame file whose pixel data are these fragments."""
    write_frame(path, frame(NumberOfFrames=len(images), SamplesPerPixel=1, FrameTime=100.0) | {"pixels": images[0]})
    header = pydicom.dcmread(path)
    header.file_meta.TransferSyntaxUID = syntax
    header.PixelData = encapsulated(fragments, offsets)
    header["PixelData"].is_undefined_length = True
    header["PixelData"].VR = "OB"
    header.save_as(path, enforce_file_format=True)


def cut(data, parts):
    """A compressed frame as so many fragments of even length."""
    size = -(-len(data) // parts // 2) * 2
    pieces = [data[k : k + size] for k in range(0, len(data), size)]
    assert len(pieces) == parts
    return [piece + b"\0" * (len(piece) % 2) for piece in pieces]


@pytest.mark.parametrize("offsets", [True, False], ids=["offset table", "end markers"])
@pytest.mark.parametrize("parts", [(1, 1, 1), (2, 1, 3), (1, 3, 2), (3, 2, 1), (2, 2, 2)])
@pytest.mark.parametrize("syntax", [JPEG_LS, J2K])
def test_frames_of_several_fragments(tmp_path, parts, offsets, syntax):
    images = pictures(3)
    encode = (
        imagecodecs.jpegls_encode if syntax == JPEG_LS else lambda i: imagecodecs.jpeg2k_encode(i, codecformat="j2k", level=0)
    )
    write(tmp_path / "a", images, [cut(bytes(encode(i)), n) for i, n in zip(images, parts, strict=True)], offsets, syntax)
    da = dx.open_series(tmp_path)
    np.testing.assert_array_equal(da.values, images)
    for k in (2, 0, 1):  # each alone
        np.testing.assert_array_equal(da.isel(time=k).values, images[k])


def test_the_end_marker_may_be_padded(tmp_path):
    images = pictures(2)
    fragments = [cut(bytes(imagecodecs.jpegls_encode(i)), 2) for i in images]
    fragments[0][-1] += b"\0\0"
    write(tmp_path / "a", images, fragments, offsets=False)
    np.testing.assert_array_equal(dx.open_series(tmp_path).values, images)


def test_a_wrong_offset_table_gives_way_to_end_markers(tmp_path):
    images = pictures(2)
    fragments = [cut(bytes(imagecodecs.jpegls_encode(i)), n) for i, n in zip(images, (2, 1), strict=True)]
    write(tmp_path / "a", images, fragments, offsets=True)
    header = pydicom.dcmread(tmp_path / "a")
    good = header.PixelData
    header.PixelData = good[:12] + struct.pack("<I", 6) + good[16:]
    header.save_as(tmp_path / "a", enforce_file_format=True)
    np.testing.assert_array_equal(dx.open_series(tmp_path).values, images)


def test_fragments_that_nothing_tells_apart_are_an_error(tmp_path):
    images = pictures(2)
    fragments = [[b"\1\2\3\4", b"\5\6"], [b"\7\x08"]]
    write(tmp_path / "a", images, fragments, offsets=False)
    with pytest.raises(dx.PixelError, match=r"3 fragments can't be told apart into 2 frames"):
        dx.open_series(tmp_path).load()
    write(tmp_path / "a", images, [], offsets=False)
    with pytest.raises(dx.PixelError, match="fragment"):
        dx.open_series(tmp_path).load()


def test_an_image_of_several_fragments_in_a_file_of_its_own(tmp_path):
    image = pictures(1)
    write(tmp_path / "a", image, [cut(bytes(imagecodecs.jpegls_encode(image[0])), 3)], offsets=False)
    np.testing.assert_array_equal(dx.open_series(tmp_path).values.reshape(6, 8), image[0])


@pytest.mark.parametrize("count", [2, 3, 7])
@pytest.mark.parametrize("chunks", [None, "auto", {}])
def test_every_image_of_a_compressed_series_is_decoded(tmp_path, count, chunks):
    images = pictures(count)
    paths = write_series(tmp_path, [frame(5 * k) | {"pixels": image} for k, image in enumerate(images)])
    for path in paths:
        header = pydicom.dcmread(path)
        header.compress(pydicom.uid.UID(RLE), encoding_plugin="pydicom", generate_instance_uid=False)
        header.save_as(path)
    np.testing.assert_array_equal(dx.open_series(tmp_path, chunks=chunks).values, images)
    np.testing.assert_array_equal(dx.open_series(tmp_path, chunks=chunks).isel(slice=[-1, 0]).values, images[[-1, 0]])


def test_the_offset_table_tells_frames_apart_where_no_marker_does(tmp_path):
    images = pictures(3)
    runs = []
    for image in images:
        data = pydicom.Dataset()
        data.file_meta = pydicom.dataset.FileMetaDataset()
        data.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
        data.set_pixel_data(image, "MONOCHROME2", 16)
        data.compress(pydicom.uid.RLELossless, encoding_plugin="pydicom", generate_instance_uid=False)
        runs.append(next(pydicom.encaps.generate_frames(data.PixelData, number_of_frames=1)))
    fragments = [cut(run, parts) for run, parts in zip(runs, (2, 1, 3), strict=True)]
    write(tmp_path / "a", images, fragments, True, RLE)
    np.testing.assert_array_equal(dx.open_series(tmp_path).values, images)
    write(tmp_path / "a", images, fragments, False, RLE)
    with pytest.raises(dx.PixelError, match="can't be told apart"):
        dx.open_series(tmp_path).load()
