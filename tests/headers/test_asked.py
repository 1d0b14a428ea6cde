"""Elements that a user asks for: their names, their numbers, paths into sequences, and all of them at once."""

import json

import numpy as np
import pandas as pd
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, ImplicitVRLittleEndian

import dcmxarray as dx
from dcmxarray.attributes import BY_COLUMN
from dcmxarray.testing import count_reads, write_series

from ..making import frame

DOSE = "RadiopharmaceuticalInformationSequence.RadionuclideTotalDose"
CODE = "RadiopharmaceuticalInformationSequence.RadionuclideCodeSequence.CodeMeaning"


def items(*values):
    return [dataset(**one) for one in values]


def dataset(**values):
    found = Dataset()
    for keyword, value in values.items():
        setattr(found, keyword, value)
    return found


# --- numbers ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("syntax", [None, ImplicitVRLittleEndian, ExplicitVRBigEndian])
def test_numbers_come_as_numbers(tmp_path, syntax):
    how = {} if syntax is None else {"syntax": syntax}
    frames = [frame(5 * s, WindowCenter=40, WindowWidth=350 + s, PercentSampling=80.5, **how) for s in range(2)]
    write_series(tmp_path, frames)
    table = dx.scan(tmp_path, tags=["WindowCenter", "WindowWidth", "PercentSampling"])
    assert table["WindowCenter"].tolist() == [40.0, 40.0]
    da = dx.open_series(tmp_path, tags=["WindowCenter", "WindowWidth", "PercentSampling"])
    assert (da.attrs["WindowCenter"], da.attrs["PercentSampling"]) == (40.0, 80.5)
    assert da["WindowWidth"].dims == ("slice",)
    assert da["WindowWidth"].values.tolist() == [350.0, 351.0]


def test_several_values_are_a_list_of_numbers_in_attributes_and_a_text_in_the_table(tmp_path):
    write_series(tmp_path, [frame(5 * s, WindowCenter=["40", "400.5"]) for s in range(2)])
    assert dx.scan(tmp_path, tags=["WindowCenter"])["WindowCenter"].tolist() == ["40\\400.5"] * 2
    assert dx.open_series(tmp_path, tags=["WindowCenter"]).attrs["WindowCenter"] == [40.0, 400.5]


def test_one_file_with_several_values_makes_the_column_text_whatever_the_batches(tmp_path, monkeypatch):
    monkeypatch.setattr("dcmxarray.headers.scan.LEAST", 1)
    monkeypatch.setattr("dcmxarray.headers.scan.MOST", 1)
    write_series(tmp_path, [frame(0, WindowCenter="40"), frame(5, WindowCenter=["40", "400"]), frame(10)])
    assert dx.scan(tmp_path, tags=["WindowCenter"])["WindowCenter"].fillna("").tolist() == ["40", "40\\400", ""]
    da = dx.open_series(tmp_path, tags=["WindowCenter"])
    assert da["WindowCenter"].values.tolist() == ["40", "40\\400", ""]


def test_what_is_no_number_costs_itself_alone(tmp_path):
    write_series(tmp_path, [frame(0, WindowCenter="40"), frame(5, WindowCenter="50")])
    path = sorted(tmp_path.glob("*.dcm"))[1]
    path.write_bytes(path.read_bytes().replace(b"DS\x02\x0050", b"DS\x02\x00x0"))
    table = dx.scan(tmp_path, tags=["WindowCenter"])
    assert table["WindowCenter"].iloc[0] == 40
    assert np.isnan(table["WindowCenter"].iloc[1])
    assert table["problem"].iloc[1] == "WindowCenter is not a number"


def test_private_numbers_are_sorted_as_numbers_and_need_one_call(tmp_path):
    frames = [frame(5 * s, InstanceNumber=1) | {(0x0019, "MINE", 0x0C, "IS"): b} for s in range(2) for b in (0, 50, 500, 1000)]
    write_series(tmp_path, frames)
    da = dx.open_series(tmp_path, tags=[(0x0019, "MINE", 0x0C)], dims=["(0019,MINE,0C)"])
    assert da["(0019,MINE,0C)"].values.tolist() == [0, 50, 500, 1000]


