"""Which frames belong in one array."""

import numpy as np
import pytest

import dcmxarray as dx
from dcmxarray.pixels import copies
from dcmxarray.stacks import split
from dcmxarray.testing import write_series

from ..making import diffusion, frame, image, opened


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


def test_a_field_map_is_a_stack_of_its_own(real):
    folder = real / "neurolabusc+dcm_qa_enh/In/Philips"
    with pytest.raises(dx.SeriesError, match="field_map"):
        dx.open_series(folder)
    cohort = dx.open_cohort(folder)
    assert [k.rsplit("-", 1)[-1] for k in cohort] == ["field_map", "image"]


def test_a_localizer_is_several_stacks(real):
    with pytest.raises(dx.SeriesError, match="sagittal"):
        dx.open_series(real / "pydicom+pydicom/src/pydicom/data/test_files/dicomdirtests/98892001/CT2N")


def test_maps_beside_the_images_are_arrays_of_their_own(tmp_path):
    kind = ["ORIGINAL", "PRIMARY", "DIFFUSION", "NONE"]
    frames = [
        diffusion(5 * s, b, [1.0, 0, 0] if b else None, 10 * v + s, ImageType=kind)
        for v, b in enumerate((0, 800))
        for s in range(2)
    ]
    frames += [frame(5 * s, ImageType=["DERIVED", "PRIMARY", "DIFFUSION", "ADC"], InstanceNumber=90 + s) for s in range(2)]
    with pytest.raises(dx.SeriesError, match="-adc"):
        opened(tmp_path, frames)
    cohort = dx.open_cohort(tmp_path)
    assert {k.rsplit("-", 1)[-1]: cohort.open(k).sizes.get("b", 1) for k in cohort} == {"adc": 1, "image": 2}


def test_stations_with_one_slice_position_are_separate(tmp_path):
    frames = [frame(5 * s) | {"ImagePositionPatient": [x, 0, 5.0 * s]} for s in range(2) for x in (0, 100)]
    with pytest.raises(dx.SeriesError, match="2 arrays"):
        opened(tmp_path, frames)


def test_two_kinds_of_image_at_one_place_are_never_times(tmp_path):
    frames = [
        frame(5 * s, ImageType=["ORIGINAL", "PRIMARY", "M", flavour], InstanceNumber=10 * n + s)
        for s in range(2)
        for n, flavour in enumerate(("FILTERED", "PLAIN"))
    ]
    with pytest.raises(dx.SeriesError, match="-filtered"):
        opened(tmp_path, frames)
    da = opened(tmp_path / "b", [frame(5 * s, ImageType=["ORIGINAL", "PRIMARY", f"PASS{s % 2}"]) for s in range(4)])
    assert da.sizes["slice"] == 4


def test_mixed_matrices_are_separate_and_open_by_key(tmp_path):
    frames = [frame(5 * s) | {"pixels": image(s, shape)} for s in range(2) for shape in ((3, 4), (6, 8))]
    with pytest.raises(dx.SeriesError, match="3x4"):
        opened(tmp_path, frames)
    key = next(k for k in dx.open_cohort(tmp_path) if k.endswith("6x8"))
    assert dx.open_series(tmp_path, series=key).shape == (2, 6, 8)


# what differs, and how the keys of the two stacks end
APART = {
    "matrix": ({"pixels": image(0, (6, 8))}, ["3x4", "6x8"]),
    "plane": ({"ImageOrientationPatient": [0, 1, 0, 0, 0, -1]}, ["axial", "sagittal"]),
    "coronal": ({"ImageOrientationPatient": [1, 0, 0, 0, 0, -1]}, ["axial", "coronal"]),
    "spacing": ({"PixelSpacing": [2, 1.5]}, ["2x1.5mm", "2x2mm"]),
    "bits": ({"pixels": np.zeros((3, 4), np.uint8)}, ["16bit", "8bit"]),
    "sign": ({"pixels": np.zeros((3, 4), np.int16)}, ["signed", "unsigned"]),
    "polarity": ({"PhotometricInterpretation": "MONOCHROME1"}, ["monochrome1", "monochrome2"]),
    "place": ({"ImagePositionPatient": None}, ["placed", "unplaced"]),
    "number": ({"SeriesNumber": 7}, ["series1", "series7"]),
    "map": ({"ImageType": ["DERIVED", "PRIMARY", "ADC"]}, ["adc", "image"]),
    "class": ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.2"}, ["sop2", "sop4"]),
}


