import multiprocessing
import os
import shutil
import signal
import time

import pandas as pd
import pytest
import xarray as xr

import dcmxarray as dx
from dcmxarray.testing import count_reads, dce, dwi, write_frame, write_series


@pytest.fixture
def archive(tmp_path):
    write_series(tmp_path / "archive/dce", dce(slices=2, times=3, size=8))
    write_series(tmp_path / "archive/dwi", dwi(slices=2, size=8))
    (tmp_path / "archive/notes.txt").write_text("no DICOM")
    return tmp_path / "archive"


def test_a_cohort_is_a_table_of_arrays(archive):
    cohort = dx.open_cohort(archive)
    assert len(cohort) == 2
    assert cohort.series["frames"].sum() == 20
    assert list(cohort) == cohort.series.index.tolist()
    assert "2 arrays of 1 patient, 20 frames in 20 files" in repr(cohort)
    assert "dwi" in cohort._repr_html_()
    assert cohort.tree().count("MR ") == 2
    with pytest.raises(dx.SeriesError, match="no array 'x' among 2"):
        cohort.open("x")


def test_queries_keep_arrays_whole(archive):
    cohort = dx.open_cohort(archive)
    diffusion = cohort.query("b > 0")
    assert diffusion.series["SeriesDescription"].tolist() == ["dwi"]
    assert diffusion.open(next(iter(diffusion))).sizes["b"] == 7
    assert len(cohort[cohort.series["frames"] < 10]) == 1
    assert len(cohort.query("Modality == 'CT'")) == 0
    assert cohort.unique("EchoTime") == [1.5, 80.0]


def test_the_index_reads_only_what_changed(archive):
    index = archive.parent / "index.parquet"
    first = dx.open_cohort(archive, index=index)
    with count_reads() as opened:
        again = dx.open_cohort(archive, index=index)
    assert opened == []
    pd.testing.assert_frame_equal(again.frames, first.frames)
    write_frame(archive / "dce/00000.dcm", dce(slices=2, times=3, size=8)[0] | {"InstanceNumber": 77, "ProtocolName": "longer"})
    (archive / "dwi/00003.dcm").unlink()
    write_frame(archive / "new.dcm", {"SeriesDescription": "new"})
    with count_reads() as opened:
        updated = dx.open_cohort(archive, index=index)
    assert sorted(os.path.basename(p) for p in opened) == ["00000.dcm", "new.dcm"]
    rebuilt = dx.open_cohort(archive).frames
    pd.testing.assert_frame_equal(updated.frames.drop(columns="modified"), rebuilt, check_dtype=False)


def test_the_index_moves_with_its_folder_and_is_plain_parquet(archive, tmp_path):
    dx.open_cohort(archive, index=archive / "index.parquet")
    shutil.move(archive, tmp_path / "elsewhere")
    with count_reads() as opened:
        cohort = dx.open_cohort(tmp_path / "elsewhere", index=tmp_path / "elsewhere/index.parquet")
    assert opened in ([], [str(tmp_path / "elsewhere/index.parquet")])
    assert cohort.open(next(iter(cohort))).load().size
    assert set(pd.read_parquet(tmp_path / "elsewhere/index.parquet")["path"]) >= {"dce/00000.dcm"}


def test_a_damaged_index_is_made_anew(archive, tmp_path):
    (tmp_path / "i.parquet").write_bytes(b"PAR1 nothing")
    assert len(dx.open_cohort(archive, index=tmp_path / "i.parquet")) == 2
    assert len(dx.open_cohort(archive, index=tmp_path / "i.parquet", tags=["WindowCenter"]).frames["WindowCenter"]) == 20


def test_an_index_that_may_not_be_written_still_serves(archive, tmp_path, monkeypatch):
    index = tmp_path / "i.parquet"
    dx.open_cohort(archive, index=index)
    before = index.read_bytes()
    write_frame(archive / "new.dcm", {"SeriesDescription": "new"})

    def refuse(**_):
        raise PermissionError

    monkeypatch.setattr("dcmxarray.index.tempfile.mkstemp", refuse)
    assert len(dx.open_cohort(archive, index=index)) == 3
    assert index.read_bytes() == before


def keep_updating(archive, index):
    for n in range(1000):
        write_frame(os.path.join(archive, "changing.dcm"), {"InstanceNumber": n, "ProtocolName": "x" * (n % 50)})
        dx.open_cohort(archive, index=index)


def test_a_killed_update_leaves_a_whole_index(archive, tmp_path):
    index = tmp_path / "i.parquet"
    dx.open_cohort(archive, index=index)
    context = multiprocessing.get_context("fork")
    for k in range(8):
        process = context.Process(target=keep_updating, args=(str(archive), str(index)))
        process.start()
        time.sleep(0.2 + 0.037 * k)
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        assert len(pd.read_parquet(index)) >= 21
    (archive / "changing.dcm").unlink()
    cohort = dx.open_cohort(archive, index=index)
    pd.testing.assert_frame_equal(cohort.frames.drop(columns="modified"), dx.open_cohort(archive).frames, check_dtype=False)


def test_every_real_series_opens_the_same_by_key_and_from_the_index(data, tmp_path):
    folder = data / "erling6232+imagedata"
    plain, indexed = dx.open_cohort(folder), dx.open_cohort(folder, index=tmp_path / "i.parquet")
    assert list(plain) == list(indexed)
    for key in list(plain)[:6]:
        xr.testing.assert_identical(plain.open(key, chunks=None).load(), indexed.open(key, chunks=None).load())
