"""Every way out that a message names is taken, word for word, and opens the series."""

import re

import numpy as np
import pandas as pd
import pytest

import dcmxarray as dx
from dcmxarray.attributes import proposed
from dcmxarray.testing import write_enhanced, write_series
from dcmxarray.testing.writer import uid

from ..making import diffusion, frame, image

WAY = re.compile(r"dims=\[.*?\]|no dims=|(?:duplicates|missing)='\w+'(?: with missing='\w+')?|frames\[.*\](?=\.$)")


def ways(message):
    """The ways out at the end of a message: keyword arguments and filters, as they are written."""
    assert message.count(" Pass ") == 1, message
    return WAY.findall(message.rpartition(" Pass ")[2])


def taken(frames, way, **options):
    """The array after one way out."""
    if way.startswith("frames["):
        return dx.open_series(eval(way, {"frames": frames}), **options)
    changed = {"dims": None} if way == "no dims=" else eval(f"dict({way.replace(' with ', ', ')})")
    return dx.open_series(frames, **options | changed)


def echoes(s, e):
    return frame(5 * s, EchoNumbers=e, InstanceNumber=1)


def series_times(n=4, slices=3):
    return [
        frame(5 * s, AcquisitionTime=f"1000{10 * t + s:02d}", InstanceNumber=t * slices + s, value=t)
        for t in range(n)
        for s in range(slices)
    ]


def dynamic_with_a_double():
    return [*series_times(), series_times()[4] | {"value": 9}]


def renumbered_double():
    return [*series_times(), series_times()[4] | {"InstanceNumber": 77, "value": 9}]


def interrupted():
    return series_times()[:-2]


def two_gaps():
    return [f for k, f in enumerate(series_times()) if k not in (4, 11)]


def gap_and_double():
    return [f for k, f in enumerate(dynamic_with_a_double()) if k != 7]


def diffusion_with_a_double():
    x, y = [1.0, 0, 0], [0, 1.0, 0]
    volumes = [(0, [0.0, 0, 0]), (1000, x), (1000, y)]
    frames = [diffusion(5 * s, b, g, 10 * v + s) for v, (b, g) in enumerate(volumes) for s in range(2)]
    return [*frames, frames[3] | {"value": 99}]


def two_kernels():
    return [frame(5 * s, Modality="CT", ConvolutionKernel=k, InstanceNumber=s + 1) for s in range(3) for k in ("B30f", "B70f")]


def two_energies():
    return [frame(5 * s, Modality="CT", KVP=k, AcquisitionNumber=1, InstanceNumber=s + 1) for s in range(3) for k in (80, 140)]


def two_columns():
    return [
        frame(5 * s, EchoNumbers=e, SequenceName=f"fl{q}", InstanceNumber=1) for s in range(2) for e in (1, 2) for q in (1, 2)
    ]


def ragged_echoes():
    return [
        frame(5 * s, EchoTime=float(e), InstanceNumber=e) for s in range(3) for e in (1, 2, 3) if (s, e) not in ((0, 3), (2, 1))
    ]


def two_stations_in_one():
    return [frame(5 * s, InstanceNumber=1, ScanOptions=o) for o, n in (("A", 4), ("B", 3)) for s in range(n)]


def echoes_without_times():
    return [echoes(s, e) for s in range(2) for e in (1, 2)]


AMBIGUOUS = [
    *(echoes_without_times, dynamic_with_a_double, renumbered_double, interrupted, two_gaps, gap_and_double),
    *(diffusion_with_a_double, two_kernels, two_energies, two_columns, ragged_echoes, two_stations_in_one),
]


@pytest.mark.parametrize("make", AMBIGUOUS)
def test_every_way_out_is_one(make, tmp_path):
    write_series(tmp_path, make(), shuffle=1)
    frames = dx.scan(tmp_path)
    with pytest.raises(dx.GridError) as error:
        dx.open_series(frames)
    named = ways(str(error.value))
    assert named
    for way in named:
        assert taken(frames, way).size


@pytest.mark.parametrize("make", [dynamic_with_a_double, renumbered_double])
def test_a_double_does_not_hide_the_times(make, tmp_path):
    write_series(tmp_path, make(), shuffle=2)
    da = dx.open_series(tmp_path, duplicates="first")
    assert dict(da.sizes) == {"slice": 3, "time": 4, "row": 3, "col": 4}
    assert da[1, :, 0, 0].values.tolist() in ([0, 1, 2, 3], [0, 9, 2, 3])
    assert da[0, :, 0, 0].values.tolist() == [0, 1, 2, 3]


def test_doubles_and_holes_need_both_options(tmp_path):
    write_series(tmp_path, gap_and_double())
    with pytest.raises(dx.GridError, match="Pass duplicates='first' with missing='fill'"):
        dx.open_series(tmp_path)
    with pytest.raises(dx.GridError, match="1 of 12 cells"):
        dx.open_series(tmp_path, duplicates="first")
    assert dx.open_series(tmp_path, duplicates="first", missing="fill").sizes["time"] == 4


def test_a_table_of_arrays_does_not_wait_for_ways_out(tmp_path):
    write_series(tmp_path, echoes_without_times())
    cohort = dx.open_cohort(tmp_path)
    assert cohort.series["problem"].item().endswith("Open it, and the error names the ways out.")
    with pytest.raises(dx.GridError, match="Pass dims="):
        cohort[next(iter(cohort))]


