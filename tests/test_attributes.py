"""Every column of the frame table has its row in the vocabulary, and the row says what the column holds."""

import runpy
from pathlib import Path

import pytest
from pydicom.datadict import tag_for_keyword

import dcmxarray as dx
from dcmxarray.attributes import BY_COLUMN

from .making import frame

DTYPES = {
    "str": {"str"},
    "int": {"int64", "Int64"},
    "float": {"float64"},
    "date": {"datetime64[ms]"},
    "time": {"timedelta64[us]"},
    "datetime": {"datetime64[us]"},
}


@pytest.fixture
def folder(tmp_path):
    dx.testing.write_series(tmp_path, [*dx.testing.dwi(slices=2), frame(SeriesNumber=None, PixelSpacing=None, pixels=[[0.5]])])
    planes = [{"ImagePositionPatient": [0, 0, 5.0 * k], "pixels": [[k]]} for k in range(2)]
    dx.testing.write_enhanced(tmp_path / "enhanced.dcm", planes, {"PixelSpacing": [2, 2]})
    return tmp_path


def wrong(frames):
    return {name: str(frames[name].dtype) for name in BY_COLUMN if str(frames[name].dtype) not in DTYPES[BY_COLUMN[name].dtype]}


def test_the_columns_of_a_scan_are_those_of_the_vocabulary(folder):
    frames = dx.scan(folder)
    assert set(frames) == set(BY_COLUMN)
    assert wrong(frames) == {}


def test_an_index_keeps_the_types_of_columns(folder, tmp_path_factory):
    index = tmp_path_factory.mktemp("index") / "i.parquet"
    dx.open_cohort(folder, index=index)
    frames = dx.open_cohort(index).frames
    assert set(frames) == set(BY_COLUMN)
    assert wrong(frames) == {}


def test_tags_are_the_only_other_columns(folder):
    assert set(dx.scan(folder, tags=["AccessionNumber", "EchoTime"])) - set(BY_COLUMN) == {"AccessionNumber"}


@pytest.mark.parametrize("attribute", dict.fromkeys(BY_COLUMN.values()), ids=lambda a: a.name)
def test_a_row_has_a_keyword_of_the_standard_or_is_computed(attribute):
    assert attribute.dtype in DTYPES
    assert tag_for_keyword(attribute.keyword) is not None if attribute.keyword else attribute.name.islower()
    assert attribute.keyword or attribute.long_name


def test_the_documentation_has_a_row_for_every_column():
    docs = Path(__file__).parents[1] / "docs"
    conf = runpy.run_path(str(docs / "conf.py"))
    rows = [[cell.strip(" `") for cell in line.strip("|").split("|")] for line in conf["columns_table"]().splitlines()[2:]]
    assert [row[0] for row in rows] == list(BY_COLUMN)
    assert {len(row) for row in rows} == {6}
    assert all(row[4] for row in rows)
    assert conf["PLACEHOLDER"] in (docs / "columns.md").read_text()
