"""What writers refuse before they write, what they keep of what is there, and what a failing disk leaves."""

import hashlib
import os
import signal
import subprocess
import sys
import time
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
import zarr

import dcmxarray as dx
from dcmxarray.stores import objects
from dcmxarray.testing import dce, write_series


@pytest.fixture
def source(tmp_path):
    write_series(tmp_path / "source", dce(slices=2, times=2, size=8))
    return tmp_path / "source"


@pytest.fixture
def array(source):
    return dx.open_series(source)


def digest(folder):
    return {str(p): hashlib.sha256(p.read_bytes()).hexdigest() if p.is_file() else "" for p in sorted(Path(folder).rglob("*"))}


RESERVED = [
    "TABLES",
    "Tables/x",
    "ZARR.JSON",
    "a/Zarr.Json",
    "tables.",
    "tables ",
    "zarr.json.",
    "\uff34ables",
    "a/zarr.json /b",
]


@pytest.mark.parametrize("group", [*RESERVED, "a" * 256, "é" * 128, "a/" + "b" * 300, "/".join(["a" * 200] * 40)])
def test_groups_that_are_reserved_or_too_long(array, tmp_path, group):
    for store in ("new.zarr", "new.zip"):
        with pytest.raises(dx.StoreError):
            array.dicom.to_zarr(tmp_path / store, group=group)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["source"]


@pytest.mark.parametrize("group", [None, 5, b"a", ["a"], Path("a")])
def test_a_group_is_text(array, tmp_path, group):
    with pytest.raises(TypeError, match=r"group=.* is no text"):
        array.dicom.to_zarr(tmp_path / "new.zarr", group=group)


DERIVED = {
    "loaded": lambda a: a.load(),
    "changed": lambda a: a.load() * 2.0 + 1,
    "of numpy": lambda a: np.sqrt(a.astype(float).compute()),
    "mean": lambda a: a.load().mean("time"),
    "a difference": lambda a: a.load().isel(time=1) - a.isel(time=0).load(),
    "masked and cropped": lambda a: a.load().where(a > 3)[..., 1:],
    "applied": lambda a: xr.apply_ufunc(lambda v: v * 2, a.load()),
}


@pytest.mark.parametrize("derived", DERIVED)
@pytest.mark.parametrize("chunks", [None, "auto"])
def test_what_is_computed_in_memory_knows_its_source(source, tmp_path, derived, chunks):
    array = DERIVED[derived](dx.open_series(source, chunks=chunks))
    dx.open_series(source).dicom.to_zarr(tmp_path / "kept.zarr", group="a")
    stored = DERIVED[derived](xr_open(tmp_path / "kept.zarr", "a"))
    before = digest(tmp_path)
    for write in (
        lambda: array.dicom.to_zarr(source / "new.zarr"),
        lambda: array.dicom.to_zarr(source / "new.zip", group="b", overwrite=True),
        lambda: stored.dicom.to_zarr(tmp_path / "kept.zarr", group="a", overwrite=True),
    ):
        with pytest.raises(dx.StoreError, match="which is read"):
            write()
        assert digest(tmp_path) == before
    array.dicom.to_zarr(tmp_path / "other.zarr")


def xr_open(store, group):
    with objects.opened(store) as opened:
        from dcmxarray.stores import reading

        return reading.open_array(opened, group, place=objects.place(store, group))


# --- zip ----------------------------------------------------------------------------------------------------------------------


def test_a_zip_keeps_its_comment_and_empty_folders(array, tmp_path):
    place = tmp_path / "a.zip"
    array.dicom.to_zarr(place, group="one")
    with zipfile.ZipFile(place, "a") as packed:
        packed.comment = b"mine"
        packed.mkdir("empty/deep")
    array.dicom.to_zarr(place, group="two")
    with zipfile.ZipFile(place) as packed:
        assert packed.comment == b"mine"
        assert "empty/deep/" in packed.namelist()
        assert {"one/zarr.json", "two/zarr.json"} <= set(packed.namelist())


