"""A list or a table of several series is one series; a folder is not."""

import numpy as np
import pytest

import dcmxarray as dx
from dcmxarray.testing import write_series
from dcmxarray.testing.writer import uid

from ..making import diffusion, frame


def series(folder, groups, **more):
    """Folders with a series each; ``groups`` holds the frames of each."""
    for n, frames in enumerate(groups):
        own = {"SeriesInstanceUID": uid("series", n), "SeriesNumber": n + 1, **more}
        numbered = [{**f, **own, "InstanceNumber": k + 1, "SOPInstanceUID": uid(folder, n, k)} for k, f in enumerate(frames)]
        write_series(folder / str(n), numbered, shuffle=n)
    return [folder / str(n) for n in range(len(groups))]


def both(folder, paths):
    """The array of a list, after checking that the table gives the same and the folder none."""
    da = dx.open_series(paths[::-1])
    assert da.identical(dx.open_series(dx.scan(folder)))
    with pytest.raises(dx.SeriesError, match=f"{len(paths)} arrays"):
        dx.open_series(folder)
    assert len(dx.open_cohort(folder)) == len(paths)
    return da


def test_one_volume_for_each_series(tmp_path):
    groups = [[frame(5 * s, AcquisitionTime=f"1000{4 * t:02d}.{s}", value=10 * t + s) for s in range(3)] for t in range(4)]
    da = both(tmp_path, series(tmp_path, groups))
    assert dict(da.sizes) == {"slice": 3, "time": 4, "row": 3, "col": 4}
    assert da["time"].values.tolist() == [0, 4, 8, 12]
    assert da[:, :, 0, 0].values.tolist() == [[s, 10 + s, 20 + s, 30 + s] for s in range(3)]
    assert "SeriesNumber" not in da.attrs


@pytest.mark.parametrize(
    ("dim", "groups", "labels", "order"),
    [
        ("ti", [{"InversionTime": t} for t in (800, 50, 400)], [50, 400, 800], [1, 2, 0]),
        ("te", [{"EchoTime": t} for t in (5, 10)], [5, 10], [0, 1]),
        ("fa", [{"FlipAngle": t} for t in (2, 15)], [2, 15], [0, 1]),
        ("component", [{"ImageType": ["ORIGINAL", "PRIMARY", c]} for c in "PM"], ["magnitude", "phase"], [1, 0]),
    ],
)
def test_what_differs_between_series_is_an_axis(tmp_path, dim, groups, labels, order):
    frames = [[frame(5 * s, value=n, **group) for s in range(2)] for n, group in enumerate(groups)]
    da = both(tmp_path, series(tmp_path, frames))
    assert da.dims == ("slice", dim, "row", "col")
    assert da[dim].values.tolist() == labels
    assert da[0, :, 0, 0].values.tolist() == order


def test_two_axes_over_series(tmp_path):
    kinds = [["ORIGINAL", "PRIMARY", "M", "ND", "NORM"], ["ORIGINAL", "PRIMARY", "P", "ND"]]
    groups = [[frame(5 * s, EchoTime=te, ImageType=kind) for s in range(2) for te in (5.0, 7.5)] for kind in kinds]
    assert both(tmp_path, series(tmp_path, groups)).dims == ("slice", "te", "component", "row", "col")


def test_diffusion_over_series(tmp_path):
    volumes = [(0, None), (1000, [1.0, 0, 0]), (1000, [0, 1.0, 0]), (0, None)]
    groups = [[diffusion(5 * s, b, g, v, AcquisitionTime=f"10{v:02d}0{s}") for s in range(2)] for v, (b, g) in enumerate(volumes)]
    da = both(tmp_path, series(tmp_path, groups))
    assert da["b"].values.tolist() == [0, 1000, 1000, 0]
    assert da[0, :, 0, 0].values.tolist() == [0, 1, 2, 3]


