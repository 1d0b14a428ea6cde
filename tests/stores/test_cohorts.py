import multiprocessing
import os
import signal
import subprocess
import sys
import textwrap
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
import zarr

import dcmxarray as dx
from dcmxarray.stores import arrays, cohorts, objects, reading, tables
from dcmxarray.testing import dce, dwi, write_frame, write_series


@pytest.fixture
def archive(tmp_path):
    write_series(tmp_path / "archive/dce", dce(slices=2, times=3, size=8))
    write_series(tmp_path / "archive/dwi", dwi(slices=2, size=8))
    return tmp_path / "archive"


def in_another_process(code, *args):
    """Run code there; its output."""
    command = [sys.executable, "-c", textwrap.dedent(code), *map(str, args)]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | {"MALLOC_ARENA_MAX": "1"})
    assert done.returncode == 0, done.stderr
    return done.stdout


def dtypes(array):
    return {"values": array.dtype, **{n: c.dtype for n, c in array.coords.items()}}


def assert_same(one, two):
    xr.testing.assert_identical(one.load(), two.load())
    assert dtypes(one) == dtypes(two)


ROUND_TRIP = """
    import sys
    import xarray as xr
    import dcmxarray as dx
    written, stored = dx.open_cohort(sys.argv[2:]), dx.open_cohort(sys.argv[1])
    for key in stored:
        one, two = written.open(key, chunks=None).load(), stored.open(key)
        assert two.chunks is not None
        two = two.load()
        xr.testing.assert_identical(one, two)
        assert [one.dtype, *(one[n].dtype for n in one.coords)] == [two.dtype, *(two[n].dtype for n in one.coords)]
    print(len(stored))
"""


@pytest.mark.slow
def test_every_real_series_that_opens_comes_back_identical(collection, is_large, tmp_path):
    cohort = dx.open_cohort(collection)
    report = cohort.to_zarr(tmp_path / "c.zarr")
    failed = report[report["status"] == "failed"]
    assert failed["message"].str.match("GridError|PixelError").all()
    assert len(failed) <= 17
    assert int(in_another_process(ROUND_TRIP, tmp_path / "c.zarr", *collection)) == len(report) - len(failed)
    assert len(report) - len(failed) > (140 if is_large else 60)
    stored = dx.open_cohort(tmp_path / "c.zarr")
    pd.testing.assert_frame_equal(stored.series, cohort.series.loc[list(stored)], check_dtype=False, check_column_type=False)
    assert len(stored.query("b > 0")) == len([k for k in cohort.query("b > 0") if k in stored])
    assert cohort[list(stored)].verify(tmp_path / "c.zarr")["status"].eq("whole").all()


def test_plain_xarray_and_zarr_read_it(archive, tmp_path):
    cohort = dx.open_cohort(archive)
    cohort.to_zarr(tmp_path / "c.zarr")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for key in cohort:
            expected = cohort.open(key).load()
            xr.testing.assert_identical(xr.open_zarr(tmp_path / "c.zarr" / key)["image"].load(), expected)
            plain = xr.open_zarr(tmp_path / "c.zarr", group=key, consolidated=False)["image"]
            xr.testing.assert_identical(plain.load(), expected)
            np.testing.assert_array_equal(zarr.open_array(tmp_path / "c.zarr" / key / "image", mode="r")[...], expected)
        root = zarr.open_group(tmp_path / "c.zarr", mode="r")
        assert {name for name, _ in root.groups()} == {*cohort, "tables"}


@pytest.mark.parametrize("kind", ["folder", "memory", "zip", "object"])
def test_kinds_of_store(archive, tmp_path, kind):
    store = {
        "folder": str(tmp_path / "c.zarr"),
        "memory": f"memory://{tmp_path.name}/c.zarr",
        "zip": tmp_path / "c.zip",
        "object": zarr.storage.MemoryStore(),
    }[kind]
    cohort = dx.open_cohort(archive)
    assert cohort.to_zarr(store)["status"].tolist() == ["written", "written"]
    assert cohort.to_zarr(store)["status"].tolist() == ["kept", "kept"]
    again = dx.open_cohort(store)
    assert list(again) == list(cohort)
    for key in again:
        assert_same(again.open(key), cohort.open(key))
    assert cohort.verify(store)["status"].eq("whole").all()
    if kind in ("zip", "object"):
        with pytest.raises(dx.StoreError, match="takes one process"):
            cohort.to_zarr(store, scheduler="processes")