@pytest.mark.parametrize("name", ["../out.txt", "/abs.txt", "one/zarr.json", "ONE/zarr.json"])
def test_a_zip_that_files_can_not_keep_is_left_alone(array, tmp_path, name):
    place = tmp_path / "a.zip"
    array.dicom.to_zarr(place, group="one")
    with zipfile.ZipFile(place, "a") as packed, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        packed.writestr(name, "x")
    before = digest(tmp_path)
    with pytest.raises(dx.StoreError, match="nothing was written"):
        array.dicom.to_zarr(place, group="two")
    assert digest(tmp_path) == before


KILLED = """
import sys, dcmxarray as dx
print("go", flush=True)
dx.open_cohort(sys.argv[1]).to_zarr(sys.argv[2], overwrite=True, scheduler="synchronous")
"""


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="kills by signals")
@pytest.mark.parametrize("store", ["c.zip", "c.zarr"])
def test_a_writer_killed_at_any_moment_leaves_nothing_that_reads_as_complete(source, tmp_path, store):
    cohort, place = dx.open_cohort(source), tmp_path / store
    want = cohort.open(next(iter(cohort))).load()
    for wait in np.random.default_rng(0).uniform(0, 1.0, 10):
        with subprocess.Popen([sys.executable, "-c", KILLED, source, place], stdout=subprocess.PIPE) as writer:
            writer.stdout.readline()
            time.sleep(wait)
            writer.send_signal(signal.SIGKILL)
        if place.exists():
            check_whole_or_said(place, want)
    assert cohort.to_zarr(place)["status"].isin(["written", "kept"]).all()
    assert cohort.verify(place)["status"].tolist() == ["whole"]
    xr.testing.assert_identical(dx.open_cohort(place).open(next(iter(cohort))).load(), want)


def check_whole_or_said(place, want):
    """What a killed writer left opens as it was, or not at all."""
    try:
        stored = dx.open_cohort(place)
        found = [stored.open(key).load() for key in stored]
    except (dx.DcmxarrayError, OSError):
        return
    for one in found:
        xr.testing.assert_identical(one, want)


# --- disks --------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("at", [0, 1, 3, 7])
@pytest.mark.parametrize("store", ["a.zarr", "a.zip"])
def test_a_full_disk_is_said_and_the_next_run_finishes(array, tmp_path, monkeypatch, store, at):
    real, count = zarr.storage.LocalStore.set, []

    async def full(self, key, value):
        count.append(key)
        if len(count) > at:
            raise OSError(28, "No space left on device")
        await real(self, key, value)

    monkeypatch.setattr(zarr.storage.LocalStore, "set", full)
    with pytest.raises(dx.StoreError, match=rf"{store}.*No space left on device") as error:
        array.dicom.to_zarr(tmp_path / store, group="a")
    assert isinstance(error.value.__cause__, OSError)
    monkeypatch.undo()
    array.dicom.to_zarr(tmp_path / store, group="a")
    xr.testing.assert_identical(xr_open(tmp_path / store, "a").load(), array.load())


@pytest.mark.parametrize("store", ["a.zarr", "a.zip"])
def test_a_folder_that_may_not_be_written_is_said(array, source, tmp_path, store, monkeypatch):
    def refused(name, *args, **more):
        raise PermissionError(13, "Permission denied", str(name))

    monkeypatch.setattr(os, "mkdir", refused)
    for write in (array.dicom.to_zarr, dx.open_cohort(source).to_zarr):
        with pytest.raises(dx.StoreError, match=rf"{store}: can't be written \(Permission denied\)"):
            write(tmp_path / "x" / store)


# --- rerun --------------------------------------------------------------------------------------------------------------------


def test_a_missing_object_is_written_again_without_overwrite(source, tmp_path):
    cohort, place = dx.open_cohort(source), tmp_path / "c.zarr"
    cohort.to_zarr(place)
    key = next(iter(cohort))
    shard = next(p for p in sorted((place / key / "image/c").rglob("*")) if p.is_file())
    for lost in (shard, place / key / "slice/c/0", place / key / "time/zarr.json"):
        lost.unlink()
        assert cohort.to_zarr(place)["status"].tolist() == ["written"]
        assert cohort.verify(place)["status"].tolist() == ["whole"]
    assert cohort.to_zarr(place)["status"].tolist() == ["kept"]
