"""Two kinds of image never become two times."""

import numpy as np
import pandas as pd
import pytest

import dcmxarray as dx
from dcmxarray.testing import write_enhanced, write_series

from ..making import diffusion, frame, image, opened

PART = (0x2005, "Philips MR Imaging DD 001", 0x11, "CS")
GE = (0x0043, "GEMS_PARM_01", 0x30, "SS")


def pair(first, second, **more):
    """Two volumes of two slices that InstanceNumber alone tells apart, each with elements of its own."""
    return [
        frame(5 * s, InstanceNumber=10 * v + s, value=v) | more | own for v, own in enumerate((first, second)) for s in range(2)
    ]


def numbered(root, frames):
    return [f | {"SOPInstanceUID": f"{root}.{n}"} for n, f in enumerate(frames)]


ORIGINAL, DERIVED = ["ORIGINAL", "PRIMARY", "M"], ["DERIVED", "PRIMARY", "M"]
APART = {
    "the vendor's type of image": ({}, {GE: 16}, ["plain", "variant16"]),
    "a map by the vendor's type, at another echo": ({"EchoTime": 5}, {PART: "T1", "EchoTime": 0}, ["plain", "variantT1"]),
    "units": ({}, {"RescaleType": "Hz", "RescaleSlope": 1, "RescaleIntercept": 0}, ["hz", "unitless"]),
    "derived": ({"ImageType": ORIGINAL}, {"ImageType": DERIVED}, ["derived", "original"]),
    "derived, at another echo": (
        {"ImageType": ORIGINAL, "EchoTime": 5},
        {"ImageType": DERIVED, "EchoTime": 7},
        ["derived", "original"],
    ),
    "range": ({}, {"RescaleSlope": 1, "RescaleIntercept": -500}, ["signed", "unsigned"]),
    "m0": ({}, {(0x2005, "Philips MR Imaging DD 005", 0x29, "CS"): "M0"}, ["image", "m0"]),
    "no echo": (
        {"ImageType": ["ORIGINAL", "PRIMARY", "M_SE"], "EchoTime": 5},
        {"ImageType": ["ORIGINAL", "PRIMARY", "NEW MAP"], "EchoTime": 0},
        ["new_map", "plain"],
    ),
}


@pytest.mark.parametrize("what", APART)
def test_kinds_are_arrays_of_their_own(tmp_path, what):
    first, second, ends = APART[what]
    write_series(tmp_path, pair(first, second), shuffle=1)
    keys = list(dx.open_cohort(tmp_path))
    assert [key.rsplit("-", 1)[-1] for key in keys] == ends
    values = {int(dx.open_series(tmp_path, series=key, rescale=False).max()) for key in keys}
    assert values == {0, 1}
    assert dx.open_series(tmp_path, series=keys[0]).dims == ("slice", "row", "col")


def test_uids_of_another_root_are_another_kind_where_no_clock_is(tmp_path):
    frames = pair({}, {})
    write_series(tmp_path / "a", numbered("1.2.840.1.77.5", frames[:2]) + numbered("1.2.840.1.78.6", frames[2:]))
    keys = list(dx.open_cohort(tmp_path / "a"))
    assert len(keys) == 2
    assert all("-uid" in key for key in keys)
    counted = numbered("1.2.840.1.77.5", frames[:2]) + numbered("1.2.840.1.77.6", frames[2:])  # a number for each volume
    assert opened(tmp_path / "b", counted).sizes["time"] == 2
    clocks = [f | {"AcquisitionTime": f"1000{n // 2:02d}"} for n, f in enumerate(frames)]
    told = numbered("1.2.840.1.77.5", clocks[:2]) + numbered("1.2.840.1.78.6", clocks[2:])
    assert opened(tmp_path / "c", told).sizes["time"] == 2


def test_a_root_for_each_file_says_nothing(tmp_path):
    frames = [f | {"SOPInstanceUID": f"1.2.{n + 3}.7.8"} for n, f in enumerate(pair({}, {}))]
    assert opened(tmp_path, frames).sizes["time"] == 2


def test_dynamics_with_a_slope_for_each_volume_stay_dynamics(tmp_path):
    slopes = [{"RescaleSlope": s, "RescaleIntercept": 0, "Units": "BQML"} for s in (0.5, 0.25)]
    assert opened(tmp_path, pair(*slopes, Modality="PT")).sizes["time"] == 2


def test_the_vendors_type_follows_diffusion(tmp_path):
    volumes = [(0, None, 14), (1000, [1.0, 0, 0], 16), (1000, [0, 1.0, 0], 16), (1000, [0, 0, 1.0], 3)]
    frames = [diffusion(5 * s, b, g, 10 * v + s) | {GE: kind} for v, (b, g, kind) in enumerate(volumes) for s in range(2)]
    assert opened(tmp_path, frames)["b"].values.tolist() == [0, 1000, 1000, 1000]


def test_kinds_that_follow_echoes_are_one_array(tmp_path):
    frames = pair({"ImageType": [*ORIGINAL, "TE1"], "EchoTime": 5}, {"ImageType": [*ORIGINAL, "TE2"], "EchoTime": 7})
    assert opened(tmp_path, frames).sizes["te"] == 2


