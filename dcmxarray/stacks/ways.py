"""Ways out of frames that fill no grid: arguments and filters, each of which was tried before it is named.  Opens no file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import combinations, islice
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ..attributes import BY_COLUMN, DIM_ORDER, column_of, proposed
from ..model import Ints
from .work import codes_of, joint

_TRIES = 16  # of each kind; one try arranges the stack again
_MOST_VALUES = 12  # of a column whose values are tried in filters
_LONGEST = 80  # characters of a text in a filter
_NUMBERS = ("TemporalPositionIdentifier", "AcquisitionNumber", "InstanceNumber")  # counted up during an acquisition

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Stuck:
    """A stack that was not arranged.

    Attributes
    ----------
    frames
        Its rows of the frame table.
    options
        ``dims``, ``missing`` and ``duplicates`` as the user gave them.
    slices
        (frames,) codes of the slices.
    fits
        Whether frames fill a grid with some options.
    """

    frames: pd.DataFrame
    options: dict[str, Any]
    slices: Ints
    fits: Callable[..., bool]

    def works(self, **changed: Any) -> bool:
        """Whether the frames fill a grid with changed options."""
        return self.fits(self.frames, **self.options | changed)


def ways_out(stuck: Stuck) -> str:
    """The arguments and the filter that help, as the end of an error's message."""
    ways = [*islice(_dims(stuck), 1), *islice(_options(stuck), 1)]
    table = next(_filters(stuck), None)
    ways += [f"a filtered table: {table}"] if table else []
    if not ways:
        return "Filter the table: no column and no option alone resolves it."
    first, last = ", ".join(ways[:-1]), ways[-1]
    return f"Pass {first}, or {last}." if first else f"Pass {last}."


def _dims(stuck: Stuck) -> Iterator[str]:
    """``dims=[...]`` that works: without the user's dims, with one column more, with two more."""
    asked = list(stuck.options["dims"] or ())
    if asked and stuck.works(dims=None):
        yield "no dims="
    codes = {name: codes_of(stuck.frames, name) for name in _axes(stuck.frames) if name not in asked}
    full = {name: c for name, c in codes.items() if _is_full(stuck.slices, c)}
    pairs = [[a, b] for a, b in combinations(full, 2) if _is_full(stuck.slices, joint([full[a], full[b]]))]
    for names in [*([name] for name in full), *pairs][:_TRIES]:
        if stuck.works(dims=[*asked, *names]):
            yield f"dims={[*asked, *names]!r}"


def _is_full(slices: Ints, codes: Ints) -> bool:
    """Whether every slice has every value: else the values are no axis of a full grid."""
    return len(np.unique(joint([slices, codes]))) == (slices.max() + 1) * len(np.unique(codes))


def _options(stuck: Stuck) -> Iterator[str]:
    """``missing=`` and ``duplicates=`` that work."""
    first, fill = {"duplicates": "first"}, {"missing": "fill"}
    for changed in (first, fill, first | fill):
        if any(stuck.options[name] != value for name, value in changed.items()) and stuck.works(**changed):
            yield " with ".join(f"{name}={value!r}" for name, value in changed.items())


def _axes(frames: pd.DataFrame) -> list[str]:
    """Names of the coordinates and columns that vary and may be dims: those that the user added first, then usual dims."""
    texts = [column for column in frames if isinstance(column, str) and proposed(column)]
    names = [_name(c) for c in texts if _is_plain(frames[c]) and frames[c].nunique(dropna=False) > 1]
    order = {name: k for k, name in enumerate(DIM_ORDER)}
    return sorted(names, key=lambda name: (column_of(name) in BY_COLUMN, order.get(name, len(order))))


def _name(column: str) -> str:
    """The name of a column as a dim: that of its coordinate."""
    attribute = BY_COLUMN.get(column)
    return attribute.name if attribute and not attribute.parts else column


def _is_plain(column: pd.Series) -> bool:
    """Whether a column holds numbers or texts alone: a user's table may hold anything."""
    if isinstance(column.dtype, pd.CategoricalDtype) or column.dtype == object:
        return all(isinstance(value, str) or value is None or value is pd.NA for value in column)
    return column.dtype.kind not in "mM"


def _filters(stuck: Stuck) -> Iterator[str]:
    """Filters after which the frames of all slices fill a grid; those that keep most frames first."""
    found: dict[bytes, tuple[str, Mask]] = {}
    whole = len(np.unique(stuck.slices))
    for text, rows in [*_by_value(stuck.frames), *_by_number(stuck)]:
        if not rows.all() and len(np.unique(stuck.slices[rows])) == whole and rows.sum() % whole == 0:
            found.setdefault(rows.tobytes(), (text, rows))
    for text, rows in sorted(found.values(), key=lambda one: -one[1].sum())[:_TRIES]:
        if stuck.fits(stuck.frames[rows], **stuck.options):
            yield text


def _by_value(frames: pd.DataFrame) -> Iterator[tuple[str, Mask]]:
    """Filters by one value of a column, or by all but one, and the rows that they keep."""
    for name in _axes(frames):
        column = column_of(name)
        values = frames[column].drop_duplicates().sort_values()
        if len(values) > _MOST_VALUES:
            continue
        for value in values:
            missing = pd.isna(value)
            rows = np.asarray(frames[column].isna() if missing else frames[column].eq(value).fillna(False), bool)
            here = _said(column)
            if missing:
                yield f"frames[{here}.isna()]", rows
                yield f"frames[{here}.notna()]", ~rows
            elif len(repr(value)) <= _LONGEST:
                yield f"frames[{here} == {_literal(value)}]", rows


def _by_number(stuck: Stuck) -> Iterator[tuple[str, Mask]]:
    """Filters that keep the frames up to a number, so that whole volumes remain of an acquisition that was interrupted."""
    count, slices = len(stuck.frames), int(stuck.slices.max()) + 1
    for column in _NUMBERS:
        values = stuck.frames[column].to_numpy(float, na_value=np.nan)
        if not np.isfinite(values).all() or len(np.unique(values)) < 2:
            continue
        for volumes in range(count // slices, max(0, count // slices - 3), -1):
            most = np.sort(values)[volumes * slices - 1]
            yield f"frames[frames.{column} <= {int(most)}]", values <= most


def _said(column: str) -> str:
    """A column of the frame table in Python."""
    return f"frames.{column}" if column.isidentifier() and not hasattr(pd.DataFrame, column) else f"frames[{column!r}]"


def _literal(value: Any) -> str:
    """A value of the table in Python."""
    return repr(value.item() if isinstance(value, np.generic) else value)
