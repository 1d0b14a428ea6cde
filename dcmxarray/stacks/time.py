"""The time axis: the element that orders the remaining frames of each cell, and the one that gives seconds.  Opens no file."""

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
    """An element that may order volumes.

    Attributes
    ----------
    column
        Of the frame table.
    scale
        Seconds in one unit of the column; 0 for an element that is no clock.
    name
        Of the DICOM element, if it is not ``column``.
    """

    column: str
    scale: float
    name: str = ""

    def values(self, frames: pd.DataFrame) -> Floats:
        """(frames,) values in the unit of the column (microseconds for times and dates), NaN where missing."""
        column = frames[self.column]
        if column.dtype.kind in "mM":
            missing = column.isna().to_numpy()
            counts = column.to_numpy().astype("int64").astype(float)
            return np.where(missing, np.nan, counts)
        return column.to_numpy(float, na_value=np.nan)


# Tried in this order: the first one wins that orders the frames of every slice fully and in agreement with the others.
CLOCKS = (
    Candidate("TemporalPositionIdentifier", 0),
    Candidate("acquired", _US, "AcquisitionDateTime"),
    Candidate("AcquisitionTime", _US),
    Candidate("scan_time", 1),
    Candidate("TriggerTime", _MS),
    Candidate("FrameReferenceTime", _MS),
    Candidate("NominalCardiacTriggerDelayTime", _MS),
    Candidate("TemporalPositionTimeOffset", 1),
    Candidate("frame_offset", 1, "FrameTime"),
    Candidate("ContentTime", _US),
    Candidate("AcquisitionNumber", 0),
    Candidate("SeriesNumber", 0),
)
FALLBACK = Candidate("InstanceNumber", 0)


@dataclass(frozen=True)
class Ordering:
    """Frames ranked by one candidate: (frames,) ranks within their cells, and the values they come from."""

    candidate: Candidate
    rank: Ints
    values: Floats


def rank_within(values: Floats, cells: Ints) -> Ints | None:
    """Ranks 0, 1, ... by value within each cell; ``None`` if two frames of a cell share a value, or a value is missing.

    Parameters
    ----------
    values, cells
        (frames,) of each frame its value and its cell.
    """
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
    """Whether index i means the same time in all slices: its spread over slices is smaller than the gap to index i + 1."""
    cell = groups * (rank.max() + 1) + rank
    order = np.lexsort((values, cell))
    starts = np.flatnonzero(np.diff(cell[order], prepend=-1))
    low, high = values[order][starts], values[order][np.append(starts[1:], order.size) - 1]
    group = groups[order][starts]
    gap = np.where(np.diff(group, append=-1) == 0, np.diff(low, append=np.nan), np.inf)
    return bool((high - low < gap).all())


def _codes_by_value(values: Floats, cells: Ints) -> Ints:
    """Codes of the distinct values if there are as many as ranks, else ranks within the cells.

    Shared values align cells that hold different numbers of frames.
    """
    rank = rank_within(values, cells)
    assert rank is not None
    distinct, codes = np.unique(values, return_inverse=True)
    return codes.reshape(-1) if distinct.size == rank.max() + 1 else rank


def _try(candidate: Candidate, frames: pd.DataFrame, cells: Ints, groups: Ints) -> Ordering | None:
    """The ordering by a candidate; ``None`` if it leaves frames unordered, or slices disagree."""
    values = candidate.values(frames)
    if rank_within(values, cells) is None:
        return None
    rank = _codes_by_value(values, cells)
    return Ordering(candidate, rank, values) if _agrees(values, rank, groups) and _is_steady(values, rank, cells) else None


def _is_steady(values: Floats, rank: Ints, cells: Ints) -> bool:
    """Whether cells that lack frames are as far from the others at all times: a frame that is missing between two shows."""
    count = np.bincount(cells)[cells]
    if np.ptp(count) == 0:
        return True
    known = count > rank.max() if (count > rank.max()).any() else np.ones(count.size, bool)
    times = pd.Series(values[known]).groupby(rank[known]).median().to_numpy()
    away = pd.Series(values - times[rank]).groupby(cells)
    return bool((away.max() - away.min() < np.diff(times).min(initial=np.inf) / 2)[pd.unique(cells[~known])].all())


def by_clock(frames: pd.DataFrame, cells: Ints, groups: Ints) -> Ordering | None:
    """The ordering by the first of `CLOCKS` that orders all; ``None`` if none does.

    Parameters
    ----------
    frames
        The rows of the stack.
    cells, groups
        (frames,) the cell of each frame, and the cell on all axes except ``slice``.
    """
    tried = (_try(candidate, frames, cells, groups) for candidate in CLOCKS)
    return next((ordering for ordering in tried if ordering is not None), None)


