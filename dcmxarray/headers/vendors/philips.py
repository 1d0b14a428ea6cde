"""Philips: b-values, directions, labels and complex parts.  Opens no file.

Source: Philips MR DICOM conformance statements (Intera/Achieva/Ingenia R2-R5), groups 2001 and 2005.
"""

from __future__ import annotations

import numpy as np

from .base import Columns, Floats, Leaf, Private, vector, words
from .standard import COMPONENT_WORDS, LABEL_WORDS

PRIVATE = (
    Private(("_philips_b",), 0x2001, "Philips Imaging DD 001", 0x03, "FL", "philips"),
    Private(("_philips_gradient_x",), 0x2005, "Philips MR Imaging DD 001", 0xB0, "FL", "philips"),
    Private(("_philips_gradient_y",), 0x2005, "Philips MR Imaging DD 001", 0xB1, "FL", "philips"),
    Private(("_philips_gradient_z",), 0x2005, "Philips MR Imaging DD 001", 0xB2, "FL", "philips"),
    Private(("_philips_part",), 0x2005, "Philips MR Imaging DD 001", 0x11, "CS", "philips", dtype="str"),
    Private(("_philips_label",), 0x2005, "Philips MR Imaging DD 005", 0x29, "CS", "philips", dtype="str"),
    Private(("_philips_time",), 0x2005, "Philips MR Imaging DD 001", 0xA0, "FL", "philips"),
    Private(("_philips_slope",), 0x2005, "Philips MR Imaging DD 001", 0x0E, "FL", "philips"),
)

# In an enhanced file, the private sequence ("Philips MR Imaging DD 005") that holds each frame's classic header.
LEAVES = (
    Leaf(0x2005140F, 0x20011003, ("_philips_b",), "FL"),
    Leaf(0x2005140F, 0x200510B0, ("_philips_gradient_x",), "FL"),
    Leaf(0x2005140F, 0x200510B1, ("_philips_gradient_y",), "FL"),
    Leaf(0x2005140F, 0x200510B2, ("_philips_gradient_z",), "FL"),
    Leaf(0x2005140F, 0x2005100E, ("_philips_slope",), "FL"),
    Leaf(0x2005140F, 0x20051011, ("_philips_part",), "CS", "str"),
    Leaf(0x2005140F, 0x200510A0, ("_philips_time",), "FL"),
    Leaf(0x2005140F, 0x20051429, ("_philips_label",), "CS", "str"),
)


def b_value(columns: Columns) -> Floats:
    """(2001,1003), s/mm2."""
    return columns["_philips_b"]


def gradient(columns: Columns) -> Floats:
    """(2005,10B0), (2005,10B1), (2005,10B2): towards left, posterior and head, which is patient LPS: (rows, 3)."""
    return vector(columns, "_philips_gradient_x", "_philips_gradient_y", "_philips_gradient_z")


def scan_time(columns: Columns) -> Floats:
    """(2005,xxA0), the time at which a dynamic scan begins, s since the first one began."""
    return columns["_philips_time"]


def floating_point(columns: Columns) -> tuple[Floats, Floats]:
    """Slope and intercept that turn stored values into Philips' floating point values.

    The value is stored / SS + RI / (RS * SS), with SS = (2005,xx0E), RS = RescaleSlope and RI = RescaleIntercept.  Source:
    Chenevert et al. 2014, doi:10.1593/tlo.13811.  NaN where SS is missing or 0.
    """
    scale = np.where(columns["_philips_slope"] == 0, np.nan, columns["_philips_slope"])
    slope = np.where(np.isnan(columns["RescaleSlope"]), 1.0, columns["RescaleSlope"])
    intercept = np.nan_to_num(columns["RescaleIntercept"], nan=0.0)
    return 1 / scale, intercept / (slope * scale)


def component(columns: Columns) -> np.ndarray[tuple[int], np.dtype[np.object_]]:
    """(2005,1011): M, P, R or I stands for magnitude, phase, real or imaginary; "" for anything else."""
    return words(columns["_philips_part"], COMPONENT_WORDS)


def variant(columns: Columns) -> np.ndarray[tuple[int], np.dtype[np.object_]]:
    """(2005,1011) where it is none of the complex parts: T1, T2, RHO, ADC, B0 or another map."""
    values = [str(value or "").strip().upper() for value in columns["_philips_part"]]
    return np.array([value if value.isalnum() and value not in COMPONENT_WORDS else "" for value in values], object)


def label(columns: Columns) -> np.ndarray[tuple[int], np.dtype[np.object_]]:
    """(2005,xx29), the label type of arterial spin labelling: LABEL or CONTROL; "" for anything else."""
    return words(columns["_philips_label"], LABEL_WORDS)
