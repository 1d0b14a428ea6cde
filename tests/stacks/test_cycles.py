"""Labels, phases and repeats are dimensions; time is no bare number over all of them."""

from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset

import dcmxarray as dx
from dcmxarray.testing import write_enhanced, write_series

from ..making import frame, image

LABEL = (0x2005, "Philips MR Imaging DD 005", 0x29, "CS")
SHARED = {"ImageOrientationPatient": [1, 0, 0, 0, 1, 0], "PixelSpacing": [2, 2], "SliceThickness": 5}


TIME = (0x2005, "Philips MR Imaging DD 001", 0xA0, "FL")


def labelled(slices=2, repeats=3, phases=2, **more):
    """Classic frames: label and control of each phase in each repeat; the value tells which."""
    return [
        frame(5 * s, value=100 * r + 10 * p + n, TemporalPositionIdentifier=r + 1, TriggerTime=1800 + 300.0 * p, **more)
        | {LABEL: word, TIME: 4.5 * r, "AcquisitionTime": "100000"}
        for s in range(slices)
        for p in range(phases)
        for n, word in enumerate(("CONTROL", "LABEL"))
        for r in range(repeats)
    ]


def test_label_phase_and_repeat_of_classic_files(tmp_path):
    write_series(tmp_path, labelled(), shuffle=3)
    da = dx.open_series(tmp_path)
    assert dict(da.sizes) == {"slice": 2, "time": 3, "label": 2, "TriggerTime": 2, "row": 3, "col": 4}
    assert da["label"].values.tolist() == ["control", "label"]
    assert da["TriggerTime"].values.tolist() == [1800, 2100]
    assert da.attrs["time_source"] == "TemporalPositionIdentifier, seconds by scan_time"
    assert da["time"].values.tolist() == [0, 4.5, 9]
    assert int(da.sel(label="label", TriggerTime=2100).isel(time=2, slice=1, row=0, col=0)) == 211


def test_labels_alone(tmp_path):
    write_series(tmp_path, labelled(phases=1), shuffle=3)
    da = dx.open_series(tmp_path)
    assert dict(da.sizes) == {"slice": 2, "time": 3, "label": 2, "row": 3, "col": 4}
    assert ((da.sel(label="control") + 1) == da.sel(label="label")).all()


def test_the_reference_without_labelling_is_an_array_of_its_own(tmp_path):
    frames = labelled(phases=1) + [frame(5 * s, value=900) | {LABEL: "M0"} for s in range(2)]
    write_series(tmp_path, frames)
    cohort = dx.open_cohort(tmp_path)
    assert {key.rsplit("-", 1)[-1]: cohort.open(key).ndim for key in cohort} == {"image": 5, "m0": 3}


def test_phases_without_labels_and_a_phase_that_is_missing(tmp_path):
    frames = [f for f in labelled(slices=3) if f[LABEL] == "LABEL"]
    write_series(tmp_path / "a", frames)
    assert dx.open_series(tmp_path / "a").sizes["TriggerTime"] == 2
    write_series(tmp_path / "b", frames[:-1])
    with pytest.raises(dx.GridError):
        dx.open_series(tmp_path / "b")


@pytest.mark.parametrize(
    ("element", "values"),
    [("EchoNumbers", [1, 2]), ("RepetitionTime", [500, 3000]), ("SequenceName", ["ep_b0", "ep_b1000#1", "ep_b1000#2"])],
)
def test_settings_that_nothing_calls_times_are_dimensions(tmp_path, element, values):
    frames = [frame(5 * s, value=n, InstanceNumber=10 * n + s) | {element: v} for s in range(2) for n, v in enumerate(values)]
    write_series(tmp_path / "a", frames, shuffle=1)
    da = dx.open_series(tmp_path / "a")
    name = "tr" if element == "RepetitionTime" else element
    assert da.dims == ("slice", name, "row", "col")
    assert da[name].values.tolist() == values
    assert da[0, :, 0, 0].values.tolist() == list(range(len(values)))
    write_series(tmp_path / "b", [f | {"AcquisitionTime": f"1000{f['InstanceNumber'] // 10:02d}"} for f in frames])
    assert dx.open_series(tmp_path / "b").dims == ("slice", "time", "row", "col")


def enhanced(path, names, rows, **more):
    """An enhanced file whose frames have DimensionIndexValues that count the named elements."""
    write_enhanced(path, rows, SHARED, **more)
    data = pydicom.dcmread(path)
    data.DimensionIndexSequence = [pointed(*name) for name in names]
    data.save_as(path)


def pointed(tag, creator=""):
    item = Dataset()
    item.DimensionIndexPointer = tag
    if creator:
        item.DimensionIndexPrivateCreator = creator
    return item


