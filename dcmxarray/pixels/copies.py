"""Whether files with the same SOPInstanceUID hold the same pixels; `stacks.split` asks this of suspected copies only.

Bytes are compared where files have the same layout, decoded values where they have not (a copy that was compressed).
"""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from .. import parallel
from ..errors import FATAL
from ..sources import files
from .frame_sources import frame_shape, frame_sources
from .lazy import FrameArray, read_frames


def pixels(frames: pd.DataFrame) -> npt.NDArray[Any]:
    """A code of its pixels for every frame.

    Parameters
    ----------
    frames
        Rows of the frame table.

    Returns
    -------
    numpy.ndarray
        (frames,) texts.  Frames with the same SOPInstanceUID, number and code have the same pixels.  The code of a file that
        can't be read occurs nowhere else, so that it never counts as a copy.
    """
    by_file = frames.groupby("path", sort=False)
    first = by_file.head(1)
    alike = _laid_out_alike(first)
    items = [(path, part, one) for (path, part), one in zip(by_file, alike, strict=True)]
    found = dict(parallel.results(_code, items, len(items), "threads", "comparing copies"))
    codes = {items[k][0]: code for k, code in found.items()}
    return frames["path"].map(codes).to_numpy(object)


def _laid_out_alike(first: pd.DataFrame) -> npt.NDArray[np.bool_]:
    """For each file, whether all files of its instance have the same transfer syntax and length of pixel data."""
    layout = first["TransferSyntaxUID"].fillna("") + " " + first["pixel_length"].astype(str)
    single = layout.groupby(first["SOPInstanceUID"]).transform("nunique") == 1
    return (single & (first["pixel_offset"] >= 0)).to_numpy()


def _code(item: tuple[str, pd.DataFrame, bool]) -> str:
    """A checksum of one file's pixels: of its bytes where files are laid out alike, else of decoded values."""
    path, frames, alike = item
    try:
        if alike:
            offset, length = frames[["pixel_offset", "pixel_length"]].to_numpy(np.int64)[0].tolist()
            return files.digest(path, offset, length).hex()
        return _values(frames)
    except FATAL:
        raise
    except BaseException:  # noqa: BLE001
        return path


def _values(frames: pd.DataFrame) -> str:
    """A checksum of decoded frames, with one frame in memory at a time."""
    found = hashlib.sha256()
    places = frame_sources(frames, rescale=False)
    array = FrameArray(places, np.arange(len(frames)), frame_shape(frames, places.specs[0], False), False)
    one = np.empty((1, *array.frame_shape), array.dtype)
    for k in range(len(frames)):
        read_frames(places, np.array([k]), one, False, 0)
        found.update(one.tobytes())
    return f"{one.dtype} {one.shape[1:]} {found.hexdigest()}"
