"""Attempts to make a writer destroy or escape: each is an error, and every byte stays in place."""

import hashlib
import os
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
import zarr

import dcmxarray as dx
from dcmxarray.stores import claims, documents, keys, objects
from dcmxarray.testing import dce, dwi, write_series


@pytest.fixture(scope="module")
def made_once(tmp_path_factory):
    """A source, its neighbours, links to it, and other people's things."""
    tmp_path = tmp_path_factory.mktemp("place")
    for series in (dce(slices=2, times=2, size=8), dwi(slices=2, size=8)):
        write_series(tmp_path / "source" / series[0].get("SeriesInstanceUID", series[0]["SeriesDescription"]), series)
    made = {str(dx.scan(folder)["SeriesInstanceUID"].iloc[0]): folder for folder in (tmp_path / "source").iterdir()}
    for uid, folder in made.items():
        folder.rename(tmp_path / "source" / uid)  # as archives lay it out, and as a store names its groups
    (tmp_path / "notes/deep").mkdir(parents=True)
    (tmp_path / "notes/deep/thesis.txt").write_text("years of work")
    (tmp_path / "text.txt").write_text("text")
    (tmp_path / "text.zip").write_text("no zip")
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as other:
        other.writestr("a.txt", "a")
    for version in (2, 3):
        group = zarr.open_group(tmp_path / f"v{version}.zarr", mode="w", zarr_format=version)
        group.create_array("x", data=np.arange(3))
    pd.DataFrame({"a": [1]}).to_parquet(tmp_path / "other.parquet")
    (tmp_path / "links").mkdir()
    for name in ("source", "notes", "text.txt", "other.parquet", "nowhere"):
        (tmp_path / "links" / name).symlink_to(f"../{name}")
    (tmp_path / "links/inside.zarr").mkdir()
    (tmp_path / "links/inside.zarr/image").symlink_to("../../notes")
    (tmp_path / "broken.zarr").mkdir()
    (tmp_path / "broken.zarr/zarr.json").write_bytes(b'{"zarr_format": 3, "node_ty')
    dx.open_series(tmp_path / "source" / next(iter(made))).dicom.to_zarr(tmp_path / "ours.zarr", group="a/b")
    dx.open_cohort(tmp_path / "source").to_zarr(tmp_path / "cohort.zarr")
    return tmp_path


@pytest.fixture
def place(made_once, tmp_path):
    return Path(shutil.copytree(made_once, tmp_path / "place", symlinks=True))


def digest(folder):
    """Every file, link and folder with its content."""
    out = {}
    for path in sorted(Path(folder).rglob("*")):
        kind = os.readlink(path) if path.is_symlink() else "folder" if path.is_dir() else ""
        out[str(path.relative_to(folder))] = kind or hashlib.sha256(path.read_bytes()).hexdigest()
    return out


FOREIGN = [
    "source",
    ".",  # the source's parent
    "source/new.zarr/../",
    "links/source",
    "links/../source/",
    "notes",
    "links/notes",
    "links/nowhere",
    "links/inside.zarr",
    "v2.zarr",
    "v3.zarr",
    "broken.zarr",
    "text.txt",
    "links/text.txt",
    "text.txt/below",
    "text.zip",
    "other.zip",
]


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("form", ["path", "relative", "url", "store"])
@pytest.mark.parametrize("target", FOREIGN)
def test_a_target_that_is_not_ours(place, target, form, overwrite, monkeypatch):
    monkeypatch.chdir(place)
    path = os.path.join(place, target)
    where = {"path": path, "relative": target, "url": f"file://{path}", "store": path}[form]
    if form == "store":
        where = zarr.storage.LocalStore(path)
    cohort = dx.open_cohort(place / "source")
    array = cohort.open(next(iter(cohort)))
    before = digest(place)
    for write in (
        lambda: cohort.to_zarr(where, overwrite=overwrite),
        lambda: array.dicom.to_zarr(where, overwrite=overwrite),
        lambda: array.dicom.to_zarr(where, group="a", overwrite=overwrite),
        lambda: (array.astype(float) * 2).compute().dicom.to_zarr(where, overwrite=overwrite),
    ):
        with pytest.raises((dx.StoreError, OSError) if form == "store" else dx.StoreError):
            write()
        assert digest(place) == before


