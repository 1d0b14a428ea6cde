"""Doubles that hide an axis: frames that no clock, number or named attribute tells from another one.  Opens no file.

One such frame is enough that no element orders the frames of its cell: then no time is found, and all volumes look like doubles.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pandas as pd

from ..model import Ints
from .axes import NAMED
from .diffusion import SAME_DIRECTION, b_values
from .geometry import clusters, vector_clusters
from .time import CLOCKS, FALLBACK, serial
from .work import Work, codes_of


def hidden(work: Work, named: Sequence[str], fits: Callable[[Ints], bool]) -> tuple[Ints, Ints] | None:
    """The frames that stay, and for every frame the one that stays in its place; ``None`` if leaving doubles out does not help.

    Parameters
    ----------
    work
        The stack, with its slices.
    named
        Names of columns that tell frames apart besides the usual ones.
    fits
        Whether the frames at some row numbers fill a grid.
    """
    known = _places(work, named)
    found = [_standing_in(known.join(clock)) for clock in _clocks(work.frames)]
    half = len(known) / 2
    for kept, stands_in in sorted(((np.unique(rows), rows) for rows in found), key=lambda pair: -pair[0].size):
        if half <= kept.size < len(known) and fits(kept):
            return kept, stands_in
    return None


def _standing_in(table: pd.DataFrame) -> Ints:
    """(rows,) the first row that equals each."""
    groups = table.groupby(list(table), sort=False, dropna=False).ngroup().to_numpy()
    return np.asarray(np.unique(groups, return_index=True)[1][groups], np.int64)


def _places(work: Work, named: Sequence[str]) -> pd.DataFrame:
    """Codes of everything but time that gives a frame its cell."""
    frames = work.frames
    codes = {axis.name: axis.codes for axis in work.axes if axis.name == "slice"}
    codes |= {name: codes_of(frames, name) for name in (*NAMED, *named)}
    codes["b"] = clusters(b_values(frames), 0.0)
    codes["gradient"] = vector_clusters(frames[["gradient_x", "gradient_y", "gradient_z"]].to_numpy(float), SAME_DIRECTION)
    return pd.DataFrame(codes)


def _clocks(frames: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """What may show that two frames are one: all clocks and the number together, then each one that varies."""
    values = {c.column: c.values(frames) for c in CLOCKS} | {FALLBACK.column: serial(frames)}
    table = pd.DataFrame(values).add_prefix("by ")
    yield table
    for name in table:
        if table[name].notna().all() and table[name].nunique() > 1:
            yield table[[name]]
