"""Options are checked where they enter: a typo is an error before any work, never another result."""

import pytest
import xarray as xr

import dcmxarray as dx
from dcmxarray.arrays import options
from dcmxarray.testing import count_reads

WRONG = [
    ({"missing": "rase"}, ValueError, "missing='rase' is none of 'raise', 'fill'"),
    ({"missing": None}, ValueError, "missing=None"),
    ({"duplicates": "error"}, ValueError, "duplicates='error' is none of 'raise', 'first'"),
    ({"rescale": "rwmv"}, ValueError, "rescale='rwmv' is none of True, False"),
    ({"rescale": 1}, ValueError, "rescale=1"),
    ({"rescale": None}, ValueError, "rescale=None"),
    ({"dims": "time"}, TypeError, "pass dims="),
    ({"dims": [1]}, TypeError, "dims holds 1"),
    ({"dims": [""]}, TypeError, "dims holds ''"),
    ({"tags": [""]}, TypeError, "tags holds ''"),
    ({"dims": ["time", "time"]}, ValueError, "twice"),
    ({"tags": "EchoTime"}, TypeError, "pass tags="),
    ({"tags": (0x19, "SIEMENS MR HEADER", 0x0C)}, TypeError, "tags holds 25"),
    ({"tags": [("SIEMENS MR HEADER", 0x19, 0x0C)]}, TypeError, "tags holds"),
    ({"chunks": "all"}, ValueError, "'all'"),
    ({"chunks": 0}, ValueError, "0"),
    ({"chunks": {"time": -3}}, ValueError, "-3"),
    ({"chunks": {"tmie": 3}}, ValueError, "'tmie'; the dims are slice, time, row, col"),
    ({"chunks": True}, ValueError, "True"),
]


@pytest.mark.parametrize(("wrong", "kind", "says"), WRONG)
def test_a_wrong_option_is_an_error_everywhere(tmp_path, wrong, kind, says):
    folder = dx.testing.example("dce")
    cohort = dx.open_cohort(folder)
    (key,) = cohort
    with pytest.raises(kind, match=says):
        dx.open_series(folder, **wrong)
    with pytest.raises(kind, match=says):
        cohort.open(key, **wrong)
    if "chunks" not in wrong:
        with pytest.raises(kind, match=says):
            cohort.map(len, **wrong)
        with pytest.raises(kind, match=says):
            cohort.to_zarr(tmp_path / "out.zarr", **wrong)
        with pytest.raises(kind, match=says):
            xr.open_dataset(folder, engine="dicom", **wrong)
        with pytest.raises(kind, match=says):
            xr.open_datatree(folder, engine="dicom", **wrong)
        with pytest.raises(kind, match=says):
            cohort.to_datatree(**wrong)
        assert not (tmp_path / "out.zarr").exists()


@pytest.mark.parametrize("right", ["auto", None, {}, 3, -1, "1 MiB", {"time": (2, 4), "row": "auto"}, {"slice": -1}])
def test_chunks_are_those_of_dask(right):
    options.check(chunks=right)
    dx.open_series(dx.testing.example("dce"), chunks=right)


def test_an_unknown_option_is_said_once_before_any_work(tmp_path):
    cohort = dx.open_cohort(dx.testing.example("cohort"))
    calls = (cohort.map, cohort.to_datatree, cohort.to_zarr)
    for call, first in zip(calls, ([lambda da: 1], [], [tmp_path / "out.zarr"]), strict=True):
        with count_reads() as opened, pytest.raises(TypeError, match="takes no 'mising'"):
            call(*first, mising="fill")
        assert opened == []
    with pytest.raises(TypeError, match="map takes no 'chunks'"):
        cohort.map(len, chunks={})
    with pytest.raises(ValueError, match="scheduler='thread' is none of"):
        cohort[list(cohort)[:1]].map(len, scheduler="thread")
    with pytest.raises(TypeError, match="series is a key"):
        dx.open_series(dx.testing.example("dce"), series=["dce"])