def test_series_that_nothing_else_orders_are_volumes_by_their_numbers(tmp_path):
    da = both(tmp_path, series(tmp_path, [[frame(5 * s, value=n) for s in range(2)] for n in range(3)]))
    assert da.attrs["time_source"] == "SeriesNumber"
    assert da["time"].attrs["units"] == "1"
    assert da[1, :, 0, 0].values.tolist() == [0, 1, 2]


def test_what_can_not_be_one_array_is_listed_and_opens_by_key_or_number(tmp_path):
    groups = [
        [frame(5 * s, EchoTime=5 + n) for s in range(2)] if n < 2 else [frame(ImageOrientationPatient=[0, 1, 0, 0, 0, -1])]
        for n in range(3)
    ]
    paths = series(tmp_path, groups)
    with pytest.raises(dx.SeriesError, match="2 arrays") as error:
        dx.open_series(paths)
    keys = [line.split()[0] for line in str(error.value).splitlines()[1:]]
    assert sorted(dx.open_series(paths, series=key).sizes.get("te", 1) for key in keys) == [1, 2]
    assert all("+2" in key for key in keys)
    assert dx.open_series(paths, series=2)["te"].item() == 6
    assert dx.open_series(dx.scan(tmp_path), series=next(iter(dx.open_cohort(tmp_path)))).ndim < 4
    assert dx.open_series(paths, series=uid("series", 0))["te"].item() == 5


def test_two_patients_are_never_one_array_and_no_message_names_them(tmp_path):
    for n, patient in enumerate(("JONES", "SMITH")):
        own = {"SeriesInstanceUID": uid("p", n), "PatientID": patient, "AcquisitionTime": f"10000{n}"}
        write_series(tmp_path / str(n), [frame(5 * s) | own for s in range(2)])
    with pytest.raises(dx.SeriesError, match="2 arrays") as error:
        dx.open_series([tmp_path / "0", tmp_path / "1"])
    assert "JONES" not in str(error.value)
    key = str(error.value).splitlines()[1].split()[0]
    assert dx.open_series([tmp_path / "1", tmp_path / "0"], series=key).dims == ("slice", "row", "col")


def test_a_filtered_table_and_one_series_are_as_before(tmp_path):
    series(tmp_path, [[frame(5 * s, EchoTime=5 + n) for s in range(2)] for n in range(3)])
    table = dx.scan(tmp_path)
    one = dx.open_series(table[table["SeriesNumber"] == 2])
    assert one.attrs["SeriesNumber"] == 2
    assert one.dims == ("slice", "row", "col")
    assert dx.open_series(table[table["EchoTime"] > 5])["te"].values.tolist() == [6, 7]


REAL = [
    "icometrix+dicom2nifti/tests/data/ge/dti/001",
    "erling6232+imagedata/data/dicom/time_all",
    "neurolabusc+dcm_qa_enh/In/Siemens/XA10",
]


@pytest.mark.parametrize("folder", REAL)
def test_a_series_for_each_volume_gives_the_same_array(series, folder):
    frames = dx.scan(series(folder))
    whole = dx.open_series(frames, chunks=None)
    dim = next(d for d in whole.dims if d in ("time", "b"))
    volume = {u: k for k in range(whole.sizes[dim]) for u in np.unique(whole.isel({dim: k}).dicom.uids)}
    number = frames["SOPInstanceUID"].map(volume)
    apart = frames.assign(SeriesInstanceUID="1.2." + number.astype(str), SeriesNumber=number + 1)
    joined = dx.open_series(apart, chunks=None)
    assert joined.dims == whole.dims
    assert all(joined[name].equals(whole[name]) for name in whole.coords)
    assert np.array_equal(joined, whole)


def test_real_inversion_times_in_five_series(data):
    folder = data / "erling6232+imagedata/data/dicom/TI"
    da = dx.open_series(dx.scan(folder))
    assert da.dims == ("ti", "row", "col")
    assert (np.diff(da["ti"]) > 0).all()