def cells(more=()):
    """Frames of 2 slices, 3 flavours and 2 repeats, which the dimensions of the file alone tell apart."""
    return [
        {
            "ImagePositionPatient": [0, 0, 5.0 * s],
            "DimensionIndexValues": [1, s + 1, flavour + 1, repeat + 1],
            "TemporalPositionIndex": repeat + 1,
            "pixels": image(100 * repeat + flavour),
            **dict(more),
        }
        for flavour in range(3)
        for repeat in range(2)
        for s in range(2)
    ]


NAMES = [("StackID",), ("InStackPositionNumber",), (0x20051045, "A Vendor 001"), ("TemporalPositionIndex",)]


def test_what_only_the_files_own_dimensions_tell_is_a_dimension(tmp_path):
    enhanced(tmp_path / "e.dcm", NAMES, cells())
    da = dx.open_series(tmp_path)
    name = "(2005,A Vendor 001,45)"
    assert dict(da.sizes) == {"slice": 2, "time": 2, name: 3, "row": 3, "col": 4}
    assert da[name].values.tolist() == [1, 2, 3]
    assert da.isel(slice=0, row=0, col=0).values.tolist() == [[0, 1, 2], [100, 101, 102]]


@pytest.mark.parametrize("clock", [{}, {"FrameAcquisitionDateTime": True}])
def test_dimensions_of_the_file_may_be_asked_for_and_ordered(tmp_path, clock):
    rows = cells()
    for n, row in enumerate(rows):
        row |= dict.fromkeys(clock, f"2026010110{n:02d}00")
    enhanced(tmp_path / "e.dcm", NAMES, rows)
    name = "(2005,A Vendor 001,45)"
    for dims in ([name, "slice"], [(0x2005, "A Vendor 001", 0x45), "slice"]):
        da = dx.open_series(tmp_path, dims=dims)
        assert da.dims.index(name) < da.dims.index("slice")
        assert da.sizes["time"] == 2
    write_enhanced(tmp_path / "b" / "e.dcm", rows, SHARED)
    assert dx.open_series(tmp_path / "b", dims=["dimension_3"]).sizes["dimension_3"] == 3
    assert "dimension_1" not in dx.open_series(tmp_path / "b", dims=["dimension_1"]).dims  # it does not vary
    with pytest.raises(dx.GridError, match="dimension_9"):
        dx.open_series(tmp_path / "b", dims=["dimension_9"])


def test_dimensions_without_names(tmp_path):
    write_enhanced(tmp_path / "e.dcm", cells(), SHARED)
    assert dict(dx.open_series(tmp_path).sizes) == {"slice": 2, "time": 2, "dimension_3": 3, "row": 3, "col": 4}


def test_damaged_dimensions_are_passed_over(tmp_path):
    for n, damage in enumerate(([("StackID",)], [(0,)] * 70)):
        path = tmp_path / str(n) / "e.dcm"
        path.parent.mkdir()
        enhanced(path, damage, cells())
        assert "dimension_3" in dx.open_series(path).dims


def test_labels_of_the_standard(tmp_path):
    rows = [
        {"ImagePositionPatient": [0, 0, 5.0 * s], "TemporalPositionIndex": r + 1, "pixels": image(10 * r + n), "n": n}
        for r in range(3)
        for n in range(2)
        for s in range(2)
    ]
    words = [("LABEL", "CONTROL")[row.pop("n")] for row in rows]
    write_enhanced(tmp_path / "e.dcm", rows, SHARED)
    data = pydicom.dcmread(tmp_path / "e.dcm")
    for group, word in zip(data.PerFrameFunctionalGroupsSequence, words, strict=True):
        group.MRArterialSpinLabelingSequence = [Dataset()]
        group.MRArterialSpinLabelingSequence[0].ASLContext = word
    data.save_as(tmp_path / "e.dcm")
    da = dx.open_series(tmp_path)
    assert dict(da.sizes) == {"slice": 2, "time": 3, "label": 2, "row": 3, "col": 4}
    assert np.array_equal(da.sel(label="control")[0, :, 0, 0], [1, 11, 21])


def test_a_private_element_is_read_and_made_a_dimension_in_one_call(tmp_path):
    tag = (0x0019, "A VENDOR", 0x10)
    frames = [frame(5 * s, value=v) | {(*tag, "LO"): f"state {v}", "InstanceNumber": 1} for s in range(2) for v in range(2)]
    write_series(tmp_path, frames)
    name = "(0019,A VENDOR,10)"
    for dims in ([tag], [name], [name, "slice"]):
        da = dx.open_series(tmp_path, tags=[tag], dims=dims)
        assert set(da.dims) == {"slice", name, "row", "col"}
        assert da[name].values.tolist() == ["state 0", "state 1"]
    assert dx.open_series(Path(tmp_path), dims=[tag]).sizes[name] == 2
    key = next(iter(dx.open_cohort(tmp_path)))
    assert dx.open_cohort(tmp_path).open(key, dims=[tag]).sizes[name] == 2
