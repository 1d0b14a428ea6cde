"""An index of which only the beginning is left is never replaced, and the error says the way out."""

import pytest

import dcmxarray as dx


@pytest.mark.parametrize("size", [0, 1, 4, 13, 19, 25, 100])
def test_the_beginning_of_an_index(tmp_path, size):
    place = tmp_path / "i.parquet"
    source = dx.testing.example("dce")
    dx.open_cohort(source, index=place)
    place.write_bytes(place.read_bytes()[:size])
    before = place.read_bytes()
    if size < 20:
        with pytest.raises(dx.StoreError, match=f"holds {size} bytes, and may be the beginning of an index .* delete it"):
            dx.open_cohort(source, index=place)
        assert place.read_bytes() == before
    else:
        with pytest.warns(UserWarning, match="made anew"):
            dx.open_cohort(source, index=place)


@pytest.mark.parametrize("data", [b"PAR1dcmX", b"x", b"PAR2"])
def test_other_small_files(tmp_path, data):
    (tmp_path / "i.parquet").write_bytes(data)
    with pytest.raises(dx.StoreError, match=r"no index of dcmxarray.*index=$"):
        dx.open_cohort(dx.testing.example("dce"), index=tmp_path / "i.parquet")
