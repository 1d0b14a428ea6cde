"""Damaged and hostile files: each costs itself, says what is wrong, and takes no more memory than it holds."""

import os
import time
import tracemalloc

import numpy as np
import pandas as pd
import pytest

import dcmxarray as dx
from dcmxarray.headers import batch, by_pydicom, heads
from dcmxarray.headers.compiled import moments
from dcmxarray.headers.scan import frame_table, read_files

from . import crafted


def row_of(folder, data):
    (folder / "x.dcm").write_bytes(data)
    return dx.scan(folder / "x.dcm").iloc[0]


@pytest.fixture(scope="module")
def bad(tmp_path_factory):
    """The rows of all bad files beside a good series, by name, and those of the series."""
    folder = tmp_path_factory.mktemp("bad")
    dx.testing.write_series(folder / "good", dx.testing.dce(slices=2, times=2, size=4))
    alone = dx.scan(folder / "good")
    for name, data in crafted.BAD.items():
        (folder / name).write_bytes(data)
    table = dx.scan(folder)
    good = table["path"].isin(alone["path"])
    pd.testing.assert_frame_equal(table[good].reset_index(drop=True), alone)
    return table[~good].assign(name=lambda t: t["path"].map(os.path.basename)).set_index("name")


@pytest.mark.parametrize("name", crafted.BAD)
def test_a_bad_file_has_a_row_that_says_so(bad, name):
    said = bad.loc[[name], "problem"]
    assert said.notna().all()
    assert not said.str.contains("AttributeError|NameError").any()  # our own mistakes


def test_what_is_no_date_costs_the_date_alone(tmp_path):
    row = row_of(tmp_path, crafted.BAD["no such day"])
    assert row.problem == "StudyDate is not a valid date"
    assert dx.open_series(tmp_path).load().ndim == 2


@pytest.mark.parametrize("name", crafted.GOOD)
def test_what_is_odd_and_good_has_no_problem(tmp_path, name):
    row = row_of(tmp_path, crafted.GOOD[name])
    assert pd.isna(row.problem)
    assert row.pixels == "int"


@pytest.mark.parametrize("name", [n for n in crafted.BAD if "frames" in n or "mosaic" in n])
def test_frames_that_a_file_cannot_hold_are_no_image(bad, name):
    if name != "groups of fewer frames":
        assert pd.isna(bad.loc[name, "pixels"])


def test_what_is_left_is_kept(bad):
    cut, slope = bad.loc["cut in the pixels"], bad.loc["slope of a word"]
    assert (cut.problem, cut.pixel_length, cut.pixels) == ("pixel data are cut: 27 of 32 bytes", 32, "int")
    assert slope.problem.startswith("RescaleSlope ")
    assert np.isnan(slope.RescaleSlope)
    for name in ("zeros to the far end", "zeros in the header", "no VR"):
        assert bad.loc[name, "Modality"] == "MR"


def test_finite_numbers_stay_as_they_are(tmp_path):
    assert row_of(tmp_path, crafted.GOOD["a huge finite slope"]).RescaleSlope == 1e200


def test_a_slope_in_the_functional_groups_that_is_none_is_said(tmp_path):
    leaf = crafted.element(0x00209113, "SQ", crafted.item(crafted.element(0x00200032, "DS", crafted.text("0\\0\\1"))))
    slope = crafted.element(0x00289145, "SQ", crafted.item(crafted.element(0x00281053, "DS", b"no")))
    groups = ("SQ", crafted.item(leaf + slope) * 2)
    changes = {0x00280008: ("IS", b"2 "), 0x52009230: groups, crafted.PIXELS: ("OW", bytes(64))}
    row = row_of(tmp_path, crafted.image(changes))
    assert row.problem == "RescaleSlope does not hold 1 number"


def test_a_long_leaf_is_not_repeated_for_every_frame(tmp_path):
    leaf = crafted.element(0x00200032, "DS", crafted.text("1" * 5000))
    assert "position_x is too long" in row_of(tmp_path, crafted.groups(2, 2, leaf)).problem


def test_dates_by_the_calendar():
    days = pd.date_range("1896-01-01", "2104-12-31").strftime("%Y%m%d")
    real = set(days)
    for year in (1900, 2000, 2023, 2024):
        for month in range(14):
            for day in range(33):
                text = f"{year}{month:02d}{day:02d}"
                assert (crafted.moment(text, 0) != moments.NAT) == (text in real)


