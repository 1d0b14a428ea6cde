"""Which element orders volumes, and which clock tells their seconds."""

import numpy as np
import pydicom
import pytest

import dcmxarray as dx
from dcmxarray.testing.writer import write_frame

from ..making import frame, opened


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


def test_random_instance_numbers_do_not_matter_where_positions_in_time_are_said(tmp_path):
    rng = np.random.default_rng(3)
    numbers = rng.permutation(12) + 1
    frames = [
        frame(5 * s, TemporalPositionIdentifier=t + 1, InstanceNumber=int(numbers[4 * s + t]), value=t)
        for s in range(3)
        for t in range(4)
    ]
    assert (opened(tmp_path, frames).isel(row=0, col=0).values == np.arange(4)).all()


def test_dynamic_pet(tmp_path):
    frames = [
        frame(5 * s, Modality="PT", FrameReferenceTime=30000.0 * t + 15000, ActualFrameDuration=30000,
              RescaleSlope=1.0 + s + 0.1 * t, RescaleIntercept=0, Units="BQML", value=2)
        for s in range(2) for t in range(3)
    ]  # fmt: skip
    da = opened(tmp_path, frames)
    assert da.attrs["time_source"] == "FrameReferenceTime"
    assert da["time"].values.tolist() == [0, 30, 60]
    assert da.attrs["units"] == "BQML"
    np.testing.assert_allclose(da.isel(row=0, col=0), [[2, 2.2, 2.4], [4, 4.2, 4.4]], rtol=1e-6)


def test_perfusion_ct_shuttles(tmp_path):
    frames = [
        frame(5 * s, Modality="CT", AcquisitionTime=f"1000{3 * t:02d}.{(s if t % 2 else 2 - s)}", value=t)
        for t in range(4)
        for s in range(3)
    ]
    assert (opened(tmp_path, frames).isel(row=0, col=0).values == np.arange(4)).all()


def test_stripped_times_leave_an_index(tmp_path):
    frames = [
        frame(5 * s, AcquisitionDate=None, StudyDate=None, InstanceNumber=4 * s + t, value=t) for s in range(2) for t in range(4)
    ]
    da = opened(tmp_path, frames)
    assert da["time"].attrs["units"] == "1"
    with pytest.raises(dx.HeaderError, match="acquisition date and time"):
        da.dicom.to_datetime()


def test_label_and_control_are_volumes_in_order(tmp_path):
    frames = [
        frame(
            5 * s,
            AcquisitionTime=f"1000{4 * v:02d}.{s}",
            AcquisitionNumber=v + 1,
            ImageType=["ORIGINAL", "PRIMARY", "ASL", "NONE"],
            value=v,
        )
        for v in range(6)
        for s in range(3)
    ]
    da = opened(tmp_path, frames)
    assert da["time"].values.tolist() == [0, 4, 8, 12, 16, 20]
    assert (da.isel(row=0, col=0).values == np.arange(6)).all()


@pytest.mark.parametrize(
    ("element", "values", "seconds", "source"),
    [
        ("AcquisitionTime", ["100000.5", "100002", "100100"], [0, 1.5, 59.5], "AcquisitionDateTime"),
        ("AcquisitionDateTime", ["20260101235959", "20260102000000.25", "20260102000001"], [0, 1.25, 2], "AcquisitionDateTime"),
        ("TriggerTime", [10, 35.5, 60], [0, 0.0255, 0.05], "TriggerTime"),
        ("FrameReferenceTime", [500, 1000, 3000], [0, 0.5, 2.5], "FrameReferenceTime"),
        ("NominalCardiacTriggerDelayTime", [0.0, 40.0, 80.0], [0, 0.04, 0.08], "NominalCardiacTriggerDelayTime"),
        ("TemporalPositionTimeOffset", [1.5, 2.0, 4.0], [0, 0.5, 2.5], "TemporalPositionTimeOffset"),
        ("ContentTime", ["100000", "100001.5", "100100"], [0, 1.5, 60], "ContentTime"),
        ("TemporalPositionIdentifier", [3, 5, 9], None, "TemporalPositionIdentifier"),
        ("AcquisitionNumber", [1, 2, 4], None, "AcquisitionNumber"),
        ("InstanceNumber", [4, 8, 15], None, "InstanceNumber"),
    ],
)
def test_every_element_that_orders_volumes_and_its_unit(tmp_path, element, values, seconds, source):
    frames = [
        frame(5 * s, value=t) | ({element: v} if element != "InstanceNumber" else {element: v + 100 * s})
        for s in range(2)
        for t, v in enumerate(values)
    ]
    if element != "InstanceNumber":  # it counts against the time
        frames = [f | {"InstanceNumber": 90 - k} for k, f in enumerate(frames)]
    da = opened(tmp_path, frames, shuffle=2)
    assert da.attrs["time_source"] == source
    assert da["time"].attrs["units"] == ("s" if seconds else "1")
    np.testing.assert_allclose(da["time"], seconds or [0, 1, 2], atol=1e-6)
    assert da.isel(row=0, col=0).values.tolist() == [[0, 1, 2]] * 2


def test_a_time_without_a_date_is_still_a_clock(tmp_path):
    frames = [
        frame(5 * s, AcquisitionTime=f"2359{50 + t:02d}", AcquisitionDate=None, StudyDate=None, value=t)
        for s in range(2)
        for t in range(3)
    ]
    da = opened(tmp_path, frames)
    assert da.attrs["time_source"] == "AcquisitionTime"
    assert da["time"].values.tolist() == [0, 1, 2]


@pytest.mark.parametrize(("gap", "agrees"), [(3, True), (2, False)])
def test_slices_may_be_staggered_by_less_than_the_gap_between_volumes(tmp_path, gap, agrees):
    # two slices 2 s apart; volumes follow after 3 s, or after 2 s: then index i of one slice is index i + 1 of the other
    frames = [
        frame(5 * s, AcquisitionTime=f"1000{gap * t + 2 * s:02d}", InstanceNumber=10 * t + s, value=t)
        for s in range(2)
        for t in range(3)
    ]
    da = opened(tmp_path, frames)
    assert da.attrs["time_source"] == ("" if agrees else "InstanceNumber, seconds by ") + "AcquisitionDateTime"
    assert da.isel(row=0, col=0).values.tolist() == [[0, 1, 2]] * 2


def test_frame_time_is_in_ms_and_the_axis_in_s(tmp_path):
    write_frame(tmp_path / "cine.dcm", frame(NumberOfFrames=3, FrameTime=40.0))
    data = pydicom.dcmread(tmp_path / "cine.dcm")
    data.PixelData *= 3
    data.save_as(tmp_path / "cine.dcm")
    da = dx.open_series(tmp_path)
    assert da.attrs["time_source"] == "FrameTime"
    assert da["time"].values.tolist() == [0, 0.04, 0.08]


def test_a_clock_that_runs_backwards_in_one_slice_gives_no_seconds(tmp_path):
    times = [["00", "01", "02"], ["00", "04", "03"]]
    frames = [
        frame(5 * s, TemporalPositionIdentifier=t + 1, AcquisitionTime=f"1000{times[s][t]}", value=t)
        for s in range(2)
        for t in range(3)
    ]
    da = opened(tmp_path, frames)
    assert (da.attrs["time_source"], da["time"].attrs["units"]) == ("TemporalPositionIdentifier", "1")
