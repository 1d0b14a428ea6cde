"""Axes by named attributes: echo time, inversion time, flip angle, component, label.  Opens no file."""

from __future__ import annotations

from itertools import combinations

import numpy as np

from ..model import Ints
from .work import Work, codes_of, joint

NAMED = ("component", "label", "te", "ti", "fa")


def add_attributes(work: Work) -> None:
    """Add the smallest set of `NAMED` attributes that determines all others which vary at one position.

    Every combination of its values must occur, unless the set holds all of the varying attributes.
    """
    taken = {axis.name for axis in work.axes}
    cells = work.cells()
    varying = {n: codes_of(work.frames, n) for n in NAMED if n not in taken}
    varying = {n: codes for n, codes in varying.items() if _is_axis(codes, cells)}
    for size in range(1, len(varying) + 1):
        for names in combinations(varying, size):
            if _tells_all_apart(cells, [varying[n] for n in names], list(varying.values())):
                for name in names:
                    work.add(name, varying[name])
                return


def _is_axis(codes: Ints, cells: Ints) -> bool:
    """Whether codes vary within a cell, and one cell holds all of them: a value for each slice makes no axis."""
    if codes.max() == 0:
        return False
    pairs = np.unique(np.stack([cells, codes]), axis=1)
    counts = np.unique(pairs[0], return_counts=True)[1]
    return bool(counts.max() == codes.max() + 1)


def _tells_all_apart(cells: Ints, chosen: list[Ints], others: list[Ints]) -> bool:
    """Whether the chosen codes determine all others, and every combination of the chosen codes occurs somewhere."""
    key = joint(chosen)
    full = len(np.unique(key)) == np.prod([c.max() + 1 for c in chosen])
    fixed = all(len(np.unique(joint([key, o]))) == len(np.unique(key)) for o in others)
    last = len(chosen) == len(others)
    return fixed and (full or last)
