"""Attributes, units and chunks of arrays."""

import numpy as np
import pytest

import dcmxarray as dx

from ..making import frame, opened

CT = {"Modality": "CT", "SOPClassUID": "1.2.840.10008.5.1.4.1.1.2", "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"]}


@pytest.mark.parametrize(
    ("elements", "units"),
    [
        (CT, "HU"),
        (CT | {"RescaleType": "HU"}, "HU"),
        (CT | {"RescaleType": "US"}, None),
        (CT | {"ImageType": ["DERIVED", "SECONDARY", "AXIAL"]}, None),
        ({"Modality": "MR"}, None),
        ({"RescaleType": "10^-6 mm2/s"}, "10^-6 mm2/s"),
        ({"Modality": "PT", "Units": "BQML", "RescaleType": "HU"}, "BQML"),
    ],
)
def test_units_are_those_of_the_headers(tmp_path, elements, units):
    assert opened(tmp_path, [frame(RescaleSlope=1, RescaleIntercept=0) | elements]).attrs.get("units") == units


def test_values_of_headers_keep_their_form(tmp_path):
    said = {
        "StudyDate": "20260102", "StudyTime": "101530.25", "PatientWeight": 70.5, "SeriesNumber": 7, "SeriesDescription": "t1",
        "ImageType": ["ORIGINAL", "PRIMARY"], "MagneticFieldStrength": 3, "PixelSpacing": [2, 1.5],
        "AcquisitionDateTime": "20260102101530.5",
    }  # fmt: skip
    attrs = opened(tmp_path, [frame(**said), frame(5, **said)]).attrs
    assert {name: attrs[name] for name in said} == said
    assert isinstance(attrs["SeriesNumber"], int)
    assert isinstance(attrs["PatientWeight"], float)
    assert attrs["long_name"] == "t1"


def test_what_varies_is_no_attribute(tmp_path):
    frames = [
        frame(5 * s, value=s, ProtocolName="a" if s else "b", PatientWeight=70 if s else None, RepetitionTime=5) for s in range(2)
    ]
    da = opened(tmp_path, frames)
    assert not {"ProtocolName", "PatientWeight"} & set(da.attrs)
    assert da.attrs["RepetitionTime"] == 5


@pytest.mark.parametrize(
    ("name", "units", "element"), [("te", "ms", "EchoTime"), ("ti", "ms", "InversionTime"), ("fa", "degree", "FlipAngle")]
)
def test_coordinates_have_units(tmp_path, name, units, element):
    da = opened(tmp_path, [frame() | {element: v} for v in (3, 1, 2)])
    assert da[name].values.tolist() == [1, 2, 3]
    assert da[name].attrs["units"] == units
    assert (da["row"].attrs["units"], da["slice"].attrs["units"]) == ("mm", "mm")


def test_chunks_of_every_kind(tmp_path):
    frames = [frame(5 * s, AcquisitionTime=f"1000{t:02d}", value=10 * t + s) for s in range(4) for t in range(6)]
    whole = opened(tmp_path, frames)
    volumes = ((4,), (1,) * 6, (3,), (4,))
    assert whole.chunks == volumes
    assert dx.open_series(tmp_path, chunks={}).chunks == volumes
    assert dx.open_series(tmp_path, chunks={"slice": 1}).chunks == ((1,) * 4, (1,) * 6, (3,), (4,))
    assert dx.open_series(tmp_path, chunks=-1).chunks == ((4,), (6,), (3,), (4,))
    assert dx.open_series(tmp_path, chunks={"time": 4}).chunks[1] == (4, 2)
    assert dx.open_series(tmp_path, chunks=None).chunks is None
    assert whole.values[:, :, 0, 0].tolist() == [[10 * t + s for t in range(6)] for s in range(4)]


def test_a_single_slice_is_as_thick_as_the_headers_say(tmp_path):
    for k, (elements, want) in enumerate(
        [({"SpacingBetweenSlices": 4.5}, 4.5), ({"SpacingBetweenSlices": -4.5}, 4.5), ({"SliceThickness": 3}, 3)]
    ):
        da = opened(tmp_path / str(k), [frame(SliceThickness=5) | elements])
        assert da.dicom.spacing == (want, 2, 2)
        np.testing.assert_allclose(da.dicom.affine[:3, 0], [0, 0, want])


def test_a_single_row_or_column_is_as_far_from_its_neighbour_as_the_headers_say(tmp_path):
    da = opened(tmp_path, [frame(PixelSpacing=[2, 1.5]), frame(5, PixelSpacing=[2, 1.5])])
    assert da.isel(row=[1]).dicom.spacing == (5, 2, 1.5)
    assert da.isel(col=[1]).dicom.spacing == (5, 2, 1.5)
    assert da.isel(row=slice(None, None, 2)).dicom.spacing == (5, 4, 1.5)


def test_what_is_not_said_is_an_error(tmp_path):
    da = opened(tmp_path, [frame(), frame(5)])
    with pytest.raises(dx.HeaderError, match="no b-value"):
        _ = da.dicom.bvals
    assert opened(tmp_path / "b", [frame(DiffusionBValue=800.0)]).dicom.bvals.tolist() == [800]
    assert np.isnan(opened(tmp_path / "c", [frame(DiffusionBValue=800.0)]).dicom.bvecs).all()


def test_headers_are_those_of_the_cell(tmp_path):
    frames = [frame(5 * s, EchoTime=te, value=s) for s in range(2) for te in (1, 2)]
    da = opened(tmp_path, frames, shuffle=3)
    for s in range(2):
        for e in range(2):
            header = da.dicom.header(slice=s, te=e)
            assert (header.ImagePositionPatient[2], header.EchoTime) == (5 * s, e + 1)
    assert da.dicom.header(slice=1).EchoTime == 1
