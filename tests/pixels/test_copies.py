"""A copy counts once; one UID on other pixels is two images."""

import shutil

import numpy as np
import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st

import dcmxarray as dx
from dcmxarray.pixels import copies
from dcmxarray.sources import files
from dcmxarray.testing import count_reads, dce, write_frame, write_series


def test_one_uid_on_other_pixels_is_named(tmp_path):
    frame = dce(1, 1, 8)[0] | {"SOPInstanceUID": "1.2.3"}
    write_frame(tmp_path / "a.dcm", frame)
    write_frame(tmp_path / "b.dcm", frame | {"pixels": np.full((8, 8), 9, np.uint16)})
    with pytest.raises(dx.GridError, match=r"a.dcm frame 0, b.dcm frame 0.*pixels alone, under one SOPInstanceUID"):
        dx.open_series(tmp_path)
    assert dx.open_series(tmp_path, duplicates="first").shape == (8, 8)


def test_copies_count_once_and_only_suspects_are_read(tmp_path):
    paths = write_series(tmp_path / "a", dce(2, 2, 8))
    write_frame(tmp_path / "a/other.dcm", dce(1, 1, 8)[0] | {"SeriesInstanceUID": "1.9"})
    shutil.copytree(tmp_path / "a", tmp_path / "b", ignore=lambda *_: [paths[3].name, "other.dcm"])
    table = dx.scan(tmp_path)
    with count_reads() as opened:
        assert sorted(dx.open_cohort(table).series["frames"]) == [1, 4]
    assert len(opened) == 6
    assert not [p for p in opened if p.endswith((paths[3].name, "other.dcm"))]


def test_a_copy_that_was_compressed_is_a_copy(tmp_path):
    (path,) = write_series(tmp_path, dce(1, 1, 16))
    data = pydicom.dcmread(path)
    data.compress(pydicom.uid.RLELossless, generate_instance_uid=False)
    data.save_as(tmp_path / "rle.dcm")
    assert dx.open_cohort(tmp_path).series["frames"].tolist() == [1]
    assert dx.open_series(tmp_path).shape == (16, 16)


def test_what_can_not_be_compared_is_no_copy(tmp_path):
    (path,) = write_series(tmp_path, dce(1, 1, 16))
    shutil.copy(path, tmp_path / "copy.dcm")
    table = dx.scan(tmp_path)
    (tmp_path / "copy.dcm").unlink()
    assert dx.open_cohort(table).series["problem"].str.contains("several frames").all()


@given(st.integers(0, 40), st.integers(0, 40))
def test_digests_are_of_just_that_part(tmp_path_factory, offset, length):
    folder = tmp_path_factory.mktemp("d")
    (folder / "a").write_bytes(bytes(range(30)))
    (folder / "b").write_bytes(bytes(range(30))[offset : offset + length])
    assert files.digest(str(folder / "a"), offset, length) == files.digest(str(folder / "b"), 0, -1)


def test_codes_follow_pixels_and_not_names(tmp_path):
    frame = dce(1, 1, 8)[0] | {"SOPInstanceUID": "1.2.3"}
    for name, pixels in (("a", 1), ("b", 1), ("c", 2)):
        write_frame(tmp_path / f"{name}.dcm", frame | {"pixels": np.full((8, 8), pixels, np.uint16)})
    table = dx.scan(tmp_path)
    one, same, other = copies.pixels(table)
    assert one == same != other
    assert copies.pixels(table.iloc[::-1]).tolist() == [other, same, one]