def test_binary_numbers_that_a_file_holds_as_un_are_numbers(tmp_path, monkeypatch):
    (made,) = write_series(tmp_path, [frame()])
    data = pydicom.dcmread(made)
    monkeypatch.setattr("pydicom.config.replace_un_with_known_vr", False)
    data.add_new("CalciumScoringMassFactorDevice", "UN", np.array([0.79, 0.833, 0.872], "<f4").tobytes())
    data.add_new("CalciumScoringMassFactorPatient", "UN", np.array([0.79], "<f4").tobytes())
    data.save_as(made)
    da = dx.open_series(tmp_path, tags=["CalciumScoringMassFactorDevice", "CalciumScoringMassFactorPatient"])
    np.testing.assert_allclose(da.attrs["CalciumScoringMassFactorDevice"], [0.79, 0.833, 0.872], rtol=1e-6)
    np.testing.assert_allclose(da.attrs["CalciumScoringMassFactorPatient"], 0.79, rtol=1e-6)


# --- names -----------------------------------------------------------------------------------------------------------------


def test_a_public_element_by_its_numbers_is_its_keyword(tmp_path):
    write_series(tmp_path, [frame(WindowCenter=40)])
    tags = [(0x0028, 0x1050), (0x0018, 0x0081), "WindowCenter"]
    table = dx.scan(tmp_path, tags=tags)
    assert table["WindowCenter"].tolist() == [40.0]
    assert list(table).count("EchoTime") == 1
    assert dx.open_series(tmp_path, tags=tags).attrs["WindowCenter"] == 40.0
    assert dx.open_cohort(table).open(dx.open_cohort(table).series.index[0], tags=tags).attrs["WindowCenter"] == 40.0


def test_wrong_names_say_what_is_right(tmp_path):
    write_series(tmp_path, [frame()])
    for tags, why in (
        ([(0x0019, 0x100C)], "with its creator"),
        ([(0x0019, "", 0x0C)], "no private creator"),
        (["WindowCentre"], "no keyword"),
        (["RadiopharmaceuticalInformationSequence"], r"'RadiopharmaceuticalInformationSequence\.Keyword'"),
        (["PixelData"], "bulk data"),
        (["EchoTime.FlipAngle"], "'EchoTime' in 'EchoTime.FlipAngle' is no sequence"),
        (["RadiopharmaceuticalInformationSequence.Dose"], "'Dose' is no keyword"),
    ):
        with pytest.raises(dx.HeaderError, match=why):
            dx.scan(tmp_path, tags=tags)
    for wrong in ([(1, 2, 3, 4)], [7], "WindowCenter"):
        with pytest.raises(TypeError, match="tags"):
            dx.open_series(tmp_path, tags=wrong)


# --- paths into sequences --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("syntax", [None, ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian])
def test_a_path_into_sequences(tmp_path, syntax):
    code = items({"CodeMeaning": "Fluör"})
    one = items(
        {"RadionuclideTotalDose": 3.7e8, "RadiopharmaceuticalStartDateTime": "20200102030405", "RadionuclideCodeSequence": code}
    )
    how = {} if syntax is None else {"syntax": syntax}
    frames = [
        frame(5 * s, RadiopharmaceuticalInformationSequence=one, SpecificCharacterSet="ISO_IR 192", **how) for s in range(2)
    ]
    write_series(tmp_path, frames)
    start = "RadiopharmaceuticalInformationSequence.RadiopharmaceuticalStartDateTime"
    table = dx.scan(tmp_path, tags=[DOSE, CODE, start])
    assert table[DOSE].tolist() == [3.7e8] * 2
    assert table[CODE].tolist() == ["Fluör"] * 2
    assert table[start].tolist() == [pd.Timestamp("2020-01-02 03:04:05")] * 2
    assert table["problem"].isna().all()
    assert dx.open_series(tmp_path, tags=[DOSE]).attrs[DOSE] == 3.7e8


def test_several_items_and_no_item(tmp_path):
    several = items({"RadionuclideTotalDose": 1.0}, {}, {"RadionuclideTotalDose": 2.0})
    frames = [
        frame(0, RadiopharmaceuticalInformationSequence=several),
        frame(5, RadiopharmaceuticalInformationSequence=[]),
        frame(10),
    ]
    write_series(tmp_path, frames)
    assert dx.scan(tmp_path, tags=[DOSE])[DOSE].fillna("").tolist() == ["1\\2", "", ""]


