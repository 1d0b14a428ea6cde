"""Cells without a frame."""

import numpy as np

import dcmxarray as dx

from ..making import frame, opened


def test_filled_floats_are_nan(tmp_path):
    frames = [frame(5 * s, EchoTime=te, RescaleSlope=0.5, RescaleIntercept=0, value=4) for s in range(2) for te in (1.0, 2.0)][
        :-1
    ]
    da = opened(tmp_path, frames, missing="fill")
    assert np.isnan(da.isel(slice=1, te=1)).all()
    assert float(da.isel(slice=0, te=1, row=0, col=0)) == 2


def test_segments_left_out_are_empty(real):
    da = dx.open_series(real / "QIICR+dcmqi/data/segmentations/partial_overlaps.dcm")
    assert not bool(da["valid"].all())
    assert int(da.where(~da["valid"], 0).max()) == 0


def test_a_hole_in_the_first_cell_takes_no_value_of_another_frame(tmp_path):
    frames = [frame(z, EchoTime=te) for te in (10, 20) for z in (0, 5, 10)]
    da = opened(tmp_path, frames[1:], missing="fill")
    assert da["slice"].values.tolist() == da["position_z"].values.tolist() == [0, 5, 10]
    assert da["te"].values.tolist() == [10, 20]
    assert not bool(da["valid"][0, 0])
