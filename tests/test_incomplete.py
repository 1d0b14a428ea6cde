"""Phenomena without real data here: synthetic series for scanners' habits, and errors raised on purpose."""

import numpy as np
import pytest

import dcmxarray as dx
from dcmxarray.testing import write_enhanced, write_frame, write_series

from .test_grid import diffusion, frame, opened

PLANE = {"ImageOrientationPatient": [1, 0, 0, 0, 1, 0], "PixelSpacing": [2, 2], "SliceThickness": 4, "SpacingBetweenSlices": 4}


def image(value, shape=(3, 4)):
    return np.full(shape, value, np.uint16)


# --- enhanced multi-frame ----------------------------------------------------------------------------------------------------


def test_enhanced_frames_in_any_order(tmp_path):
    frames = [
        {"ImagePositionPatient": [0, 0, 4.0 * s], "TemporalPositionIndex": t + 1, "InStackPositionNumber": s + 1,
         "FrameAcquisitionDateTime": f"20260101100{2 * t:03d}.{s}00000", "pixels": image(10 * t + s)}
        for t in range(3) for s in range(4)
    ]  # fmt: skip
    rng = np.random.default_rng(0)
    write_enhanced(tmp_path / "a", frames, PLANE)
    write_enhanced(tmp_path / "b", [frames[k] for k in rng.permutation(12)], PLANE)
    one, other = dx.open_series(tmp_path / "a"), dx.open_series(tmp_path / "b")
    assert dict(one.sizes) == {"slice": 4, "time": 3, "row": 3, "col": 4}
    assert one["time"].values.tolist() == [0, 2, 4]
    np.testing.assert_array_equal(one.values, other.values)
    assert (one.isel(row=0, col=0).values == 10 * np.arange(3) + np.arange(4)[:, None]).all()
    assert one["frame"].dims == ("slice", "time")
    assert one["SOPInstanceUID"].dims == ()


def test_values_win_over_wrong_dimension_indices(tmp_path):
    frames = [
        {
            "ImagePositionPatient": [0, 0, 4.0 * s],
            "DimensionIndexValues": [1, 3 - s],
            "InStackPositionNumber": 3 - s,
            "pixels": image(s),
        }
        for s in range(3)
    ]
    write_enhanced(tmp_path / "a", frames, PLANE)
    assert dx.open_series(tmp_path / "a")[:, 0, 0].values.tolist() == [0, 1, 2]


def test_enhanced_diffusion_echo_and_scaling(tmp_path):
    volumes = [(0.0, None), (1000.0, [1.0, 0, 0]), (1000.0, [0, 1.0, 0])]
    frames = [
        {"ImagePositionPatient": [0, 0, 4.0 * s], "DiffusionBValue": b, "EffectiveEchoTime": te, "RescaleSlope": 2 + s,
         "RescaleIntercept": 1, "pixels": image(v)} | ({"DiffusionGradientOrientation": g} if g else {})
        for v, (b, g) in enumerate(volumes) for te in (50.0, 80.0) for s in range(2)
    ]  # fmt: skip
    write_enhanced(tmp_path / "a", frames, PLANE)
    da = dx.open_series(tmp_path / "a")
    assert dict(da.sizes) == {"slice": 2, "b": 3, "te": 2, "row": 3, "col": 4}
    assert da.dicom.bvecs.tolist() == [[0, 0, 0], [1, 0, 0], [0, 1, 0]]
    assert da.isel(row=0, col=0, te=0).values.tolist() == [[1, 3, 5], [1, 4, 7]]


def test_one_frame_of_many_is_read_alone(tmp_path):
    frames = [{"ImagePositionPatient": [0, 0, float(s)], "pixels": image(s, (64, 64))} for s in range(200)]
    write_enhanced(tmp_path / "a", frames, PLANE)
    da = dx.open_series(tmp_path / "a", chunks=None)
    seen = []
    real = dx.files.read_into
    dx.files.read_into = lambda path, offset, out: (seen.append(len(out)), real(path, offset, out))[1]
    try:
        assert int(da.isel(slice=150).max()) == 150
    finally:
        dx.files.read_into = real
    assert seen == [64 * 64 * 2]


# --- scanners' habits ---------------------------------------------------------------------------------------------------------


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


def test_four_components(tmp_path):
    frames = [
        frame(5 * s, ImageType=["ORIGINAL", "PRIMARY", c], InstanceNumber=1, value=n)
        for s in range(2)
        for n, c in enumerate("IMPR")
    ]
    da = opened(tmp_path, frames)
    assert da["component"].values.tolist() == ["imaginary", "magnitude", "phase", "real"]
    assert da.isel(slice=0, row=0, col=0).values.tolist() == [0, 1, 2, 3]


