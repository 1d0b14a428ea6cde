"""What vendors share: directions along the encoding, and elements whose creator was stripped."""

import numpy as np
import pydicom
import pytest

import dcmxarray as dx
from dcmxarray.testing import write_frame

from ...making import frame, opened

PLANES = {"axial": ([1, 0, 0], [0, 1, 0]), "coronal": ([1, 0, 0], [0, 0, -1]), "sagittal": ([0, 1, 0], [0, 0, -1])}


# (places of frequency, phase and slice, signs) along row, column and normal: what dcm2niix v1.0.20260724 makes of such files
TURNED = {
    ("axial", "COL"): ((0, 1, 2), (1, 1, -1)),
    ("axial", "ROW"): ((1, 0, 2), (1, -1, -1)),
    ("coronal", "COL"): ((0, 1, 2), (1, -1, -1)),
    ("coronal", "ROW"): ((1, 0, 2), (1, 1, 1)),
    ("sagittal", "COL"): ((0, 1, 2), (1, 1, -1)),
    ("sagittal", "ROW"): ((1, 0, 2), (1, -1, -1)),
}


@pytest.mark.parametrize(("plane", "phase"), TURNED)
@pytest.mark.parametrize("vendor", ["ge", "canon"])
def test_directions_along_the_encoding_are_turned_to_the_patient(tmp_path, plane, phase, vendor):
    g = np.array([0.48, 0.6, 0.64])  # frequency, phase, slice
    row, column = map(np.array, PLANES[plane])
    base = {"ImageOrientationPatient": [*PLANES[plane][0], *PLANES[plane][1]], "InPlanePhaseEncodingDirection": phase}
    if vendor == "ge":
        private = {(0x0019, "GEMS_ACQU_01", 0xBB + k, "DS"): f"{v}" for k, v in enumerate(g)}
        weighted = {"Manufacturer": "GE MEDICAL SYSTEMS", (0x0043, "GEMS_PARM_01", 0x39, "IS"): [1000, 8, 0, 0], **private}
    else:
        weighted = {"Manufacturer": "CANON_MEC", "DiffusionBValue": 1000.0, "ImageComments": f"b=1000({g[1]},{g[0]},{g[2]})"}
    da = opened(tmp_path, [frame(InstanceNumber=1, **base), frame(InstanceNumber=2, **base) | weighted])
    places, signs = TURNED[plane, phase]
    want = np.array(signs) * g[list(places)] @ np.stack([row, column, np.cross(row, column)])
    np.testing.assert_allclose(da.sel(b=1000).dicom.bvecs[0], want, atol=1e-9)


CSA = "SIEMENS MR HEADER"
PAR, ACQ, DD, MR, UIH = (
    "GEMS_PARM_01",
    "GEMS_ACQU_01",
    "Philips Imaging DD 001",
    "Philips MR Imaging DD 001",
    "Image Private Header",
)
# Manufacturer, private elements, and what the frame table says of them
STRIPPED = {
    "siemens b": ("SIEMENS", {(0x19, CSA, 0x0C, "IS"): 700}, {"b": 700}),
    "siemens direction": ("SIEMENS", {(0x19, CSA, 0x0E, "FD"): [0.0, 0.6, 0.8]}, {"gradient_y": 0.6}),
    "ge b": ("GE MEDICAL SYSTEMS", {(0x43, PAR, 0x39, "IS"): [700, 8, 0, 0]}, {"b": 700}),
    "ge part": ("GE MEDICAL SYSTEMS", {(0x43, PAR, 0x2F, "SS"): 2}, {"component": "real"}),
    "philips b": ("Philips", {(0x2001, DD, 0x03, "FL"): 700.0}, {"b": 700}),
    "philips direction": (
        "Philips",
        {(0x2005, MR, 0xB0, "FL"): 0.0, (0x2005, MR, 0xB1, "FL"): 0.0, (0x2005, MR, 0xB2, "FL"): 1.0},
        {"gradient_x": 0, "gradient_y": 0, "gradient_z": 1},
    ),
    "philips part": ("Philips", {(0x2005, MR, 0x11, "CS"): "R"}, {"component": "real"}),
    "philips scale": ("Philips", {(0x2005, MR, 0x0E, "FL"): 0.5}, {"fp_slope": 2}),
    "uih b": ("UIH", {(0x65, UIH, 0x09, "FD"): 700.0}, {"b": 700}),
    "uih direction": ("UIH", {(0x65, UIH, 0x37, "FD"): [0.0, 0.6, 0.8]}, {"gradient_y": 0.6}),
}


@pytest.mark.parametrize("name", STRIPPED)
def test_an_element_counts_by_its_creator_or_where_that_was_stripped_by_the_manufacturer(tmp_path, name):
    maker, elements, want = STRIPPED[name]
    said = {}
    for case, manufacturer, creator in (("by creator", "?", True), ("stripped", maker, False), ("another's", "?", False)):
        write_frame(tmp_path / case, frame(Manufacturer=manufacturer, ImageType=["ORIGINAL", "PRIMARY", "OTHER"]) | elements)
        header = pydicom.dcmread(tmp_path / case)
        for group in {key[0] for key in elements} if not creator else ():
            del header[group, 0x0010]
        header.save_as(tmp_path / case)
        row = dx.scan(tmp_path / case).iloc[0]
        said[case] = {column: row[column] for column in want}
    assert said["by creator"] == said["stripped"] == pytest.approx(want)
    assert all(value is None or value != value for value in said["another's"].values())


def test_ge_directions_count_by_the_manufacturer_too(tmp_path):
    plane = {"Manufacturer": "GE MEDICAL SYSTEMS", "InPlanePhaseEncodingDirection": "COL"}
    elements = {(0x19, ACQ, 0xBB + k, "DS"): v for k, v in enumerate((0.6, 0.8, 0))} | {(0x43, PAR, 0x39, "IS"): [700, 8, 0, 0]}
    write_frame(tmp_path / "a", frame(**plane) | elements)
    header = pydicom.dcmread(tmp_path / "a")
    del header[0x0019, 0x0010], header[0x0043, 0x0010]
    header.save_as(tmp_path / "a")
    row = dx.scan(tmp_path).iloc[0]
    assert [row.b, row.gradient_x, row.gradient_y, row.gradient_z] == [700, 0.6, 0.8, 0]
