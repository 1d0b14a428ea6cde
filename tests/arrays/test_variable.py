"""Selecting one frame reads one frame, however many steps the selection took; chunks, pickles and what is remembered."""

import copy
import pickle

import dask
import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

import dcmxarray as dx
from dcmxarray.testing import count_reads, dce, write_series

from ..making import frame

CHUNKS = ["auto", {}, {"time": 2}, {"slice": 1}, None]
FOLDER = dx.testing.example("dce")
FRAMES = dx.scan(FOLDER)
LOADED = dx.open_series(FRAMES, chunks=None).load()


def reads(work) -> int:
    """How many files are opened to load an array."""
    with count_reads() as opened:
        work().load()
    return len(opened)


ONE_FRAME = {
    "at once": lambda da: da.isel(time=3, slice=2),
    "in two steps": lambda da: da.isel(time=3).isel(slice=2),
    "the other way round": lambda da: da.isel(slice=2).isel(time=3),
    "by label": lambda da: da.sel(time=15, method="nearest").sel(slice=10),
    "cropped first": lambda da: da.isel(row=slice(10, 20)).isel(col=[3, 1]).isel(time=3, slice=2),
    "transposed": lambda da: da.transpose("col", "time", ...).isel(time=3).transpose().isel(slice=2),
    "in six steps": lambda da: da[::-1].isel(time=slice(1, None)).isel(time=[4, 2]).isel(time=-1).isel(slice=[1]).isel(slice=0),
    "squeezed": lambda da: da.isel(time=[3], slice=[2]).squeeze(),
    "in other chunks": lambda da: da.chunk(slice=3, time=3).isel(time=3).isel(slice=2),
    "of a copy": lambda da: da.copy().rename(time="t").isel(t=3).copy(deep=False).isel(slice=2),
    "in a dataset": lambda da: da.to_dataset(name="x").isel(time=3)["x"].isel(slice=2),
    "by an array with dims": lambda da: da.isel(time=xr.DataArray([4, 3], dims="time")).isel(slice=2).isel(time=1),
    "repeated": lambda da: da.isel(time=[3, 3, 3]).isel(slice=2).isel(time=1),
    "then computed": lambda da: (da.isel(time=3) * 1).isel(slice=2) if da.chunks is None else da.isel(time=3).isel(slice=2) * 2,
    "unpickled": lambda da: pickle.loads(pickle.dumps(da.isel(time=3))).isel(slice=2),
}
EAGER = {"then computed": 4}  # arithmetic without dask computes at once


@pytest.mark.parametrize("chunks", CHUNKS, ids=str)
@pytest.mark.parametrize("steps", ONE_FRAME)
def test_one_frame_reads_one_file(steps, chunks):
    da = dx.open_series(FRAMES, chunks=chunks)
    assert reads(lambda: ONE_FRAME[steps](da)) == (EAGER.get(steps, 1) if chunks is None else 1)


@pytest.mark.parametrize("chunks", [{}, {"time": 2}], ids=str)
@pytest.mark.parametrize("steps", [name for name in ONE_FRAME if name not in ("of a copy", "unpickled")])
def test_one_frame_of_a_dataset_reads_one_file(steps, chunks):
    da = xr.open_dataset(FOLDER, engine="dicom", chunks=chunks)["image"]
    assert reads(lambda: ONE_FRAME[steps](da)) == 1


THROUGH_ARITHMETIC = {
    "a product": lambda da: (da * 2).isel(time=3, slice=2),
    "a mask": lambda da: da.where(da > 20).isel(time=3).isel(slice=2),
    "a cast": lambda da: da.astype("f4").transpose("time", ...).isel(time=3).isel(slice=2),
    "a selection and a product": lambda da: (da.isel(row=slice(3, 9)) + 1).isel(time=3).isel(slice=2),
    "one slice over time and a product": lambda da: (da.isel(slice=2) + 1).isel(time=3),
}


@pytest.mark.parametrize("steps", THROUGH_ARITHMETIC)
def test_with_arithmetic_in_between_at_most_a_volume_is_read(steps):
    da = dx.open_series(FRAMES)
    assert reads(lambda: THROUGH_ARITHMETIC[steps](da)) <= 4


