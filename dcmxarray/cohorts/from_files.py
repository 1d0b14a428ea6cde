"""The arrays of a `Cohort` of DICOM files, made from a frame table."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cached_property, partial
from typing import Any

import numpy as np
import pandas as pd

from .. import parallel
from ..arrays import build
from ..arrays.describe import DETAILS, details_of
from ..arrays.origin import Opener
from ..attributes import LABELS
from ..errors import FATAL, problem_of
from ..pixels import copies
from ..sources import files
from ..stacks import split


class FrameMembers:
    """The arrays of a frame table.

    Parameters
    ----------
    frames
        A frame table, as `scan` returns it.
    stacks
        The stacks of the table by key; ``None`` splits the table when they are first needed.
    known
        Rows of `details` that were computed already, by key; a cohort shares them with its selections.
    """

    def __init__(
        self,
        frames: pd.DataFrame,
        stacks: dict[str, split.Stack] | None = None,
        known: dict[str, dict[str, Any]] | None = None,
    ) -> None:
        self._frames = frames if frames.index.is_unique else frames.reset_index(drop=True)
        self._given = stacks
        self._known: dict[str, dict[str, Any]] = {} if known is None else known

    @cached_property
    def _stacks(self) -> dict[str, split.Stack]:
        if self._given is not None:
            return self._given
        return {stack.key: stack for stack in split.split(self._frames, copies.pixels)}

    @property
    def keys(self) -> list[str]:
        """The keys, sorted."""
        return list(self._stacks)

    @property
    def frames(self) -> pd.DataFrame:
        """The frame table, with rows for files that are no images."""
        return self._frames

    @cached_property
    def labels(self) -> pd.DataFrame:
        """One row per array, by key: `LABELS`, frames, files, bytes."""
        stacks = list(self._stacks.values())
        if not stacks:
            return pd.DataFrame(columns=[*LABELS, "frames", "files", "bytes"], index=pd.Index([], name="key", dtype="str"))
        counts = [s.stop - s.start for s in stacks]
        out = stacks[0].table.iloc[[s.start for s in stacks]][list(LABELS)].set_axis(pd.Index(self.keys, name="key"))
        rows = self._rows(self.keys)[["path", "file_size"]]
        once = rows.assign(stack=np.repeat(np.arange(len(stacks)), counts)).drop_duplicates(["path", "stack"])
        sizes = once.groupby("stack")["file_size"]
        return out.assign(frames=counts, files=sizes.size().to_numpy(), bytes=sizes.sum().to_numpy(np.int64))

    def details(self, keys: Sequence[str]) -> pd.DataFrame:
        """One row per key: dims, shape, dtype, spacing, and the problem if the array can't be opened."""
        new = [key for key in keys if key not in self._known]
        found = parallel.results(_detail, (self._stacks[key] for key in new), len(new), _on_cluster(), "arranging")
        self._known |= {new[k]: row for k, row in found}
        table = pd.DataFrame([self._known[key] for key in keys], index=pd.Index(keys, name="key"), columns=list(DETAILS))
        return table.astype({"dtype": "str", "problem": "str"})

    def opener(self, key: str) -> Opener:
        """A function that opens an array."""
        return partial(build.open_stack, self._stacks[key])

    def fingerprints(self, keys: Sequence[str]) -> list[str]:
        """For each key a hash of its frames' SOPInstanceUIDs and numbers, and its files' sizes and modification times."""
        frames = _with_times(self._rows(keys))
        hashes = pd.util.hash_pandas_object(frames[["SOPInstanceUID", "frame", "file_size", "modified"]], index=False).to_numpy()
        counts = [len(self.frames_of(key)) for key in keys]
        parts = np.split(hashes, np.cumsum(counts)[:-1])
        return [hashlib.sha256(np.sort(part).tobytes()).hexdigest()[:32] for part in parts]

    def frames_of(self, key: str) -> pd.DataFrame:
        """The rows of the frame table that belong to one array."""
        return self._stacks[key].frames

    def holding(self, rows: pd.Index) -> list[str]:
        """The keys of the arrays that hold at least one of the given rows of the frame table."""
        stacks = list(self._stacks.values())
        if not stacks:
            return []
        hit = stacks[0].table.index.isin(rows)
        return [stack.key for stack in stacks if hit[stack.start : stack.stop].any()]

    def _rows(self, keys: Sequence[str]) -> pd.DataFrame:
        """The rows of the frame table of some arrays, array by array."""
        stacks = [self._stacks[key] for key in keys]
        if not stacks:
            return self._frames.iloc[:0]
        return stacks[0].table.iloc[np.concatenate([np.arange(s.start, s.stop) for s in stacks])]

    def only(self, keys: Sequence[str]) -> FrameMembers:
        """A selection of the arrays."""
        return FrameMembers(self._rows(keys).sort_index(), {key: self._stacks[key] for key in keys}, self._known)


def _with_times(frames: pd.DataFrame) -> pd.DataFrame:
    """The table with the files' modification times, which are missing in tables without ``modified``."""
    if "modified" in frames:
        return frames
    paths = frames["path"].unique()
    return frames.assign(modified=frames["path"].map(dict(zip(paths, map(_modified, paths), strict=True))))


def _modified(path: str) -> int:
    """A file's modification time in ns, 0 if the file is gone."""
    try:
        return files.modified(path)
    except OSError:  # the file is gone: opening its array will raise
        return 0


def _on_cluster() -> Any:
    """The scheduler in force if it uses other processes, else "synchronous": arranging holds the interpreter's lock."""
    import dask

    chosen = dask.config.get("scheduler", None)
    return chosen if chosen not in (None, "threads", "threading") else "synchronous"


def _detail(stack: split.Stack) -> dict[str, Any]:
    """`DETAILS` of one array; if it can't be opened, only the problem."""
    try:
        return details_of(build.outline(stack))
    except FATAL:
        raise
    except BaseException as error:  # noqa: BLE001
        return dict.fromkeys(DETAILS) | {"problem": problem_of(error)}
