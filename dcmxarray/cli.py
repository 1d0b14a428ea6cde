"""The command line: ``dcmxarray info PATH`` and ``dcmxarray demo``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np

from .errors import FATAL, DcmxarrayError, one_line, problem_of

if TYPE_CHECKING:
    from .cohorts.cohort import Cohort

_SHORT = 40


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command.

    Returns
    -------
    int
        0 for success, 1 for an error (one line on standard error).  A wrong call exits with 2.
    """
    parser = _parser()
    args = parser.parse_args(argv)
    try:
        return int(args.run(args))
    except (DcmxarrayError, OSError) as error:
        print(f"dcmxarray: {one_line(error)}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="dcmxarray", description="Lazy, labelled arrays for DICOM cohorts.")
    parser.add_argument("--version", action="version", version=version("dcmxarray"))
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    info = commands.add_parser(
        "info",
        help="what is in a folder: one line an array",
        description="Read the headers under PATH and print one line for every array: key, description, dims, dtype, spacing "
        "(slice x row x col, mm), times (s), b-values (s/mm2). What can't be opened, or was not read, says why.",
    )
    info.add_argument("path", nargs="+", help="a folder, or files")
    info.set_defaults(run=_info)
    demo = commands.add_parser(
        "demo",
        help="a first look, without data of your own",
        description="Write two small series of real DICOM files to a temporary folder, open them lazily, select by label and "
        "show how few files were read; save a picture.",
    )
    demo.add_argument("--png", default="dcmxarray-demo.png", help="where to save the picture (default: %(default)s)")
    demo.set_defaults(run=_demo)
    return parser


def _info(args: argparse.Namespace) -> int:
    """Print the arrays under a path, and the files with problems."""
    from .open import open_cohort

    cohort = open_cohort(args.path)
    for key in cohort:
        print(f"{_printable(key)}\n    {_description(cohort.series.loc[key, 'SeriesDescription'])}{_line(cohort, key)}")
    others = len(cohort.frames) - int(cohort.series["frames"].sum()) if len(cohort) else len(cohort.frames)
    print(f"{len(cohort)} arrays, {cohort.frames['path'].nunique()} files, {others} rows without an image or copies")
    for row in cohort.problems.itertuples():
        print(_printable(f"problem: {row.path}: {row.problem}"))
    return 0


def _description(text: object) -> str:
    """The beginning of a SeriesDescription, "" if it is missing."""
    return f"{_printable(text[:_SHORT])}: " if isinstance(text, str) else ""


def _printable(text: str) -> str:
    """A text on one line, without characters that control a terminal."""
    return "".join(c if c.isprintable() else " " for c in text)


def _line(cohort: Cohort, key: str) -> str:
    """An array in words: dims, dtype, spacing and ranges, or why it can't be opened."""
    from .arrays.describe import describe

    try:
        array = cohort.open(key, chunks=None)
        found = describe(array)
    except FATAL:
        raise
    except BaseException as error:  # noqa: BLE001
        return _printable(f"not opened: {problem_of(error)}")
    parts = [" ".join(f"{d}:{n}" for d, n in found["dims"].items()), found["dtype"]]
    if found["spacing"]:
        parts.append(" x ".join(f"{v:g}" for v in found["spacing"]) + " mm")
    named = [name for name in ("time", "b", "te", "ti", "fa") if name in found]
    parts += [f"{name} {_span(found[name])} {_unit(array.coords[name].attrs)}".rstrip() for name in named]
    return ", ".join(parts)


def _unit(attrs: Mapping[Any, Any]) -> str:
    """The unit of a coordinate; an index has none."""
    unit = str(attrs.get("units", ""))
    return "" if unit == "1" else unit


def _span(values: Sequence[float]) -> str:
    """Up to four values in full; of more, the smallest, the largest and the number."""
    if len(values) <= 4:
        return " ".join(f"{v:g}" for v in values)
    return f"{np.min(values):g}..{np.max(values):g} ({len(values)})"


def _demo(args: argparse.Namespace) -> int:
    from .demo import run

    run(args.png)
    return 0
