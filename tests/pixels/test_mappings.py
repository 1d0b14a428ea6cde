"""Real-world value mappings: used where nothing else says what stored values mean, and only where they say it plainly."""

import numpy as np
import pydicom
import pytest
import xarray as xr
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRBigEndian, ImplicitVRLittleEndian

import dcmxarray as dx
from dcmxarray.testing import write_enhanced, write_frame

from ..making import PLANE, frame, image

PARAMETRIC_MAP = "1.2.840.10008.5.1.4.1.1.30"


def mapping(slope=0.5, intercept=10.0, units="mm2/s", scheme="UCUM", first=0, last=4095):
    code, one = Dataset(), Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = units, scheme, units
    one.MeasurementUnitsCodeSequence = [code]
    one.add_new("RealWorldValueFirstValueMapped", "US", first)
    one.add_new("RealWorldValueLastValueMapped", "US", last)
    if slope is None:
        one.RealWorldValueLUTData = [1.0] * (last - first + 1)
    else:
        one.RealWorldValueSlope, one.RealWorldValueIntercept = slope, intercept
    return one


def classic(folder, *mappings, **more):
    write_frame(folder / "a", frame(value=4, RealWorldValueMappingSequence=list(mappings), **more))
    return folder


def enhanced(folder, mappings, rescale=None, **elements):
    """Three frames of value 4, each with its own list of mappings."""
    frames = [{"ImagePositionPatient": [0, 0, 4.0 * z], "pixels": image(4)} | (rescale or {}) for z in range(3)]
    write_enhanced(folder / "a", frames, PLANE, **elements)
    data = pydicom.dcmread(folder / "a")
    for group, several in zip(data.PerFrameFunctionalGroupsSequence, mappings, strict=True):
        if several is not None:
            group.RealWorldValueMappingSequence = list(several)
    if "SOPClassUID" in elements:
        data.SOPClassUID = elements["SOPClassUID"]
    data.save_as(folder / "a")
    return folder


def test_a_classic_file(tmp_path):
    da = dx.open_series(classic(tmp_path, mapping()))
    assert (da.values == 12).all()
    assert (da.dtype, da.attrs["units"], da.attrs["value_source"]) == (np.float32, "mm2/s", "RealWorldValueMappingSequence")
    stored = dx.open_series(tmp_path, rescale=False)
    assert (stored.values == 4).all()
    assert not {"units", "value_source"} & set(stored.attrs)


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRBigEndian])
def test_in_other_encodings(tmp_path, syntax):
    da = dx.open_series(classic(tmp_path, mapping(), syntax=syntax))
    assert (float(da.max()), da.attrs["units"]) == (12, "mm2/s")


@pytest.mark.parametrize("implicit", [False, True])
def test_sequences_of_undefined_length(tmp_path, implicit):
    classic(tmp_path, mapping(), syntax=ImplicitVRLittleEndian if implicit else pydicom.uid.ExplicitVRLittleEndian)
    data = pydicom.dcmread(tmp_path / "a")
    data["RealWorldValueMappingSequence"].is_undefined_length = True
    data.RealWorldValueMappingSequence[0].is_undefined_length_sequence_item = True
    data.save_as(tmp_path / "a")
    assert (dx.open_series(tmp_path).values == 12).all()


def test_enhanced_frames_each_have_their_own(tmp_path):
    da = dx.open_series(enhanced(tmp_path, [[mapping(slope)] for slope in (0.5, 1.0, 2.0)]))
    assert da.values[:, 0, 0].tolist() == [12, 14, 18]
    assert da.attrs["units"] == "mm2/s"


def test_whole_slopes_stay_integers(tmp_path):
    da = dx.open_series(classic(tmp_path, mapping(1.0, -1024.0, "[hnsf'U]")))
    assert (da.dtype, float(da.max()), da.attrs["units"]) == (np.int32, -1020, "[hnsf'U]")


@pytest.mark.parametrize(
    ("mappings", "why"),
    [
        ([[mapping(), mapping(2.0)]] * 3, "2 real-world value mappings"),
        ([[mapping(None, last=4)]] * 3, "not linear"),
        ([[mapping()], [mapping()], None], "some frames"),
        ([[mapping()], [mapping()], [mapping(units="s")]], "several units"),
        ([[mapping(0.0)]] * 3, "not linear"),
    ],
)
def test_what_is_not_plain_is_not_used_and_said(tmp_path, mappings, why):
    da = dx.open_series(enhanced(tmp_path, mappings))
    assert (da.values == 4).all()
    assert da.dtype.kind == "i"
    assert "units" not in da.attrs
    assert why in da.attrs["value_source"]


def test_a_classic_file_with_two(tmp_path):
    da = dx.open_series(classic(tmp_path, mapping(), mapping(3.0)))
    assert (da.values == 4).all()
    assert da.attrs["value_source"] == "stored values: 2 real-world value mappings"
    with pytest.raises(dx.PixelError, match="2 real-world value mappings, of which none can be chosen"):
        dx.open_series(tmp_path, rescale="rwvm")
    assert (dx.open_series(dx.scan(tmp_path).assign(RealWorldValueSlope=2.0), rescale="rwvm").values == 8).all()


def test_a_rescale_slope_comes_first(tmp_path):
    da = dx.open_series(classic(tmp_path / "a", mapping(), RescaleSlope=3, RescaleIntercept=0, RescaleType="normalized"))
    assert (float(da.max()), da.attrs["units"]) == (12, "normalized")
    assert "value_source" not in da.attrs
    asked = dx.open_series(tmp_path / "a", rescale="rwvm")
    assert (float(asked.max()), asked.attrs["units"]) == (12, "mm2/s")
    same = {"RescaleSlope": 1.0, "RescaleIntercept": 0.0, "RescaleType": "US"}
    assert (dx.open_series(enhanced(tmp_path / "b", [[mapping()]] * 3, same)).values == 4).all()


def test_the_identity_of_a_parametric_map_leaves_it_to_the_mapping(tmp_path):
    same = {"RescaleSlope": 1.0, "RescaleIntercept": 0.0, "RescaleType": "US"}
    da = dx.open_series(enhanced(tmp_path, [[mapping()]] * 3, same, SOPClassUID=PARAMETRIC_MAP))
    assert (float(da.max()), da.attrs["units"]) == (12, "mm2/s")


def test_codes_that_are_not_ucum_are_no_units(tmp_path):
    assert "units" not in dx.open_series(classic(tmp_path, mapping(units="113070", scheme="DCM"))).attrs


def test_values_beyond_the_range_are_mapped_too(tmp_path):
    assert (dx.open_series(classic(tmp_path, mapping(first=0, last=1))).values == 12).all()


def test_a_store_keeps_them(tmp_path):
    da = dx.open_series(classic(tmp_path / "in", mapping()))
    da.dicom.to_zarr(tmp_path / "out.zarr")
    back = xr.open_zarr(tmp_path / "out.zarr")["image"]
    assert (back.attrs["units"], back.attrs["value_source"], float(back.max())) == ("mm2/s", da.attrs["value_source"], 12)


def test_a_real_parametric_map(real):
    da = dx.open_series(real / "pydicom+pydicom-data/data_store/data/parametric_map_float.dcm")
    assert (da.dtype, da.attrs["units"]) == (np.float32, "1")