def test_chunks_are_volumes_until_there_are_thousands(monkeypatch):
    assert dx.open_series(FRAMES).chunks == ((4,), (1,) * 6, (32,), (32,))
    monkeypatch.setattr("dcmxarray.arrays.chunks.MOST_CHUNKS", 3)
    assert dx.open_series(FRAMES).chunks == ((4,), (2,) * 3, (32,), (32,))


def test_what_reads_everything_has_few_tasks():
    da = dx.open_series(FRAMES)
    tasks = {name: len(dask.optimize(work.data)[0].dask) for name, work in {"all": da, "mean": da.mean("time")}.items()}
    assert tasks["mean"] <= 4 < tasks["all"]
    xr.testing.assert_allclose(da.mean("time"), dx.open_series(FRAMES, chunks=None).mean("time"))


@st.composite
def steps(draw, sizes):
    """Selections, transpositions and other chunks of an array, one after the other."""
    out = []
    for _ in range(draw(st.integers(1, 4))):
        kind = draw(st.sampled_from(["isel", "isel", "transpose", "chunk"])) if sizes else "none"
        if kind == "isel":
            dim = draw(st.sampled_from(sorted(sizes)))
            n = sizes[dim]
            place = st.integers(-n, n - 1)
            index = draw(st.one_of(st.slices(n), *([place, st.lists(place, max_size=4)] if n else [])))
            left = np.arange(n)[index]
            sizes = {d: s for d, s in sizes.items() if d != dim} | ({} if left.ndim == 0 else {dim: len(left)})
            out.append((kind, {dim: index}))
        elif kind == "transpose":
            out.append((kind, draw(st.permutations(sorted(sizes)))))
        elif kind == "chunk":
            out.append((kind, {d: draw(st.integers(1, 5)) for d in draw(st.sets(st.sampled_from(sorted(sizes))))}))
    return out


def taken(da, made):
    for kind, what in made:
        if kind == "isel":
            da = da.isel(what)
        elif kind == "transpose":
            da = da.transpose(*what)
        elif kind == "chunk" and da.chunks is not None:
            da = da.chunk(what)
    return da


@pytest.mark.slow
@given(steps({"slice": 4, "time": 6, "row": 32, "col": 32}), st.sampled_from(CHUNKS))
def test_any_steps_give_what_numpy_gives(made, chunks):
    got, want = taken(dx.open_series(FRAMES, chunks=chunks), made), taken(LOADED, made)
    again = pickle.loads(pickle.dumps(got))
    xr.testing.assert_identical(got.load(), want)
    xr.testing.assert_identical(again.load(), want)


@pytest.mark.parametrize("chunks", ["auto", None])
def test_points_are_those_of_numpy(chunks):
    da, loaded = dx.open_series(FRAMES, chunks=chunks), dx.open_series(FRAMES).compute()
    points = {d: xr.DataArray([0, 2, 1], dims="point") for d in ("slice", "time", "row")}
    xr.testing.assert_identical(da.transpose("time", ...).isel(points).load(), loaded.transpose("time", ...).isel(points))
    mask = {"time": da["time"] > 8}
    xr.testing.assert_identical(da.isel(mask).isel(slice=1).load(), loaded.isel(mask).isel(slice=1))


@pytest.mark.parametrize("chunks", ["auto", None])
@pytest.mark.parametrize("name", ["neurolabusc+dcm_qa_uih", "ImagingDataCommons+highdicom/data/test_files/seg_image_sm_dots.dcm"])
def test_nothing_of_tiles_and_of_frames_that_are_missing(name, chunks, series):
    da = dx.open_series(series(name), chunks=chunks)
    for nothing in (da.isel({da.dims[0]: []}), da.isel({da.dims[0]: slice(0, 0)}).transpose()):
        assert nothing.compute().size == 0
        assert pickle.loads(pickle.dumps(nothing)).compute().shape == nothing.shape


@pytest.mark.parametrize("chunks", ["auto", None])
def test_what_is_written_into_an_array_is_not_lost(chunks):
    da, loaded = dx.open_series(FRAMES, chunks=chunks), dx.open_series(FRAMES).compute()
    for array in (da, loaded):
        array[{"time": 0}] = 7
    xr.testing.assert_identical(da.isel(time=slice(0, 2)).compute(), loaded.isel(time=slice(0, 2)))
    assert int(da.isel(time=0).transpose("col", ...).chunk(row=3).max()) == 7


