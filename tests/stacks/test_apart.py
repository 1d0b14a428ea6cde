"""Series that a user joined are one array only where they share a frame of reference, and slices of one volume one contrast."""

import pandas as pd
import pytest

import dcmxarray as dx
from dcmxarray.pixels import copies
from dcmxarray.stacks.split import split
from dcmxarray.testing import write_series
from dcmxarray.testing.writer import uid

from ..making import frame


def written(folder, groups):
    """Folders with a series each; each group holds the positions and the elements of its frames."""
    for n, (positions, elements) in enumerate(groups):
        own = {"SeriesInstanceUID": uid("series", n), "SeriesNumber": n + 1}
        write_series(
            folder / str(n), [frame(z, AcquisitionTime=f"1000{n:02d}", **(own | elements)) for z in positions], shuffle=n
        )
    return [folder / str(n) for n in range(len(groups))]


@pytest.mark.parametrize("positions", [(0, 5), (10, 15)])
def test_unlike_frames_of_reference_are_never_joined(tmp_path, positions):
    paths = written(tmp_path, [((0, 5), {"FrameOfReferenceUID": "1.2.3"}), (positions, {"FrameOfReferenceUID": "1.2.4"})])
    for source in (paths, paths[::-1], dx.scan(tmp_path)):
        with pytest.raises(dx.SeriesError, match="2 arrays") as error:
            dx.open_series(source)
        assert "1.2.4" not in str(error.value).replace("series", "")
    keys = [line.split()[0] for line in str(error.value).splitlines()[1:]]
    assert [dx.open_series(paths, series=key).sizes["slice"] for key in keys] == [2, 2]


def test_a_series_without_a_frame_of_reference_meets_any(tmp_path):
    paths = written(tmp_path, [((0, 5), {"FrameOfReferenceUID": "1.2.3"}), ((0, 5), {"FrameOfReferenceUID": None})])
    assert dx.open_series(paths).sizes["time"] == 2


def test_frames_of_reference_within_a_series_are_left_as_they_are(tmp_path):
    for z in (0, 5):
        write_series(tmp_path / str(z), [frame(z, FrameOfReferenceUID=f"1.2.{z}", SeriesInstanceUID="1.9")])
    assert dx.open_series(dx.scan(tmp_path)).identical(dx.open_series(tmp_path))


@pytest.mark.parametrize("name", ["EchoTime", "InversionTime", "FlipAngle", "RepetitionTime"])
def test_slices_of_another_contrast_are_none_of_the_same_volume(tmp_path, name):
    paths = written(tmp_path, [((0, 10, 20), {name: 10}), ((5, 15), {name: 80})])
    with pytest.raises(dx.SeriesError, match="2 arrays"):
        dx.open_series(paths)


def test_slices_of_one_contrast_are_one_volume(tmp_path):
    paths = written(tmp_path, [((0, 10, 20), {"EchoTime": 10}), ((5, 15), {"EchoTime": 10})])
    assert dx.open_series(paths)["slice"].values.tolist() == [0, 5, 10, 15, 20]


@pytest.mark.parametrize(("label", "arrays"), [("another organ", 2), (None, 1)])
def test_segments_of_unlike_objects_are_never_joined(series, label, arrays):
    table = dx.scan(series("QIICR+dcmqi"))
    one = table[table["ReferencedSegmentNumber"].notna()]
    one = one[one["SOPInstanceUID"] == one["SOPInstanceUID"].iat[0]]
    new = {"segment_label": label} if label else {}
    other = one.assign(SOPInstanceUID="1.2.9", SeriesInstanceUID="1.2.8", ContentTime="235959", **new)
    assert len(split(pd.concat([one, other]), copies.pixels, joined=True)) == arrays