def test_maps_in_an_enhanced_file_are_split_off_before_axes_are_sought(tmp_path):
    kinds = {
        "M": (["ORIGINAL", "PRIMARY", "T1", "NONE"], "MAGNITUDE", (5.0, 10.0)),
        "R": (["ORIGINAL", "PRIMARY", "T1", "NONE"], "REAL", (5.0, 10.0)),
        "map": (["DERIVED", "PRIMARY", "T1", "T1_VALUES"], "MIXED", (0.0,)),
    }
    frames = [
        {
            "ImagePositionPatient": [0, 0, 5.0 * s],
            "FrameType": words,
            "ComplexImageComponent": part,
            "EffectiveEchoTime": te,
            "pixels": image(100 if part == "MIXED" else te),
        }
        for s in range(3)
        for words, part, times in kinds.values()
        for te in times
    ]
    shared = {"ImageOrientationPatient": [1, 0, 0, 0, 1, 0], "PixelSpacing": [2, 2], "SliceThickness": 5}
    write_enhanced(tmp_path / "e.dcm", frames, shared)
    cohort = dx.open_cohort(tmp_path)
    arrays = {key.rsplit("-", 1)[-1]: cohort.open(key) for key in cohort}
    assert {name: dict(da.sizes) for name, da in arrays.items()} == {
        "t1_none": {"slice": 3, "te": 2, "component": 2, "row": 3, "col": 4},
        "t1_t1_values": {"slice": 3, "row": 3, "col": 4},
    }
    assert int(arrays["t1_t1_values"].min()) == 100
    assert arrays["t1_t1_values"]["frame"].dims == ("slice",)


def test_a_display_range_of_another_order_is_another_kind_where_no_clock_is(tmp_path):
    wide, narrow = {"WindowCenter": 1000, "WindowWidth": 2000}, {"WindowCenter": [90, 50], "WindowWidth": [150, 60]}
    write_series(tmp_path / "a", pair(wide, narrow))
    assert [key.rsplit("-", 1)[-1] for key in dx.open_cohort(tmp_path / "a")] == ["to165", "to2e+03"]
    write_series(tmp_path / "b", pair(wide, {"WindowCenter": 0, "WindowWidth": 2000}))
    assert [key.rsplit("-", 1)[-1] for key in dx.open_cohort(tmp_path / "b")] == ["signed", "unsigned"]
    near = {"WindowCenter": 700, "WindowWidth": 1400}
    assert opened(tmp_path / "c", pair(wide, near)).sizes["time"] == 2
    clocked = [f | {"AcquisitionTime": f"1000{f['InstanceNumber'] // 10:02d}"} for f in pair(wide, narrow)]
    assert opened(tmp_path / "d", clocked).sizes["time"] == 2


def test_ranges_by_slice_and_many_ranges_say_nothing(tmp_path):
    ranges = [{"WindowCenter": 10**n, "WindowWidth": 2 * 10**n} for n in range(1, 5)]
    by_slice = [frame(5 * s, InstanceNumber=10 * v + s) | ranges[s] for v in range(2) for s in range(4)]
    assert opened(tmp_path / "a", by_slice).sizes["time"] == 2
    by_volume = [frame(5 * s, InstanceNumber=10 * v + s) | ranges[v] for v in range(4) for s in range(2)]
    assert opened(tmp_path / "b", by_volume).sizes["time"] == 4


def test_tables_of_several_pieces(tmp_path):
    for n in range(2):
        write_series(tmp_path / str(n), pair({}, {"ImageType": DERIVED}, SeriesInstanceUID=f"1.9.{n}"))
    table = pd.concat([dx.scan(tmp_path / str(n)) for n in range(2)], ignore_index=True)
    assert len(dx.open_cohort(table)) == 4


def test_a_table_of_one_series_is_split_as_its_folder(tmp_path):
    frames = pair({}, {})
    write_series(tmp_path, numbered("1.2.840.1.77.5", frames[:2]) + numbered("1.2.840.1.78.6", frames[2:]))
    with pytest.raises(dx.SeriesError, match="2 arrays"):
        dx.open_series(dx.scan(tmp_path))


def test_volumes_without_weighting_in_a_diffusion_scan_are_one_array_whatever_their_uids(tmp_path):
    volumes = [(0, None), (0, None), (900, [1.0, 0, 0])]
    frames = [
        diffusion(5 * s, b, g, 10 * v + s) | {"SOPInstanceUID": f"1.2.{v + 1}.3.{s}"}
        for v, (b, g) in enumerate(volumes)
        for s in range(2)
    ]
    assert opened(tmp_path, frames)["b"].values.tolist() == [0, 0, 900]


def test_a_table_that_says_otherwise_decides(tmp_path):
    write_series(tmp_path, pair({}, {GE: 16, "WindowCenter": 0, "WindowWidth": 500}))
    frames = dx.scan(tmp_path)
    with pytest.raises(dx.SeriesError, match="variant16"):
        dx.open_series(frames)
    assert dx.open_series(frames.assign(variant=None, window_low=np.nan)).sizes["time"] == 2


def test_a_joined_list_is_split_by_kinds_but_not_by_roots_or_ranges(tmp_path):
    for n, root in enumerate(("1.2.77.5.6", "1.2.78.5.6")):
        own = {"SeriesInstanceUID": f"1.9.{n}", "SeriesNumber": n, "WindowCenter": 20 * 100**n, "WindowWidth": 40 * 100**n}
        write_series(tmp_path / str(n), numbered(root, [frame(5 * s) | own for s in range(2)]))
    assert dx.open_series([tmp_path / "0", tmp_path / "1"]).sizes["time"] == 2
