import multiprocessing
import os
import shutil
import signal
import time

import numpy as np
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
    pd.testing.assert_frame_equal(updated.frames[list(rebuilt)], rebuilt)


def test_the_index_moves_with_its_folder_and_is_plain_parquet(archive, tmp_path):
    dx.open_cohort(archive, index=archive / "index.parquet")
    shutil.move(archive, tmp_path / "elsewhere")
    with count_reads() as opened:
        cohort = dx.open_cohort(tmp_path / "elsewhere", index=tmp_path / "elsewhere/index.parquet")
    assert opened == []
    assert cohort.open(next(iter(cohort))).load().size
    assert set(pd.read_parquet(tmp_path / "elsewhere/index.parquet")["path"]) >= {"dce/00000.dcm"}


def test_a_damaged_index_is_made_anew(archive, tmp_path):
    index = tmp_path / "i.parquet"
    dx.open_cohort(archive, index=index)
    whole = index.read_bytes()
    for damaged in (whole[:40], whole[:-9], whole[:500] + b"x" + whole[501:]):
        index.write_bytes(damaged)
        with pytest.warns(UserWarning, match=r"i.parquet: the index is damaged"):
            assert len(dx.open_cohort(archive, index=index)) == 2
        assert index.read_bytes() == whole
    assert len(dx.open_cohort(archive, index=tmp_path / "i.parquet", tags=["WindowCenter"]).frames["WindowCenter"]) == 20


def test_an_index_that_may_not_be_written_still_serves(archive, tmp_path, monkeypatch):
    index = tmp_path / "i.parquet"
    dx.open_cohort(archive, index=index)
    before = index.read_bytes()
    write_frame(archive / "new.dcm", {"SeriesDescription": "new"})

    def refuse(_):
        raise PermissionError

    monkeypatch.setattr("dcmxarray.cohorts.index._made", refuse)
    assert len(dx.open_cohort(archive, index=index)) == 3
    assert index.read_bytes() == before


def keep_updating(archive, index):
    for n in range(1000):
        write_frame(os.path.join(archive, "changing.dcm"), {"InstanceNumber": n, "ProtocolName": "x" * (n % 50)})
        dx.open_cohort(archive, index=index)


@pytest.mark.slow
def test_a_killed_update_leaves_a_whole_index(archive, tmp_path):
    index = tmp_path / "i.parquet"
    dx.open_cohort(archive, index=index)
    context = multiprocessing.get_context("fork")
    moments = np.random.default_rng(0).uniform(0.1, 0.6, 20)
    for moment in moments:
        process = context.Process(target=keep_updating, args=(str(archive), str(index)))
        process.start()
        time.sleep(moment)
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        assert len(pd.read_parquet(index)) >= 21
    (archive / "changing.dcm").unlink()
    cohort = dx.open_cohort(archive, index=index)
    frames = dx.open_cohort(archive).frames
    pd.testing.assert_frame_equal(cohort.frames[list(frames)], frames)


def test_an_index_is_a_source(archive, tmp_path):
    index = tmp_path / "i.parquet"
    cohort = dx.open_cohort(archive, index=index)
    with count_reads() as opened:
        again = dx.open_cohort(index)
    assert opened == []
    pd.testing.assert_frame_equal(again.series, cohort.series)
    pd.DataFrame({"a": [1]}).to_parquet(tmp_path / "other.parquet")
    with pytest.raises(dx.HeaderError, match="no index of dcmxarray"):
        dx.open_cohort(tmp_path / "other.parquet")


def test_the_table_of_series_says_what_opening_gives(collection):
    cohort = dx.open_cohort(collection)
    for key, row in cohort.series.iterrows():
        if isinstance(row["problem"], str):
            with pytest.raises(dx.GridError) as caught:
                cohort.open(key)
            said, _, ways = " ".join(str(caught.value).split()).partition(" Pass ")
            assert row["problem"] == said + (" Open it, and the error names the ways out." if ways else "")
            continue
        array = cohort.open(key, chunks=None)
        assert (row["dims"], row["shape"], row["dtype"]) == (array.dims, array.shape, str(array.dtype))
        try:
            assert row["spacing"] == array.dicom.spacing
        except dx.GridError:
            assert row["spacing"] is None
    assert cohort.series["problem"].notna().sum() <= 14


def test_parts_of_a_series_keep_their_keys(archive):
    frames = [f | {"ImageOrientationPatient": [0, 1, 0, 0, 0, -1]} for f in dce(slices=2, times=1, size=8)]
    write_series(archive / "sagittal", frames)
    cohort = dx.open_cohort(archive)
    sagittal = [key for key in cohort if key.endswith("-sagittal")]
    part = cohort[sagittal]
    assert list(part) == sagittal
    assert list(part.query("Modality == 'MR'")) == sagittal
    assert (
        list(cohort[cohort.series["dims"].map(lambda d: "b" in d)].query("files > 3"))
        == cohort.query("b > 0").series.index.tolist()
    )


def test_a_tree_of_lazy_arrays(archive):
    write_series(archive / "twice", [f | {"SeriesInstanceUID": "1.2.9", "PatientID": "a/b"} for f in dce(1, 1, 8)] * 2)
    for path in sorted((archive / "twice").glob("*"))[1:]:
        write_frame(
            path, dce(1, 1, 8)[0] | {"SeriesInstanceUID": "1.2.9", "PatientID": "a/b", "InstanceNumber": 1, "EchoNumbers": 2}
        )
    with count_reads() as opened:
        tree = dx.open_cohort(archive).to_datatree()
        xr.open_datatree(archive, engine="dicom")
    pixels = [path for path in opened if opened.count(path) > 2]
    assert pixels == []
    assert list(tree.attrs["problems"]) == ["1.2.9"]
    leaves = {node.name: node for node in tree.leaves}
    assert sorted(dx.open_cohort(archive).query("b >= 0"))[0] in leaves
    for name, node in leaves.items():
        xr.testing.assert_identical(node["image"].load(), dx.open_cohort(archive).open(name).load())
    again = xr.open_datatree(archive, engine="dicom", chunks={})
    assert {node.path for node in again.leaves} == {node.path for node in tree.leaves}
    assert all(node["image"].chunks is not None for node in again.leaves)


def test_every_real_series_opens_the_same_by_key_and_from_the_index(series, tmp_path):
    folder = series("icometrix+dicom2nifti")
    plain, indexed = dx.open_cohort(folder), dx.open_cohort(folder, index=tmp_path / "i.parquet")
    assert list(plain) == list(indexed)
    for key in list(plain)[:6]:
        xr.testing.assert_identical(plain.open(key, chunks=None).load(), indexed.open(key, chunks=None).load())


def test_an_option_that_a_source_cannot_have_is_an_error(archive, tmp_path):
    index = tmp_path / "i.parquet"
    cohort = dx.open_cohort(archive, index=index)
    cohort.to_zarr(tmp_path / "c.zarr")
    for source, options in (
        (cohort.frames, {"index": index}),
        (index, {"index": tmp_path / "other.parquet"}),
        (tmp_path / "c.zarr", {"index": index}),
        (tmp_path / "c.zarr", {"tags": ["PatientName"]}),
        ("memory://nowhere", {"index": tmp_path / "j.parquet"}),
    ):
        with pytest.raises((TypeError, ValueError)):
            dx.open_cohort(source, **options)
    assert "PatientComments" in dx.open_cohort(index, tags=["PatientComments"]).frames