def test_gaps_within_volumes_leave_the_times(tmp_path):
    write_series(tmp_path, two_gaps())
    da = dx.open_series(tmp_path, missing="fill")
    assert da["valid"].values.tolist() == [[1, 1, 1, 1], [1, 0, 1, 1], [1, 1, 1, 0]]
    assert da[0, :, 0, 0].values.tolist() == [0, 1, 2, 3]


def test_dims_that_cannot_work_are_said_to(tmp_path):
    same = {"InstanceNumber": 1, "FlipAngle": 10}
    frames = [frame(5 * s, EchoTime=float(k), InversionTime=float(k % 7), **same) for s in range(2) for k in range(60)]
    write_series(tmp_path, frames)
    with pytest.raises(dx.GridError, match="no dims="):
        dx.open_series(tmp_path, dims=["te", "ti", "fa"])
    assert dx.open_series(tmp_path).sizes["te"] == 60


def test_series_are_listed_with_their_numbers(tmp_path):
    for n in (3, 7):
        write_series(tmp_path / str(n), [frame(5 * s, SeriesInstanceUID=uid("series", n), SeriesNumber=n) for s in range(2)])
    with pytest.raises(dx.SeriesError, match=r"SeriesNumber 3 .*\n.*SeriesNumber 7 "):
        dx.open_series(tmp_path)
    assert dx.open_series(tmp_path, series="7").attrs["SeriesNumber"] == 7


@pytest.mark.parametrize("dims", [["row"], ["slice", "col"], ["rgb"]])
def test_pixel_dims_are_no_choice(dims):
    with pytest.raises(ValueError, match="always the last dims"):
        dx.open_series(dx.testing.example("dce"), dims=dims)
    with pytest.raises(dx.GridError, match="its columns are position_x, position_y, position_z"):
        dx.open_series(dx.testing.example("dce"), dims=["position"])


def test_nothing_about_persons_or_display_is_proposed():
    never = "PatientID PatientName StudyDate SOPInstanceUID WindowCenter VOILUTFunction AccessionNumber ImageComments path"
    assert not [name for name in never.split() if proposed(name)]
    assert all(map(proposed, ("EchoTime", "SeriesNumber", "component", "TriggerDelayTime", "(0019,X,0C)")))


def thinned(frames, seed):
    """A table without some of its frames, or with some of them twice."""
    rng = np.random.default_rng(seed)
    kept = frames[rng.random(len(frames)) > 0.1]
    again = kept.sample(min(2, len(kept)), random_state=seed)
    uids = [f"{uid}.9" for uid in again["SOPInstanceUID"]]
    return pd.concat([kept, again.assign(SOPInstanceUID=uids)], ignore_index=True) if seed % 2 else kept


def test_two_series_in_one_table_are_told_apart(tmp_path):
    for number, agent in ((1, "before"), (2, "after")):
        write_series(tmp_path / str(number), [frame(5 * s, SeriesDescription=agent, InstanceNumber=s) for s in range(3)])
    frames = dx.scan([tmp_path / "1", tmp_path / "2"])
    with pytest.raises(dx.GridError) as error:
        dx.open_series(frames)
    assert ways(str(error.value))[0] == "dims=['SeriesDescription']"
    for way in ways(str(error.value)):
        assert taken(frames, way).sizes["slice"] == 3


def test_whatever_a_user_added_to_the_table_the_message_is_made(tmp_path):
    write_series(tmp_path, echoes_without_times())
    frames = dx.scan(tmp_path)
    odd = {"lists": [[1]] * 4, "mixed": [1, "a", None, 2.5], "size": [1, 2] * 2, "group": pd.Categorical(["a", "b", "a", None])}
    frames = frames.assign(**odd, **{"a b": list("xyxy")}).assign(EchoNumbers=1)
    frames[7] = [1, 2, 3, 4]
    with pytest.raises(dx.GridError) as error:
        dx.open_series(frames)
    for way in ways(str(error.value)):
        assert taken(frames, way).size


def test_an_enhanced_file_names_ways_out_too(tmp_path):
    groups = [{"ImagePositionPatient": [0, 0, 5.0 * s], "EffectiveEchoTime": float(e)} for s, e in ((0, 1), (0, 2), (1, 1))]
    shared = {"ImageOrientationPatient": [1, 0, 0, 0, 1, 0], "PixelSpacing": [2, 2]}
    write_enhanced(tmp_path / "a.dcm", [group | {"pixels": image(1)} for group in groups], shared)
    frames = dx.scan(tmp_path)
    with pytest.raises(dx.GridError) as error:
        dx.open_series(frames)
    for way in ways(str(error.value)):
        assert taken(frames, way).size


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_ways_out_of_real_series_work(frames, seed):
    cohort = dx.open_cohort(frames)
    stuck = 0
    for key in list(cohort)[seed::4]:
        table = thinned(cohort[[key]].frames, seed)
        try:
            dx.open_series(table)
        except dx.GridError as error:
            stuck += 1
            for way in ways(str(error)):
                assert taken(table, way).size, f"{key}: {way}"
        except dx.SeriesError:
            continue
    assert stuck