def add_time(work: Work) -> None:
    """Add the axis ``time`` if cells still hold several frames; its values are seconds, or the volume index without a clock."""
    cells = work.cells()
    if np.bincount(cells).max(initial=0) < 2:
        return
    frames = work.frames
    groups = work.groups()
    found = by_clock(frames, cells, groups) or by_number(frames, cells, groups) or _with_gaps(frames, cells)
    if found is None:
        return
    clock = found if found.candidate.scale else _clock(frames, found.rank, cells)
    work.add("time", found.rank)
    work.may_lack_first = _may_lack_first(found, frames, cells, groups)
    work.time_source = found.candidate.name or found.candidate.column
    if clock is None:
        work.time = np.arange(found.rank.max() + 1, dtype=float)
        work.time_units = "1"
        return
    seconds = pd.Series(clock.values).groupby(found.rank).min().to_numpy(float) * clock.candidate.scale
    work.time = np.round(seconds - seconds[0], 6)
    if clock is not found:
        work.time_source += f", seconds by {clock.candidate.name or clock.candidate.column}"


def serial(frames: pd.DataFrame) -> Floats:
    """(frames,) numbers ordered by InstanceNumber, then by frame number; by frame number alone if there is one file."""
    instance = FALLBACK.values(frames)
    frame = frames["frame"].to_numpy(float)
    return (instance if len(frames) and frames["path"].nunique() > 1 else np.zeros(len(frames))) * (frame.max() + 1) + frame


def by_number(frames: pd.DataFrame, cells: Ints, groups: Ints) -> Ordering | None:
    """The ordering by InstanceNumber; if cells hold different numbers of frames, only if the numbers show which are missing."""
    values = serial(frames)
    rank = rank_within(values, cells)
    if rank is None:
        return None
    counts = np.bincount(cells)
    if not _is_steady(values, rank, cells):
        return None
    if np.ptp(counts[counts > 0]) == 0 or _agrees(values, rank, groups):
        return Ordering(FALLBACK, rank, values)
    by_cell = pd.Series(values).groupby(cells)
    low, high = (np.sort(edge.to_numpy()) for edge in (by_cell.min(), by_cell.max()))
    if (high[:-1] >= low[1:]).any():  # volume by volume: what a cell lacks may be its first frame
        return None
    first = by_cell.transform("min").to_numpy()
    return Ordering(FALLBACK, rank, values) if _agrees(values - first, rank, groups) else None


def _with_gaps(frames: pd.DataFrame, cells: Ints) -> Ordering | None:
    """The ordering by a clock if frames are missing within volumes: a volume ends where one of its cells comes again.

    Volumes that overlap in time, and clocks that a frame lacks or shares with another one of its cell, give none.
    """
    for candidate in CLOCKS:
        values = candidate.values(frames)
        if candidate.scale and rank_within(values, cells) is not None:
            rank = _volumes(values, cells)
            alone = rank_within(rank.astype(float), cells) is not None
            if alone and _agrees(values, rank, np.zeros_like(cells)) and _is_steady(values, rank, cells):
                return Ordering(candidate, rank, values)
    return None


def _volumes(values: Floats, cells: Ints) -> Ints:
    """(frames,) numbers of volumes, of which each holds a cell once, in the order of the values."""
    rank, seen, number = np.zeros(cells.size, np.int64), set[int](), 0
    for row in np.argsort(values, kind="stable").tolist():
        if cells[row] in seen:
            seen, number = set[int](), number + 1
        seen.add(int(cells[row]))
        rank[row] = number
    return rank


def _may_lack_first(found: Ordering, frames: pd.DataFrame, cells: Ints, groups: Ints) -> bool:
    """Whether a cell that lacks its last frames may lack its first ones instead: the clock and the frames' numbers allow both.

    A slice that is acquired first in each volume, but not in the first one, looks like one that is acquired last.
    """
    rank, last = found.rank, np.zeros(cells.max() + 1, np.int64)
    np.maximum.at(last, cells, found.rank)
    late = rank.max() - last
    if not late[cells].any() or np.unique(found.values).size == rank.max() + 1:  # none is short, or cells share times
        return False
    numbers = serial(frames)
    short = [c for c in np.unique(cells[late[cells] > 0]) if _may_come_before(numbers[cells == c], numbers)]
    if found.candidate is FALLBACK:
        return bool(short)
    return any(_agrees(found.values, rank + np.where(cells == c, late[c], 0), groups) for c in short)


def _may_come_before(own: Floats, numbers: Floats) -> bool:
    """Whether a frame may be missing before the first one of a cell, as far as the numbers of its frames and of all say."""
    if np.isnan(numbers).any() or own.size < 2:
        return True
    first, second = np.sort(own)[:2]
    before = 2 * first - second
    return bool(before >= min(1, numbers.min()) and not (numbers == before).any())


def _clock(frames: pd.DataFrame, rank: Ints, cells: Ints) -> Ordering | None:
    """A clock for an ordering without seconds: the first one that increases with the rank in all cells."""
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
    """(frames,) rank by acquisition within each cell, from the first candidate that orders all, else in the table's order."""
    for values in (*(c.values(frames) for c in CLOCKS), serial(frames)):
        rank = rank_within(values, cells)
        if rank is not None:
            return rank
    return np.asarray(pd.Series(np.arange(len(cells))).groupby(cells).cumcount(), np.int64)
