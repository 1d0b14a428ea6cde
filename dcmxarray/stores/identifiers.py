"""Which elements may identify a patient, and what a store leaves out: PS3.15 Annex E, as the table ``confidentiality.csv``.

The table has the elements of Table E.1-1, their treatment in the Basic Application Level Confidentiality Profile (X removed,
Z emptied, D replaced, U another UID) and what the options keep (K) or want cleaned (C).
"""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files
from typing import Literal

import pandas as pd
import xarray as xr

from ..headers.elements import names_a_person

Identifiers = Literal["drop", "keep"]

# Kept by default: a cohort's keys, and what its arrays are measured by.
OPTIONS = ("RetainUIDs", "RetainDeviceIdentity", "RetainPatientCharacteristics", "RetainFullDates")

# Kept as well: a cohort is grouped and searched by them.
LABELS = frozenset(
    ("PatientID", "StudyID", "StudyDescription", "SeriesDescription", "ProtocolName", "ContrastBolusAgent"),
)


@lru_cache(maxsize=1)
def table() -> pd.DataFrame:
    """Tag, keyword, treatment in the Basic Profile, and treatment by option, of every element of Table E.1-1.

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
    every = table()
    kept = (every[list(OPTIONS)] == "K").any(axis=1) | every["keyword"].isin(LABELS)
    return frozenset(every.loc[~kept & (every["BasicProfile"] != ""), "keyword"])


def is_identifying(name: str) -> bool:
    """Whether a column, attribute or coordinate is left out: by the table, a person's name, or a private element."""
    return name in _identifying() or name.startswith("(") or names_a_person(name)


def without(array: xr.DataArray, identifiers: Identifiers) -> xr.DataArray:
    """The array without attributes and coordinates that identify; itself for ``"keep"``."""
    check(identifiers)
    if identifiers == "keep":
        return array
    kept = {name: value for name, value in array.attrs.items() if not is_identifying(str(name))}
    clean = array.drop_vars([name for name in array.coords if is_identifying(str(name))])
    clean.attrs = kept
    return clean


def check(identifiers: str) -> None:
    """Raise ValueError for anything but ``"drop"`` and ``"keep"``."""
    if identifiers not in ("drop", "keep"):
        raise ValueError(f"identifiers={identifiers!r} is neither 'drop' nor 'keep'")
