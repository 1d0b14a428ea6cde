"""Real-world values: slopes, mappings, scales that are asked for."""

import pytest

import dcmxarray as dx
from dcmxarray.testing import write_enhanced, write_frame

from ..making import PLANE, frame, image


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