def test_components_by_ge(tmp_path):
    frames = [
        frame(5 * s, ImageType=["ORIGINAL", "PRIMARY", "OTHER"]) | {(0x0043, "GEMS_PARM_01", 0x2F, "SS"): c}
        for s in range(2)
        for c in (0, 1)
    ]
    assert opened(tmp_path, frames)["component"].values.tolist() == ["magnitude", "phase"]


def test_ge_flags_above_1e9_are_no_b_value(tmp_path):
    frames = [
        frame(InstanceNumber=n, Manufacturer="GE MEDICAL SYSTEMS") | {(0x0043, "GEMS_PARM_01", 0x39, "IS"): [b, 8, 0, 0]}
        for n, b in enumerate((0, 1000000800))
    ]
    assert opened(tmp_path, frames)["b"].values.tolist() == [0, 800]


def test_stripped_times_leave_an_index(tmp_path):
    frames = [
        frame(5 * s, AcquisitionDate=None, StudyDate=None, InstanceNumber=4 * s + t, value=t) for s in range(2) for t in range(4)
    ]
    da = opened(tmp_path, frames)
    assert da["time"].attrs["units"] == "1"
    with pytest.raises(dx.HeaderError, match="acquisition date and time"):
        da.dicom.to_datetime()


def test_stations_with_one_slice_position_are_separate(tmp_path):
    frames = [frame(5 * s) | {"ImagePositionPatient": [x, 0, 5.0 * s]} for s in range(2) for x in (0, 100)]
    with pytest.raises(dx.SeriesError, match="2 arrays"):
        opened(tmp_path, frames)


def test_filled_floats_are_nan(tmp_path):
    frames = [frame(5 * s, EchoTime=te, RescaleSlope=0.5, RescaleIntercept=0, value=4) for s in range(2) for te in (1.0, 2.0)][
        :-1
    ]
    da = opened(tmp_path, frames, missing="fill")
    assert np.isnan(da.isel(slice=1, te=1)).all()
    assert float(da.isel(slice=0, te=1, row=0, col=0)) == 2


# --- scales -------------------------------------------------------------------------------------------------------------------


def test_philips_floating_point(tmp_path):
    scale = {(0x2005, "Philips MR Imaging DD 001", 0x0E, "FL"): 0.25}
    write_frame(tmp_path / "a", frame(RescaleSlope=2, RescaleIntercept=6, value=3) | scale)
    assert (dx.open_series(tmp_path).values == 12).all()
    assert (dx.open_series(tmp_path, rescale="philips_fp").values == 12 / (2 * 0.25)).all()


def test_real_world_values(tmp_path):
    from pydicom.dataset import Dataset

    mapping = Dataset()
    mapping.RealWorldValueSlope, mapping.RealWorldValueIntercept = 0.5, 10.0
    write_frame(tmp_path / "a" / "a", frame(value=4, RealWorldValueMappingSequence=[mapping]))
    assert (dx.open_series(tmp_path / "a", rescale="rwvm").values == 12).all()
    write_enhanced(
        tmp_path / "b",
        [{"ImagePositionPatient": [0, 0, 0], "RealWorldValueSlope": 3.0, "RealWorldValueIntercept": 1.0, "pixels": image(2)}],
        PLANE,
    )
    assert (dx.open_series(tmp_path / "b", rescale="rwvm").values == 7).all()
    write_frame(tmp_path / "c" / "c", frame())
    for rescale in ("rwvm", "philips_fp"):
        with pytest.raises(dx.PixelError, match="rescale=True"):
            dx.open_series(tmp_path / "c", rescale=rescale)
    with pytest.raises(ValueError, match="none of True, False"):
        dx.open_series(tmp_path / "c", rescale="x")


def pet(**more):
    from pydicom.dataset import Dataset

    drug = Dataset()
    drug.RadiopharmaceuticalStartTime, drug.RadionuclideTotalDose, drug.RadionuclideHalfLife = "110000", 370e6, 6586.2
    return {
        "Modality": "PT", "Units": "BQML", "DecayCorrection": "START", "PatientWeight": 70.0, "SeriesDate": "20260101",
        "SeriesTime": "120000", "AcquisitionTime": "120000", "RadiopharmaceuticalInformationSequence": [drug],
        "RescaleSlope": 10.0, "RescaleIntercept": 0, "pixels": image(500),
    } | more  # fmt: skip