def test_what_is_written_into_a_part_without_chunks_leaves_the_files_alone():
    da = dx.open_series(FRAMES, chunks=None)
    points = {"time": xr.DataArray([0, 1], dims="p"), "slice": xr.DataArray([1, 0], dims="p")}
    for part in (da.isel(time=1), da.copy(), da.transpose(), da.isel(points)):
        part[{"row": 0}] = 7
        assert (part.isel(row=0) == 7).all()
    xr.testing.assert_identical(da.load(), LOADED)


def test_pickles_are_small(tmp_path):
    write_series(tmp_path, dce(slices=20, times=50, size=4))
    for chunks in ("auto", None):
        da = dx.open_series(tmp_path, chunks=chunks)
        assert len(pickle.dumps(da)) < 64 * 1000
        assert len(pickle.dumps(da.isel(time=3))) < 15_000
        again = pickle.loads(pickle.dumps(da.isel(time=slice(3, 5)).transpose("time", ...)))
        assert reads(lambda again=again: again.isel(time=1).isel(slice=4)) == 1
        xr.testing.assert_identical(again.load(), da.isel(time=slice(3, 5)).transpose("time", ...).compute())


def test_arrays_with_holes_are_pickled(tmp_path):
    frames = [frame(5 * s, EchoTime=te, value=s) for s in range(3) for te in (1, 2, 3)]
    write_series(tmp_path, frames[:4] + frames[5:])
    da = dx.open_series(tmp_path, missing="fill")
    xr.testing.assert_identical(pickle.loads(pickle.dumps(da.isel(te=1))).load(), da.isel(te=1).compute())
    assert (da.dicom.uids == "").sum() == 1
    with pytest.raises(dx.HeaderError, match="no frame"):
        da.dicom.header(slice=1, te=1)


# --- files -------------------------------------------------------------------------------------------------------------------

KNOWN = {
    "lazy": lambda da: da,
    "loaded": lambda da: da.compute(),
    "copied": lambda da: copy.deepcopy(da.compute()),
    "persisted": lambda da: da.persist(),
    "selected": lambda da: da.isel(row=3).transpose(),
    "unpickled": lambda da: pickle.loads(pickle.dumps(da)),
}


@pytest.mark.parametrize("chunks", ["auto", None])
@pytest.mark.parametrize("how", KNOWN)
def test_frames_know_their_files(how, chunks):
    da = dx.open_series(FRAMES, chunks=chunks)
    some = KNOWN[how](da).isel(time=[4, 1])
    assert some.dicom.header(time=1, slice=2).SOPInstanceUID == da.dicom.header(time=1, slice=2).SOPInstanceUID
    np.testing.assert_array_equal(
        some.dicom.uids.transpose("slice", "time"), dx.open_series(FRAMES, tags=["SOPInstanceUID"])["SOPInstanceUID"][:, [4, 1]]
    )


def test_an_array_that_knows_no_files_says_so():
    da = dx.open_series(FRAMES)
    for lost in (da + 1, pickle.loads(pickle.dumps(da.compute()))):
        with pytest.raises(dx.HeaderError, match="opened array"):
            _ = lost.dicom.uids


def test_frames_with_the_same_coordinates_are_not_confused(tmp_path):
    values = {"DiffusionBValue": [0.0, 0.0, 700.0]}
    frames = [
        frame(5 * s, InstanceNumber=10 * k + s, DiffusionBValue=b)
        for k, b in enumerate(values["DiffusionBValue"])
        for s in (0, 1)
    ]
    write_series(tmp_path, frames)
    da = dx.open_series(tmp_path, dims=["b"])
    with pytest.raises(dx.HeaderError, match="several frames"):
        da.compute().isel(b=0).dicom.header()
    assert da.isel(b=0).dicom.header().InstanceNumber != da.isel(b=1).dicom.header().InstanceNumber
    assert da.compute().isel(b=2, slice=1).dicom.header().InstanceNumber == 21
