"""Times every reader on the same files, alternating, warm; compares their results with ours first; writes the tables."""

import json
import os
import platform
import statistics
import sys
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from .. import common
from . import headers, volumes

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


def volume_rows(title, folder, rounds, wanted=None):
    readers = {n: r for n, r in volumes.readers(folder).items() if wanted is None or n in wanted}
    if wanted is None:
        readers["floor: preadv into one array"] = volumes.Floor(folder)
    count = len(list(Path(folder).glob("*.dcm")))
    rows, results = measure(readers, folder, count, rounds)
    ours = next(iter(results.values()))
    for name, row in rows.items():
        row["agrees"] = volumes.agrees(ours, results.get(name)) if name in results else ""
    return title.format(count), rows


def markdown(title, rows):
    ours = next(iter(rows.values()))["seconds"]
    lines = [f"## {title}", "", "| reader | s | files/s | times ours | result |", "| --- | ---: | ---: | ---: | --- |"]
    for name, row in rows.items():
        said = "ours" if "dcmxarray" in name else row["error"] or row["agrees"] or "the same"
        if row["seconds"] is None:
            lines.append(f"| {name} | | | | {said} |")
            continue
        ratio = row["seconds"] / ours
        lines.append(f"| {name} | {row['seconds']:.3f} | {row['rate']:,.0f} | {ratio:.2f} | {'' if 'floor' in name else said} |")
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


def main():
    parts = [header_rows()]
    parts.append(volume_rows("A dynamic series of {} native files, folder to voxels", common.dynamic(30, 100, 128), 2))
    some = ("dcmxarray", "dcmxarray (dask)", "pydicom loop", "SimpleITK ImageSeriesReader", "dcm2niix, then nibabel")
    for codec in common.CODECS:
        parts.append(volume_rows(f"A volume of {{}} files, {codec}, folder to voxels", common.encoded(codec), 3, some))
    text = [
        "# Beside its peers",
        "",
        "Made by `nox -s peers`: the same files, warm, all readers in turn, medians. Each result is compared with ours first;",
        "what differs or is less is marked, and is no win.",
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
