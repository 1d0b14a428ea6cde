"""``~`` and patterns in paths, wherever a path is taken."""

import shutil

import pytest

import dcmxarray as dx
from dcmxarray.sources import folders


@pytest.fixture
def home(tmp_path, monkeypatch):
    shutil.copytree(dx.testing.example("cohort"), tmp_path / "data")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    return tmp_path


def test_the_home_folder(home, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("work")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(elsewhere)
        cohort = dx.open_cohort("~/data", index="~/i.parquet")
        assert (home / "i.parquet").exists()
        assert len(dx.open_cohort("~/i.parquet")) == len(cohort) == 2
        cohort.to_zarr("~/c.zarr")
        assert len(dx.open_cohort("~/c.zarr")) == 2
        next(iter(cohort.values())).dicom.to_zarr("~/one.zarr")
        assert (home / "one.zarr").is_dir()
        assert list(elsewhere.iterdir()) == []


def test_patterns_match_folders_and_files(home):
    found = {p: len(list(folders.walk([home / p]))) for p in ("data", "data/*", "data/**/*.dcm", "da[st]a", "d?ta")}
    assert found == dict.fromkeys(found, 52)
    assert {p[-5] for p in dx.scan(home / "data/d*" / "*1.dcm")["path"]} == {"1"}
    assert len(dx.open_cohort([home / "data/dce/*", "~/data/d*"])) == 2
    with pytest.raises(FileNotFoundError, match=r"matches .*nothing\*"):
        dx.scan(home / "nothing*")


def test_a_file_of_that_very_name_comes_first(home):
    (home / "a[1]").mkdir()
    shutil.copytree(home / "data", home / "a[1]" / "x")
    shutil.copytree(home / "data/dce", home / "a1")
    assert len(list(folders.walk([str(home / "a[1]")]))) == 52


def test_patterns_of_remote_paths():
    import fsspec

    memory = fsspec.filesystem("memory")
    for name in ("a1", "a2", "b1"):
        memory.pipe(f"/patterns/{name}/x.dcm", b"none")
    assert sorted(folders.walk(["memory://patterns/a*"])) == ["memory:///patterns/a1/x.dcm", "memory:///patterns/a2/x.dcm"]
