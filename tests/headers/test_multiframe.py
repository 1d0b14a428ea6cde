"""Multi-frame files: functional groups, and what a file without them says of its frames."""

import numpy as np
import pytest

import dcmxarray as dx
from dcmxarray.testing import write_enhanced, write_frame, write_series

from ..making import PLANE, frame, image


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
    assert one.dicom.uids.dims == ("slice", "time")
    assert len(set(one.dicom.uids.values.flat)) == 1


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
