"""Which rows of a table are copies of one file."""

import dcmxarray as dx
from dcmxarray.pixels import copies as pixels
from dcmxarray.stacks.copies import CUT, without_copies
from dcmxarray.testing import write_series

from ..making import frame


def _twice(folder):
    [path] = write_series(folder, [frame(value=3)])
    (folder / "z.dcm").write_bytes(path.read_bytes())
    return dx.scan(folder).sort_values("path")


def test_one_of_two_copies_stays_the_first_by_path(tmp_path):
    frames = _twice(tmp_path)
    assert without_copies(frames.iloc[::-1], pixels.pixels)["path"].tolist() == [frames["path"].iloc[0]]


def test_a_table_without_problems_has_no_cut_file(tmp_path):
    frames = _twice(tmp_path).drop(columns="problem")
    assert len(without_copies(frames, pixels.pixels)) == 1
    unlike = without_copies(frames, lambda rows: rows.index.to_numpy())
    assert len(unlike) == 2


def test_a_cut_file_gives_way_to_a_whole_one_only(tmp_path):
    frames = _twice(tmp_path)
    cut = frames.assign(problem=[CUT, None])
    unlike = lambda rows: rows.index.to_numpy()  # noqa: E731
    assert without_copies(cut, unlike)["path"].tolist() == [frames["path"].iloc[1]]
    assert len(without_copies(frames.assign(problem=CUT), unlike)) == 2
