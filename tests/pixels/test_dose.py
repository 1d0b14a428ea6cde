"""Doses whose scaling is none."""

import warnings

import numpy as np
import pytest

import dcmxarray as dx

from ..headers import crafted


@pytest.mark.parametrize("scaling", ["0", "-0.001", "-1e300"])
def test_a_dose_that_no_scaling_gives_is_an_error(tmp_path, scaling):
    changes = {0x3004000E: ("DS", crafted.text(scaling)), 0x30040002: ("CS", b"GY")}
    (tmp_path / "a").write_bytes(crafted.image(changes))
    with pytest.raises(dx.PixelError, match=r"a: DoseGridScaling is .*rescale=False"):
        dx.open_series(tmp_path)
    assert dx.open_series(tmp_path, rescale=False).shape == (4, 4)
    assert "DoseGridScaling" in dx.open_cohort(tmp_path).series["problem"].iloc[0]


@pytest.mark.parametrize("scaling", [np.inf, -np.inf])
def test_a_dose_in_a_table_that_someone_changed(tmp_path, scaling):
    (tmp_path / "a").write_bytes(crafted.image({0x3004000E: ("DS", b"2 ")}))
    frames = dx.scan(tmp_path)
    with pytest.raises(dx.PixelError, match="DoseGridScaling"):
        dx.open_series(frames.assign(DoseGridScaling=scaling))


@pytest.mark.parametrize("spacing", ["1e308\\1e308", "1e-308\\1e-308", "1e200\\1e-200", "0\\0", "-1\\1"])
def test_a_spacing_that_none_can_measure_is_none(tmp_path, spacing):
    (tmp_path / "a").write_bytes(crafted.image({0x00280030: ("DS", crafted.text(spacing)), 0x00180050: ("DS", b"1e308 ")}))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        array = dx.open_series(tmp_path)
        assert dx.open_cohort(tmp_path).series["spacing"].iloc[0] is None
        with pytest.raises(dx.GridError):
            _ = array.dicom.affine
    assert array.row.attrs["units"] == "1"
    assert array.row.values.tolist() == [0, 1, 2, 3]
