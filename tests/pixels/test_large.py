"""Images that are large beside their files, and parts of large images: memory follows from what is asked for."""

import tracemalloc

import numpy as np
import pytest

import dcmxarray as dx
from dcmxarray.model import File
from dcmxarray.pixels import inflated, lazy
from dcmxarray.sources import files

from ..headers import crafted

SIDE = 2048


def write(path, syntax, side=SIDE, frames=1, photometric=b"MONOCHROME2 ", samples=1, behind=b"", **more):
    """A file of random values; returns them."""
    values = np.random.default_rng(3).integers(0, 9, (frames, side, side, samples)).astype("u2" if samples == 1 else "u1")
    bits = values.dtype.itemsize * 8
    changes = {0x00280010: ("US", crafted.short(side)), 0x00280011: ("US", crafted.short(side)), **more.get("changes", {})}
    changes |= {
        0x00280002: ("US", crafted.short(samples)),
        0x00280004: ("CS", photometric),
        0x00280100: ("US", crafted.short(bits)),
    }
    changes |= {0x00280101: ("US", crafted.short(bits)), 0x00280102: ("US", crafted.short(bits - 1))}
    changes |= {0x00280008: ("IS", crafted.text(str(frames)))} if frames > 1 else {}
    body = crafted.header(changes) + crafted.element(crafted.PIXELS, "OW", values.tobytes()) + behind
    path.write_bytes(crafted.begin(syntax) + (crafted.deflated(body) if syntax == crafted.DEFLATED else body))
    return values.squeeze(-1) if samples == 1 else values


def peak(read):
    """What a function returns, and the most memory that was allocated meanwhile."""
    tracemalloc.start()
    try:
        return read(), tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


SYNTAXES = [crafted.EXPLICIT, crafted.BIG, crafted.DEFLATED]
ROWS = [slice(5, 9), slice(40, None, -7), 3, [30, 2], slice(4, 4), slice(0, 41)]


@pytest.mark.parametrize("syntax", [crafted.EXPLICIT, crafted.DEFLATED])
def test_rows_of_a_large_image_are_read_without_the_others(tmp_path, syntax, monkeypatch):
    monkeypatch.setattr(inflated, "_SMALL", 0)
    want = write(tmp_path / "a", syntax)[0, 1500:1502]
    array = dx.open_series(tmp_path, chunks=None)
    got, most = peak(lambda: array.isel(row=slice(1500, 1502)).squeeze(drop=True).to_numpy())
    np.testing.assert_array_equal(got, want)
    assert most < 3 << 20, most  # the image takes 8 MiB


@pytest.mark.parametrize("syntax", [crafted.EXPLICIT, crafted.DEFLATED])
def test_a_whole_large_image_is_in_memory_once(tmp_path, syntax, monkeypatch):
    monkeypatch.setattr(lazy, "_BAND", 1 << 20)
    monkeypatch.setattr(inflated, "_SMALL", 0)
    want = write(tmp_path / "a", syntax, changes={0x00281052: ("DS", b"1 "), 0x00281053: ("DS", b"1 ")})
    array = dx.open_series(tmp_path, chunks=None)
    got, most = peak(lambda: array.to_numpy())
    np.testing.assert_array_equal(got.squeeze(), want[0].astype(np.int64) + 1)
    assert most < got.nbytes + (6 << 20), most


@pytest.mark.parametrize("rows", ROWS)
@pytest.mark.parametrize("syntax", SYNTAXES)
@pytest.mark.parametrize(("photometric", "samples"), [(b"MONOCHROME2 ", 1), (b"RGB ", 3), (b"YBR_FULL", 3)])
def test_parts_of_images_are_the_parts_of_the_whole(tmp_path, monkeypatch, syntax, rows, photometric, samples):
    monkeypatch.setattr(inflated, "_SMALL", 0)
    monkeypatch.setattr(inflated, "_LEAST_GAP", 1000)
    monkeypatch.setattr(inflated, "_STEP", 333)
    if syntax == crafted.BIG:
        monkeypatch.setattr(crafted, "begin", lambda s, real=crafted.begin: real(crafted.EXPLICIT))
    write(tmp_path / "a", syntax, 41, 5, photometric, samples)
    whole = dx.open_series(tmp_path, chunks=None).load()
    monkeypatch.setattr(lazy, "_LARGE", 0)
    monkeypatch.setattr(lazy, "_BAND", 500)
    array = dx.open_series(tmp_path, chunks=None)
    dim = array.dims[0]
    for index in ({}, {dim: [4, 0, 3]}, {dim: 2, "col": [7, 1]}):
        np.testing.assert_array_equal(array.isel(row=rows, **index).values, whole.isel(row=rows, **index).values)


def test_frames_of_a_deflated_file_are_not_inflated_from_its_beginning_each(tmp_path, monkeypatch):
    monkeypatch.setattr(inflated, "_SMALL", 0)
    monkeypatch.setattr(inflated, "_LEAST_GAP", 10_000)
    want = write(tmp_path / "a", crafted.DEFLATED, 64, 40)
    array = dx.open_series(tmp_path, chunks=None)
    np.testing.assert_array_equal(array.isel({array.dims[0]: slice(None, None, -1)}).values, want[::-1])
    notes = inflated._pixels(File(str(tmp_path / "a"), *files.status(str(tmp_path / "a")))).notes
    assert len(notes) > 10
    assert inflated._pixels.cache_info().hits > 30


def test_what_lies_behind_the_pixels_is_not_inflated(tmp_path):
    padding = crafted.element(0xFFFCFFFC, "OB", bytes(100 << 20))
    want = write(tmp_path / "a", crafted.DEFLATED, 64, behind=padding)
    got, most = peak(lambda: dx.open_series(tmp_path).to_numpy())
    np.testing.assert_array_equal(got.squeeze(), want[0])
    assert most < 50 << 20, most


def test_deflated_data_that_end_early_are_an_error(tmp_path):
    write(tmp_path / "a", crafted.DEFLATED, 64)
    whole = (tmp_path / "a").read_bytes()
    (tmp_path / "a").write_bytes(whole[:-300])
    with pytest.raises(dx.PixelError, match="are needed"):
        dx.open_series(tmp_path).load()


def test_small_deflated_files_are_inflated_once(tmp_path, monkeypatch):
    want = write(tmp_path / "a", crafted.DEFLATED, 16, 5)
    array, real, sizes = dx.open_series(tmp_path, chunks=None), inflated._inflated, []
    monkeypatch.setattr(inflated, "_inflated", lambda *args: sizes.append(args[3]) or real(*args))
    for k in (3, 0, 4):
        np.testing.assert_array_equal(array[k].values, want[k])
    assert sizes == [want.nbytes]