@pytest.mark.parametrize("what", APART)
def test_stacks_are_named_by_what_tells_them_apart(tmp_path, what):
    other, ends = APART[what]
    along = {"plane": [5, 0, 0], "coronal": [0, 5, 0]}.get(what, [0, 0, 5])
    second = frame() | {"ImagePositionPatient": along} | other
    write_series(tmp_path, [frame(), frame() | other, frame(5), second], shuffle=4)
    keys = list(dx.open_cohort(tmp_path))
    uid = dx.scan(tmp_path)["SeriesInstanceUID"].iloc[0]
    assert keys == sorted(f"{uid}-{end}" for end in ends)
    for key in keys:
        assert dx.open_series(tmp_path, series=key).size in (2 * 12, 2 * 48)


@pytest.mark.parametrize(
    ("other", "stacks"),
    [
        ({"ImageOrientationPatient": [1, 0.00009, 0, -0.00009, 1, 0]}, 1),  # 1e-4 per cosine is one plane
        ({"ImageOrientationPatient": [1, 0.0003, 0, -0.0003, 1, 0]}, 2),
        ({"PixelSpacing": [2, 2.00009]}, 1),
        ({"PixelSpacing": [2, 2.002]}, 2),
        ({"ImagePositionPatient": [0.4, 0, 0]}, 1),  # half a millimetre within the plane
        ({"ImagePositionPatient": [0.6, 0, 0]}, 2),
    ],
)
def test_what_differs_by_rounding_is_one_stack(tmp_path, other, stacks):
    write_series(tmp_path, [frame(EchoTime=1), frame(EchoTime=2) | other])
    assert len(dx.open_cohort(tmp_path)) == stacks
    if stacks == 1:
        assert dx.open_series(tmp_path).dims == ("te", "row", "col")


def test_copies_may_differ_in_what_they_show(tmp_path):
    same = {"SOPInstanceUID": "1.2.3", "InstanceNumber": 1}
    write_series(tmp_path, [frame(WindowCenter=40, WindowWidth=80) | same, frame(WindowCenter=400, WindowWidth=800) | same])
    assert dx.open_series(tmp_path).dims == ("row", "col")


def test_one_uid_on_two_places_is_two_frames(tmp_path):
    same = {"SOPInstanceUID": "1.2.3"}
    write_series(tmp_path / "unlike", [frame(InstanceNumber=1) | same, frame(5, InstanceNumber=2) | same])
    assert dx.open_series(tmp_path / "unlike").sizes["slice"] == 2


def test_parts_of_one_name_get_a_suffix_of_their_own(tmp_path):
    for k, tilt in enumerate((0, 0.1, 0.2)):
        c, s = np.cos(tilt), np.sin(tilt)
        plane = {"ImageOrientationPatient": [f"{v:.9f}" for v in (c, s, 0, -s, c, 0)]}
        write_series(tmp_path / str(k), [frame(5 * z, EchoNumbers=k) | plane for z in range(2)])
    keys = list(dx.open_cohort(tmp_path))
    assert len(set(keys)) == 3
    assert all("-axial-" in key for key in keys)
    assert list(dx.open_cohort([tmp_path / "2", tmp_path / "0", tmp_path / "1"])) == keys


def test_stacks_whose_spacing_differs_in_the_fourth_decimal_are_both_there(tmp_path):
    write_series(tmp_path / "a", [frame(EchoTime=1), frame(EchoTime=2, PixelSpacing=[2, 2.0003])])
    cohort = dx.open_cohort(tmp_path / "a")
    assert cohort.series["frames"].tolist() == [1, 1]
    echo = {key: float(cohort.open(key)["te"]) for key in cohort}
    write_series(tmp_path / "b", [frame(EchoTime=2, PixelSpacing=[2, 2.0003]), frame(EchoTime=1)])
    cohort = dx.open_cohort(tmp_path / "b")
    assert {key: float(cohort.open(key)["te"]) for key in cohort} == echo


