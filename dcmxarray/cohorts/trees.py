"""Patients, studies and arrays as a tree, in text or as an `xarray.DataTree`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import pandas as pd
import xarray as xr

from ..errors import FATAL, problem_of
from .members import Members


def text(labels: pd.DataFrame) -> str:
    """One indented line per patient, study and array.

    Parameters
    ----------
    labels
        One row per array, by key: `LABELS` and frames.
    """
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
    """Open all arrays as a tree, ``/PatientID/StudyInstanceUID/key``.

    Parameters
    ----------
    members
        The arrays.
    options
        Passed to each array's opener.

    Returns
    -------
    xarray.DataTree
        ``attrs["problems"]`` of the root has the arrays that can't be opened: key -> message.
    """
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
    """The name of a tree's node: different parts get different names, and no name is a path."""
    if not isinstance(part, str) or not part:
        return "%missing"
    name = "".join(c if c.isprintable() and c not in "/%" else quote(c, safe="") for c in part)
    return name.replace(".", "%2E") if name in (".", "..") else name