def test_suv(tmp_path):
    write_frame(tmp_path / "a", pet())
    suv = dx.open_series(tmp_path).dicom.suv()
    want = 5000 * 70 * 1000 / (370e6 * 2 ** (-3600 / 6586.2))
    np.testing.assert_allclose(suv.values, want, rtol=1e-6)
    assert suv.attrs["units"] == "g/ml"
    write_frame(tmp_path / "a", pet(DecayCorrection="ADMIN"))
    np.testing.assert_allclose(dx.open_series(tmp_path).dicom.suv().values, 5000 * 70 * 1000 / 370e6, rtol=1e-6)


@pytest.mark.parametrize(
    ("missing", "match"),
    [
        ({"PatientWeight": None}, "PatientWeight"),
        ({"Units": "CNTS"}, "CNTS"),
        ({"DecayCorrection": "NONE"}, "NONE"),
        ({"SeriesTime": "100000", "AcquisitionTime": "100000"}, "can't be"),
    ],
)
def test_suv_names_what_it_lacks(tmp_path, missing, match):
    write_frame(tmp_path / "a", pet(**missing))
    with pytest.raises(dx.HeaderError, match=match):
        dx.open_series(tmp_path).dicom.suv()


def test_segments_left_out_are_empty(series):
    da = dx.open_series(series("QIICR+dcmqi/data/segmentations/partial_overlaps.dcm"))
    assert not bool(da["valid"].all())
    assert int(da.where(~da["valid"], 0).max()) == 0


def test_three_instance_tomogram_joins(tmp_path):
    write_series(tmp_path, dx.testing.dce(slices=3, times=1, size=4))
    assert dx.open_series(sorted(tmp_path.glob("*.dcm"))).sizes["slice"] == 3


def test_a_cardiac_cine_in_one_file(tmp_path):
    frames = [
        {"ImagePositionPatient": [0, 0, 8.0 * s], "NominalCardiacTriggerDelayTime": 35.0 * t, "pixels": image(t),
         "FrameAcquisitionDateTime": f"202601011000{20 * s + t // 9:02d}.{t % 9}00000"}
        for s in range(2) for t in range(12)
    ]  # fmt: skip
    write_enhanced(tmp_path / "a", frames, PLANE)
    da = dx.open_series(tmp_path / "a")
    assert da.attrs["time_source"] == "NominalCardiacTriggerDelayTime"
    assert np.allclose(da["time"], 0.035 * np.arange(12))


def test_an_enhanced_file_beside_its_classic_slices(tmp_path):
    write_enhanced(tmp_path / "e", [{"ImagePositionPatient": [0, 0, 5.0 * s], "pixels": image(s)} for s in range(2)], PLANE)
    write_series(tmp_path / "c", [frame(5 * s) for s in range(2)])
    with pytest.raises(dx.SeriesError, match=r"sop4 .*\n.*sop4|sop1"):
        dx.open_series(tmp_path)
    assert len(dx.open_cohort(tmp_path)) == 2


def test_a_gap_leaves_honest_coordinates(tmp_path):
    da = opened(tmp_path, [frame(z) for z in (0, 5, 10, 20)])
    assert da["slice"].values.tolist() == [0, 5, 10, 20]
    with pytest.raises(dx.GridError, match=r"steps of 5 to 10 mm.*interp"):
        _ = da.dicom.affine
    assert da.isel(slice=slice(0, 3)).dicom.spacing == (5.0, 2.0, 2.0)
    assert da.astype(float).interp(slice=np.arange(0, 21, 5.0)).dicom.spacing[0] == 5.0


def test_a_nuclear_medicine_tomogram(tmp_path):
    pixels = np.arange(3 * 4 * 5, dtype=np.uint16).reshape(3, 4, 5)
    from pydicom.dataset import Dataset

    detector = Dataset()
    detector.ImagePositionPatient, detector.ImageOrientationPatient = [1, 2, 3], [1, 0, 0, 0, 1, 0]
    write_frame(
        tmp_path / "a",
        {
            "Modality": "NM", "ImageType": ["ORIGINAL", "PRIMARY", "RECON TOMO", "EMISSION"],
            "NumberOfFrames": 3, "Rows": 4, "Columns": 5,
            "SpacingBetweenSlices": 4.0, "DetectorInformationSequence": [detector], "ImagePositionPatient": None,
            "ImageOrientationPatient": None, "SamplesPerPixel": 1, "PhotometricInterpretation": "MONOCHROME2", "pixels": pixels,
        },
    )  # fmt: skip
    da = dx.open_series(tmp_path)
    assert da["slice"].values.tolist() == [3, 7, 11]
    np.testing.assert_array_equal(da.values, pixels)


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


