"""Which attributes are axes."""

import pytest

import dcmxarray as dx
from dcmxarray.testing import write_series

from ..making import frame, opened


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


def test_four_components(tmp_path):
    frames = [
        frame(5 * s, ImageType=["ORIGINAL", "PRIMARY", c], InstanceNumber=1, value=n)
        for s in range(2)
        for n, c in enumerate("IMPR")
    ]
    da = opened(tmp_path, frames)
    assert da["component"].values.tolist() == ["imaginary", "magnitude", "phase", "real"]
    assert da.isel(slice=0, row=0, col=0).values.tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize(("name", "element"), [("te", "EchoTime"), ("ti", "InversionTime"), ("fa", "FlipAngle")])
def test_values_closer_than_a_thousandth_are_one(tmp_path, name, element):
    frames = [frame(5 * s, value=k) | {element: v + 0.0004 * s} for s in range(2) for k, v in enumerate((10, 10.002))]
    da = opened(tmp_path, frames)
    assert da.dims == ("slice", name, "row", "col")
    assert da.isel(row=0, col=0).values.tolist() == [[0, 1]] * 2
    assert da[name].values.tolist() == pytest.approx([10, 10.002], abs=0.0005)


def test_dims_have_one_order_whatever_the_files_have(tmp_path):
    frames = [
        frame(5 * s, EchoTime=te, FlipAngle=fa, InversionTime=ti, ImageType=["ORIGINAL", "PRIMARY", c])
        for c in "MP" for ti in (100, 200) for fa in (5, 9) for te in (2, 4) for s in range(2)
    ]  # fmt: skip
    da = opened(tmp_path, frames, shuffle=1)
    assert da.dims == ("slice", "te", "fa", "ti", "component", "row", "col")
    other = dx.open_series(tmp_path, dims=["component", "ti", "slice"])
    assert [d for d in other.dims if d in ("component", "ti", "slice")] == ["component", "ti", "slice"]
    assert other.sizes == da.sizes


def test_a_dim_that_is_no_column_is_an_error(tmp_path):
    write_series(tmp_path, [frame(z, PatientComments="none") for z in (0, 5)])
    table = dx.scan(tmp_path)
    with pytest.raises(dx.HeaderError, match="dims: 'Comments' is no keyword"):
        dx.open_series(table, dims=["Comments"])
    assert dx.open_series(table, dims=["PatientComments"]).dims == ("slice", "row", "col")  # read, and it does not vary


@pytest.mark.parametrize(
    ("element", "values"),
    [("SliceLocation", [30.5, 10, 20]), ("InStackPositionNumber", [3, 1, 2]), ("InstanceNumber", [7, 3, 5])],
)
def test_what_orders_slices_without_positions(tmp_path, element, values):
    frames = [frame(value=k, ImagePositionPatient=None, InstanceNumber=k + 1) | {element: v} for k, v in enumerate(values)]
    da = opened(tmp_path, frames)
    assert da.isel(row=0, col=0).values.tolist() == [1, 2, 0]
    assert da.attrs["slice_source"] == element
    want = [10, 20, 30.5] if element == "SliceLocation" else [0, 1, 2]
    assert da["slice"].values.tolist() == want