def test_every_one_of_many_like_stacks_has_a_key(tmp_path):
    write_series(tmp_path, [frame()])
    many = dx.scan(tmp_path).loc[[0] * 400].reset_index(drop=True)
    spacing = 2 + np.arange(400) * 3e-4
    many = many.assign(SOPInstanceUID=[f"1.{k}" for k in range(400)], spacing_col=spacing)
    stacks = split.split(many, copies.pixels)
    keys = [stack.key for stack in stacks]
    assert sum(len(stack.frames) for stack in stacks) == len(set(keys)) == 400
    assert keys == sorted(keys)
    again = split.split(many.sample(frac=1, random_state=1), copies.pixels)
    assert [(s.key, s.frames["spacing_col"].item()) for s in again] == [(s.key, s.frames["spacing_col"].item()) for s in stacks]


def test_a_uid_made_up_to_look_like_a_key_takes_no_stack_away(tmp_path):
    write_series(tmp_path, [frame()])
    uids = ["1", "1", "1-3x4", "1-3x4~1", "1-3x4~2"]
    table = dx.scan(tmp_path).loc[[0] * 5].reset_index(drop=True)
    table = table.assign(SeriesInstanceUID=uids, SOPInstanceUID=list("abcde"), Columns=[4, 5, 4, 4, 4])
    stacks = split.split(table, copies.pixels)
    assert len({stack.key for stack in stacks}) == len(stacks) == 5
    assert sorted(uid for stack in stacks for uid in stack.frames["SOPInstanceUID"]) == list("abcde")
    assert [s.key for s in split.split(table[::-1], copies.pixels)] == [s.key for s in stacks]


def test_a_cut_copy_beside_the_whole_file_is_passed_over(tmp_path):
    paths = write_series(tmp_path / "s", dx.testing.dce(slices=2, times=3))
    (tmp_path / "s" / "cut.dcm").write_bytes(paths[0].read_bytes()[:-100])
    whole = dx.open_series(tmp_path / "s")
    assert dict(whole.sizes) == {"slice": 2, "time": 3, "row": 32, "col": 32}
    assert whole.load().notnull().all()
    assert "cut.dcm" in str(dx.open_cohort(tmp_path / "s").problems["path"].tolist())
    paths[0].unlink()  # the cut one alone: its array says so, and never shows other pixels
    with pytest.raises(dx.PixelError, match=r"cut\.dcm"):
        dx.open_series(tmp_path / "s").load()


def test_frames_without_a_series_are_one_series_for_each_patient_and_study(tmp_path):
    for patient, study, count in (("a", "1.2", 2), ("b", "1.2", 3), ("b", "1.3", 4)):
        frames = [frame(5 * s, PatientID=patient, StudyInstanceUID=study, SeriesInstanceUID=None) for s in range(count)]
        write_series(tmp_path / f"{patient}{study}", frames)
    cohort = dx.open_cohort(tmp_path)
    assert sorted(cohort.open(key).sizes["slice"] for key in cohort) == [2, 3, 4]
    assert all(key.startswith("no-SeriesInstanceUID-") for key in cohort)
    [key] = dx.open_cohort(tmp_path / "a1.2")
    assert key == "no-SeriesInstanceUID"


def test_a_frame_without_an_orientation_does_not_keep_its_neighbours_from_their_stations(tmp_path):
    frames = [frame(5 * s) | {"ImagePositionPatient": [x, 0, 5.0 * s]} for s in range(2) for x in (0, 100)]
    frames.append(frame(0, ImageOrientationPatient=None, ImagePositionPatient=None))
    write_series(tmp_path, frames)
    assert sorted(dx.open_cohort(tmp_path).open(k).sizes.get("slice", 1) for k in dx.open_cohort(tmp_path)) == [1, 2, 2]
