"""Times every reader on the same files, alternating, warm; compares their results with ours first; writes the tables."""

import json
import logging
import os
import platform
import statistics
import sys
import time
import warnings
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np

from .. import common
from . import headers, selections, volumes

DOCS = Path(__file__).parents[2] / "docs"
PACKAGES = (
    *("dcmxarray", "pydicom", "fastdicom", "dicomsdl", "python-gdcm", "fw-file-rs", "SimpleITK", "dcm2niix", "imagedata"),
    *("dbdicom", "dicom2nifti", "highdicom", "numpy", "xarray", "dask", "zarr"),
)
PATIENCE = 20.0  # seconds after which a slow reader is not asked again


def measure(readers, argument, count, rounds):
    """Name -> seconds (median), result of the first call, error."""
    results, errors, seconds = {}, {}, {name: [] for name in readers}
    for turn in range(rounds + 1):  # the first warms up, and gives the result
        for name, reader in readers.items():
            if name in errors or (sum(seconds[name]) > PATIENCE and len(seconds[name]) > 1):
                continue
            begin = time.perf_counter()
            try:
                result = reader(argument)
            except Exception as error:  # noqa: BLE001  a peer that can't is a row of the table
                errors[name] = f"{type(error).__name__}: {str(error)[:60]}"
                continue
            took = time.perf_counter() - begin
            if turn == 0:
                results[name] = result
            else:
                seconds[name].append(took)
            del result
        print(f"  round {turn} of {rounds}", file=sys.stderr, flush=True)
    return {
        name: {
            "seconds": statistics.median(seconds[name]) if seconds[name] else None,
            "rate": count / statistics.median(seconds[name]) if seconds[name] else None,
            "error": errors.get(name, ""),
        }
        for name in readers
    }, results


def header_rows():
    paths = common.copies()
    rows, results = measure(headers.readers(), paths, len(paths), 3)
    table = next(iter(results.values()))
    for name, row in rows.items():
        result = results.get(name)
        row["agrees"] = headers.agrees(table, result, paths) if isinstance(result, list) else ""
    return f"{len(paths)} headers of real single-frame files", rows


def volume_rows(title, folder, rounds):
    readers = {**volumes.readers(folder), "floor: preadv into one array": volumes.Floor(folder)}
    if "native" not in title:
        del readers["floor: preadv into one array"]
    count = len(list(Path(folder).glob("*.dcm")))
    rows, results = measure(readers, folder, count, rounds)
    ours = next(iter(results.values()))
    for name, row in rows.items():
        row["agrees"] = volumes.agrees(ours, results.get(name)) if name in results else ""
    return title.format(count), rows


def small_rows(title, readers, folder, count, rounds):
    rows, results = measure(readers, folder, count, rounds)
    ours = next(iter(results.values()))
    for name, row in rows.items():
        row["agrees"] = "" if np.array_equal(ours, results.get(name)) else "differs"
    return title, rows


def markdown(title, rows):
    ours = next(iter(rows.values()))["seconds"]
    lines = [f"## {title}", "", "| reader | s | files/s | times ours | result |", "| --- | ---: | ---: | ---: | --- |"]
    for name, row in rows.items():
        said = "ours" if "dcmxarray" in name else row["error"] or row["agrees"] or "the same"
        if row["seconds"] is None:
            lines.append(f"| {name} | | | | {said} |")
            continue
        ratio = row["seconds"] / ours
        seconds = f"{row['seconds']:.3f}" if row["seconds"] > 0.1 else f"{row['seconds']:.3g}"
        lines.append(f"| {name} | {seconds} | {row['rate']:,.0f} | {ratio:.2f} | {'' if 'floor' in name else said} |")
    return "\n".join([*lines, ""])


def machine():
    name = next((line.split(":")[1].strip() for line in _cpuinfo() if line.startswith("model name")), platform.processor())
    return f"{os.cpu_count()} cores ({name}), {platform.system()}, Python {platform.python_version()}"


def _cpuinfo():
    try:
        return Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return []


def versions():
    found = {}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


def tables():
    series = common.dynamic(30, 100, 128)
    yield header_rows()
    yield volume_rows("A volume of {} native files, folder to voxels", common.dynamic(200, 1, 256), 5)
    yield volume_rows("A dynamic series of {} native files, folder to voxels", series, 3)
    yield small_rows("One frame by label from 3000 files, opened before", selections.frames(series), series, 1, 50)
    yield small_rows("3000 files read before: is anything new?", selections.rescans(series), series, 3000, 5)
    for codec in common.CODECS:
        yield volume_rows(f"A volume of {{}} files, {codec}, folder to voxels", common.encoded(codec), 5)


def main():
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    parts = list(tables())
    text = [
        "# Beside its peers",
        "",
        "Made by `nox -s peers`: the same files, warm, all readers in turn, medians. Each result is compared with ours first;",
        "what differs or is less is marked, and is no win. Ours includes finding the files in their folder.",
        "",
        f"{machine()}. " + ", ".join(f"{k} {v}" for k, v in versions().items()) + ".",
        "",
        *(markdown(title, rows) for title, rows in parts),
    ]
    (DOCS / "peers.md").write_text("\n".join(text))
    data = {"machine": machine(), "versions": versions(), "tables": dict(parts)}
    (DOCS / "peers.json").write_text(json.dumps(data, indent=1) + "\n")
    print("\n".join(text))


if __name__ == "__main__":
    main()
