"""What `DataArray.dicom` says where it can't answer."""

import pytest

import dcmxarray as dx

from .making import diffusion, frame, opened


def test_one_clock_for_all_times_is_no_datetime(tmp_path):
    frames = [frame(5 * s, AcquisitionTime="100000", InstanceNumber=2 * t + s, value=t) for s in range(2) for t in range(3)]
    da = opened(tmp_path, frames)
    assert da["time"].attrs["units"] == "1"
    with pytest.raises(dx.HeaderError, match=r"one acquisition date and time.*assign_coords"):
        da.dicom.to_datetime()
    assert da.isel(time=1).dicom.to_datetime()["time"] == da["AcquisitionDateTime"]


@pytest.mark.parametrize("wrong", [[0, 1000], "1000", None, slice("0", "1000")])
def test_a_shell_is_a_number_or_a_range(wrong, tmp_path):
    da = opened(tmp_path, [diffusion(5 * z, b, [0, 0, b > 0], b) for z in (0, 1) for b in (0, 1000)])
    with pytest.raises(TypeError, match="slice"):
        da.dicom.shell(wrong)


def test_a_query_over_both_tables_says_how_to_ask(tmp_path):
    opened(tmp_path, [diffusion(5 * z, b, [0, 0, b > 0], b) for z in (0, 1) for b in (0, 1000)])
    cohort = dx.open_cohort(tmp_path)
    with pytest.raises(ValueError, match=r"ask one table after the other: query\(.*\).query\("):
        cohort.query("b > 0 and files > 1")
    assert len(cohort.query("b > 0").query("files > 1")) == 1


def test_one_tag_is_a_list(tmp_path):
    opened(tmp_path, [frame()])
    for call in (dx.scan, dx.open_series, dx.open_cohort):
        with pytest.raises(TypeError, match=r"\['EchoTime'\]"):
            call(tmp_path, tags="EchoTime")


def test_a_series_without_uid_has_words(tmp_path):
    with pytest.raises(dx.GridError, match=r"^a series without SeriesInstanceUID: 1 cell holds"):
        opened(tmp_path, [frame(SeriesInstanceUID=None, InstanceNumber=1, value=v) for v in (1, 2)])