def test_ge_shells_are_told_by_the_length_of_the_direction(tmp_path):
    frames = [
        frame(InstanceNumber=n, Manufacturer="GE MEDICAL SYSTEMS", InPlanePhaseEncodingDirection="COL", value=n)
        | {
            (0x0043, "GEMS_PARM_01", 0x39, "IS"): [b, 8, 0, 0],
            **{(0x0019, "GEMS_ACQU_01", 0xBB + k, "DS"): v for k, v in enumerate(g)},
        }
        for n, (b, g) in enumerate([(0, (0, 0, 0)), (2000, (1, 0, 0)), (2000, (0, 0.5**0.5, 0))])
    ]
    da = opened(tmp_path, frames)
    np.testing.assert_allclose(da["b"], [0, 2000, 1000])
    np.testing.assert_allclose(da.dicom.bvecs, [[0, 0, 0], [1, 0, 0], [0, 1, 0]])


def test_averages_have_no_direction(tmp_path):
    da = opened(tmp_path, [diffusion(0, 0, None, 0), diffusion(0, 800, [0.0, 0.0, 0.0], 1)])
    assert np.isnan(da.dicom.bvecs[1]).all()


PLANES = {"axial": ([1, 0, 0], [0, 1, 0]), "coronal": ([1, 0, 0], [0, 0, -1]), "sagittal": ([0, 1, 0], [0, 0, -1])}
# (places of frequency, phase and slice, signs) along row, column and normal: what dcm2niix v1.0.20260724 makes of such files
TURNED = {
    ("axial", "COL"): ((0, 1, 2), (1, 1, -1)),
    ("axial", "ROW"): ((1, 0, 2), (1, -1, -1)),
    ("coronal", "COL"): ((0, 1, 2), (1, -1, -1)),
    ("coronal", "ROW"): ((1, 0, 2), (1, 1, 1)),
    ("sagittal", "COL"): ((0, 1, 2), (1, 1, -1)),
    ("sagittal", "ROW"): ((1, 0, 2), (1, -1, -1)),
}


@pytest.mark.parametrize(("plane", "phase"), TURNED)
@pytest.mark.parametrize("vendor", ["ge", "canon"])
def test_directions_along_the_encoding_are_turned_to_the_patient(tmp_path, plane, phase, vendor):
    g = np.array([0.48, 0.6, 0.64])  # frequency, phase, slice
    row, column = map(np.array, PLANES[plane])
    base = {"ImageOrientationPatient": [*PLANES[plane][0], *PLANES[plane][1]], "InPlanePhaseEncodingDirection": phase}
    if vendor == "ge":
        private = {(0x0019, "GEMS_ACQU_01", 0xBB + k, "DS"): f"{v}" for k, v in enumerate(g)}
        weighted = {"Manufacturer": "GE MEDICAL SYSTEMS", (0x0043, "GEMS_PARM_01", 0x39, "IS"): [1000, 8, 0, 0], **private}
    else:
        weighted = {"Manufacturer": "CANON_MEC", "DiffusionBValue": 1000.0, "ImageComments": f"b=1000({g[1]},{g[0]},{g[2]})"}
    da = opened(tmp_path, [frame(InstanceNumber=1, **base), frame(InstanceNumber=2, **base) | weighted])
    places, signs = TURNED[plane, phase]
    want = np.array(signs) * g[list(places)] @ np.stack([row, column, np.cross(row, column)])
    np.testing.assert_allclose(da.sel(b=1000).dicom.bvecs[0], want, atol=1e-9)


def test_mixed_matrices_are_separate_and_open_by_key(tmp_path):
    frames = [frame(5 * s) | {"pixels": image(s, shape)} for s in range(2) for shape in ((3, 4), (6, 8))]
    with pytest.raises(dx.SeriesError, match="3x4"):
        opened(tmp_path, frames)
    key = next(k for k in dx.open_cohort(tmp_path) if k.endswith("6x8"))
    assert dx.open_series(tmp_path, series=key).shape == (2, 6, 8)


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


def test_a_truncated_file_can_be_left_out_as_the_error_says(tmp_path):
    paths = write_series(tmp_path, [frame(5 * s, EchoTime=te, value=1) for s in range(2) for te in (1.0, 2.0)])
    paths[3].write_bytes(paths[3].read_bytes()[:-4])
    table = dx.scan(tmp_path)
    with pytest.raises(dx.PixelError, match=rf"{paths[3].name}: pixel data are truncated.*missing='fill'"):
        dx.open_series(table).load()
    whole = table[~table["path"].str.endswith(paths[3].name)]
    assert int(dx.open_series(whole, missing="fill").load().sum()) == 3 * 12
