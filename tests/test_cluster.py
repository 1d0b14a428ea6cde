"""A real cluster: a scheduler and two workers, each a process started by its own command."""

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager

import numpy as np
import pytest
import xarray as xr

import dcmxarray as dx
from dcmxarray.testing import dce, write_cohort, write_series

distributed = pytest.importorskip("distributed")

LIMIT = 700 << 20  # bytes a worker: its imports take some 350 MiB
QUIET = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}


@contextmanager
def cluster(folder, limit=None):
    """A client of a scheduler with two workers."""
    place = str(folder / "scheduler.json")
    module = [sys.executable, "-m"]
    scheduler = [*module, "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard"]
    worker = [*module, "distributed.cli.dask_worker", "--host", "127.0.0.1", "--nthreads", "1", "--no-dashboard"]
    worker += ["--memory-limit", str(limit or 0), "--local-directory", str(folder), "--scheduler-file", place]
    running = [subprocess.Popen([*scheduler, "--scheduler-file", place], **QUIET)]
    running += [subprocess.Popen(worker, **QUIET) for _ in range(2)]
    try:
        until = time.monotonic() + 60
        while not os.path.exists(place) and time.monotonic() < until:
            time.sleep(0.1)
        with distributed.Client(scheduler_file=place, timeout=60) as client:
            client.wait_for_workers(2, timeout=60)
            yield client
    finally:
        for process in reversed(running):
            process.terminate()
            process.wait(30)


@pytest.fixture(scope="module")
def big(tmp_path_factory):
    """16 series of 189 MB: 3 GB."""
    folder = tmp_path_factory.mktemp("big")
    header = write_series(folder / "header", dce(slices=1, times=1, size=8))
    write_cohort(folder / "files", header, series=16, slices=18, times=20, size=512)
    return folder / "files"


@pytest.mark.slow
def test_scan_map_and_to_zarr_over_a_cluster_with_little_memory(big, tmp_path):
    local = dx.open_cohort(big)
    size = int(local.series["bytes"].sum())
    assert size / 4 > LIMIT
    with cluster(tmp_path, LIMIT) as client:
        cohort = dx.open_cohort(big)  # the client is in force
        assert list(cohort) == list(local)
        assert cohort.frames.equals(local.frames)
        peaks = cohort.map(lambda da: {"max": int(da.isel(time=0).max()), "pid": os.getpid()})
        assert peaks["error"].isna().all()
        assert peaks["pid"].nunique() == 2
        assert os.getpid() not in set(peaks["pid"])
        report = cohort.to_zarr(tmp_path / "c.zarr")
        assert report["status"].eq("written").all()
        used = client.run(lambda: __import__("resource").getrusage(__import__("resource").RUSAGE_SELF).ru_maxrss << 10)
        assert max(used.values()) < LIMIT
        assert cohort.to_zarr(tmp_path / "c.zarr")["status"].eq("kept").all()
        means = cohort.open(next(iter(cohort))).mean(["row", "col"]).compute()
    stored = dx.open_cohort(tmp_path / "c.zarr")
    assert stored.verify(tmp_path / "c.zarr")["status"].eq("whole").all()
    xr.testing.assert_identical(stored.open(next(iter(stored))).mean(["row", "col"]).compute(), means)


@pytest.mark.slow
def test_a_killed_worker_costs_only_time(big, tmp_path):
    cohort = dx.open_cohort(big)
    with cluster(tmp_path) as client:
        victim = next(iter(client.run(os.getpid).values()))
        threading.Timer(1.5, os.kill, (victim, signal.SIGKILL)).start()
        report = cohort.to_zarr(tmp_path / "c.zarr", scheduler=client)
        assert victim not in client.run(os.getpid).values()
    assert report["status"].isin(["written", "kept"]).all(), report["message"].dropna().tolist()
    for key in list(cohort)[::5]:
        stored = dx.open_cohort(tmp_path / "c.zarr").open(key)
        xr.testing.assert_identical(stored.isel(time=3).load(), cohort.open(key).isel(time=3).load())


def test_schedulers_give_the_same(tmp_path):
    header = write_series(tmp_path / "header", dce(slices=1, times=1, size=8))
    write_cohort(tmp_path / "files", header, series=5, slices=2, times=2)
    cohort = dx.open_cohort(tmp_path / "files")
    offset = 7
    results = [
        cohort.map(lambda da: int(da.sum()) + offset, scheduler=s)["result"].tolist()
        for s in ("synchronous", "threads", "processes")
    ]
    assert results[0] == results[1] == results[2] == [4 * sum(range(64)) + offset] * 5
    assert dx.scan(tmp_path / "files", scheduler="processes").equals(cohort.frames)
    with pytest.raises(ValueError, match="none of 'threads'"):
        cohort.map(len, scheduler="magic")


def test_map_collects_errors_and_keeps_arrays(tmp_path):
    header = write_series(tmp_path / "header", dce(slices=1, times=1, size=8))
    write_cohort(tmp_path / "files", header, series=3, slices=2, times=2)
    cohort = dx.open_cohort(tmp_path / "files")
    first = next(iter(cohort))

    def odd(da):
        if da.attrs["SeriesInstanceUID"] == first:
            raise RuntimeError("no")
        return da.mean(["row", "col"])

    table = cohort.map(odd)
    assert table.index.tolist() == list(cohort)
    assert table["error"].tolist()[0] == "RuntimeError: no"
    assert table["error"].isna().sum() == 2
    assert table["result"].iloc[1].dims == ("slice", "time")
    assert isinstance(table["result"].iloc[1].data, np.ndarray)
    joined = cohort.series.join(table)
    assert len(joined) == 3
