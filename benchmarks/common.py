"""What the benchmarks share: where real files are, and synthetic series of a given size."""

import os
import tempfile
from functools import lru_cache
from pathlib import Path

import dcmxarray as dx

ODD = ("pydicom+pydicom", "highdicom", "dcmqi")


def real_data() -> Path:
    """``DCMXARRAY_DATA``, else ``../shared/data``."""
    place = os.environ.get("DCMXARRAY_DATA") or Path(__file__).parents[2] / "shared" / "data"
    if not Path(place).is_dir():
        raise NotImplementedError("real data are missing: set DCMXARRAY_DATA")  # asv skips the benchmark
    return Path(place)


@lru_cache(maxsize=1)
def classic_files(least: int = 6000) -> list[str]:
    """Real single-frame images of scanners, repeated until there are enough."""
    table = dx.scan(real_data())
    one = table[~table.duplicated("path", keep=False) & table["pixels"].notna()]
    paths = [p for p in one["path"] if not any(word in p for word in ODD)]
    return (paths * (least // len(paths) + 1))[:least]


@lru_cache(maxsize=4)
def dynamic(slices: int, times: int, size: int) -> str:
    """A folder with a dynamic series of ``slices * times`` files."""
    folder = Path(tempfile.gettempdir()) / f"dcmxarray-bench-{slices}-{times}-{size}"
    if len(list(folder.glob("*.dcm"))) < slices * times:
        dx.testing.write_series(folder, dx.testing.dce(slices, times, size), shuffle=1)
    return str(folder)
