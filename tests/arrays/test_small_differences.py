"""Values that differ in a header's last digits are one value; what is no weighting is b = 0."""

import numpy as np
import pytest

import dcmxarray as dx
from dcmxarray.testing import write_enhanced

from ..making import diffusion, frame, image, opened

SMALL = 3e-8


def test_directions_that_differ_in_the_eighth_digit_from_slice_to_slice_are_one(tmp_path):
    volumes = [(0, None), (1000, [1.0, 0, 0]), (1000, [0, 0.6, 0.8]), (1000.0, [0, 0.8, 0.6])]
    frames = [
        diffusion(5 * s, b + (SMALL * 1e3 * s if b else 0), g and [v + SMALL * s for v in g], 10 * n + s, EchoTime=80 + SMALL * s)
        for n, (b, g) in enumerate(volumes)
        for s in range(3)
    ]
    da = opened(tmp_path, frames)
    assert da.dims == ("slice", "b", "row", "col")
    assert da["gradient_x"].dims == ("b",)
    assert np.allclose(da.dicom.bvecs, [[0, 0, 0], [1, 0, 0], [0, 0.6, 0.8], [0, 0.8, 0.6]], atol=1e-6)
    assert da["te"].dims == ()


def test_many_directions_close_to_each_other_stay_apart(tmp_path):
    angles = np.linspace(0, 0.3, 60)
    frames = [diffusion(5 * s, 1000, [np.cos(a), np.sin(a), 0.0], 10 * n + s) for n, a in enumerate(angles) for s in range(2)]
    da = opened(tmp_path, frames)
    assert np.allclose(da.dicom.bvecs[:, 1], np.sin(angles))


def test_b_of_almost_nothing_is_zero_and_has_no_direction(tmp_path):
    volumes = [(0.001, [0.5, 0.5, 0.70710678]), (0, [1.0, 0, 0]), (700, [0, 1.0, 0]), (None, None)]
    frames = [
        diffusion(5 * s, b or 0, g, 10 * n + s, AcquisitionTime=f"10{n:02d}00") | ({"DiffusionBValue": None} if b is None else {})
        for n, (b, g) in enumerate(volumes)
        for s in range(2)
    ]
    da = opened(tmp_path, frames)
    assert da["b"].values.tolist() == [0, 0, 700, 0]
    assert da.dicom.bvecs.tolist() == [[0, 0, 0], [0, 0, 0], [0, 1, 0], [0, 0, 0]]
    assert da.sel(b=0).sizes["b"] == 3


def test_directions_that_differ_from_slice_to_slice_are_an_error_with_a_way_out(tmp_path):
    da = opened(tmp_path, [diffusion(5 * s, b, [1.0, 0, 0], n) for n, b in enumerate((0, 1000)) for s in range(2)])
    turned = da.assign_coords(gradient_y=(("slice", "b"), [[0, 0], [0, 0.1]]))
    with pytest.raises(dx.HeaderError, match="slice"):
        _ = turned.dicom.bvecs
    assert turned.isel(slice=1).dicom.bvecs[1, 1] == 0.1


def test_times_of_slices_and_trigger_times_keep_what_differs(tmp_path):
    frames = [frame(5 * s, TriggerTime=100.0 * t + s, AcquisitionTime=f"1000{t:02d}") for t in range(3) for s in range(2)]
    da = opened(tmp_path, frames)
    assert da["TriggerTime"].values.tolist() == [[0, 100, 200], [1, 101, 201]]


def test_one_frame_of_several_knows_its_number(tmp_path):
    planes = [
        {"ImagePositionPatient": [0, 0, 5.0 * k], "FrameType": ["DERIVED", "PRIMARY", kind], "pixels": image(k)}
        for k, kind in enumerate(("ADC", "ADC", "FA"))
    ]
    write_enhanced(tmp_path / "e.dcm", planes, {"ImageOrientationPatient": [1, 0, 0, 0, 1, 0], "PixelSpacing": [2, 2]})
    cohort = dx.open_cohort(tmp_path)
    arrays = {key.rsplit("-", 1)[-1]: cohort.open(key) for key in cohort}
    assert arrays["fa"]["frame"].item() == 2
    assert arrays["adc"]["frame"].values.tolist() == [0, 1]
    assert "frame" not in opened(tmp_path / "classic", [frame()]).coords
