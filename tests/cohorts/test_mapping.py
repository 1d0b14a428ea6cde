"""A cohort read as a mapping from keys to arrays."""

import pytest
import xarray as xr

import dcmxarray as dx
from dcmxarray.testing import count_reads


@pytest.fixture(params=["files", "store"])
def cohort(request, tmp_path):
    found = dx.open_cohort(dx.testing.example("cohort"))
    if request.param == "files":
        return found
    found.to_zarr(tmp_path / "c.zarr")
    return dx.open_cohort(tmp_path / "c.zarr")


def test_a_key_opens_its_array(cohort):
    key = next(iter(cohort))
    xr.testing.assert_identical(cohort[key].load(), cohort.open(key).load())
    with pytest.raises(dx.SeriesError, match="no array 'x' among 2"):
        cohort["x"]


def test_items_keys_and_values_are_those_of_a_mapping(cohort):
    assert list(cohort.keys()) == list(cohort)
    assert len(cohort.items()) == len(cohort.values()) == len(cohort) == 2
    assert next(iter(cohort)) in cohort.keys()  # noqa: SIM118
    assert [da.ndim for da in cohort.values()] == [4, 4]
    assert {key: da.dims for key, da in dict(cohort).items()} == {key: cohort[key].dims for key in cohort}


def test_items_open_one_array_at_a_time():
    cohort = dx.open_cohort(dx.testing.example("cohort"))
    with count_reads() as opened:
        for _, da in cohort.items():
            assert da.size
    assert opened == []