def test_a_path_in_functional_groups_is_each_frames_own(tmp_path):
    path = "FrameContentSequence.FrameAcquisitionNumber"
    frames = [{"FrameContentSequence.FrameAcquisitionNumber": n} for n in (3, 5)]
    write_two_groups(tmp_path / "a.dcm", frames)
    for asked in (path, f"PerFrameFunctionalGroupsSequence.{path}"):
        assert dx.scan(tmp_path, tags=[asked])[asked].tolist() == [3.0, 5.0]


def write_two_groups(path, frames):
    """A two-frame file whose groups hold AcquisitionNumbers."""
    write_series(path.parent, [frame()])
    made = next(path.parent.glob("*.dcm"))
    data = pydicom.dcmread(made)
    data.NumberOfFrames = 2
    numbers = [next(iter(one.values())) for one in frames]
    data.PerFrameFunctionalGroupsSequence = items(
        *({"FrameContentSequence": items({"FrameAcquisitionNumber": n})} for n in numbers)
    )
    data.PixelData = data.PixelData * 2
    data.save_as(made)


def test_a_damaged_sequence_costs_itself_alone(tmp_path):
    one = items({"RadionuclideTotalDose": 1.0})
    write_series(tmp_path, [frame(5 * s, RadiopharmaceuticalInformationSequence=one) for s in range(2)])
    path = sorted(tmp_path.glob("*.dcm"))[0]
    path.write_bytes(path.read_bytes()[:300])
    (tmp_path / "text.dcm").write_text("no DICOM")
    table = dx.scan(tmp_path, tags=[DOSE]).set_index("path")
    assert table[DOSE].iloc[1] == 1.0
    assert len(table) == 2


# --- everything ------------------------------------------------------------------------------------------------------------


def everything(folder):
    private = {(0x0019, "MINE", 0x01, "LO"): "word", (0x0019, "MINE", 0x02, "OB"): b"\1\2", (0x0019, "MINE", 0x03, "UN"): b"\0\1"}
    more = {(0x0019, "MINE", 0x04, "UT"): "long" * 4000, (0x0019, "MINE", 0x05, "FD"): 2.5}
    one = items({"RadionuclideTotalDose": 1.0})
    public = {
        "WindowCenter": 40,
        "PatientName": "Doe^Jane",
        "ImageComments": "fine",
        "RadiopharmaceuticalInformationSequence": one,
    }
    return write_series(folder, [frame(5 * s, **public) | private | more for s in range(2)])


def test_all_takes_every_element_of_the_top_level_but_large_and_binary_ones(tmp_path):
    everything(tmp_path / "a")
    table = dx.scan(tmp_path, tags="all")
    more = set(table) - set(BY_COLUMN)
    assert {"WindowCenter", "PatientName", "ImageComments", "(0019,MINE,01)", "(0019,MINE,05)"} <= more
    assert not {"PixelData", "RadiopharmaceuticalInformationSequence", *(f"(0019,MINE,0{n})" for n in (2, 3, 4))} & more
    assert table["(0019,MINE,05)"].tolist() == [2.5, 2.5]
    assert table["problem"].isna().all()
    da = dx.open_series(tmp_path, tags="all")
    assert (da.attrs["WindowCenter"], da.attrs["(0019,MINE,01)"], da.attrs["ImageComments"]) == (40.0, "word", "fine")
    json.dumps(da.attrs)


def test_all_takes_overlays_by_their_numbers(tmp_path):
    (made,) = write_series(tmp_path, [frame()])
    data = pydicom.dcmread(made)
    for group in (0x6000, 0x6002):
        data.add_new((group, 0x0010), "US", 7)
        data.add_new((group, 0x0022), "LO", f"in {group:x}")
    data.save_as(made)
    table = dx.scan(tmp_path, tags="all")
    assert table["(6000,0022)"].item() == "in 6000"
    assert table["(6002,0010)"].item() == dx.scan(tmp_path, tags=[(0x6002, 0x0010)])["(6002,0010)"].item() == 7


