"""Two common series as frames for the writer, and folders that hold them."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from .writer import uid, write_series

_DIRECTIONS = np.array([[1, 0, 1], [-1, 0, 1], [0, 1, 1], [0, 1, -1], [1, 1, 0], [-1, 1, 0]], float) / np.sqrt(2)


def _disc(size: int, slices: int, n: int) -> npt.NDArray[np.float64]:
    """Slice ``n`` through a ball, (size, size): 1 inside, 0 outside."""
    row, col = np.mgrid[:size, :size] - (size - 1) / 2
    height = (n - (slices - 1) / 2) / max(1.0, slices / 2) * size / 2
    return np.asarray((row**2 + col**2 + height**2 < (0.42 * size) ** 2).astype(float))


def dce(slices: int = 4, times: int = 6, size: int = 32) -> list[dict[str, Any]]:
    """Frames of a dynamic contrast series: a ball that enhances, 5 s for each volume, slices 5 mm apart."""
    frames = []
    few = times <= 12 and slices <= 10
    for t in range(times):
        signal = 100 + 300 * (1 - np.exp(-max(0, t - 1) / 2))
        for s in range(slices):
            ball = _disc(size, slices, s)
            core = _disc(size, slices, s) * (np.hypot(*(np.mgrid[:size, :size] - (size - 1) / 2)) < size / 6)
            frames.append(
                {
                    "SeriesDescription": "dce",
                    "SeriesInstanceUID": uid("dce"),
                    "SeriesNumber": 1,
                    "ImagePositionPatient": [-size, -size, 5.0 * s],
                    "AcquisitionTime": f"1200{5 * t % 60:02d}.{10 * s:02d}0000" if few else _clock(5 * t + 0.1 * s),
                    "EchoTime": 1.5,
                    "RepetitionTime": 4,
                    "FlipAngle": 12,
                    "pixels": (100 * ball + (signal - 100) * core).astype(np.uint16),
                }
            )
    return frames


def _clock(seconds: float) -> str:
    """A DICOM time (TM), some seconds after noon."""
    whole = int(seconds)
    return f"{12 + whole // 3600:02d}{whole // 60 % 60:02d}{whole % 60:02d}.{round((seconds - whole) * 1e6):06d}"


def dwi(slices: int = 4, b: float = 1000.0, size: int = 32) -> list[dict[str, Any]]:
    """Frames of a diffusion series: one volume at b = 0, six directions at ``b`` s/mm2 (public elements)."""
    frames = []
    volumes = [(0.0, np.zeros(3))] + [(b, g) for g in _DIRECTIONS]
    for v, (value, g) in enumerate(volumes):
        signal = 1000 * np.exp(-value * (0.7e-3 + 1.0e-3 * g[0] ** 2))
        for s in range(slices):
            frames.append(
                {
                    "SeriesDescription": "dwi",
                    "SeriesInstanceUID": uid("dwi"),
                    "SeriesNumber": 2,
                    "ImagePositionPatient": [-size, -size, 5.0 * s],
                    "AcquisitionTime": _clock(60 + 4 * v + 0.1 * s),
                    "EchoTime": 80,
                    "DiffusionBValue": value,
                    "DiffusionGradientOrientation": list(g) if value else None,
                    "pixels": (signal * _disc(size, slices, s)).astype(np.uint16),
                }
            )
    return frames


@lru_cache(maxsize=8)
def example(name: str) -> str:
    """A temporary folder with an example: ``"dce"``, ``"dwi"``, or ``"cohort"`` with both; removed when Python exits.

    Examples
    --------
    >>> import dcmxarray as dx
    >>> len(dx.scan(dx.testing.example("cohort")))
    52
    """
    folder = Path(tempfile.mkdtemp(prefix="dcmxarray-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    series = {"dce": dce, "dwi": dwi}
    for one in series if name == "cohort" else (name,):
        write_series(folder / one, series[one](), shuffle=0)
    return str(folder)
