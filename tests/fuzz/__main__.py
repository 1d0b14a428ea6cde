"""``python -m tests.fuzz SECONDS``: mutants for so long, from a new seed; the exit code is 1 if any breaks a law."""

from __future__ import annotations

import argparse
import secrets
import sys
import time
from collections import Counter
from pathlib import Path

from .watch import BATCH, Watch, hunt, said, save, shrunk


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("seconds", type=float)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6), help="of all mutants; new each time")
    parser.add_argument("--first", type=int, default=0, help="number of the first mutant")
    parser.add_argument("--count", type=int, default=10**9, help="of mutants, at most")
    parser.add_argument("--headers", action="store_true", help="headers alone")
    parser.add_argument("--loads", action="store_true", help="loads alone")
    parser.add_argument("--save", type=Path, default=Path("fuzz-findings"), help="folder for the mutants that break a law")
    return parser.parse_args()


def run(kind: str, seconds: float, options: argparse.Namespace) -> int:
    """Mutants of one kind; how many laws and places were broken."""
    watch, counts, start, done = Watch(), Counter[tuple[str, str]](), time.monotonic(), 0
    for found in hunt(watch, kind, options.seed, options.first, options.first + options.count):
        for finding in found:
            key = finding.law, finding.place
            counts[key] += 1
            if counts[key] == 1:
                small = shrunk(watch, finding)
                print(f"{said(small)} -> {save(small, options.save)}", flush=True)
        done = min(done + BATCH[kind], options.count)
        if time.monotonic() - start > seconds:
            break
    watch.close()
    for (law, place), count in counts.most_common():
        print(f"{count:6} x {law}: {place}")
    took = time.monotonic() - start
    print(f"{kind}: seed {options.seed}, {done} mutants in {took:.0f} s, {len(counts)} findings", flush=True)
    return len(counts)


def main() -> int:
    options = _options()
    kinds = [k for k in ("headers", "loads") if getattr(options, k)] or ["headers", "loads"]
    return int(sum(run(kind, options.seconds / len(kinds), options) for kind in kinds) > 0)


if __name__ == "__main__":
    sys.exit(main())