@pytest.mark.parametrize("inside", ["new.zarr", "new.zip", "{uid}", "{uid}/new.zarr", "../links/source/{uid}/x.zarr"])
def test_a_target_inside_the_source(place, inside):
    cohort = dx.open_cohort(place / "source")
    key = next(iter(cohort))
    array = cohort.open(key)
    where = place / "source" / key / inside.format(uid=key)
    if not inside.startswith(".."):
        before = digest(place)
        for write in (cohort.to_zarr, array.dicom.to_zarr, (array * 2).dicom.to_zarr):
            with pytest.raises(dx.StoreError, match="lies inside"):
                write(where)
            assert digest(place) == before
    with pytest.raises(dx.StoreError, match="lies inside"):
        array.dicom.to_zarr(os.path.normpath(place / "source" / inside.format(uid=key)), group=key) if ".." in inside else (
            array.dicom.to_zarr(where, group=key)
        )


GROUPS = [
    "..",
    "../x",
    "/abs",
    "a/../../x",
    "a//b",
    "a/",
    "a/.",
    ".hidden",
    "tables",
    "tables/x",
    "zarr.json",
    "a\\..\\b",
    "C:/x",
]


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("group", GROUPS)
def test_a_group_that_leaves_the_store_or_meets_its_own(place, group, overwrite):
    array = dx.open_series(next((place / "source").iterdir()))
    before = digest(place)
    for store in ("ours.zarr", "cohort.zarr", "new.zarr"):
        with pytest.raises(dx.StoreError):
            array.dicom.to_zarr(place / store, group=group, overwrite=overwrite)
    assert digest(place) == before


def test_groups_inside_or_above_arrays(place):
    array = dx.open_series(next((place / "source").iterdir()))
    array.dicom.to_zarr(place / "root.zarr")
    before = digest(place)
    for store, group in (("ours.zarr", "a"), ("ours.zarr", "a/b/c"), ("ours.zarr", ""), ("root.zarr", "x"), ("cohort.zarr", "")):
        with pytest.raises(dx.StoreError):
            array.dicom.to_zarr(place / store, group=group, overwrite=True)
    with pytest.raises(dx.StoreError, match="one array"):
        dx.open_cohort(place / "source").to_zarr(place / "root.zarr", overwrite=True)
    assert digest(place) == before


KEYS = ["../../x", "..", ".", "/abs/x", "tables", "zarr.json", "image", "c", "A", "a\\b", "x" * 5000, "é/.."]


@pytest.mark.parametrize("key", KEYS)
def test_hostile_keys_stay_in_the_store(place, key):
    frames = dx.scan(place / "source").assign(SeriesInstanceUID=key)
    before = digest(place)
    cohort = dx.open_cohort(frames[frames["SeriesDescription"] == "dce"])
    assert cohort.to_zarr(place / "new/c.zarr")["status"].tolist() == ["written"]
    after = digest(place)
    assert {n: after[n] for n in before} == before
    assert all(n == "new" or n.startswith("new/c.zarr") for n in after.keys() - before)
    stored = dx.open_cohort(place / "new/c.zarr")
    assert list(stored) == list(cohort)
    xr.testing.assert_identical(stored.open(key).load(), cohort.open(key).load())
    assert cohort.verify(place / "new/c.zarr")["status"].tolist() == ["whole"]


INDEXES = ["text.txt", "other.parquet", "notes", "links/nowhere", "links/text.txt", "links/other.parquet", "links/notes", "DICOM"]


@pytest.mark.parametrize("index", INDEXES)
def test_an_index_over_something_else(place, index):
    where = next((place / "source").rglob("*.dcm")) if index == "DICOM" else place / index
    before = digest(place)
    for _ in range(2):
        with pytest.raises(dx.StoreError, match="no index of dcmxarray"):
            dx.open_cohort(place / "source", index=where)
    assert digest(place) == before
    with pytest.raises(dx.StoreError, match="there is no folder"):
        dx.open_cohort(place / "source", index=place / "no/folder/i.parquet")
    assert digest(place) == before


def test_an_index_that_is_a_link_stays_one_and_has_the_users_rights(place):
    (place / "real").mkdir()
    (place / "links/index").symlink_to(place / "real/i.parquet")
    old = os.umask(0o027)
    try:
        dx.open_cohort(place / "source", index=place / "real/i.parquet")
        assert (place / "real/i.parquet").stat().st_mode & 0o777 == 0o640
        assert len(dx.open_cohort(place / "source", index=place / "links/index", tags=["WindowCenter"])) == 2
    finally:
        os.umask(old)
    assert (place / "links/index").is_symlink()


