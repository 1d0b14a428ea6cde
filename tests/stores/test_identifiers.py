import json
from pathlib import Path

import pytest
import xarray as xr

import dcmxarray as dx
from dcmxarray.stores import identifiers
from dcmxarray.testing import dce, write_series

PRIVATE = (0x0019, "MAKER 1.0", 0x10)
PRIVATE_LO = (*PRIVATE, "LO")
PEOPLE = {
    "PatientName": "Secret^Sam",
    "PatientBirthDate": "19330303",
    "PatientAddress": "Hidden Lane 7",
    "ReferringPhysicianName": "Concealed^Carl",
    "AccessionNumber": "ACC4711",
    "InstitutionName": "Veiled Hospital",
    "OtherPatientIDs": "OTHER99",
    PRIVATE_LO: "private words",
}
TAGS = [*(k for k in PEOPLE if isinstance(k, str)), PRIVATE]


@pytest.fixture
def cohort(tmp_path):
    frames = [f | PEOPLE | {"PatientAge": "093Y", "PatientID": "P1"} for f in dce(slices=2, times=2, size=8)]
    write_series(tmp_path / "Secret_Sam", frames)
    return dx.open_cohort(tmp_path / "Secret_Sam", tags=TAGS)


def everything(folder):
    """All bytes of a store, Parquet tables read."""
    import io

    import pandas as pd

    text = []
    for path in Path(folder).rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            text.append(data.decode("latin-1"))
            if data[:4] == b"PAR1":
                text.append(pd.read_parquet(io.BytesIO(data)).to_csv())
    return "\n".join(text)


def test_what_identifies_is_left_out(cohort, tmp_path):
    cohort.to_zarr(tmp_path / "c.zarr", tags=TAGS)
    text = everything(tmp_path / "c.zarr")
    for value in (*PEOPLE.values(), "Secret_Sam"):
        assert value not in text
    array = dx.open_cohort(tmp_path / "c.zarr").open(next(iter(cohort)))
    assert array.attrs["PatientAge"] == "093Y"
    assert array.attrs["PatientID"] == "P1"


def test_keep_keeps(cohort, tmp_path):
    cohort.to_zarr(tmp_path / "c.zarr", tags=TAGS, identifiers="keep")
    attrs = dx.open_cohort(tmp_path / "c.zarr").open(next(iter(cohort))).attrs
    assert attrs["PatientName"] == "Secret^Sam"
    assert attrs["(0019,MAKER 1.0,10)"] == "private words"
    varied = [f | {PRIVATE_LO: f"word {k}"} for k, f in enumerate(dce(slices=2, times=2, size=8))]
    write_series(tmp_path / "varied", varied)
    varying = dx.open_cohort(tmp_path / "varied", tags=[PRIVATE])
    varying.to_zarr(tmp_path / "v.zarr", tags=[PRIVATE], identifiers="keep")
    key = next(iter(varying))
    opened = varying.open(key, tags=[PRIVATE]).load()
    assert opened.coords["(0019,MAKER 1.0,10)"].dims == ("slice", "time")
    xr.testing.assert_identical(dx.open_cohort(tmp_path / "v.zarr").open(key).load(), opened)
    with pytest.raises(ValueError, match="neither 'drop' nor 'keep'"):
        cohort.to_zarr(tmp_path / "d.zarr", identifiers="remove")


def test_the_table_is_that_of_the_standard():
    table = identifiers.table().set_index("keyword")
    assert len(table) > 600
    assert table.loc["PatientName", "BasicProfile"] == "Z"
    assert table.loc["PatientAge", "RetainPatientCharacteristics"] == "K"
    assert table.loc["SOPInstanceUID", "RetainUIDs"] == "K"
    assert table.loc["DeviceSerialNumber", "RetainDeviceIdentity"] == "K"
    for keyword in ("PatientComments", "OperatorsName", "StationName", "InstitutionAddress", "ConsultingPhysicianName"):
        assert identifiers.is_identifying(keyword) == (keyword != "StationName"), keyword
    assert not identifiers.is_identifying("EchoTime")


def test_reprs_and_errors_do_not_name_people(cohort):
    said = [repr(cohort), cohort._repr_html_()]
    with pytest.raises(dx.SeriesError) as caught:
        cohort.open("nothing")
    said.append(str(caught.value))
    with pytest.raises(dx.HeaderError) as caught:
        cohort.open(next(iter(cohort)), dims=["nothing"])
    said.append(str(caught.value))
    assert not [value for value in PEOPLE.values() for text in said if value in text]
    assert "Secret" not in json.dumps(said)