@pytest.mark.slow
def test_only_what_changed_is_written_anew(archive, tmp_path):
    store = tmp_path / "c.zarr"
    dx.open_cohort(archive).to_zarr(store)
    frame = dce(slices=2, times=3, size=8)[0]
    write_frame(archive / "dce/00000.dcm", frame | {"InstanceNumber": 1, "pixels": frame["pixels"] + 7})
    write_series(archive / "new", [f | {"SeriesInstanceUID": "1.2.3", "SeriesNumber": 9} for f in dce(slices=2, times=2, size=8)])
    cohort = dx.open_cohort(archive)
    status = cohort.verify(store)["status"]
    assert sorted(status) == ["missing", "outdated", "whole"]
    report = cohort.to_zarr(store)
    assert sorted(report["status"]) == ["kept", "written", "written"]
    assert report["status"].eq("kept").tolist() == status.eq("whole").tolist()
    stored = dx.open_cohort(store)
    for key in cohort:
        assert_same(stored.open(key), cohort.open(key))
    assert cohort.to_zarr(store)["status"].eq("kept").all()
    assert cohort.to_zarr(store, overwrite=True)["status"].eq("written").all()
    assert cohort.to_zarr(store, rescale=False)["status"].eq("written").all()


def test_a_smaller_series_leaves_nothing_of_the_larger(archive, tmp_path):
    store = tmp_path / "c.zarr"
    dx.open_cohort(archive).to_zarr(store, chunks={"time": 1, "slice": 1, "b": 1})
    for name in ("00001", "00003", "00005"):
        (archive / f"dce/{name}.dcm").unlink()
    cohort = dx.open_cohort(archive)
    cohort.to_zarr(store)
    cohort.to_zarr(tmp_path / "fresh.zarr")
    key = cohort.query("SeriesDescription == 'dce'")._members.keys[0]
    assert tree_of(store / key) == tree_of(tmp_path / "fresh.zarr" / key)


def tree_of(folder):
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(Path(folder).rglob("*")) if p.is_file()}


def test_a_bad_series_is_a_row_of_the_report(archive, tmp_path):
    broken = next((archive / "dce").glob("*.dcm"))
    broken.write_bytes(broken.read_bytes()[:-20])
    report = dx.open_cohort(archive).to_zarr(tmp_path / "c.zarr")
    assert sorted(report["status"]) == ["failed", "written"]
    assert "PixelError" in report["message"].dropna().iloc[0]
    assert len(dx.open_cohort(tmp_path / "c.zarr")) == 1


