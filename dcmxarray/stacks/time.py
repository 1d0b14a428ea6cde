"""Time: which element orders the frames that are left in each cell, and which clock tells their seconds.  Opens no file."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ..model import Floats, Ints
from .work import Work

_US = 1e-6
_MS = 1e-3


@dataclass(frozen=True)
class Candidate:
    """An element that may order volumes; ``scale`` takes it to seconds, 0 where it is no clock."""

    column: str
    scale: float
    name: str = ""

    def values(self, frames: pd.DataFrame) -> Floats:
        """Its values, in its own unit, NaN where missing."""
        column = frames[self.column]
        if column.dtype.kind in "mM":
            missing = column.isna().to_numpy()
            counts = column.to_numpy().astype("int64").astype(float)
            return np.where(missing, np.nan, counts)
        return column.to_numpy(float, na_value=np.nan)


# In turn: the first that orders every slice fully, and the same, wins.
CLOCKS = (
    Candidate("TemporalPositionIdentifier", 0),
    Candidate("acquired", _US, "AcquisitionDateTime"),
    Candidate("AcquisitionTime", _US),
    Candidate("TriggerTime", _MS),
    Candidate("FrameReferenceTime", _MS),
    Candidate("NominalCardiacTriggerDelayTime", _MS),
    Candidate("TemporalPositionTimeOffset", 1),
    Candidate("frame_offset", 1, "FrameTime"),
    Candidate("ContentTime", _US),
    Candidate("AcquisitionNumber", 0),
)
FALLBACK = Candidate("InstanceNumber", 0)


@dataclass(frozen=True)
class Ordering:
    """Frames ranked within their cells by one candidate."""

    candidate: Candidate
    rank: Ints
    values: Floats


def rank_within(values: Floats, cells: Ints) -> Ints | None:
    """0, 1, ... within each cell by value; ``None`` where two frames of a cell share one, or one has none."""
    if not np.isfinite(values).all():
        return None
    order = np.lexsort((values, cells))
    same_cell = cells[order][1:] == cells[order][:-1]
    if (same_cell & (np.diff(values[order]) <= 0)).any():
        return None
    starts = np.concatenate([[True], ~same_cell])
    place = np.arange(order.size)
    rank = np.empty(order.size, np.int64)
    rank[order] = place - np.maximum.accumulate(np.where(starts, place, 0))
    return rank


def _agrees(values: Floats, rank: Ints, groups: Ints) -> bool:
    """Whether index i means one time in all slices: its spread over them is smaller than the gap to index i + 1."""
    cell = groups * (rank.max() + 1) + rank
    order = np.lexsort((values, cell))
    starts = np.flatnonzero(np.diff(cell[order], prepend=-1))
    low, high = values[order][starts], values[order][np.append(starts[1:], order.size) - 1]
    group = groups[order][starts]
    gap = np.where(np.diff(group, append=-1) == 0, np.diff(low, append=np.nan), np.inf)
    return bool((high - low < gap).all())


def _codes_by_value(values: Floats, cells: Ints) -> Ints:
    """Ranks that are the distinct values' own: where cells hold different numbers of frames, a shared value aligns them."""
    rank = rank_within(values, cells)
    assert rank is not None
    distinct, codes = np.unique(values, return_inverse=True)
    return codes.reshape(-1) if distinct.size == rank.max() + 1 else rank


def _try(candidate: Candidate, frames: pd.DataFrame, cells: Ints, groups: Ints) -> Ordering | None:
    values = candidate.values(frames)
    if rank_within(values, cells) is None:
        return None
    rank = _codes_by_value(values, cells)
    return Ordering(candidate, rank, values) if _agrees(values, rank, groups) else None


def add_time(work: Work) -> None:
    """Add the axis ``time`` where cells still hold several frames."""
    cells = work.cells()
    if np.bincount(cells).max(initial=0) < 2:
        return
    frames = work.frames
    groups = _without_slice(work)
    tried = (_try(candidate, frames, cells, groups) for candidate in CLOCKS)
    found = next((ordering for ordering in tried if ordering is not None), None) or _fallback(frames, cells, groups)
    if found is None:
        return
    clock = found if found.candidate.scale else _clock(frames, found.rank, cells)
    work.add("time", found.rank)
    work.time_source = found.candidate.name or found.candidate.column
    if clock is None:
        work.time = np.arange(found.rank.max() + 1, dtype=float)
        work.time_units = "1"
        return
    seconds = pd.Series(clock.values).groupby(found.rank).min().to_numpy(float) * clock.candidate.scale
    work.time = np.round(seconds - seconds[0], 6)
    if clock is not found:
        work.time_source += f", seconds by {clock.candidate.name or clock.candidate.column}"


def _without_slice(work: Work) -> Ints:
    """Cells on all axes but the slices."""
    codes = np.zeros(len(work.frames), np.int64)
    for axis in work.axes:
        if axis.name != "slice":
            codes = codes * axis.count + axis.codes
    return codes


def serial(frames: pd.DataFrame) -> Floats:
    """InstanceNumber, and within one file the frame's number."""
    instance = FALLBACK.values(frames)
    frame = frames["frame"].to_numpy(float)
    return (instance if len(frames) and frames["path"].nunique() > 1 else np.zeros(len(frames))) * (frame.max() + 1) + frame


def _fallback(frames: pd.DataFrame, cells: Ints, groups: Ints) -> Ordering | None:
    """InstanceNumber by its rank within the cell; where cells are unequal, only if its pattern shows which is missing."""
    values = serial(frames)
    rank = rank_within(values, cells)
    if rank is None:
        return None
    counts = np.bincount(cells)
    if np.ptp(counts[counts > 0]) == 0 or _agrees(values, rank, groups):
        return Ordering(FALLBACK, rank, values)
    first = pd.Series(values).groupby(cells).transform("min").to_numpy()
    return Ordering(FALLBACK, rank, values) if _agrees(values - first, rank, groups) else None


def _clock(frames: pd.DataFrame, rank: Ints, cells: Ints) -> Ordering | None:
    """The clock element that agrees with an ordering that has none: it grows with the index, in all cells together."""
    for candidate in CLOCKS:
        values = candidate.values(frames)
        if candidate.scale == 0 or not np.isfinite(values).all():
            continue
        earliest = pd.Series(values).groupby(rank).min().to_numpy()
        order = np.lexsort((rank, cells))
        same_cell = cells[order][1:] == cells[order][:-1]
        grows = (np.diff(values[order]) >= 0)[same_cell].all()
        if grows and (np.diff(earliest) > 0).all():
            return Ordering(candidate, rank, values)
    return None


def acquisition_rank(frames: pd.DataFrame, cells: Ints) -> Ints:
    """The order of acquisition within each cell, by the first candidate that has one; else by the table's own order."""
    for values in (*(c.values(frames) for c in CLOCKS), serial(frames)):
        rank = rank_within(values, cells)
        if rank is not None:
            return rank
    return np.asarray(pd.Series(np.arange(len(cells))).groupby(cells).cumcount(), np.int64)
