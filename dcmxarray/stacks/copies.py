"""Copies of a file, so that each frame counts once.  Opens no file: the caller compares pixels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ..attributes import BOOKKEEPING

Pixels = Callable[[pd.DataFrame], npt.NDArray[Any]]  # a code for each frame: frames with equal codes have equal pixels
CUT = "pixel data are cut"  # what a problem says of a file that ends within them


def without_copies(frames: pd.DataFrame, pixels: Pixels) -> pd.DataFrame:
    """Frames without copies, which share SOPInstanceUID, frame, all other columns that describe the image, and pixels."""
    twice = (frames.duplicated(["SOPInstanceUID", "frame"], keep=False) & frames["SOPInstanceUID"].notna()).to_numpy()
    if not twice.any():
        return frames
    places = np.flatnonzero(twice)
    suspects = frames.iloc[places].assign(place=places).sort_values("path", kind="stable")
    identity = [c for c in frames.columns if c not in BOOKKEEPING]
    suspects = suspects[suspects.duplicated(identity, keep=False)]
    if suspects.empty:
        return frames
    copies = suspects.assign(_pixels=pixels(suspects)).duplicated([*identity, "_pixels"]).to_numpy() | _cut(suspects, identity)
    kept = np.ones(len(frames), bool)
    kept[suspects["place"].to_numpy()[copies]] = False
    return frames[kept]


def _cut(suspects: pd.DataFrame, identity: list[str]) -> npt.NDArray[np.bool_]:
    """Files that lost a part of their pixel data, where a whole one of the same header is there too."""
    if "problem" not in suspects:
        return np.zeros(len(suspects), bool)
    cut = suspects["problem"].fillna("").str.contains(CUT, regex=False)
    groups = suspects.groupby(identity, dropna=False, sort=False).ngroup()
    return (cut & (~cut).groupby(groups).transform("any")).to_numpy(bool)