def test_verify_finds_what_is_damaged(archive, tmp_path):
    cohort = dx.open_cohort(archive)
    cohort.to_zarr(tmp_path / "c.zarr")
    first, second = list(cohort)
    chunk = next((tmp_path / "c.zarr" / first / "image/c").rglob("0"))
    shard = next(p for p in (tmp_path / "c.zarr" / first / "image/c").rglob("*") if p.is_file())
    data = bytearray(shard.read_bytes())
    data[len(data) // 2] ^= 1
    shard.write_bytes(data)
    next(p for p in (tmp_path / "c.zarr" / second / "image/c").rglob("*") if p.is_file()).unlink()
    report = cohort.verify(tmp_path / "c.zarr")
    assert report["status"].tolist() == ["damaged", "damaged"]
    assert "changed" in report["message"].iloc[0]
    assert "gone" in report["message"].iloc[1]
    assert chunk is not None
    assert dx.open_cohort(tmp_path / "c.zarr").verify(tmp_path / "c.zarr")["status"].eq("damaged").all()


def test_one_array_of_any_making(archive, tmp_path):
    array = dx.open_series(archive / "dce")
    peak = (array - array.mean("time")).rename(None)
    peak.dicom.to_zarr(tmp_path / "peak.zarr")
    xr.testing.assert_identical(xr.open_zarr(tmp_path / "peak.zarr")["image"].load(), peak.rename("image").compute())
    with pytest.raises(dx.StoreError, match="is there already"):
        array.dicom.to_zarr(tmp_path / "peak.zarr")
    array.dicom.to_zarr(tmp_path / "peak.zarr", overwrite=True)
    array.dicom.to_zarr(tmp_path / "both.zarr", group="a/b", chunks={"time": -1, "slice": 1})
    stored = xr.open_zarr(tmp_path / "both.zarr/a/b")["image"]
    xr.testing.assert_identical(stored.load(), array.load())
    assert stored.encoding["chunks"] == (1, 3, 8, 8)
    with pytest.raises(FileNotFoundError):
        dx.open_cohort(tmp_path / "nothing.zarr")


WRITE = """
    import sys
    import dcmxarray as dx
    from dcmxarray.stores import cohorts
    cohorts.FLUSH = 0.05
    print("ready", flush=True)
    print(dx.open_cohort(sys.argv[1]).to_zarr(sys.argv[2])["status"].value_counts().to_dict(), flush=True)
"""


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    folder = tmp_path_factory.mktemp("many")
    header = write_series(folder / "header", dce(slices=1, times=1, size=8))
    dx.testing.write_cohort(folder / "files", header, series=12, slices=3, times=4, size=64)
    return folder / "files"


def assert_equal_stores(one, two):
    first, second = dx.open_cohort(one), dx.open_cohort(two)
    assert list(first) == list(second)
    pd.testing.assert_frame_equal(first.series, second.series)
    pd.testing.assert_frame_equal(first.frames, second.frames)
    for key in first:
        assert tree_of(Path(one) / key) == tree_of(Path(two) / key)


def keep_writing(cohort, store):
    cohorts.FLUSH = 0.05
    cohort.to_zarr(store)


@pytest.mark.slow
def test_killed_at_any_moment_it_goes_on_to_the_same_store(many, tmp_path):
    cohort = dx.open_cohort(many)
    cohort.to_zarr(tmp_path / "quiet.zarr")
    expected = {key: cohort.open(key).load() for key in cohort}
    store = tmp_path / "c.zarr"
    for k in range(20):
        process = multiprocessing.get_context("fork").Process(target=keep_writing, args=(cohort, store))
        process.start()
        time.sleep(np.random.default_rng(k).uniform(0.05, 1.2))
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        if not (store / "zarr.json").exists():
            continue
        with objects.opened(store) as opened:
            whole = [key for key in cohort if arrays.mark(opened, key) is not None]
            assert all(arrays.verify(opened, key, arrays.mark(opened, key)) is None for key in whole)
        listed = dx.open_cohort(store) if (store / "tables/frames/zarr.json").exists() else []
        assert set(listed) <= set(whole)
        for key in listed:
            xr.testing.assert_identical(listed.open(key).load(), expected[key])
        if len(whole) > 9:  # begin again, so that every kill meets work
            cohort[cohort.series.index[:6]].to_zarr(store, overwrite=True, rescale=False)
    report = cohort.to_zarr(store)
    assert set(report["status"]) <= {"written", "kept"}
    for path in store.rglob("*.partial"):
        path.unlink()  # what a killed process was about to put in place: no reader sees it
    assert_equal_stores(store, tmp_path / "quiet.zarr")


@pytest.mark.slow
def test_two_writers_at_once_do_no_harm(many, tmp_path):
    cohort = dx.open_cohort(many)
    cohort.to_zarr(tmp_path / "quiet.zarr")
    code = [sys.executable, "-c", textwrap.dedent(WRITE), str(many), str(tmp_path / "c.zarr")]
    both = [subprocess.Popen(code, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    said = [process.communicate()[0] for process in both]
    assert all(process.returncode == 0 for process in both)
    assert not any("failed" in text for text in said)
    assert_equal_stores(tmp_path / "c.zarr", tmp_path / "quiet.zarr")


def test_two_writers_lists_are_joined(archive, tmp_path):
    cohort = dx.open_cohort(archive)
    first, second = (cohort[[key]] for key in cohort)
    first.to_zarr(tmp_path / "c.zarr")
    second.to_zarr(tmp_path / "c.zarr")
    assert len(list((tmp_path / "c.zarr/tables/series").glob("*/zarr.json"))) == 1
    assert list(dx.open_cohort(tmp_path / "c.zarr")) == list(cohort)


def test_what_is_written_anew_is_not_listed_meanwhile(archive, tmp_path, monkeypatch):
    cohort = dx.open_cohort(archive)
    cohort.to_zarr(tmp_path / "c.zarr")

    def killed(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(cohorts.arrays, "_fill", killed)
    with pytest.raises(KeyboardInterrupt):
        cohort.to_zarr(tmp_path / "c.zarr", overwrite=True, scheduler="synchronous")
    monkeypatch.undo()
    assert len(dx.open_cohort(tmp_path / "c.zarr")) == 0
    first = next(iter(cohort))
    with objects.opened(tmp_path / "c.zarr") as store:
        assert arrays.mark(store, first) is None
        with pytest.raises(dx.StoreError, match="no whole array"):
            reading.open_array(store, first)
    assert cohort.to_zarr(tmp_path / "c.zarr")["status"].tolist() == ["written", "kept"]
    assert len(dx.open_cohort(tmp_path / "c.zarr")) == 2


def test_a_part_that_is_not_whole_is_passed_over(archive, tmp_path):
    cohort = dx.open_cohort(archive)
    cohort.to_zarr(tmp_path / "c.zarr")
    (tmp_path / "c.zarr/tables/series/half/c").mkdir(parents=True)
    (tmp_path / "c.zarr/tables/series/half/c/0").write_bytes(b"PAR1")
    with objects.opened(tmp_path / "c.zarr") as store:
        assert len(tables.read(store, tables.SERIES)) == 2


LIMITED = """
    import resource, sys
    import dcmxarray as dx
    cohort = dx.open_cohort(sys.argv[1])
    used = int(next(l for l in open("/proc/self/status") if l.startswith("VmSize")).split()[1]) * 1024
    resource.setrlimit(resource.RLIMIT_AS, (used + int(sys.argv[3]),) * 2)
    report = cohort.to_zarr(sys.argv[2] + "/c.zarr", scheduler="synchronous")
    assert (report["status"] == "written").all(), report["message"].tolist()
    print(cohort.series["bytes"].sum())
"""


@pytest.mark.slow
def test_a_cohort_larger_than_memory_goes_to_zarr(tmp_path):
    header = write_series(tmp_path / "header", dce(slices=1, times=1, size=8))
    dx.testing.write_cohort(tmp_path / "files", header, series=3, slices=20, times=80, size=256)
    assert sum(p.stat().st_size for p in (tmp_path / "files").rglob("*.dcm")) > 600e6
    room = 400 << 20  # bytes of address space beyond the imports: threads' stacks, one shard, its compressed form
    written = int(in_another_process(LIMITED, tmp_path / "files", tmp_path, room))
    assert written > room
    stored = dx.open_cohort(tmp_path / "c.zarr")
    assert stored.verify(tmp_path / "c.zarr")["status"].eq("whole").all()


def test_what_is_kept_and_listed_is_not_listed_again(tmp_path):
    cohort = dx.open_cohort(dx.testing.example("cohort"))
    cohort.to_zarr(tmp_path / "c.zarr")
    before = sorted((p, p.stat().st_mtime_ns) for p in (tmp_path / "c.zarr" / "tables").rglob("*"))
    assert (cohort.to_zarr(tmp_path / "c.zarr")["status"] == "kept").all()
    assert sorted((p, p.stat().st_mtime_ns) for p in (tmp_path / "c.zarr" / "tables").rglob("*")) == before


def test_a_tables_damaged_metadata_are_noticed(tmp_path):
    cohort = dx.open_cohort(dx.testing.example("cohort"))
    cohort.to_zarr(tmp_path / "c.zarr")
    (part,) = (tmp_path / "c.zarr" / "tables" / "series").glob("*/zarr.json")
    part.write_bytes(part.read_bytes().replace(b'"shape"', b'"shbpe"'))
    assert "damaged" in cohort.verify(tmp_path / "c.zarr")["status"].tolist()


@pytest.mark.parametrize("options", [{"tags": ["NoSuchKeyword"]}, {"dims": ["NoSuchKeyword"]}, {"chunks": 0}])
def test_a_wrong_option_raises_once_and_writes_nothing(tmp_path, options):
    with pytest.raises((dx.HeaderError, TypeError)):
        dx.open_cohort(dx.testing.example("cohort")).to_zarr(tmp_path / "c.zarr", **options)
    assert not (tmp_path / "c.zarr").exists()
