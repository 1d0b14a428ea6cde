"""Axes that headers name: the smallest set of attributes that tells apart what varies at one position.  Opens no file."""

from __future__ import annotations

from itertools import combinations

import numpy as np

from ..model import Ints
from .work import Work, codes_of, joint

NAMED = ("component", "te", "ti", "fa")


def add_attributes(work: Work) -> None:
    """The smallest set of candidates that tells apart what varies at one position, with every combination there."""
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
    """Whether codes vary within a cell, and some cell holds all of them (not another value in every slice)."""
    if codes.max() == 0:
        return False
    pairs = np.unique(np.stack([cells, codes]), axis=1)
    counts = np.unique(pairs[0], return_counts=True)[1]
    return bool(counts.max() == codes.max() + 1)


def _tells_all_apart(cells: Ints, chosen: list[Ints], others: list[Ints]) -> bool:
    """Whether the chosen codes fix all others, and are full: every combination occurs (somewhere) as often."""
    key = joint(chosen)
    full = len(np.unique(key)) == np.prod([c.max() + 1 for c in chosen])
    fixed = all(len(np.unique(joint([key, o]))) == len(np.unique(key)) for o in others)
    last = len(chosen) == len(others)
    return fixed and (full or last)
