"""Patients, studies and arrays as a tree: of text, and of lazy arrays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import pandas as pd
import xarray as xr

from ..errors import FATAL, problem_of
from .members import Members


def text(labels: pd.DataFrame) -> str:
    """An indented line for every patient, study and array."""
    lines = []
    for patient, of_patient in labels.groupby("PatientID", dropna=False):
        lines.append(f"patient {patient}")
        for study, of_study in of_patient.groupby("StudyInstanceUID", dropna=False):
            lines.append(f"  study {study}")
            lines += [
                f"    {row.Modality} {row.SeriesDescription}: {row.frames} frames  {row.Index}" for row in of_study.itertuples()
            ]
    return "\n".join(" ".join(line.splitlines()) for line in lines)


def arrays(members: Members, options: Mapping[str, Any]) -> xr.DataTree:
    """The arrays that can be opened, by path; what can't is in ``attrs["problems"]`` of the root."""
    found: dict[str, xr.Dataset] = {}
    problems: dict[str, str] = {}
    for key, row in members.labels.iterrows():
        names = (node(part) for part in (row["PatientID"], row["StudyInstanceUID"], key))
        try:
            found["/" + "/".join(names)] = members.opener(str(key))(**options).to_dataset()
        except FATAL:
            raise
        except BaseException as error:  # noqa: BLE001
            problems[str(key)] = problem_of(error)
    tree = xr.DataTree.from_dict(found)
    if problems:
        tree.attrs["problems"] = problems
    return tree


def node(part: Any) -> str:
    """A name of a tree's node, one-to-one: no two parts meet, and none is a path."""
    if not isinstance(part, str) or not part:
        return "%missing"
    name = "".join(c if c.isprintable() and c not in "/%" else quote(c, safe="") for c in part)
    return name.replace(".", "%2E") if name in (".", "..") else name
