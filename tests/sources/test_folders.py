"""Walks of folders: names of all kinds, loops, depths, and what may not be read or vanishes meanwhile."""

import os
import pathlib

import pytest

import dcmxarray as dx
from dcmxarray.headers.scan import frame_table, read_files
from dcmxarray.sources import files, folders
from dcmxarray.testing import write_series

posix = pytest.mark.skipif(os.name != "posix", reason="names are bytes on POSIX alone")


@pytest.fixture
def series(tmp_path):
    return write_series(tmp_path / "good", dx.testing.dce(slices=2, times=2, size=4))


def names(table):
    return sorted(os.path.basename(p) for p in table["path"])


def test_paths_are_made_absolute_at_once(series, tmp_path, monkeypatch):
    other = tmp_path / "other"
    write_series(other / "good", [frame | {"pixels": frame["pixels"] + 1} for frame in dx.testing.dce(slices=2, times=2, size=4)])
    monkeypatch.chdir(tmp_path)
    da, want = dx.open_series("good"), dx.open_series(tmp_path / "good").load()
    monkeypatch.chdir(other)
    assert (da.load() == want).all()
    assert next(folders.walk(["good"])) == str(other / "good" / "00000.dcm")


def test_what_lies_behind_a_link_and_a_step_up_is_the_systems(tmp_path, monkeypatch):
    for folder in ("a/b", "c/d"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder).parent.joinpath("x").write_text(folder)
    (tmp_path / "a/link").symlink_to(tmp_path / "c/d")
    monkeypatch.chdir(tmp_path)
    assert list(folders.walk(["a/link/../x"])) == [str(tmp_path.resolve() / "c/x")]
    assert list(folders.walk(["a/b/../x"])) == [str(tmp_path.resolve() / "a/x")]


@posix
def test_names_that_are_no_text(series, tmp_path):
    folder = os.fsencode(tmp_path) + b"/caf\xe9"
    os.mkdir(folder)
    name = folder + b"/\xff%41 a.dcm"
    with open(name, "wb") as out:
        out.write(series[0].read_bytes())
    table = dx.scan(tmp_path)
    assert len(table) == 5
    (path,) = [p for p in table["path"] if p.startswith("file://")]
    assert os.fsencode(files.local(path)) == name
    assert not files.is_remote(path)
    assert dx.scan(path)["path"].item() == path
    assert dx.scan(os.fsdecode(folder))["path"].item() == path
    assert dx.scan(name)["path"].item() == path
    assert dx.open_series(table[table["path"] == path]).load().shape == (4, 4)
    with files.open_file(path) as handle:
        assert len(handle.read()) == files.size_of(path)


@posix
def test_loops_and_links_to_nothing(series, tmp_path):
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "itself").symlink_to(tmp_path / "itself")
    (tmp_path / "nothing").symlink_to(tmp_path / "gone")
    table = dx.scan(tmp_path)
    assert table["problem"].notna().sum() == 1
    assert names(table[table["problem"].notna()]) == ["itself"]


@posix
def test_folders_deeper_than_a_path_is_long(series, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for _ in range(1200):
        os.mkdir("deeper")
        os.chdir("deeper")
    os.chdir(tmp_path)
    table = dx.scan(tmp_path)
    assert table["problem"].dropna().tolist() == ["the folder may not be read: File name too long"]
    assert table["problem"].isna().sum() == 4
    monkeypatch.undo()
    os.system(f"rm -rf '{tmp_path}/deeper'")  # Path.rmdir and shutil go by paths


def test_folders_within_folders(series, tmp_path):
    folder = tmp_path
    for _ in range(1200):
        folder = folder / "a"
        folder.mkdir()
    (folder / "x.dcm").write_bytes(series[0].read_bytes())
    assert len(dx.scan(tmp_path)) == 5
    os.system(f"rm -rf '{tmp_path}/a'")  # shutil recurses


def test_a_folder_that_may_not_be_read_is_a_row(series, tmp_path, monkeypatch):
    (tmp_path / "closed").mkdir()
    real = os.scandir

    def scandir(path):
        if str(path).endswith("closed"):
            raise PermissionError(13, "Permission denied")
        return real(path)

    monkeypatch.setattr(folders.os, "scandir", scandir)
    table = dx.scan(tmp_path)
    closed = table[table["problem"].notna()].iloc[0]
    assert (closed.path, closed.frame) == (str(tmp_path / "closed"), 0)
    assert closed.problem == "the folder may not be read: Permission denied"
    assert len(table) == 5
    assert dx.scan(tmp_path / "closed")["problem"].tolist() == [closed.problem]
    assert dx.open_series(table).shape == (2, 2, 4, 4)


def test_files_and_folders_that_vanish_meanwhile(series, tmp_path, monkeypatch):
    (tmp_path / "later").mkdir()
    (tmp_path / "later/x.dcm").write_bytes(series[0].read_bytes())
    walk = folders.walk(sorted(tmp_path.iterdir()))
    first = next(walk)
    os.remove(tmp_path / "later/x.dcm")
    paths = [first, *walk, str(tmp_path / "gone.dcm")]
    table = frame_table(read_files(paths, ()))
    assert table["problem"].dropna().tolist() == ["cannot be read: No such file or directory"]
    unread = []
    assert list(folders._tree(str(tmp_path / "vanished"), unread)) == []
    assert unread[0][1].startswith("the folder may not be read")


@posix
def test_fifos(series, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    assert len(dx.scan(tmp_path)) == 4
    assert "a FIFO" in dx.scan(tmp_path / "pipe")["problem"].item()
    assert dx.scan("/dev/null")["problem"].item().startswith("cannot be read")


def test_lists_of_files_and_folders(series, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for k in range(20):
        (tmp_path / f"{k:02d}.dcm").write_bytes(series[0].read_bytes())
    given = [pathlib.Path(f"{k:02d}.dcm") for k in range(20)]
    absolute = [str(tmp_path / name) for name in given]
    assert list(folders.walk(given)) == absolute
    assert list(folders.walk([*absolute, *given])) == absolute
    found = list(folders.walk([*absolute, str(tmp_path / "good"), str(tmp_path / "good/.."), f"{tmp_path}/good/"]))
    assert sorted(found) == sorted([*absolute, *map(str, series)])
    with pytest.raises(FileNotFoundError, match=r"99\.dcm"):
        list(folders.walk([*absolute, str(tmp_path / "99.dcm")]))
    with pytest.raises(dx.HeaderError, match="no DICOM"):
        dx.scan([])
