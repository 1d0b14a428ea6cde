"""The standard's own elements: diffusion, complex parts, words of ImageType."""

import numpy as np
import pytest

import dcmxarray as dx
from dcmxarray.testing import write_series

from ...making import diffusion, frame, opened

G = [0.48, -0.6, 0.64]


def test_b_and_direction_win_over_a_vendors(tmp_path):
    private = {(0x0019, "SIEMENS MR HEADER", 0x0C, "IS"): 500, (0x0019, "SIEMENS MR HEADER", 0x0E, "FD"): [0.0, 0, 1]}
    da = opened(tmp_path, [diffusion(0, 0, None, 0), diffusion(0, 800, G, 1) | private])
    assert da.dicom.bvals.tolist() == [0, 800]
    assert da.dicom.bvecs[1].tolist() == G


def test_averages_have_no_direction(tmp_path):
    da = opened(tmp_path, [diffusion(0, 0, None, 0), diffusion(0, 800, [0.0, 0.0, 0.0], 1)])
    assert np.isnan(da.dicom.bvecs[1]).all()


def column(folder, name, types, **more):
    """A column of one frame for each ImageType; ``None`` where it is null."""
    write_series(folder, [frame(ImageType=t, **more) for t in types])
    return [v if isinstance(v, str) else None for v in dx.scan(folder).sort_values("InstanceNumber")[name]]


PARTS = {
    "magnitude": "M|MAGNITUDE|M_FFE|M_SE|M_IR|MAG",
    "phase": "P|PHASE|PHASE MAP|PHASE_FFE|P_FFE|PHA",
    "real": "R|REAL|R_FFE|R_IR|R_SE",
    "imaginary": "I|IMAGINARY|I_FFE|I_IR|I_SE|IMAG",
}
PARTS = {word: part for part, words in PARTS.items() for word in words.split("|")}


def test_words_for_complex_parts(tmp_path):
    types = [["ORIGINAL", "PRIMARY", "NORM", word] for word in PARTS]
    assert column(tmp_path, "component", types) == list(PARTS.values())


def test_the_first_two_values_of_image_type_name_no_part_and_no_map(tmp_path):
    types = [["M", "P", "OTHER"], ["ORIGINAL", "ADC", "OTHER"], ["M"], None]
    assert column(tmp_path, "component", types) == [None, None, "magnitude", None]
    assert column(tmp_path, "derived", types) == [None] * 4


def test_complex_image_component_wins(tmp_path):
    assert column(tmp_path, "component", [["ORIGINAL", "PRIMARY", "M"]], ComplexImageComponent="PHASE") == ["phase"]
    assert column(tmp_path, "component", [["ORIGINAL", "PRIMARY", "R"]], ComplexImageComponent="MIXED") == ["real"]


MAPS = {
    "adc": "ADC", "eadc": "EADC", "fa": "FA", "fac": "FAC", "trace": "TRACE|TRACEW", "tensor": "TENSOR",
    "average_dc": "AVERAGE_DC", "field_map": "B0 MAP|FIELD_MAP|FIELD MAP", "t1_map": "T1 MAP|T1_MAP", "t2_map": "T2 MAP|T2_MAP",
    "t2star_map": "T2_STAR MAP", "r2_map": "R2 MAP", "r2star_map": "R2_STAR MAP", "proton_density": "PROTON_DENSITY",
    "mask": "MASK", "subtraction": "SUBTRACTION|SUB", "mip": "MIP|MAX_IP", "minip": "MIN_IP", "projection": "PROJECTION IMAGE",
    "mean": "MEAN|MEAN_MAP", "stddev": "STDDEV", "ttest": "T TEST|TTEST", "water": "WATER|W", "fat": "FAT|F",
    "in_phase": "IN_PHASE|IP", "out_of_phase": "OUT_PHASE|OPP_PHASE|OUT_OF_PHASE|OP", "rcbf": "RCBF", "rcbv": "RCBV",
    "cbf": "CBF", "cbv": "CBV", "mtt": "MTT", "ttp": "TTP", "tmax": "TMAX", "velocity": "VELOCITY",
    "phase_contrast": "M_PCA|PHASE_CONTRAST_M",
}  # fmt: skip
MAPS = {word: name for name, words in MAPS.items() for word in words.split("|")}


def test_words_for_derived_maps(tmp_path):
    types = [["DERIVED", "PRIMARY", "OTHER", word] for word in MAPS]
    assert column(tmp_path, "derived", types) == list(MAPS.values())


def test_several_words_are_sorted_and_joined_and_what_else_is_said_is_the_kind(tmp_path):
    types = [["DERIVED", "PRIMARY", "TRACEW", "ADC", "", "M", "ND"], ["ORIGINAL", "PRIMARY", "M"]]
    assert column(tmp_path, "derived", types) == ["adc+trace", None]
    assert column(tmp_path, "kind", types) == ["TRACEW_ADC_ND", None]


@pytest.mark.parametrize(("element", "want"), [((0x3004, 0x000C), [0, 3, 7]), (None, None)])
def test_planes_of_a_dose_grid(tmp_path, element, want):
    frames = {"Modality": "RTDOSE", "NumberOfFrames": 3, "Rows": 2, "Columns": 2, "pixels": np.zeros((3, 2, 2), np.uint16)}
    frames |= {"SamplesPerPixel": 1, "PhotometricInterpretation": "MONOCHROME2", "ImagePositionPatient": [0, 0, 10]}
    frames |= {"GridFrameOffsetVector": [0, 3, 7]} if element else {}
    write_series(tmp_path, [frames])
    places = dx.scan(tmp_path).sort_values("frame")["position_z"].tolist()
    assert places == ([10 + v for v in want] if want else [10] * 3)


def test_times_of_a_cine_are_summed_up(tmp_path):
    frames = {
        "NumberOfFrames": 3,
        "Rows": 2,
        "Columns": 2,
        "pixels": np.zeros((3, 2, 2), np.uint16),
        "FrameTimeVector": [0, 40, 50],
    }
    frames |= {"SamplesPerPixel": 1, "PhotometricInterpretation": "MONOCHROME2", "FrameIncrementPointer": 0x00181065}
    write_series(tmp_path, [frames])
    np.testing.assert_allclose(dx.scan(tmp_path).sort_values("frame")["frame_offset"], [0, 0.04, 0.09])
