"""The standard's own elements for diffusion, labelling, complex parts and mappings.  Opens no file.

PS3.3 C.8.12.4, C.8.13.3, C.8.13.5, C.7.6.16.2.11.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np

from .base import Columns, Floats, Private, vector, words

PRIVATE: tuple[Private, ...] = (
    Private(("_b",), 0x0018, "", 0x9087, "FD", ""),
    Private(("_gradient_x", "_gradient_y", "_gradient_z"), 0x0018, "", 0x9089, "FD", ""),
    Private(("_label",), 0x0018, "", 0x9257, "CS", "", dtype="str"),
    Private(("_window_center",), 0x0028, "", 0x1050, "DS", "", dtype="str"),
    Private(("_window_width",), 0x0028, "", 0x1051, "DS", "", dtype="str"),
    Private(("_grid_offsets",), 0x3004, "", 0x000C, "DS", "", dtype="str"),
    Private(("_frame_times",), 0x0018, "", 0x1065, "DS", "", dtype="str"),
    Private(("_mappings",), 0x0040, "", 0x9096, "SQ", "", dtype="bytes", large=True),
)

LARGE = ("_mappings",)  # RealWorldValueMappingSequence of the data set itself

# Values of ComplexImageComponent, values 3 and 4 of ImageType (PS3.3 C.8.13.3.1.1), and vendors' abbreviations of them.
COMPONENT_WORDS = {
    **dict.fromkeys(("M", "MAGNITUDE", "M_FFE", "M_SE", "M_IR", "MAG"), "magnitude"),
    **dict.fromkeys(("P", "PHASE", "PHASE MAP", "PHASE_FFE", "P_FFE", "PHA"), "phase"),
    **dict.fromkeys(("R", "REAL", "R_FFE", "R_IR", "R_SE"), "real"),
    **dict.fromkeys(("I", "IMAGINARY", "I_FFE", "I_IR", "I_SE", "IMAG"), "imaginary"),
}


# Values of ASLContext (PS3.3 C.8.13.5.14) and of vendors' elements like it.
LABEL_WORDS = {"LABEL": "label", "CONTROL": "control", "M_ZERO_SCAN": "m0", "M0": "m0"}


def needs_large(columns: Columns) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Which rows need their real-world value mappings: those that say nothing else of what stored values mean."""
    return np.isnan(columns["RescaleSlope"]) & np.isnan(columns["RescaleIntercept"])


def read_large(read: Callable[[str], bytes]) -> dict[str, Any]:
    """That there are mappings; `headers.functional` reads them."""
    return {"_mappings": True}


def b_value(columns: Columns) -> Floats:
    """DiffusionBValue (0018,9087), s/mm2."""
    return columns["_b"]


def gradient(columns: Columns) -> Floats:
    """DiffusionGradientOrientation (0018,9089), patient LPS: (rows, 3)."""
    return vector(columns, "_gradient_x", "_gradient_y", "_gradient_z")


def component(columns: Columns) -> np.ndarray[tuple[int], np.dtype[np.object_]]:
    """ComplexImageComponent, else the first component named in ImageType from value 3 on; "" if there is none."""
    words, said = columns["ImageType"], columns["ComplexImageComponent"]
    return np.array([_part(s) or _part(t) for s, t in zip(said, words, strict=True)], object)


@lru_cache(maxsize=4096)  # files of a series have the same values
def _part(text: str) -> str:
    """The component that a value of ImageType or ComplexImageComponent names, else ""."""
    values = [v.strip().upper() for v in str(text or "").split("\\")]
    found = [COMPONENT_WORDS[v] for v in (values if len(values) == 1 else values[2:]) if v in COMPONENT_WORDS]
    return found[0] if found else ""


def label(columns: Columns) -> np.ndarray[tuple[int], np.dtype[np.object_]]:
    """ASLContext (0018,9257) of enhanced files: label, control or m0 (the reference without labelling); "" for anything else."""
    return words(columns["_label"], LABEL_WORDS)


# Values of ImageType from value 3 on, and value 4 of enhanced images (PS3.3 C.8.13.3.1.4, C.8.16.1.4), that name a map or a
# processed image: a quantity other than that of the acquired images in the same series.
DERIVED_WORDS = {
    "ADC": "adc",
    "EADC": "eadc",
    "FA": "fa",
    "FAC": "fac",
    "TRACE": "trace",
    "TRACEW": "trace",
    "TENSOR": "tensor",
    "AVERAGE_DC": "average_dc",
    "B0 MAP": "field_map",
    "FIELD_MAP": "field_map",
    "FIELD MAP": "field_map",
    "T1 MAP": "t1_map",
    "T1_MAP": "t1_map",
    "T2 MAP": "t2_map",
    "T2_MAP": "t2_map",
    "T2_STAR MAP": "t2star_map",
    "R2 MAP": "r2_map",
    "R2_STAR MAP": "r2star_map",
    "PROTON_DENSITY": "proton_density",
    "MASK": "mask",
    "SUBTRACTION": "subtraction",
    "SUB": "subtraction",
    "MIP": "mip",
    "MAX_IP": "mip",
    "MIN_IP": "minip",
    "PROJECTION IMAGE": "projection",
    "MEAN": "mean",
    "MEAN_MAP": "mean",
    "STDDEV": "stddev",
    "T TEST": "ttest",
    "TTEST": "ttest",
    "WATER": "water",
    "W": "water",
    "FAT": "fat",
    "F": "fat",
    "IN_PHASE": "in_phase",
    "IP": "in_phase",
    "OUT_PHASE": "out_of_phase",
    "OPP_PHASE": "out_of_phase",
    "OUT_OF_PHASE": "out_of_phase",
    "OP": "out_of_phase",
    "RCBF": "rcbf",
    "RCBV": "rcbv",
    "CBF": "cbf",
    "CBV": "cbv",
    "MTT": "mtt",
    "TTP": "ttp",
    "TMAX": "tmax",
    "VELOCITY": "velocity",
    "M_PCA": "phase_contrast",
    "PHASE_CONTRAST_M": "phase_contrast",
}


def kind(columns: Columns) -> np.ndarray[tuple[int], np.dtype[np.object_]]:
    """The values of ImageType from value 3 on, without components; images that differ in it are different images."""
    return np.array([_kind(t) for t in columns["ImageType"]], object)


@lru_cache(maxsize=4096)
def _kind(text: object) -> str:
    """`kind` of one ImageType."""
    values = [v.strip().upper() for v in str(text or "").split("\\")][2:]
    return "_".join(v for v in values if v and v not in COMPONENT_WORDS)


def derived(columns: Columns) -> np.ndarray[tuple[int], np.dtype[np.object_]]:
    """The map or processed image that ImageType names; "" for an acquired image."""
    return np.array([_derived(t) for t in columns["ImageType"]], object)


@lru_cache(maxsize=4096)
def _derived(text: object) -> str:
    """`derived` of one ImageType; several names are joined by "+"."""
    values = [v.strip().upper() for v in str(text or "").split("\\")][2:]
    return "+".join(sorted({DERIVED_WORDS[v] for v in values if v in DERIVED_WORDS}))
