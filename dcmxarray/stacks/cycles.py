"""What repeats in time is a dimension of its own: phases in each repeat, or a file's own dimensions.  Opens no file.

It matters only where no clock orders the frames of a position: then clocks restart in each cycle, and the number of a volume
alone would say nothing of its phase.
"""

from __future__ import annotations

from functools import partial
from itertools import combinations

import numpy as np
import pandas as pd

from ..attributes import column_of
from ..model import Ints
from . import geometry, time
from .work import Work, codes_of, joint

PHASES = ("TriggerTime", "NominalCardiacTriggerDelayTime")
SETTINGS = ("EchoNumbers", "tr", "SequenceName", "ScanOptions")  # of the scanner, which may alternate
_SAME_PHASE = 0.5  # ms
_MOST = 2  # dimensions that are sought together


def add_cycles(work: Work) -> None:
    """Add the fewest dimensions that, with a clock for the rest, give each frame a cell of its own; else add nothing."""
    cells, groups = work.cells(), work.groups()
    if np.bincount(cells).max(initial=0) < 2 or time.by_clock(work.frames, cells, groups) is not None:
        return
    numbered = time.by_number(work.frames, cells, groups) is not None
    found = {name: codes for name, codes in _candidates(work.frames, numbered).items() if _is_cycle(codes, cells)}
    for size in range(1, _MOST + 1):
        for names in combinations(found, size):
            if _orders(work, cells, [found[name] for name in names]):
                for name in names:
                    (work.add if has_values(work.frames, name) else partial(add_counted, work))(name, found[name])
                return


def _candidates(frames: pd.DataFrame, numbered: bool) -> dict[str, Ints]:
    """Codes of what may cycle: phases, settings, and the dimensions of an enhanced file (PS3.3 C.7.6.17) by their names.

    Frames that differ in a setting and are not ``numbered`` either are doubles, for the user to resolve.
    """
    known = {n: geometry.clusters(frames[n].to_numpy(float), _SAME_PHASE) for n in PHASES}
    known |= {n: codes_of(frames, n) for n in SETTINGS if numbered and frames[column_of(n)].nunique() > 1}
    return known | {name: codes for name, codes in indices(frames).items() if name not in known}


def indices(frames: pd.DataFrame) -> dict[str, Ints]:
    """Codes of each part of DimensionIndexValues; {} unless all frames count the same dimensions.

    Parts are named ``dimension_1``, ... where the file does not say which elements they count.
    """
    names, values = frames["dimensions"].fillna(""), frames["DimensionIndexValues"]
    if values.isna().any() or names.nunique() > 1:
        return {}
    parts = values.str.split("\\", expand=True, regex=False).apply(pd.to_numeric, errors="coerce")
    listed = str(names.iloc[0]).split("\\")
    if len(listed) != parts.shape[1]:
        listed = [f"dimension_{k + 1}" for k in range(parts.shape[1])]
    if parts.isna().to_numpy().any():
        return {}
    found = {name: geometry.clusters(parts[k].to_numpy(float), 0.0) for k, name in enumerate(listed)}
    return dict(sorted(found.items(), key=lambda item: item[0] == "TemporalPositionIndex"))


def _is_cycle(codes: Ints, cells: Ints) -> bool:
    """Whether there are several codes, and every cell holds all of them equally often."""
    count, each = int(codes.max(initial=0)) + 1, np.bincount(cells)
    if count < 2 or (each[each > 0] % count).any() or np.ptp(each[each > 0]) > 0:
        return False
    often = np.bincount(joint([cells, codes]))
    return often.size == count * int((each > 0).sum()) and bool((often == often[0]).all())


def _orders(work: Work, cells: Ints, chosen: list[Ints]) -> bool:
    """Whether the chosen codes fill a grid in every cell, and leave one frame for each, or frames that a clock orders."""
    more = joint(chosen)
    if not _is_cycle(more, cells) or more.max() + 1 != np.prod([c.max() + 1 for c in chosen]):
        return False
    finer = joint([cells, more])
    if np.bincount(finer).max() == 1:
        return True
    return time.by_clock(work.frames, finer, joint([work.groups(), more])) is not None


def has_values(frames: pd.DataFrame, name: str) -> bool:
    """Whether the table has a value of a coordinate or column for every frame."""
    column = column_of(name)
    return column in frames and not frames[column].isna().any()


def add_counted(work: Work, name: str, codes: Ints) -> None:
    """Add an axis that has no column; its coordinate counts from 1, as DimensionIndexValues does."""
    work.frames = work.frames.assign(**{column_of(name): codes + 1.0})
    work.coords[name] = np.arange(1.0, codes.max() + 2)
    work.add(name, codes)
