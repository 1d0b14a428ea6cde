"""A file that is not what was scanned is an error on reading, however it is read; never other bytes."""

import os

import numpy as np
import pandas as pd
import pydicom
import pytest

import dcmxarray as dx
from dcmxarray.pixels import local
from dcmxarray.sources import system
from dcmxarray.testing import write_frame, write_series

TEST_FILES = "pydicom+pydicom/src/pydicom/data/test_files"
KINDS = [
    "image_dfl.dcm",
    "examples_palette.dcm",
    "MR_small_RLE.dcm",
    "MR_small.dcm",
    "SC_rgb_jpeg_dcmtk.dcm",
    "ExplVR_BigEnd.dcm",
]


def scanned(path):
    """A table that knows when each file was changed."""
    frames = dx.scan(path)
    times = frames["path"].map(lambda p: os.stat(p).st_mtime_ns)
    return frames.assign(modified=times.astype(np.int64))


def touch(path, later=1):
    stat = os.stat(path)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns + later))


@pytest.mark.parametrize("name", KINDS)
def test_a_later_time_is_an_error(real, tmp_path, name):
    path = tmp_path / name
    path.write_bytes((real / TEST_FILES / name).read_bytes())
    frames = scanned(path)
    da = dx.open_series(frames, chunks=None)
    assert da.copy().load().size
    touch(path)
    with pytest.raises(dx.PixelError, match=rf"{name}: changed since its header was read; scan again"):
        da.load()


@pytest.mark.parametrize("name", KINDS)
def test_another_size_is_an_error_where_no_time_is_known(real, tmp_path, name):
    path = tmp_path / name
    path.write_bytes((real / TEST_FILES / name).read_bytes())
    da = dx.open_series(dx.scan(path).assign(modified=0), chunks=None)
    path.write_bytes(path.read_bytes() + b"\0\0")
    with pytest.raises(dx.PixelError, match="changed since"):
        da.load()


def test_no_cache_outlives_a_file(real, tmp_path):
    path = tmp_path / "a.dcm"
    file = pydicom.dcmread(real / TEST_FILES / "examples_palette.dcm")
    file.save_as(path)
    before = dx.open_series(scanned(path), chunks=None).to_numpy()
    file.RedPaletteColorLookupTableData = bytes(len(file.RedPaletteColorLookupTableData))
    file.save_as(path)
    touch(path)
    after = dx.open_series(scanned(path), chunks=None).to_numpy()
    assert before[..., 0].any()
    assert not after[..., 0].any()
    np.testing.assert_array_equal(after[..., 1], before[..., 1])


@pytest.fixture
def many(tmp_path):
    rng = np.random.default_rng(0)
    frames = [
        {
            "ImagePositionPatient": [0, 0, 2.0 * k],
            "pixels": rng.integers(0, 4096, (5, 7)).astype("u2"),
            "BitsStored": 12,
            "HighBit": 11,
        }
        for k in range(200)
    ]
    return write_series(tmp_path / "many", frames, shuffle=1), np.stack([f["pixels"] for f in frames])


@pytest.mark.parametrize("intercept", [None, -1024, 0.5])
def test_many_files_are_read_to_their_places(tmp_path, intercept):
    rng = np.random.default_rng(1)
    pixels = rng.integers(0, 4096, (150, 6, 5)).astype("u2")
    slopes = np.where(np.arange(150) % 3, 2.0, 0.5) if intercept == 0.5 else np.ones(150)
    rows = [
        {
            "ImagePositionPatient": [0, 0, 2.0 * k],
            "pixels": pixels[k] | 0xF000,
            "BitsStored": 12,
            "HighBit": 11,
            "RescaleSlope": slopes[k],
            "RescaleIntercept": intercept or 0,
        }
        for k in range(150)
    ]
    write_series(tmp_path / "a", rows, shuffle=3)
    da = dx.open_series(tmp_path / "a", chunks=None)
    want = pixels * slopes[:, None, None] + (intercept or 0)
    np.testing.assert_array_equal(da.to_numpy(), want)
    np.testing.assert_array_equal(dx.open_series(tmp_path / "a", chunks={"slice": 40}).to_numpy(), want)


@pytest.mark.parametrize("harm", ["touched", "longer", "cut", "gone", "unreadable"])
def test_one_of_many(many, harm):
    paths, pixels = many
    frames = scanned(paths[0].parent)
    da = dx.open_series(frames, chunks=None)
    np.testing.assert_array_equal(da.copy().to_numpy(), pixels)
    victim, raw = paths[77], paths[77].read_bytes()
    match harm:
        case "touched":
            touch(victim, -1)
        case "longer":
            victim.write_bytes(raw + b"\0\0")
        case "cut":
            victim.write_bytes(raw[:-3])
        case _:
            victim.unlink()
    if harm == "unreadable":
        victim.mkdir()
    with pytest.raises(dx.PixelError, match=victim.name):
        da.load()


def test_systems_without_compiled_reading(many, monkeypatch):
    paths, pixels = many
    da = dx.open_series(paths[0].parent, chunks=None)
    monkeypatch.setattr(system, "layout", lambda: None)
    np.testing.assert_array_equal(da.copy().to_numpy(), pixels)
    monkeypatch.undo()
    monkeypatch.setattr(local, "_read", lambda *args: 0)  # nothing can be read so
    np.testing.assert_array_equal(da.copy().to_numpy(), pixels)


def test_a_remote_file_of_another_size(tmp_path):
    import fsspec

    write_frame(tmp_path / "a", {"pixels": np.arange(12, dtype="u2").reshape(3, 4)})
    with fsspec.open("memory://changed/a", "wb") as file:
        file.write((tmp_path / "a").read_bytes())
    da = dx.open_series("memory://changed/a", chunks=None)
    np.testing.assert_array_equal(da.copy().to_numpy().ravel(), np.arange(12))
    with fsspec.open("memory://changed/a", "wb") as file:
        file.write((tmp_path / "a").read_bytes()[:-2])
    with pytest.raises(dx.PixelError, match=r"changed since|truncated"):
        da.load()


def test_a_table_that_does_not_know_the_time(tmp_path):
    write_frame(tmp_path / "a", {"pixels": np.ones((3, 4), "u2")})
    frames = dx.scan(tmp_path).assign(modified=pd.array([pd.NA], "Int64"))
    assert int(dx.open_series(frames, chunks=None).sum()) == 12


def test_whatever_a_remote_store_raises_names_the_file(tmp_path, monkeypatch):
    import fsspec

    write_frame(tmp_path / "a", {"pixels": np.ones((3, 4), "u2")})
    with fsspec.open("memory://failing/a", "wb") as file:
        file.write((tmp_path / "a").read_bytes())
    da = dx.open_series("memory://failing/a", chunks=None)
    monkeypatch.setattr(fsspec.filesystem("memory"), "cat_file", lambda *args, **options: 1 / 0)
    with pytest.raises(dx.PixelError, match="failing/a: can't be read: division by zero"):
        da.load()