def test_from_a_store_only_chunks_apply(tmp_path):
    dx.open_cohort(dx.testing.example("dce")).to_zarr(tmp_path / "out.zarr")
    cohort = dx.open_cohort(tmp_path / "out.zarr")
    (key,) = cohort
    assert cohort.open(key, chunks={"time": 2}).chunks[1] == (2, 2, 2)
    with pytest.raises(TypeError, match="settled when they were written, takes no 'rescale'; its options are chunks"):
        cohort.open(key, rescale=False)
    with pytest.raises(TypeError, match="takes no 'tags'"):
        cohort.map(len, tags=["WindowCenter"])
    for option in ({"tags": ["WindowCenter"]}, {"index": tmp_path / "i.parquet"}):
        with pytest.raises(TypeError, match=f"{next(iter(option))}= is for folders"):
            dx.open_cohort(tmp_path / "out.zarr", **option)


def test_tags_of_an_opened_table_are_read_from_just_its_files(tmp_path):
    frames = [f | {"WindowCenter": n // 2 + 1, (0x0019, "MINE", 0x01, "LO"): "x"} for n, f in enumerate(dx.testing.dce(2, 2, 4))]
    dx.testing.write_series(tmp_path / "dce", frames)
    dx.testing.write_series(tmp_path / "dwi", dx.testing.dwi(2, size=4))
    tags = ["WindowCenter", (0x0019, "MINE", 0x01), "SliceThickness", "PixelSpacing"]
    want = dx.open_series(tmp_path / "dce", tags=tags)
    assert "WindowCenter" in want.coords
    assert want.attrs["(0019,MINE,01)"] == "x"
    index = tmp_path.with_suffix(".parquet")
    cohort = dx.open_cohort(tmp_path, index=index)
    assert "(0019,MINE,01)" in dx.open_cohort(index, tags=tags).frames
    with pytest.raises(TypeError, match="index= is for folders"):
        dx.open_cohort(index, index=index)
    key = want.attrs["SeriesInstanceUID"]
    with count_reads() as opened:
        found = cohort.open(key, tags=tags)
    assert len(opened) == 4
    xr.testing.assert_identical(found.load(), want.load())
    xr.testing.assert_identical(dx.open_series(cohort.frames, series="dce", tags=tags).load(), want.load())
    xr.testing.assert_identical(dx.open_cohort(cohort.frames, tags=tags).open(key, tags=tags).load(), want.load())
    tree = xr.open_datatree(tmp_path, engine="dicom", tags=tags)
    assert all("WindowCenter" in node["image"].coords or "b" in node["image"].dims for node in tree.leaves)
    assert cohort.open(key, dims=["WindowCenter"]).sizes["WindowCenter"] == 2
    with pytest.raises(dx.HeaderError, match="keyword"):
        cohort.open(key, tags=["WindwoCenter"])
    (tmp_path / "dce/00000.dcm").unlink()
    with pytest.raises(dx.HeaderError, match="scan again"):
        cohort.open(key, tags=tags)


def test_questions_to_a_cohort_that_make_no_sense_say_so():
    cohort = dx.open_cohort(dx.testing.example("cohort"))
    for wrong in ("Modality ==", "Modality = 'MR'", "nothing > 3", "Modality", "b + 1"):
        with pytest.raises(ValueError, match="query"):
            cohort.query(wrong)
    for wrong in (["x"], [True], "x", 7):
        with pytest.raises(dx.SeriesError):
            cohort[wrong]
    key = next(iter(cohort))
    assert list(cohort[[key, key]]) == [key]
    with pytest.raises(dx.HeaderError, match="no column 'Echo'"):
        cohort.unique("Echo")
    assert cohort.unique("te") == [1.5, 80.0]
    assert dx.open_cohort(cohort.frames.assign(mixed=[1, "a"] * 26)).unique("mixed") == [1, "a"]
    with pytest.raises(dx.HeaderError, match="no frame table"):
        dx.open_series(cohort.series)
    assert cohort.map(lambda da: da.isel(time=99))["error"].notna().all()


def test_tables_that_were_put_together_keep_every_frame():
    import pandas as pd

    parts = [dx.scan(dx.testing.example(name)) for name in ("dce", "dwi")]
    cohort = dx.open_cohort(pd.concat(parts))
    assert cohort.series["frames"].tolist() == dx.open_cohort(pd.concat(parts, ignore_index=True)).series["frames"].tolist()
    assert cohort.query("b > 0").series["frames"].tolist() == [28]
    twice = dx.open_cohort(pd.concat([*parts, *parts]))
    assert sorted(twice.series["frames"]) == [24, 28]
