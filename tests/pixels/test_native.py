"""Plain bytes: which are read, and which are not there."""

import pytest

import dcmxarray as dx
from dcmxarray.sources import files
from dcmxarray.testing import write_enhanced, write_series

from ..making import PLANE, frame, image


def test_one_frame_of_many_is_read_alone(tmp_path):
    frames = [{"ImagePositionPatient": [0, 0, float(s)], "pixels": image(s, (64, 64))} for s in range(200)]
    write_enhanced(tmp_path / "a", frames, PLANE)
    da = dx.open_series(tmp_path / "a", chunks=None)
    seen = []
    real = files.read_into
    files.read_into = lambda path, offset, out: (seen.append(len(out)), real(path, offset, out))[1]
    try:
        assert int(da.isel(slice=150).max()) == 150
    finally:
        files.read_into = real
    assert seen == [64 * 64 * 2]


def test_a_truncated_file_can_be_left_out_as_the_error_says(tmp_path):
    paths = write_series(tmp_path, [frame(5 * s, EchoTime=te, value=1) for s in range(2) for te in (1.0, 2.0)])
    paths[3].write_bytes(paths[3].read_bytes()[:-4])
    table = dx.scan(tmp_path)
    with pytest.raises(dx.PixelError, match=rf"{paths[3].name}: pixel data are truncated.*missing='fill'"):
        dx.open_series(table).load()
    whole = table[~table["path"].str.endswith(paths[3].name)]
    assert int(dx.open_series(whole, missing="fill").load().sum()) == 3 * 12
