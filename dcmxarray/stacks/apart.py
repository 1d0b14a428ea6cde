"""What keeps series apart that a user joined, and segmentations whose segments have the same numbers.  Opens no file.

Series become one array where something says what differs between them.  Unlike frames of reference never share a grid; slices of
another contrast are none of the same volume; and the number of a segment means nothing outside of its object.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from ..model import Ints
from . import geometry
from .work import joint

_CONTRAST = ["EchoTime", "InversionTime", "FlipAngle", "RepetitionTime"]


def series_of(frames: pd.DataFrame) -> Ints:
    """Codes of the series, by their UID and number."""
    return joint([geometry.as_codes(frames[n].astype(object).to_numpy()) for n in ("SeriesInstanceUID", "SeriesNumber")])


def reference(frames: pd.DataFrame, series: Ints) -> Ints:
    """Codes of the frame of reference of each series; a series that names none meets any, where there is only one other."""
    named = frames["FrameOfReferenceUID"].astype(object).groupby(series).transform("first")
    found = geometry.as_codes(named.to_numpy())
    return found if named.nunique() > 1 else np.zeros_like(found)


def contrast(frames: pd.DataFrame, series: Ints, positions: Ints) -> Ints:
    """Codes of the contrast of each series, where series of unlike contrast share no position; else zeros."""
    numbers = frames[_CONTRAST].groupby(series).transform("first").to_numpy(float)
    found = geometry.vector_clusters(numbers, geometry.SAME_PLACE)
    shared = len(np.unique(np.stack([positions, found]), axis=1).T) > len(np.unique(positions))
    return np.zeros_like(found) if shared else found


def numbering(frames: pd.DataFrame) -> Ints:
    """Codes of the objects that describe segments, where two of them describe one number differently; else zeros."""
    numbered = frames["ReferencedSegmentNumber"].notna()
    objects = geometry.as_codes(frames["SOPInstanceUID"].astype(object).to_numpy()) + 1
    described = frames.loc[numbered, ["ReferencedSegmentNumber", "segment_label", "segment_code"]].drop_duplicates()
    unlike = bool(described["ReferencedSegmentNumber"].duplicated().any())
    return np.where(numbered.to_numpy() & unlike, objects, 0)