def test_somebodys_file_in_a_group_of_ours_stops_the_writer(place):
    cohort = dx.open_cohort(place / "source")
    key, other = cohort
    (place / "cohort.zarr" / key / "image/mine.txt").write_text("mine")
    before = digest(place / "cohort.zarr" / key)
    report = cohort.to_zarr(place / "cohort.zarr", overwrite=True)
    assert report.loc[[key, other], "status"].tolist() == ["failed", "written"]
    assert "image/mine.txt" in report.loc[key, "message"]
    assert digest(place / "cohort.zarr" / key) == before


def test_a_document_that_lists_what_lies_elsewhere_deletes_nothing(place):
    group = place / "ours.zarr/a/b"
    said = documents.read((group / "zarr.json").read_bytes(), "")
    names = dict(said.checksums) | {"../../../text.txt": 1, "/etc/passwd": 2}
    (group / "zarr.json").write_bytes(documents.of_array({"zarr_format": 3, "node_type": "group"}, documents.Mark("", names, {})))
    before = digest(place)
    array = dx.open_series(next((place / "source").iterdir()))
    array.isel(time=[0], missing_dims="ignore").dicom.to_zarr(place / "ours.zarr", group="a/b", overwrite=True)
    after = digest(place)
    assert {n for n in before if before[n] != after.get(n)} <= {n for n in before if n.startswith("ours.zarr/a/b/")}


def test_a_stored_array_is_a_source_too(place):
    stored = dx.open_cohort(place / "cohort.zarr")
    key = next(iter(stored))
    array = stored.open(key)
    before = digest(place)
    for write in (
        lambda: stored.to_zarr(place / "cohort.zarr", overwrite=True),
        lambda: stored.to_zarr(place / "links/../cohort.zarr", chunks={"slice": 1}),
        lambda: array.dicom.to_zarr(place / "cohort.zarr", group=key, overwrite=True),
        lambda: (array * 2).dicom.to_zarr(place / "cohort.zarr", group=key, overwrite=True),
        lambda: stored.open(key, chunks=None).dicom.to_zarr(place / "cohort.zarr", group=key, overwrite=True),
    ):
        with pytest.raises(dx.StoreError, match="which is read"):
            write()
        assert digest(place) == before
    array.mean("slice").dicom.to_zarr(place / "cohort.zarr", group="derived/mean")
    assert {n: h for n, h in digest(place).items() if not n.startswith("cohort.zarr/derived")} == before


def test_a_foreign_folder_is_no_leftover_of_ours(tmp_path):
    folder = tmp_path / "a"
    (folder / "image/c").mkdir(parents=True)
    (folder / "image/c/0").write_bytes(b"not ours")
    (folder / f"{claims.BEGUN}{'0' * 32}").write_text('{"dcmxarray": {"format": 2, "begun": ["image/c/0"]}}')
    before = digest(tmp_path)
    array = dx.open_series(dx.testing.example("dce"))
    with pytest.raises(dx.StoreError):
        array.dicom.to_zarr(folder, overwrite=True)
    assert digest(tmp_path) == before


def test_a_zip_of_ours_shrinks_and_is_written_again(tmp_path):
    array = dx.open_series(dx.testing.example("dce"))
    for part in (array, array.isel(time=[0]), array):
        part.dicom.to_zarr(tmp_path / "a.zip", chunks={"time": 1, "slice": 1}, overwrite=True)
        with objects.opened(tmp_path / "a.zip") as store:
            assert documents.read(objects.read(store, "zarr.json"), "") is not None
        assert part is not array or (tmp_path / "a.zip").chmod(0o640) is None
    assert os.name == "nt" or (tmp_path / "a.zip").stat().st_mode & 0o777 == 0o640


def test_overwrite_is_a_flag(tmp_path):
    for writer in (dx.open_series(dx.testing.example("dce")).dicom, dx.open_cohort(dx.testing.example("dce"))):
        with pytest.raises(TypeError, match="overwrite='no' is neither"):
            writer.to_zarr(tmp_path / "a.zarr", overwrite="no")
    assert not list(tmp_path.iterdir())


def test_names_of_groups_are_never_the_stores_own():
    assert not {keys.name(word) for word in keys.RESERVED} & keys.RESERVED
