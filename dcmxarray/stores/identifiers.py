"""Which elements may identify a patient, and which of them a store leaves out, by PS3.15 Annex E.

The table ``confidentiality.csv`` has the elements of Table E.1-1, what the Basic Application Level Confidentiality Profile does
with each (X removes it, Z empties it, D replaces it, U gives it another UID), and which options keep (K) or clean (C) it.
"""

from __future__ import annotations

from collections.abc import Hashable
from functools import lru_cache
from importlib.resources import files
from typing import Literal

import numpy as np
import pandas as pd
import xarray as xr

from ..attributes import BY_COLUMN
from ..headers.elements import names_a_person

Identifiers = Literal["drop", "keep"]

# Options of the profile whose elements are kept: a cohort's keys, and what quantitative work needs.
OPTIONS = ("RetainUIDs", "RetainDeviceIdentity", "RetainPatientCharacteristics", "RetainFullDates")

# Also kept, because cohorts are grouped and searched by them.
LABELS = frozenset(
    ("PatientID", "StudyID", "StudyDescription", "SeriesDescription", "ProtocolName", "ContrastBolusAgent"),
)


@lru_cache(maxsize=1)
def table() -> pd.DataFrame:
    """Table E.1-1: for every element its tag, keyword, action in the Basic Profile, and action by option.

    Examples
    --------
    >>> from dcmxarray.stores import identifiers
    >>> identifiers.table().set_index("keyword").loc["PatientBirthDate", "BasicProfile"]
    'Z'
    """
    with files(__package__).joinpath("confidentiality.csv").open(encoding="ascii") as text:
        return pd.read_csv(text, dtype=str, keep_default_na=False)


@lru_cache(maxsize=1)
def _identifying() -> frozenset[str]:
    """The keywords that the table says to leave out."""
    every = table()
    kept = (every[list(OPTIONS)] == "K").any(axis=1) | every["keyword"].isin(LABELS)
    return frozenset(every.loc[~kept & (every["BasicProfile"] != ""), "keyword"])


def is_identifying(name: str) -> bool:
    """Whether a column, attribute or coordinate is left out: the table says so, it names a person, or it is private."""
    attribute = BY_COLUMN.get(name)
    if attribute is not None and attribute.identifies:
        return True
    parts = name.split(".")  # of a path into sequences
    return not _identifying().isdisjoint(parts) or name.startswith("(") or names_a_person(name)


def without(array: xr.DataArray, identifiers: Identifiers) -> xr.DataArray:
    """The array without identifying attributes and coordinates; unchanged for ``"keep"``.

    Raises
    ------
    ValueError
        ``identifiers`` is neither ``"drop"`` nor ``"keep"``.
    """
    check(identifiers)
    if identifiers == "keep":
        return array
    kept = {name: value for name, value in array.attrs.items() if not is_identifying(str(name))}
    clean = array.drop_vars([name for name in array.coords if is_identifying(str(name)) and not _counts(array, name)])
    clean.attrs = kept
    return clean


def _counts(array: xr.DataArray, name: Hashable) -> bool:
    """Whether a coordinate is a dim that only counts from 1, so that it can't identify anyone whatever its name."""
    return name in array.dims and np.array_equal(array.coords[name], np.arange(1, array.sizes[name] + 1))


def check(identifiers: str) -> None:
    """Raise ValueError for anything but ``"drop"`` and ``"keep"``."""
    if identifiers not in ("drop", "keep"):
        raise ValueError(f"identifiers={identifiers!r} is neither 'drop' nor 'keep'")
