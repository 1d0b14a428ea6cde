"""How frames find their cells: laws on synthetic stacks, and the axes of every real series."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import dcmxarray as dx
from dcmxarray import copies, grid, series
from dcmxarray.testing import write_series


def frame(z=0.0, **elements):
    value = elements.pop("value", 0)
    return {"ImagePositionPatient": [0, 0, z], "pixels": np.full((3, 4), value, np.uint16), **elements}


def opened(folder, frames, shuffle=0, **options):
    write_series(folder, frames, shuffle=shuffle)
    return dx.open_series(folder, **options)


# --- slices ----------------------------------------------------------------------------------------------------------------


def test_slices_are_ordered_by_position_never_by_number(tmp_path):
    frames = [frame(z, InstanceNumber=n, SliceLocation=-z, value=int(z)) for n, z in enumerate([30, 0, 20, 10])]
    da = opened(tmp_path, frames)
    assert da["slice"].values.tolist() == [0, 10, 20, 30]
    assert da[:, 0, 0].values.tolist() == [0, 10, 20, 30]


def test_rounded_positions_are_one_slice(tmp_path):
    frames = [frame(z + 1e-4 * t, AcquisitionTime=f"1000{t:02d}", value=t) for z in (0, 5) for t in range(3)]
    assert dict(opened(tmp_path, frames).sizes) == {"slice": 2, "time": 3, "row": 3, "col": 4}


def test_without_geometry_a_tomographic_stack_is_ordered_and_has_no_affine(tmp_path):
    frames = [frame(ImageOrientationPatient=None, InstanceNumber=3 - n, value=n) for n in range(3)]
    frames = [f | {"ImagePositionPatient": None} for f in frames]
    da = opened(tmp_path, frames)
    assert da.sizes["slice"] == 3
    assert da["slice"].attrs["units"] == "1"
    assert da.attrs["slice_source"] == "InstanceNumber"
    with pytest.raises(dx.GridError, match="no patient geometry"):
        _ = da.dicom.affine


# --- time ------------------------------------------------------------------------------------------------------------------


def test_breath_holds_by_clock_lose_to_trigger_time(tmp_path):
    frames = [
        frame(10 * s, AcquisitionTime=f"10{s:02d}{t:02d}", TriggerTime=40.0 * t, value=t) for s in range(3) for t in range(5)
    ]
    da = opened(tmp_path, frames)
    assert da.attrs["time_source"] == "TriggerTime"
    assert np.allclose(da["time"], np.arange(5) * 0.04)
    assert (da.isel(row=0, col=0).values == np.arange(5)).all()


def test_staggered_slices_pass_by_rank(tmp_path):
    frames = [frame(10 * s, AcquisitionTime=f"1000{2 * t:02d}.{s:02d}", value=t) for s in range(4) for t in range(5)]
    da = opened(tmp_path, frames)
    assert da.attrs["time_source"] == "AcquisitionDateTime"
    assert np.allclose(da["time"], np.arange(5) * 2)
    assert da["AcquisitionDateTime"].dims == ("slice", "time")


def test_an_ordering_takes_its_seconds_from_the_clock_that_agrees(tmp_path):
    frames = [
        frame(10 * s, TemporalPositionIdentifier=t + 1, TriggerTime=2500.0 * t, AcquisitionTime="100000", value=t)
        for s in range(2)
        for t in range(4)
    ]
    da = opened(tmp_path, frames)
    assert da.attrs["time_source"] == "TemporalPositionIdentifier, seconds by TriggerTime"
    assert da["time"].values.tolist() == [0, 2.5, 5, 7.5]


def test_times_are_never_invented(tmp_path):
    frames = [frame(10 * s, InstanceNumber=5 * s + t, value=t) for s in range(2) for t in range(4)]
    da = opened(tmp_path, frames)
    assert da.attrs["time_source"] == "InstanceNumber"
    assert da["time"].attrs["units"] == "1"
    assert (da.isel(row=0, col=0).values == np.arange(4)).all()


def test_an_aborted_last_volume(tmp_path):
    frames = [frame(10 * s, AcquisitionTime=f"1000{3 * t:02d}.{s}", value=t) for t in range(4) for s in range(3)][:-1]
    with pytest.raises(dx.GridError, match=r"1 of 12 cells .*slice index 2, time index 3.*missing='fill'"):
        opened(tmp_path, frames)
    da = dx.open_series(tmp_path, missing="fill")
    assert da["valid"].sum() == 11
    assert not bool(da["valid"].isel(slice=2, time=3))
    assert da.isel(slice=2, time=3).values.tolist() == np.zeros((3, 4)).tolist()
    assert (da.isel(slice=0, row=0, col=0).values == np.arange(4)).all()


def test_a_missing_file_in_the_middle_does_not_shift_the_rest(tmp_path):
    frames = [frame(10 * s, AcquisitionTime=f"1000{3 * t:02d}", value=t) for t in range(4) for s in range(3)]
    del frames[4]
    da = opened(tmp_path, frames, missing="fill")
    assert not bool(da["valid"].isel(slice=1, time=1))
    assert da.isel(slice=1, row=0, col=0).values.tolist() == [0, 0, 2, 3]


# --- b ---------------------------------------------------------------------------------------------------------------------


def diffusion(z, b, g, n, **more):
    return frame(z, DiffusionBValue=float(b), DiffusionGradientOrientation=g, InstanceNumber=n, value=n, **more)


X, Y, Z = [1.0, 0, 0], [0, 1.0, 0], [0, 0, 1.0]


def test_repeated_b0_and_shells_keep_the_order_of_acquisition(tmp_path):
    volumes = [(0, None), (1000, X), (1000, Y), (0, None), (2000, X), (1000, Z)]
    frames = [diffusion(5 * s, b, g, 10 * v + s) for v, (b, g) in enumerate(volumes) for s in range(2)]
    da = opened(tmp_path, frames)
    assert da["b"].values.tolist() == [0, 1000, 1000, 0, 2000, 1000]
    assert da.dicom.bvecs[[1, 2, 5]].tolist() == [X, Y, Z]
    assert da.sel(b=1000).sizes["b"] == 3


def test_cycles_are_time_by_b(tmp_path):
    volumes = [(0, None), (500, X), (500, Y)] * 3
    frames = [
        diffusion(5 * s, b, g, 10 * v + s, AcquisitionTime=f"1000{v:02d}") for v, (b, g) in enumerate(volumes) for s in range(2)
    ]
    da = opened(tmp_path, frames)
    assert dict(da.sizes) == {"slice": 2, "time": 3, "b": 3, "row": 3, "col": 4}
    assert da["b"].values.tolist() == [0, 500, 500]
    assert da["time"].values.tolist() == [0, 3, 6]
    assert (da.isel(slice=0, row=0, col=0).values == 10 * np.arange(9).reshape(3, 3)).all()


def test_b_left_out_is_zero_only_where_others_have_one(tmp_path):
    frames = [diffusion(0, 1000, X, 1), frame(0, InstanceNumber=2)]
    assert sorted(opened(tmp_path / "a", frames)["b"].values.tolist()) == [0, 1000]
    assert "b" not in opened(tmp_path / "b", [frame(0)]).coords


# --- axes ------------------------------------------------------------------------------------------------------------------


def test_five_dimensions(tmp_path):
    frames = [
        frame(10 * s, EchoTime=te, ImageType=["ORIGINAL", "PRIMARY", c], AcquisitionTime=f"1000{t:02d}", value=t * 100 + n)
        for s in range(2)
        for t in range(3)
        for n, te in enumerate([2.0, 4.5])
        for c in "MP"
    ]
    da = opened(tmp_path, frames)
    assert da.dims == ("slice", "time", "te", "component", "row", "col")
    assert da["component"].values.tolist() == ["magnitude", "phase"]
    assert da["te"].values.tolist() == [2.0, 4.5]
    assert float(da.sel(te=4.5, component="phase").isel(time=2, slice=0, row=0, col=0)) == 201


def test_one_to_one_attributes_are_coordinates_not_axes(tmp_path):
    frames = [frame(5 * s, EchoTime=te, FlipAngle=fa) for s in range(2) for te, fa in ((1.0, 5), (2.0, 10), (3.0, 15))]
    da = opened(tmp_path, frames)
    assert da.dims == ("slice", "te", "row", "col")
    assert da["fa"].dims == ("te",)


def test_what_varies_from_slice_to_slice_alone_is_a_coordinate(tmp_path):
    da = opened(tmp_path, [frame(5 * s, InversionTime=100.0 * s) for s in range(3)])
    assert da["ti"].dims == ("slice",)
    assert da.dims == ("slice", "row", "col")


def test_any_keyword_may_be_an_axis(tmp_path):
    frames = [frame(5 * s, ContrastBolusVolume=v) for s in range(2) for v in (1, 2)]
    with pytest.raises(dx.GridError, match="hold several"):
        opened(tmp_path, [f | {"InstanceNumber": 1} for f in frames])
    da = dx.open_series(tmp_path, dims=["ContrastBolusVolume"])
    assert da.dims == ("slice", "ContrastBolusVolume", "row", "col")
    assert dx.open_series(tmp_path, dims=["ContrastBolusVolume", "slice"]).dims[:2] == ("ContrastBolusVolume", "slice")


# --- doubles ---------------------------------------------------------------------------------------------------------------


def test_doubles_are_named_and_the_named_way_works(tmp_path):
    frames = [frame(5 * s, EchoNumbers=e, InstanceNumber=1) for s in range(2) for e in (1, 2)]
    with pytest.raises(dx.GridError, match=r"2 cells hold several .*EchoNumbers.*dims=\['slice', 'EchoNumbers'\]"):
        opened(tmp_path, frames)
    assert dx.open_series(tmp_path, dims=["slice", "EchoNumbers"]).sizes["EchoNumbers"] == 2
    assert dx.open_series(tmp_path, duplicates="first").sizes == {"slice": 2, "row": 3, "col": 4}


def test_a_copy_of_a_file_is_no_double(tmp_path):
    paths = write_series(tmp_path / "a", [frame(5 * s) for s in range(3)])
    (tmp_path / "a" / "copy.dcm").write_bytes(paths[1].read_bytes())
    assert dx.open_series(tmp_path).sizes["slice"] == 3


def test_two_series_with_one_uid_are_two_arrays(tmp_path):
    frames = [frame(5 * s, SeriesNumber=n) for s in range(2) for n in (1, 2)]
    with pytest.raises(dx.SeriesError, match="series1"):
        opened(tmp_path, frames)
    key = next(k for k in dx.open_cohort(tmp_path) if k.endswith("series2"))
    assert dx.open_series(tmp_path, series=key).sizes["slice"] == 2


# --- laws ------------------------------------------------------------------------------------------------------------------


@given(st.integers(0, 1000), st.integers(1, 4), st.integers(1, 4))
def test_any_file_order_gives_the_same_array(tmp_path_factory, seed, slices, times):
    frames = dx.testing.dce(slices=slices, times=times, size=4)
    one, other = tmp_path_factory.mktemp("a"), tmp_path_factory.mktemp("b")
    write_series(one, frames)
    paths = write_series(other, frames, shuffle=seed)
    for n, path in enumerate(paths[::2]):
        (other / f"sub{n}").mkdir()
        path.rename(other / f"sub{n}" / path.name)
    import xarray as xr

    xr.testing.assert_identical(dx.open_series(one).load(), dx.open_series(other).load())


@given(st.integers(0, 2**31), st.integers(1, 3), st.integers(1, 3), st.integers(1, 3))
def test_every_frame_lands_in_one_cell_or_is_named(tmp_path_factory, seed, slices, times, echoes):
    folder = tmp_path_factory.mktemp("cells")
    rng = np.random.default_rng(seed)
    frames = [
        frame(5 * s, EchoTime=float(e + 1), AcquisitionTime=f"1000{10 * t + e:02d}", value=n)
        for n, (s, t, e) in enumerate(np.ndindex(slices, times, echoes))
    ]
    kept = [f for f in frames if rng.random() > 0.15] or frames[:1]
    write_series(folder, kept, shuffle=seed % 100)
    table = dx.scan(folder)
    stack = series.split(table, copies.pixels)[0]
    try:
        cells = grid.arrange(stack.frames, missing="fill").cells
    except dx.GridError:  # it names the cells: nothing is lost silently
        return
    assert sorted(cells[cells >= 0]) == list(range(len(kept)))
