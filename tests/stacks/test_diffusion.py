"""Where b is an axis, and in which order its volumes lie."""

import numpy as np

from ..making import X, Y, Z, diffusion, frame, opened


def test_repeated_b0_and_shells_keep_the_order_of_acquisition(tmp_path):
    volumes = [(0, None), (1000, X), (1000, Y), (0, None), (2000, X), (1000, Z)]
    frames = [diffusion(5 * s, b, g, 10 * v + s) for v, (b, g) in enumerate(volumes) for s in range(2)]
    da = opened(tmp_path, frames)
    assert da["b"].values.tolist() == [0, 1000, 1000, 0, 2000, 1000]
    assert da.dicom.bvecs[[1, 2, 5]].tolist() == [X, Y, Z]
    assert da.sel(b=1000).sizes["b"] == 3


def test_cycles_are_time_by_b(tmp_path):
    volumes = [(0, None), (500, X), (500, Y)] * 3
    frames = [
        diffusion(5 * s, b, g, 10 * v + s, AcquisitionTime=f"1000{v:02d}") for v, (b, g) in enumerate(volumes) for s in range(2)
    ]
    da = opened(tmp_path, frames)
    assert dict(da.sizes) == {"slice": 2, "time": 3, "b": 3, "row": 3, "col": 4}
    assert da["b"].values.tolist() == [0, 500, 500]
    assert da["time"].values.tolist() == [0, 3, 6]
    assert (da.isel(slice=0, row=0, col=0).values == 10 * np.arange(9).reshape(3, 3)).all()


def test_b_left_out_is_zero_only_where_others_have_one(tmp_path):
    frames = [diffusion(0, 1000, X, 1), frame(0, InstanceNumber=2)]
    assert sorted(opened(tmp_path / "a", frames)["b"].values.tolist()) == [0, 1000]
    assert "b" not in opened(tmp_path / "b", [frame(0)]).coords
