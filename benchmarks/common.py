"""What the benchmarks share: where real files are, and synthetic series of a given size."""

import os
import shutil
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
def originals() -> list[str]:
    """Real single-frame images of scanners."""
    table = dx.scan(real_data())
    one = table[~table.duplicated("path", keep=False) & table["pixels"].notna()]
    return [p for p in one["path"] if not any(word in p for word in ODD)]


def classic_files(count: int) -> list[str]:
    """Some of them, repeated where there are not enough."""
    return (originals() * (count // len(originals()) + 1))[:count]


def templates() -> list[str]:
    """A real single-frame image of every series."""
    table = dx.scan(originals())
    return table[table["row_x"].notna()].groupby("SeriesInstanceUID")["path"].first().tolist()


CODECS = ("JPEG-LS", "JPEG 2000", "RLE")


@lru_cache(maxsize=1)
def copies(times: int = 5) -> list[str]:
    """The real single-frame files, each as often, under names of their own."""
    folder = Path(tempfile.gettempdir()) / f"dcmxarray-bench-copies-{times}"
    folder.mkdir(exist_ok=True)
    out = []
    for k in range(times):
        for n, original in enumerate(originals()):
            path = folder / f"{k}-{n:05d}.dcm"
            if not path.exists():
                shutil.copyfile(original, path)
            out.append(str(path))
    return out


@lru_cache(maxsize=8)
def encoded(codec: str, count: int = 48, size: int = 512) -> str:
    """A folder with a volume of ``count`` slices of noise on a ball, 12 bits, compressed without loss."""
    import imagecodecs
    import numpy as np
    import pydicom
    from pydicom.encaps import encapsulate
    from pydicom.uid import JPEG2000Lossless, JPEGLSLossless, RLELossless

    folder = Path(tempfile.gettempdir()) / f"dcmxarray-bench-coded-{codec.replace(' ', '')}-{count}-{size}"
    if len(list(folder.glob("*.dcm"))) == count:
        return str(folder)
    random = np.random.default_rng(0)
    frames = dx.testing.dce(count, 1, size)
    for frame in frames:
        frame["TemporalPositionIdentifier"] = 1
        frame["pixels"] = (frame["pixels"] * 5 + random.integers(0, 60, (size, size))).astype(np.uint16)
    for path, frame in zip(dx.testing.write_series(folder, frames, shuffle=1), frames, strict=True):
        data = pydicom.dcmread(path)
        if codec == "RLE":
            data.compress(RLELossless, generate_instance_uid=False)
        else:
            packed = (
                imagecodecs.jpegls_encode(frame["pixels"])
                if codec == "JPEG-LS"
                else imagecodecs.jpeg2k_encode(frame["pixels"], level=0, codecformat="j2k", reversible=True)
            )
            data.PixelData = encapsulate([packed])
            data["PixelData"].is_undefined_length = True
            data.file_meta.TransferSyntaxUID = JPEGLSLossless if codec == "JPEG-LS" else JPEG2000Lossless
        data.save_as(path)
    return str(folder)


@lru_cache(maxsize=4)
def dynamic(slices: int, times: int, size: int) -> str:
    """A folder with a dynamic series of ``slices * times`` files; a volume where ``times`` is 1."""
    import numpy as np

    folder = Path(tempfile.gettempdir()) / f"dcmxarray-bench-series-{slices}-{times}-{size}"
    if len(list(folder.glob("*.dcm"))) < slices * times:
        random = np.random.default_rng(0)
        frames = dx.testing.dce(slices, times, size)
        for k, frame in enumerate(frames):  # what the other readers sort by; some drop frames that equal another
            t = k // slices
            frame["pixels"] = frame["pixels"] + random.integers(0, 30, (size, size), np.uint16)
            frame |= {"TemporalPositionIdentifier": t + 1, "AcquisitionNumber": t + 1}
            frame["AcquisitionTime"] = f"12{5 * t // 60:02d}{5 * t % 60:02d}.000000"
        dx.testing.write_series(folder, frames, shuffle=1)
    return str(folder)
