"""The diffusion axis: b and gradient; repeated cycles become time.  Opens no file."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from ..model import Ints
from . import geometry, time
from .work import Work, joint

DIRECTION = ("gradient_x", "gradient_y", "gradient_z")
SAME_DIRECTION = 1e-3  # per component of the unit vector
LEAST_B = 0.5  # s/mm2; less is no weighting, as some headers write 0.001 for 0
_SAME_B = 1e-3  # s/mm2


def b_values(frames: pd.DataFrame) -> npt.NDArray[np.float64]:
    """The b-value of every frame, s/mm2: (frames,); all NaN for a stack without diffusion weighting.

    In a stack with weighting, frames without the element get b = 0, for which some vendors omit it.
    """
    b = frames["b"].to_numpy(float)
    weighted = b >= LEAST_B
    return np.where(weighted, b, 0.0) if weighted.any() else np.full(b.size, np.nan)


def directions(frames: pd.DataFrame) -> npt.NDArray[np.float64]:
    """The gradient direction of every frame, patient LPS: (frames, 3); 0 where b is 0, NaN where the header has none."""
    found = frames[[*DIRECTION]].to_numpy(float)
    return np.where((b_values(frames) == 0)[:, None], 0.0, found)


def add_diffusion(work: Work) -> None:
    """Add the axis ``b``: one cycle of (b, gradient) if cycles repeat, else all volumes in acquisition order.

    What repeats a cycle is left to `add_time`.
    """
    b = b_values(work.frames)
    if np.isnan(b).all():
        return
    kinds = joint([geometry.clusters(b, _SAME_B), geometry.vector_clusters(directions(work.frames), SAME_DIRECTION)])
    cells = work.cells()
    if not _varies(kinds, cells):
        return
    rank = time.acquisition_rank(work.frames, cells)
    again = _occurrence(kinds, cells, rank)
    volume = joint([kinds, again])
    order = _by_rank(volume, rank)
    repeats = np.bincount(np.unique(np.stack([kinds, again]), axis=1)[0])
    first = kinds[np.unique(order, return_index=True)[1]]
    cycle = np.tile(first[: repeats.size], int(repeats.max()))
    if repeats.max() > 1 and (repeats == repeats.max()).all() and np.array_equal(cycle, first):
        work.add("b", order % repeats.size)
    else:
        work.add("b", order)


def _varies(codes: Ints, cells: Ints) -> bool:
    """Whether any cell holds several codes."""
    return len(np.unique(np.stack([cells, codes]), axis=1).T) > len(np.unique(cells))


def _occurrence(kinds: Ints, cells: Ints, rank: Ints) -> Ints:
    """0 for the first frame of its (b, gradient) in its cell, 1 for the second, and so on, in acquisition order."""
    table = pd.DataFrame({"cell": cells, "kind": kinds, "rank": rank}).sort_values("rank", kind="stable")
    return np.asarray(table.groupby(["cell", "kind"]).cumcount().sort_index(), np.int64)


def _by_rank(volume: Ints, rank: Ints) -> Ints:
    """New codes of volumes, in the order of their median rank."""
    middle = pd.Series(rank).groupby(volume).median().to_numpy()
    place = np.empty(middle.size, np.int64)
    place[np.argsort(middle, kind="stable")] = np.arange(middle.size)
    return place[volume]