def test_all_works_from_tables_indexes_and_into_stores_without_identifiers(tmp_path):
    everything(tmp_path / "a")
    index = tmp_path / "i.parquet"
    for _ in range(2):
        cohort = dx.open_cohort(tmp_path / "a", index=index, tags="all")
        assert cohort.frames["WindowCenter"].tolist() == [40.0, 40.0]
    assert "WindowCenter" in dx.open_cohort(index, tags="all").frames
    assert "WindowCenter" in dx.open_cohort(dx.scan(tmp_path / "a"), tags="all").frames
    assert cohort.to_zarr(tmp_path / "c.zarr", tags="all")["status"].tolist() == ["written"]
    stored = dx.open_cohort(tmp_path / "c.zarr")
    attrs = next(iter(stored.values())).attrs
    assert attrs["WindowCenter"] == 40.0
    assert not {"PatientName", "ImageComments", "(0019,MINE,01)"} & ({*attrs} | {*stored.frames})


def test_an_index_is_as_a_new_scan_when_files_with_several_values_come_and_go(tmp_path):
    index, tags = tmp_path / "i.parquet", ["WindowCenter", DOSE]
    folder = tmp_path / "a"
    write_series(folder, [frame(0, WindowCenter=40)])
    extra = tmp_path / "b"
    write_series(extra, [frame(5, WindowCenter=["40", "400"])])

    def both():
        kept = dx.open_cohort(folder, index=index, tags=tags).frames
        fresh = dx.scan(folder, tags=tags).sort_values(["path", "frame"], ignore_index=True)
        pd.testing.assert_frame_equal(kept, fresh[list(kept)])
        return kept["WindowCenter"].tolist()

    assert both() == [40.0]
    (extra / "00000.dcm").rename(folder / "x.dcm")
    assert both() == ["40", "40\\400"]
    (folder / "x.dcm").unlink()
    assert both() == [40.0]


def test_a_store_takes_cohorts_with_one_value_several_and_none(tmp_path):
    for number, value in enumerate(["40", ["40", "400"], None]):
        series = {"SeriesInstanceUID": f"1.2.{number}", "WindowCenter": value}
        write_series(tmp_path / str(number), [frame(5 * s, **series) for s in range(2)])
        cohort = dx.open_cohort(tmp_path / str(number), tags=["WindowCenter"])
        assert cohort.to_zarr(tmp_path / "c.zarr", tags=["WindowCenter"])["status"].tolist() == ["written"]
    stored = dx.open_cohort(tmp_path / "c.zarr")
    assert [da.attrs.get("WindowCenter") for da in stored.values()] == [40.0, [40.0, 400.0], None]
    assert stored.frames["WindowCenter"].fillna("").tolist() == ["40", "40", "40\\400", "40\\400", "", ""]


def test_nothing_is_opened_twice_unless_asked(tmp_path):
    write_series(tmp_path, [frame(5 * s) for s in range(3)])
    with count_reads() as opened:
        dx.scan(tmp_path, tags=["WindowCenter"])
    assert len(opened) <= 3


# --- order -----------------------------------------------------------------------------------------------------------------


def test_dims_of_text_keep_the_order_of_an_ordered_categorical(tmp_path):
    kinds = {"late": "B", "early": "A", "middle": "C"}
    write_series(
        tmp_path, [frame(5 * s, InstanceNumber=1, ContrastBolusAgent=k, value=ord(v)) for s in range(2) for k, v in kinds.items()]
    )
    table = dx.scan(tmp_path)
    assert dx.open_series(table, dims=["ContrastBolusAgent"])["ContrastBolusAgent"].values.tolist() == ["early", "late", "middle"]
    order = ["early", "middle", "late"]
    table["ContrastBolusAgent"] = pd.Categorical(table["ContrastBolusAgent"], [*order, "never"], ordered=True)
    da = dx.open_series(table, dims=["ContrastBolusAgent"])
    assert da["ContrastBolusAgent"].values.tolist() == order
    assert da[0, :, 0, 0].values.tolist() == [65, 67, 66]
    assert next(iter(dx.open_cohort(table).open(key, dims=["ContrastBolusAgent"]) for key in dx.open_cohort(table))).identical(da)


def test_component_keeps_the_order_of_an_ordered_categorical(tmp_path):
    kinds = [["ORIGINAL", "PRIMARY", k] for k in ("M", "P")]
    write_series(tmp_path, [frame(5 * s, ImageType=k, InstanceNumber=1) for s in range(2) for k in kinds])
    table = dx.scan(tmp_path)
    assert dx.open_series(table)["component"].values.tolist() == ["magnitude", "phase"]
    order = ["phase", "magnitude"]
    da = dx.open_series(table.assign(component=pd.Categorical(table["component"], order, ordered=True)))
    assert da["component"].values.tolist() == order
