"""How frames find their cells: laws on synthetic stacks, and the axes of every real series."""

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

import dcmxarray as dx
from dcmxarray.pixels import copies
from dcmxarray.stacks import arrange, split
from dcmxarray.testing import write_series

from ..making import frame, opened

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


# --- doubles ---------------------------------------------------------------------------------------------------------------


def test_doubles_are_named_and_the_named_way_works(tmp_path):
    frames = [frame(5 * s, EchoNumbers=e, InstanceNumber=1) for s in range(2) for e in (1, 2)]
    with pytest.raises(dx.GridError, match=r"2 cells hold several .*EchoNumbers.*dims=\['EchoNumbers'\]"):
        opened(tmp_path, frames)
    assert dx.open_series(tmp_path, dims=["slice", "EchoNumbers"]).sizes["EchoNumbers"] == 2
    assert dx.open_series(tmp_path, duplicates="first").sizes == {"slice": 2, "row": 3, "col": 4}


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
    stack = split.split(table, copies.pixels)[0]
    try:
        cells = arrange.arrange(stack.frames, missing="fill").cells
    except dx.GridError:  # it names the cells: nothing is lost silently
        return
    assert sorted(cells[cells >= 0]) == list(range(len(kept)))


def test_a_dim_that_no_header_has_a_value_of_is_an_error(tmp_path):
    frames = [frame(5 * s, EchoTime=None, FlipAngle=10) for s in range(2)]
    with pytest.raises(dx.GridError, match="no header of the series has a value of 'te'"):
        opened(tmp_path, frames, dims=["te"])
    assert dx.open_series(tmp_path, dims=["fa"]).dims == ("slice", "row", "col")
