"""Slices: frames sorted by position along the normal.  Opens no file."""

from __future__ import annotations

import numpy as np

from . import geometry
from .split import POSITION, plane
from .work import Work

TOMOGRAPHIC = ("CT", "MR", "PT", "NM")


def add_slices(work: Work) -> None:
    """Add the axis ``slice``, by position along the normal.

    A tomographic stack without a common plane (position or orientation missing) takes the first element that varies and that
    every frame has.
    """
    frames = work.frames
    place = plane(frames)
    if place is not None:
        along = frames[POSITION].to_numpy(float) @ place.normal
        work.add("slice", geometry.clusters(along, geometry.slice_tolerance(frames["SliceThickness"].min())))
        return
    if frames["Modality"].iloc[0] not in TOMOGRAPHIC:
        return
    for name in ("SliceLocation", "InStackPositionNumber", "InstanceNumber", "frame"):
        values = frames[name].to_numpy(float, na_value=np.nan)
        if np.isfinite(values).all() and len(np.unique(values)) > 1:
            work.slice_source = name
            work.add("slice", geometry.clusters(values, 1e-3))
            return