@pytest.mark.parametrize("data", [crafted.BAD["800,000 frames"] + bytes(100_000), crafted.BAD["deflated bomb"]])
def test_memory_is_bounded_by_the_file(tmp_path, data):
    row_of(tmp_path, crafted.image())
    tracemalloc.start()
    begun = time.process_time()
    row_of(tmp_path, data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 300e6
    assert time.process_time() - begun < 10


def test_a_deflated_header_is_inflated_no_further_than_its_pixels(tmp_path):
    body = crafted.header() + crafted.element(crafted.PIXELS, "OW", bytes(200 << 20))
    (tmp_path / "x.dcm").write_bytes(crafted.begin(crafted.DEFLATED) + crafted.deflated(body))
    tracemalloc.start()
    row = dx.scan(tmp_path).iloc[0]
    assert tracemalloc.get_traced_memory()[1] < 20e6
    tracemalloc.stop()
    assert (row.pixels, row.pixel_offset, row.pixel_length) == ("int", -1, 200 << 20)


def test_inflated_streams_seek_and_end(tmp_path):
    (tmp_path / "x").write_bytes(crafted.deflated(bytes(range(100))))
    with open(tmp_path / "x", "rb") as handle:
        stream = by_pydicom.Inflated(handle)
        assert stream.read(3) == b"\0\1\2"
        stream.seek(-2, 1)
        assert stream.read(500) == bytes(range(1, 100))
        assert stream.read(1) == b""


@pytest.mark.parametrize("syntax", [crafted.EXPLICIT, crafted.IMPLICIT, crafted.DEFLATED])
def test_cut_anywhere_an_image_never_vanishes_in_silence(tmp_path, syntax):
    whole = crafted.image(syntax=syntax)
    ends = range(132, len(whole), 7)
    for end in ends:
        (tmp_path / f"{end:05d}").write_bytes(whole[:end])
    table = dx.scan(tmp_path)
    assert len(table) == len(ends)
    assert (table["problem"].notna() | (syntax == crafted.DEFLATED and table["pixels"].notna())).all()


def test_a_batch_that_fails_costs_the_culprit_alone(tmp_path, monkeypatch):
    paths = dx.testing.write_series(tmp_path, dx.testing.dce(slices=3, times=3, size=4))
    real = batch.compute

    def broken(columns):
        if (columns["InstanceNumber"] == 5).any():
            raise RuntimeError("a value that should not be told")
        return real(columns)

    monkeypatch.setattr(batch, "compute", broken)
    table = dx.scan(tmp_path)
    assert table.loc[table["problem"].notna(), "path"].tolist() == [str(paths[4])]
    assert table["problem"].dropna().tolist() == ["the header can't be read (RuntimeError)"]
    assert table["InstanceNumber"].isna().sum() == 1


def test_what_fails_without_a_file_fails(tmp_path, monkeypatch):
    dx.testing.write_series(tmp_path, dx.testing.dce(slices=3, times=3, size=4))

    def broken(columns):
        raise RuntimeError("no memory for anything")

    monkeypatch.setattr(batch, "compute", broken)
    with pytest.raises(RuntimeError):
        dx.scan(tmp_path)


def test_times_of_change_are_in_the_table(tmp_path):
    (path,) = dx.testing.write_series(tmp_path, dx.testing.dce(slices=1, times=1, size=4))
    os.utime(path, ns=(1, 1_234_567_890_123_456_789))
    row = dx.scan(tmp_path).iloc[0]
    assert (row.modified, row.file_size) == (1_234_567_890_123_456_789, path.stat().st_size)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no FIFOs")
def test_a_fifo_that_took_the_place_of_a_file_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "x.dcm")
    table = frame_table(read_files([str(tmp_path / "x.dcm")], ()))
    assert table["problem"].tolist() == ["cannot be read: no plain file"]


def test_without_the_layout_of_stat_python_looks(tmp_path, monkeypatch):
    dx.testing.write_series(tmp_path, dx.testing.dce(slices=2, times=2, size=4))
    usual = dx.scan(tmp_path)
    monkeypatch.setattr(heads.system, "layout", lambda: None)
    pd.testing.assert_frame_equal(dx.scan(tmp_path), usual)


def test_doses_are_read(real):
    row = dx.scan(real / "pydicom+pydicom/src/pydicom/data/test_files/rtdose.dcm").iloc[0]
    assert (row.DoseGridScaling, row.DoseUnits) == (1e-6, "RELATIVE")
